// What a hub alert is about. The core knows links, destinations and roles by number only (`stableNumber`); people know them by the
// name in the configuration. `SubjectNames` turns one into the other, for every channel.

package import AlertTexts
import Foundation
package import HubConfiguration
import HubRuntime
package import VitalSigns

/// Names of links, destinations and roles by their stable numbers. Immutable; any thread.
package struct SubjectNames: Sendable {
  private let links: [UInt32: String]
  private let destinations: [UInt32: String]
  private let roles: [UInt32: String]
  private let recordSystems: Set<UInt32>

  package init(_ configuration: KnutepunktConfiguration) {
    let numbered = { (names: [String]) in Dictionary(names.map { (stableNumber(of: $0), $0) }, uniquingKeysWith: { first, _ in first }) }
    links = numbered(configuration.mqttLinks.map(\.name))
    destinations = numbered(configuration.destinations.map(\.name))
    roles = numbered(["core", "forward", "console"])
    recordSystems = Set(configuration.destinations.filter { !$0.isCalled }.map { stableNumber(of: $0.name) })
  }

  /// The name of a rule's subject. Nil when the configuration no longer has it, or when the rule concerns nothing that has a name.
  package func name(_ rule: AlertRule, _ subject: UInt32) -> String? {
    switch rule {
    case .linkDown: links[subject]
    case .destinationDown, .deadLetter: destinations[subject]
    case .roleDown: roles[subject]
    default: nil
    }
  }

  /// Whether the receiver that the alert is about files alerts and calls nobody.
  package func files(_ rule: AlertRule, _ subject: UInt32) -> Bool { rule == .destinationDown && recordSystems.contains(subject) }
}

extension AlertSentences {
  /// Sentences in this hub's language, zone and names.
  package init(_ configuration: KnutepunktConfiguration) throws(TextCatalogueError) {
    let names = SubjectNames(configuration)
    try self.init(
      language: configuration.hub.language,
      zone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt, names: { names.name($0, $1) }, files: { names.files($0, $1) })
  }
}
