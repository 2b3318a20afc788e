// The same entries give the same outcomes and the same bytes, bit for bit: from the beginning, from a snapshot in the middle, and
// however the time between the entries was cut. A seeded street lives for weeks; a failure prints its seed.

import CoreState
import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct DeterminismTests {
  private static let configuration = CoreConfiguration(patientsMax: 8, devicesMax: 16, alertsMax: 48, hubSalt: 42)

  @Test(arguments: [1, 2, 3] as [UInt64])
  func weeksReplayBitForBit(seed: UInt64) throws {
    let configuration = Self.configuration
    var life = Life(seed: seed)
    var listener = Listener(RealtimeCore(configuration))
    var journal: [IntakeEntry] = []
    var snapshot: [UInt8] = []
    var saidBefore = 0
    let total = 9_000
    var pending = life.settlers()
    while journal.count < total {
      var entry = pending.isEmpty ? life.next() : pending.removeFirst()
      entry.sequence = UInt64(journal.count + 1)
      // The live core wakes at its deadlines and now and then for nothing; the replays do not.
      if life.oneIn(3) { listener.pass(to: entry.instant.rawValue - life.number(0...1_000_000)) }
      listener.take(&entry)
      life.alerts = listener.raised
      journal.append(entry)
      if journal.count == total / 2 {
        snapshot = try listener.snapshot()
        saidBefore = listener.said.count
      }
    }
    let days = (life.now - 1_000_000_000_000) / 86_400_000_000_000
    #expect(days >= 14 && listener.raised.count > 300, "seed \(seed): \(days) days, \(listener.raised.count) alerts")

    var replay = Listener(RealtimeCore(configuration))
    for var entry in journal {
      let stored = entry
      replay.take(&entry)
      #expect(entry == stored, "seed \(seed): a replay writes back what the journal holds")
    }
    #expect(firstDifference(replay.said, listener.said) == nil, "seed \(seed)")
    #expect(replay.bytes == listener.bytes, "seed \(seed)")

    var resumed = Listener(try RealtimeCore(configuration, snapshot: snapshot), room: 64)
    #expect(resumed.core.lastSequence == UInt64(total / 2))
    for var entry in journal[(total / 2)...] { resumed.take(&entry) }
    #expect(firstDifference(resumed.said, Array(listener.said[saidBefore...])) == nil, "seed \(seed)")
    #expect(try resumed.snapshot() == listener.snapshot(), "seed \(seed)")
    #expect(Set(listener.raised).count == listener.raised.count, "seed \(seed): every alert has its own id")
  }

  /// Many deadlines of one instant, a buffer that holds few outcomes, and no room for all the alerts.
  @Test func aSmallBufferLosesNothing() {
    var escalation = EscalationPolicy.standard
    escalation.receiverLevels = 0
    let configuration = CoreConfiguration(patientsMax: 40, devicesMax: 40, alertsMax: 100, escalation: escalation)
    var transcripts: [[String]] = []
    for room in [64, 4_096] {
      var listener = Listener(RealtimeCore(configuration), room: room)
      var sequence: UInt64 = 0
      func send(_ payload: IntakePayload, _ device: UInt32, _ person: UInt32) {
        sequence += 1
        var entry = IntakeEntry(
          instant: MonotonicInstant(rawValue: 1_000_000_000_000), wall: streetBegins, device: DeviceID(rawValue: device),
          patient: PatientID(rawValue: person), payload: payload)
        entry.sequence = sequence
        listener.take(&entry)
      }
      send(.clock(ClockAnchor(utcOffsetSeconds: 0)), 0, 0)
      for person in UInt32(1)...40 {
        send(.registry(.patientAdded), 0, person)
        send(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 3_600))), person, 0)
        send(.registry(.deviceAssigned), person, person)
        for slot in UInt8(0)..<8 {
          send(.registry(.planItem(.dose(slot: slot, PlannedDose(minuteOfDay: 780, graceSeconds: 0)))), 0, person)
        }
      }
      listener.pass(to: 1_000_000_000_000 + 3_600_000_000_000)
      #expect(listener.said.filter { $0.contains("doseMissed") }.count == 320)
      #expect(listener.said.filter { $0.contains(" raised ") && $0.contains("signalLoss") }.count == 40)
      transcripts.append(listener.said)
    }
    #expect(transcripts[0] == transcripts[1])
  }
}

@Suite struct LayoutTests {
  /// docs/architecture.md: at most 512 B of hot state for each person.
  @Test func hotStateOfOnePerson() {
    let hot = MemoryLayout<PatientState>.stride + PlanSignal.count * MemoryLayout<SignalPlan>.stride
    #expect(hot <= 512 && hot == 472)
  }

  /// No padding, or equal states would not be equal bytes. The numbers are the sums of the fields.
  @Test func recordsHaveNoPadding() {
    #expect(MemoryLayout<PatientState>.size == 216 && MemoryLayout<PatientState>.stride == 216)
    #expect(MemoryLayout<SignalPlan>.size == 32 && MemoryLayout<SignalPlan>.stride == 32)
    #expect(MemoryLayout<PatientPlan>.size == 576 && MemoryLayout<PatientPlan>.stride == 576)
    #expect(MemoryLayout<DeviceState>.size == 376 && MemoryLayout<DeviceState>.stride == 376)
    #expect(MemoryLayout<OpenAlert>.size == 120 && MemoryLayout<OpenAlert>.stride == 120)
    #expect(MemoryLayout<CoreHeader>.size == 328 && MemoryLayout<CoreHeader>.stride == 328)
    #expect(MemoryLayout<HubConditionState>.size == 24 && MemoryLayout<HubConditionState>.stride == 24)
    #expect(MemoryLayout<DeadlineHeap.Entry>.size == 16)
  }
}
