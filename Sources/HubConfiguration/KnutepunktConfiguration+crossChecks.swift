// The checks of a configuration that need more than one section: names are unique, references lead somewhere, and what
// is configured but cannot take effect is a warning.

import Yams

extension KnutepunktConfiguration {
  func checkNames(_ reader: ConfigurationReader, links: [Located<MQTTLinkSettings>], destinations: [Located<DestinationSettings>]) {
    checkUnique(reader, links.map { Located(value: $0.value.name, mark: $0.mark) }, what: "link")
    checkUnique(reader, destinations.map { Located(value: $0.value.name, mark: $0.mark) }, what: "destination")
    var owners: [String: String] = [:]
    for link in links where !link.value.name.isEmpty {
      // Two sessions with one id at one broker throw each other out for ever.
      let session = "\(link.value.host):\(link.value.port) \(link.value.clientID)"
      if let owner = owners.updateValue(link.value.name, forKey: session), owner != link.value.name {
        reader.report(
          "link \"\(link.value.name)\" has the clientID of link \"\(owner)\" at the same broker; allowed: a clientID of its own",
          at: link.mark)
      }
    }
    if links.isEmpty && bluetooth == nil {
      reader.report("`links` has neither `mqtt` nor `bluetooth`: no device can reach this hub", at: nil, severity: .warning)
    }
  }

  func checkReferences(
    _ reader: ConfigurationReader, receivers: [Located<Receivers>], agreements: [Located<SharingAgreement>],
    destinations: [Located<DestinationSettings>]
  ) {
    let names = destinations.map(\.value.name).filter { !$0.isEmpty }
    let known = names.isEmpty ? "none is configured yet, see `destinations`" : names.joined(separator: ", ")
    for item in receivers {
      for name in item.value.destinations where !names.contains(name) {
        reader.report("escalation.receivers: unknown destination \"\(name)\"; allowed: \(known)", at: item.mark)
      }
    }
    for agreement in agreements where !agreement.value.destination.isEmpty && !names.contains(agreement.value.destination) {
      reader.report("sharing: unknown destination \"\(agreement.value.destination)\"; allowed: \(known)", at: agreement.mark)
    }
    for destination in destinations where !destination.value.name.isEmpty {
      let mine = agreements.filter { $0.value.destination == destination.value.name }
      if mine.isEmpty {
        reader.report(
          "destination \"\(destination.value.name)\" has no sharing agreement, so nothing is ever sent to it; see `sharing`",
          at: destination.mark, severity: .warning)
      } else if receivers.contains(where: { $0.value.destinations.contains(destination.value.name) }),
        !mine.contains(where: { $0.value.share.contains(.alerts) })
      {
        reader.report(
          "destination \"\(destination.value.name)\" is a receiver of alerts, but no sharing agreement lets it have `alerts`",
          at: destination.mark, severity: .warning)
      }
    }
  }

  /// Warns of people whom no agreement covers. Nobody is ever called for such a person: the person's alarms climb from level to
  /// level to nobody.
  func checkEverybodyIsCovered(_ reader: ConfigurationReader) {
    let called = Set(destinations.filter { $0.isCalled && Int(alertLevelMin(of: $0)) <= escalation.high.count }.map(\.name))
    let covers = sharing.contains {
      called.contains($0.destination) && $0.share.contains(.alerts) && $0.patients == .all && $0.controller == hub.controller
    }
    if covers || (called.isEmpty && escalation.receivers.isEmpty) { return }
    reader.report(
      "no agreement under `sharing` lets a receiver of alarms have the alerts of everybody (patients: all, controller \(hub.controller)):"
        + " for a person whom none names, nobody is called; knutepunkt status lists them", at: nil, severity: .warning)
  }

  private func checkUnique(_ reader: ConfigurationReader, _ names: [Located<String>], what: String) {
    var seen: [String: Int] = [:]
    for name in names where !name.value.isEmpty {
      if let line = seen[name.value] {
        reader.report("the \(what) name \"\(name.value)\" stands on line \(line) already; allowed: each name once", at: name.mark)
      } else {
        seen[name.value] = name.mark?.line ?? 1
      }
    }
  }
}
