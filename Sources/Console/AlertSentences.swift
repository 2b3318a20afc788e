// What an alert says, in every language, for those who send it elsewhere: the same sentences as on the board, from the same
// catalogues, so that a nurse's phone and a nurse's screen never differ.

import Foundation
public import VitalSigns

/// Sentences for alerts. Immutable; any thread.
public struct AlertSentences: Sendable {
  let catalogues: [ConsoleLanguage: Catalogue]

  /// Reads every language's catalogue.
  ///
  /// - Parameter resources: as in `ConsoleConfiguration.resources`.
  public init(resources: String? = nil) throws(ConsoleStartError) {
    var catalogues: [ConsoleLanguage: Catalogue] = [:]
    for language in ConsoleLanguage.allCases {
      catalogues[language] = try ConsoleResources.catalogue(language, folder: resources)
    }
    self.catalogues = catalogues
  }

  /// One sentence without the person's name. `isBound`: the value is the least that an incomplete score can be.
  public func sentence(_ transition: AlertTransition, isBound: Bool = false, language: ConsoleLanguage) -> String {
    guard let catalogue = catalogues[language] else { return transition.rule.key }
    let score = BoardNEWS2(
      low: Int(transition.value), high: Int(transition.value) + (isBound ? 1 : 0), band: .none, at: .unknown)
    return BoardAlert(
      id: transition.id, rule: transition.rule, priority: transition.priority, state: transition.state, person: nil,
      raisedAt: .unknown, value: transition.value, limit: transition.limit, subject: transition.subject, news2: score
    ).sentence(catalogue)
  }
}
