// Any entries, in any order, with any time: what damaged or malicious devices, people and journals could make of them.

import RealtimeCore
import VitalSigns

enum CoreFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "core", summary: "entries of the intake, some 20 bytes each, and steps of time between them",
      seeds: { _ in
        // Somebody moves in with a button, presses it, and somebody answers.
        [
          [
            5, 1, 0, 0, 0, 0, 0, 3, 1, 1, 1, 0, 0, 0, 3, 1, 1, 2, 1, 60, 0, 0, 0, 1, 1, 15, 0, 3, 1, 1, 5, 0, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0,
            0, 0,
            4, 2, 1, 1, 0, 2, 0, 0,
          ],
          Array(repeating: 0, count: 64), Array(0...255),
        ]
      },
      prepare: { _ in attempt })
  }

  /// Small tables, so that they are full soon.
  private static let configuration = CoreConfiguration(patientsMax: 3, devicesMax: 4, alertsMax: 16, hubSalt: 7)
  private static let entriesMax = 200

  /// The same entries give the same outcomes; and each outcome fits into the room that a step promises to need at most.
  private static func attempt(_ bytes: [UInt8]) {
    precondition(outcomes(of: bytes) == outcomes(of: bytes), "the same entries are decided in two ways")
  }

  private static func outcomes(of bytes: [UInt8]) -> [UInt64] {
    var core = RealtimeCore(configuration)
    var buffer = OutcomeBuffer(capacity: 512)
    var all: [UInt64] = []
    var input = InputReader(bytes)
    var instant = MonotonicInstant(rawValue: 1_000_000_000)
    var alerts: [AlertID] = []
    var sequence: UInt64 = 0
    func drain() {
      for index in 0..<buffer.count {
        all.append(digest(buffer[index]))
        if case .alert(let transition) = buffer[index].payload { alerts.append(transition.id) }
      }
      buffer.removeAll()
    }
    while !input.isEmpty, sequence < entriesMax {
      sequence += 1
      let payload = payload(&input, alerts)
      var endsAbsence = false
      if case .clock(let anchor) = payload { endsAbsence = anchor.endsAbsence }
      instant = instant.adding(nanoseconds: step(input.byte(), wasAway: endsAbsence))
      while !endsAbsence, !core.advance(to: instant, into: &buffer) { drain() }
      var entry = IntakeEntry(
        instant: instant, wall: WallTime(rawValue: 1_790_000_000_000 &+ instant.rawValue / 1_000_000),
        measuredAt: measured(&input, instant),
        device: DeviceID(rawValue: UInt32(input.byte() % 7)), patient: PatientID(rawValue: UInt32(input.byte() % 5)),
        moreFollows: input.byte() > 200, payload: payload)
      entry.sequence = sequence
      while !core.ingest(&entry, into: &buffer) { drain() }
      drain()
    }
    return all
  }

  /// One number for all that was decided.
  private static func digest(_ outcome: Outcome) -> UInt64 {
    var hash = SeededRandom.mixed(UInt64(bitPattern: outcome.instant.rawValue) ^ UInt64(outcome.patient.rawValue) << 32)
    switch outcome.payload {
    case .alert(let transition):
      for number in [transition.id.high, transition.id.low, UInt64(transition.kind.rawValue), UInt64(transition.state.rawValue)] {
        hash = SeededRandom.mixed(hash ^ number)
      }
      return SeededRandom.mixed(hash ^ UInt64(bitPattern: transition.deadline.rawValue) ^ UInt64(UInt32(bitPattern: transition.value)))
    case .scored(let score): return SeededRandom.mixed(hash ^ UInt64(score.low) << 8 ^ UInt64(score.high))
    case .remark(let remark): return SeededRandom.mixed(hash ^ UInt64(remark.rawValue))
    }
  }

  /// From nothing to five hours; to some eighteen years while the hub was away. Nanoseconds.
  private static func step(_ byte: UInt8, wasAway: Bool) -> Int64 { byte == 0 ? 0 : 1 << Int64(byte % (wasAway ? 60 : 44)) }

  private static func measured(_ input: inout InputReader, _ instant: MonotonicInstant) -> WallTime {
    switch input.byte() % 4 {
    case 0: .unknown
    case 1: WallTime(rawValue: 1_790_000_000_000 &+ instant.rawValue / 1_000_000)
    case 2: WallTime(rawValue: 1_790_000_000_000 &+ Int64(input.number(Int32.self)))
    default: WallTime(rawValue: input.number())
    }
  }

  private static func payload(_ input: inout InputReader, _ alerts: [AlertID]) -> IntakePayload {
    switch input.byte() % 7 {
    case 0: .observation(observation(&input))
    case 1:
      .event(
        DeviceEvent(
          kind: input.choice(of: DeviceEventKind.allCases) ?? .sos, phase: DeviceEventPhase(rawValue: input.byte() % 3) ?? .moment,
          detail: input.number()))
    case 2: .location(LocationFix(latitudeE7: input.number(), longitudeE7: input.number(), accuracyMetres: input.number()))
    case 3: .command(command(&input, alerts))
    case 4:
      .clock(
        ClockAnchor(
          utcOffsetSeconds: input.number(), endsAbsence: input.byte() & 1 == 1,
          decidedUntil: MonotonicInstant(rawValue: Int64(input.number(UInt32.self)) << 24), idEpoch: input.number()))
    case 5: .registry(change(&input))
    default:
      .hubCondition(
        HubCondition(rule: input.choice(of: AlertRule.allCases) ?? .linkDown, holds: input.byte() & 1 == 1, subject: UInt32(input.byte())))
    }
  }

  private static func observation(_ input: inout InputReader) -> Observation {
    let code = input.choice(of: ObservationCode.known.map(\.code)) ?? .oxygenSaturation
    let isSmall = input.byte() < 200
    return Observation(
      code: input.byte() < 240 ? code : ObservationCode(rawValue: input.number()),
      value: Quantity(
        mantissa: isSmall ? Int64(input.byte()) : input.number(), exponent: isSmall ? 0 : Int8(truncatingIfNeeded: input.byte())),
      unit: input.choice(of: UCUMUnit.allCases) ?? .one, quality: ObservationQuality(rawValue: UInt16(input.byte()) << 4))
  }

  private static func command(_ input: inout InputReader, _ alerts: [AlertID]) -> AlertCommand {
    let alert = input.choice(of: alerts) ?? AlertID(high: input.number(), low: input.number())
    return AlertCommand(
      alert: alert, action: AlertAction(rawValue: input.byte() % 4 + 1) ?? .acknowledge, actor: ActorID(rawValue: UInt32(input.byte())),
      usefulness: AlertUsefulness(rawValue: input.byte() % 3) ?? .notStated)
  }

  private static func change(_ input: inout InputReader) -> RegistryChange {
    switch input.byte() % 8 {
    case 0: .patientAdded
    case 1: .patientEnded
    case 2:
      .deviceAdded(
        DeviceLiveness(
          expectedIntervalSeconds: input.number(), isContinuous: input.byte() & 1 == 1, isSafetyAlarm: input.byte() & 1 == 1,
          abilities: DeviceAbilities(rawValue: input.byte())))
    case 3: .deviceRemoved
    case 4: .deviceAssigned
    case 5: .deviceReleased
    case 6: .recordChanged(NEWS2Eligibility(fromDay: input.number(), isPregnant: input.byte() & 1 == 1))
    default: .planItem(item(&input))
    }
  }

  private static func item(_ input: inout InputReader) -> CarePlanItem {
    switch input.byte() % 8 {
    case 0: .spo2Scale(input.byte() & 1 == 0 ? .scale1 : .scale2)
    case 1: .oxygen(input.choice(of: PrescribedOxygen.allCases) ?? .unknown)
    case 2:
      .limits(
        input.choice(of: PlanSignal.allCases) ?? .pulse,
        PlanLimits(
          redLow: input.number(), yellowLow: input.number(), yellowHigh: input.number(), redHigh: input.number(),
          delaySeconds: input.number(), hysteresis: input.number()))
    case 3: .validity(input.choice(of: NEWS2Parameter.allCases) ?? .pulse, seconds: input.number())
    case 4: .dose(slot: input.byte(), input.byte() == 0 ? nil : PlannedDose(minuteOfDay: input.number(), graceSeconds: input.number()))
    case 5: .nightWatch(NightWatch(fromMinute: input.number(), toMinute: input.number(), openDelaySeconds: input.number()))
    case 6:
      .geofence(
        Geofence(latitudeE7: input.number(), longitudeE7: input.number(), radiusMetres: input.number()))
    default: .news2Alerts(input.byte() & 1 == 1)
    }
  }
}
