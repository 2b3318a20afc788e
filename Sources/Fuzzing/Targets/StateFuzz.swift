// A stored state of the core with some of its bytes changed, and its checksum right again: what a disk or a hand could make of it.

import CoreState
import RealtimeCore
import VitalSigns

enum StateFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "state", summary: "changes to a stored state: a place (2 bytes), a value; then steps of time",
      seeds: { _ in [[40, 0, 7], [120, 0, 1, 8, 1, 255], Array(0...255)] },
      prepare: { _ in
        let good = try livelyState()
        return { attempt(good, $0) }
      })
  }

  private static let configuration = CoreConfiguration(patientsMax: 3, devicesMax: 4, alertsMax: 16, hubSalt: 7)

  /// What is read is written and read again the same, and lives on: time passes and somebody calls.
  private static func attempt(_ good: [UInt8], _ bytes: [UInt8]) {
    var state = good
    var input = InputReader(bytes)
    while !input.isEmpty {
      let place = Int(input.number(UInt16.self)) % state.count
      state[place] = input.byte()
    }
    _ = try? RealtimeCore(configuration, snapshot: state)
    guard var core = try? RealtimeCore(configuration, snapshot: RealtimeCore.sealed(state)) else { return }
    guard let written = try? core.snapshot() else { return }
    guard let again = try? RealtimeCore(configuration, snapshot: written), let twice = try? again.snapshot() else {
      preconditionFailure("a state that was read and written cannot be read")
    }
    precondition(written == twice, "a state is not the same after it was written and read")
    var buffer = OutcomeBuffer(capacity: 512)
    for step in 0..<40 {
      let instant = core.now.adding(nanoseconds: 1 << Int64(step))
      while !core.advance(to: instant, into: &buffer) { buffer.removeAll() }
      var entry = IntakeEntry(
        instant: instant, wall: .unknown, device: DeviceID(rawValue: UInt32(step % 5)), payload: .event(DeviceEvent(kind: .sos)))
      entry.sequence = core.lastSequence &+ 1
      while !core.ingest(&entry, into: &buffer) { buffer.removeAll() }
      buffer.removeAll()
    }
  }

  /// People, devices, a plan, open alerts and armed deadlines.
  private static func livelyState() throws -> [UInt8] {
    var core = RealtimeCore(configuration)
    var buffer = OutcomeBuffer(capacity: 512)
    var sequence: UInt64 = 0
    func entry(_ payload: IntakePayload, device: UInt32 = 0, patient: UInt32 = 0) -> IntakeEntry {
      sequence += 1
      var entry = IntakeEntry(
        instant: MonotonicInstant(rawValue: Int64(sequence) * 1_000_000_000), wall: WallTime(rawValue: 1_790_000_000_000),
        device: DeviceID(rawValue: device), patient: PatientID(rawValue: patient), payload: payload)
      entry.sequence = sequence
      return entry
    }
    var entries = [entry(.clock(ClockAnchor(utcOffsetSeconds: 3_600, endsAbsence: true, idEpoch: 9)))]
    for number in UInt32(1)...3 {
      entries.append(entry(.registry(.patientAdded), patient: number))
      entries.append(
        entry(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 60, isSafetyAlarm: number == 1))), device: number))
      entries.append(entry(.registry(.deviceAssigned), device: number, patient: number))
      entries.append(entry(.event(DeviceEvent(kind: .sos)), device: number))
      entries.append(
        entry(
          .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 84, exponent: 0), unit: .percent)), device: number))
    }
    entries.append(entry(.hubCondition(HubCondition(rule: .storeFailing, holds: true, subject: 0))))
    for var entry in entries {
      while !core.ingest(&entry, into: &buffer) { buffer.removeAll() }
      buffer.removeAll()
    }
    return try core.snapshot()
  }
}
