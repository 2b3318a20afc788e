// What an alert says, in every language, for those who send it elsewhere: the same sentences as on the board, from the same
// catalogues, so that a nurse's phone and a nurse's screen never differ.

public import Foundation
public import HubRuntime
public import VitalSigns

/// Sentences for alerts. Immutable; any thread.
public struct AlertSentences: Sendable {
  /// The hub's own language. The event stream, and everything that a person on the hub reads, is in it.
  public let language: TextLanguage
  package let catalogues: [TextLanguage: Catalogue]
  private let zone: TimeZone
  private let names: @Sendable (AlertRule, UInt32) -> String?
  private let files: @Sendable (AlertRule, UInt32) -> Bool

  /// Reads every language's catalogue.
  ///
  /// - Parameters:
  ///   - resources: the folder that holds `catalogue/`; nil: the texts beside the executable.
  ///   - language: the hub's.
  ///   - zone: the hub's, for the hours that sentences hold.
  ///   - names: what the configuration calls the link, receiver or role that a hub alert's subject number stands for.
  ///   - files: whether that receiver is a record system, which calls nobody.
  public init(
    resources: String? = nil, language: TextLanguage = .nb, zone: TimeZone = .gmt,
    names: @escaping @Sendable (AlertRule, UInt32) -> String? = { _, _ in nil },
    files: @escaping @Sendable (AlertRule, UInt32) -> Bool = { _, _ in false }
  ) throws(TextCatalogueError) {
    var catalogues: [TextLanguage: Catalogue] = [:]
    for language in TextLanguage.allCases {
      catalogues[language] = try Catalogue(language, folder: resources)
    }
    self.catalogues = catalogues
    self.language = language
    self.zone = zone
    self.names = names
    self.files = files
  }

  /// One sentence without the person's name, from the alert's present numbers.
  ///
  /// - Parameter raisedAt: when the alert was raised, by the wall clock.
  public func sentence(_ transition: AlertTransition, raisedAt: WallTime, language: TextLanguage) -> String {
    guard let catalogue = catalogues[language] else { return transition.rule.key }
    return catalogue.sentence(
      AlertFact(
        reason: AlertReason(transition), also: transition.also, raisedAt: raisedAt,
        subjectName: names(transition.rule, transition.subject),
        subjectFiles: files(transition.rule, transition.subject)), in: zone)
  }
}
