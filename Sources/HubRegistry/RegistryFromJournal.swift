// The registry as the journal has it, at start, and changes from a lost journal's emergency.

package import DeviceProfile
package import Journal
package import JournalValues
package import VitalSigns

extension Registry {
  package convenience init(profiles: [DeviceProfile], reader: JournalReader) throws(JournalError) {
    var holders: [DeviceID: PatientID] = [:]
    for assignment in try reader.assignments() { holders[assignment.device] = assignment.patient }
    let eligibilities = try reader.eligibilities()
    self.init(
      profiles: profiles,
      patients: try reader.patients(includingEnded: true).map {
        var patient = RegisteredPatient(
          id: $0.id, name: $0.name, nationalID: $0.nationalID, controller: $0.controller, since: $0.started, ended: $0.ended)
        patient.eligibility = eligibilities[$0.id] ?? NEWS2Eligibility()
        return patient
      },
      devices: try reader.devices(includingRemoved: true).map {
        RegisteredDevice(
          id: $0.id, label: $0.label, profile: $0.profile, address: $0.address, liveness: $0.liveness, patient: holders[$0.id] ?? .none,
          removed: $0.removed != nil, lastSeen: .unknown)
      })
  }
}

extension Registry {
  /// The person's record says now whether NEWS2 is made for them.
  package func decide(_ eligibility: NEWS2Eligibility, for patient: PatientID) {
    guard var known = self.patient(patient) else { return }
    known.eligibility = eligibility
    add(known)
  }

  /// Makes a change that was made while the journal was lost, as the journal has it now.
  package func apply(_ change: RegistryChange, _ row: RegistryChangeRow, by sequence: UInt64, at time: WallTime, controller: String) {
    let (patient, device) = (row.entry.patient, row.entry.device)
    switch change {
    case .patientAdded:
      guard case .patient(let details) = row.attachment.content else { return }
      add(
        RegisteredPatient(
          id: patient, name: details.name, nationalID: details.nationalID, controller: details.controller ?? controller, since: time))
    case .patientEnded: end(patient, at: time)
    case .deviceAdded(let liveness):
      guard case .device(let details) = row.attachment.content else { return }
      add(
        RegisteredDevice(
          id: device, label: details.label, profile: details.profile, address: details.address, liveness: liveness, patient: .none,
          removed: false, lastSeen: .unknown))
    case .deviceRemoved: remove(device)
    case .deviceAssigned: assign(device, to: patient, by: sequence)
    case .deviceReleased: assign(device, to: .none, by: sequence)
    case .recordChanged(let eligibility): decide(eligibility, for: patient)
    case .planItem: break
    }
  }
}
