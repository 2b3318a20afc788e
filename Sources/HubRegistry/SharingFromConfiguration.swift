// The configuration's destinations and agreements as the journal's sharing rules. What a destination asks for follows
// from what it is: a record system wants everything that it understands, an alarm receiver alerts only.

package import HubConfiguration
import HubRuntime
import Journal
package import JournalValues
import VitalSigns

extension KnutepunktConfiguration {
  /// The rules by which the journal queues and withholds.
  package var sharingRules: SharingRules {
    SharingRules(
      destinations: destinations.map { destination in
        SharingDestination(
          number: stableNumber(of: destination.name), name: destination.name, wants: destination.wants,
          agreements: sharing.filter { $0.destination == destination.name }.map(SharingPermission.init),
          alertLevelMin: alertLevelMin(of: destination))
      })
  }
}

extension KnutepunktConfiguration.DestinationSettings {
  /// What this kind of destination can take.
  package var wants: Set<RecordKind> {
    switch kind {
    case .fhir: [.observation, .score, .alert, .dose]
    case .webhook: [.alert]
    }
  }
}

extension SharingPermission {
  package init(_ agreement: KnutepunktConfiguration.SharingAgreement) {
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
    self.init(controllers: [agreement.controller], kinds: kinds, patients: patients, parts: agreement.person)
  }
}
