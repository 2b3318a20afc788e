// How the rules put what they decided into the outcome buffer: each outcome is stamped with the entry that caused it and with the
// wall clock of its instant.

import VitalSigns

extension CoreArena {
  @_noLocks func emit(
    _ payload: OutcomePayload, patient: PatientID, device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    outcomes.append(
      Outcome(
        cause: header.pointee.lastSequence, instant: instant, wall: localClock.wall(at: instant), patient: patient,
        device: device, payload: payload))
  }

  /// Something about an entry that its sender and the record must see.
  @_noLocks func remark(_ remark: IntakeRemark, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    emit(.remark(remark), patient: entry.patient, device: entry.device, at: entry.instant, &outcomes)
  }
}
