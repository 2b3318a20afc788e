// Who is called for an alert: what follows from destinations, agreements and escalation levels together.

package import VitalSigns

extension KnutepunktConfiguration {
  /// Whether anything about an alert may ever reach this destination. A destination that no agreement lets have alerts is nobody to
  /// wait for.
  package func maySendAlerts(to destination: String) -> Bool {
    sharing.contains { $0.destination == destination && $0.share.contains(.alerts) }
  }

  /// Whether anybody outside the board is ever called for this person: a receiver that an agreement lets have the person's alerts,
  /// at a level that an alert of high priority reaches.
  package func callsSomebody(for patient: PatientID, controller: String) -> Bool {
    destinations.contains { destination in
      destination.isCalled && Int(alertLevelMin(of: destination)) <= escalation.high.count
        && sharing.contains { $0.destination == destination.name && $0.allows(.alerts, of: patient, controller: controller) }
    }
  }

  /// Whether this hub is meant to call somebody outside the board. A hub with a board and without a receiver is meant to have the
  /// board alone. A record system that is named as a receiver shows the wish to call, although it calls nobody.
  package var isMeantToCall: Bool { console.listen == nil || !escalation.receivers.isEmpty || destinations.contains(where: \.isCalled) }

  /// The lowest escalation level at which a destination is told: a receiver of level 1 hears of an alert that nobody on
  /// level 0 took. A record system, which no level names, gets every change.
  package func alertLevelMin(of destination: DestinationSettings) -> UInt8 {
    let levels = escalation.receivers.filter { $0.destinations.contains(destination.name) }.map(\.level)
    return UInt8(clamping: levels.min() ?? 0)
  }
}

extension KnutepunktConfiguration.DestinationSettings {
  /// Whether the destination calls people at once when it gets an alarm. A record system files alarms.
  package var isCalled: Bool { if case .webhook = kind { true } else { false } }
}
