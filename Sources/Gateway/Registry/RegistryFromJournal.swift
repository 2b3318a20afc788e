// The registry and the book of actors as the journal has them, at start.

import DeviceProfile
import Journal
import VitalSigns

extension Registry {
  convenience init(profiles: [DeviceProfile], reader: JournalReader) throws(JournalError) {
    var holders: [DeviceID: PatientID] = [:]
    for assignment in try reader.assignments() { holders[assignment.device] = assignment.patient }
    self.init(
      profiles: profiles,
      patients: try reader.patients(includingEnded: true).map {
        RegisteredPatient(
          id: $0.id, name: $0.name, nationalID: $0.nationalID, controller: $0.controller, since: $0.started, ended: $0.ended)
      },
      devices: try reader.devices(includingRemoved: true).map {
        RegisteredDevice(
          id: $0.id, label: $0.label, profile: $0.profile, address: $0.address, liveness: $0.liveness, patient: holders[$0.id] ?? .none,
          removed: $0.removed != nil, lastSeen: .unknown)
      })
  }
}

extension ActorBook {
  convenience init(reader: JournalReader, highest: UInt32, requests: JournalRequests) throws(JournalError) {
    self.init(known: try reader.actors().map { ($0.id, $0.account) }, highest: highest, requests: requests)
  }
}
