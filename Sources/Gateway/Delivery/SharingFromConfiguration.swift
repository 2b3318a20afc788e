// The configuration's destinations and agreements as the journal's sharing rules. What a destination asks for follows
// from what it is: a record system wants everything that it understands, an alarm receiver alerts only.

import Journal
import VitalSigns

extension KnutepunktConfiguration {
  /// The rules by which the journal queues and withholds.
  var sharingRules: SharingRules {
    SharingRules(
      destinations: destinations.map { destination in
        SharingDestination(
          number: stableNumber(of: destination.name), name: destination.name, wants: destination.wants,
          agreements: sharing.filter { $0.destination == destination.name }.map(SharingPermission.init),
          alertLevelMin: alertLevelMin(of: destination))
      })
  }

  /// Whether anything about an alert may ever reach this destination: one that no agreement lets have alerts is nobody to wait for.
  func maySendAlerts(to destination: String) -> Bool {
    sharing.contains { $0.destination == destination && $0.share.contains(.alerts) }
  }

  /// Whether anybody outside the board is ever called for this person: a receiver that an agreement lets have the person's alerts,
  /// at a level that an alert of high priority reaches.
  func callsSomebody(for patient: PatientID, controller: String) -> Bool {
    destinations.contains { destination in
      destination.isCalled && Int(alertLevelMin(of: destination)) <= escalation.high.count
        && sharing.contains { $0.destination == destination.name && $0.allows(.alerts, of: patient, controller: controller) }
    }
  }

  /// Whether this hub is meant to call somebody outside the board. Without, and with a board, the board alone is what is wanted.
  /// A record system that is named as a receiver is meant as one, and calls nobody.
  var isMeantToCall: Bool { console.listen == nil || !escalation.receivers.isEmpty || destinations.contains(where: \.isCalled) }

  /// The lowest escalation level at which a destination is told: a receiver of level 1 hears of an alert that nobody on
  /// level 0 took. A record system, which no level names, gets every change.
  func alertLevelMin(of destination: DestinationSettings) -> UInt8 {
    let levels = escalation.receivers.filter { $0.destinations.contains(destination.name) }.map(\.level)
    return UInt8(clamping: levels.min() ?? 0)
  }
}

extension KnutepunktConfiguration.DestinationSettings {
  /// What this kind of destination can take.
  var wants: Set<RecordKind> {
    switch kind {
    case .fhir: [.observation, .score, .alert, .dose]
    case .webhook: [.alert]
    }
  }
}

extension SharingPermission {
  init(_ agreement: KnutepunktConfiguration.SharingAgreement) {
    var kinds: Set<RecordKind> = []
    for share in agreement.share {
      switch share {
      case .observations: kinds.insert(.observation)
      case .scores: kinds.insert(.score)
      case .alerts: kinds.insert(.alert)
      case .doses: kinds.insert(.dose)
      case .locations: kinds.insert(.location)
      }
    }
    let patients: SharingPermission.Patients
    switch agreement.patients {
    case .all: patients = .all
    case .only(let named): patients = .listed(named)
    }
    // An agreement about a person's data covers the identity without which the receiver could not use it.
    self.init(controllers: [agreement.controller], kinds: kinds, patients: patients, sharesNationalID: true, sharesName: true)
  }
}
