// A street for tests: a core, its outcomes and a virtual clock, so that a test reads as what happens and when.
// Everybody lives in a zone one hour ahead of UTC; the street begins at 13:00 local time on 2 March 2026.

import Testing
import VitalSigns

@testable import RealtimeCore

/// 2026-03-02T12:00:00Z.
let streetBegins = WallTime(rawValue: 1_772_452_800_000)

/// One core with its clock. Time only moves when a test says so.
struct Street: ~Copyable {
  var core: RealtimeCore
  var buffer = OutcomeBuffer(capacity: 256)
  private(set) var now = MonotonicInstant(rawValue: 1_000_000_000_000)
  private let begin = MonotonicInstant(rawValue: 1_000_000_000_000)
  private var sequence: UInt64 = 0
  /// The entry as the core gave it back.
  private(set) var lastEntry = IntakeEntry(instant: .zero, wall: .unknown, payload: .clock(ClockAnchor(utcOffsetSeconds: 0)))

  init(_ configuration: CoreConfiguration = CoreConfiguration(hubSalt: 7), utcOffsetSeconds: Int32 = 3_600) {
    core = RealtimeCore(configuration)
    _ = send(.clock(ClockAnchor(utcOffsetSeconds: utcOffsetSeconds)))
  }

  var wall: WallTime { streetBegins.adding(milliseconds: (now.rawValue - begin.rawValue) / 1_000_000) }

  /// Sends one entry now and gives the outcomes of it (and of deadlines that were due).
  mutating func send(
    _ payload: IntakePayload, device: UInt32 = 0, patient: UInt32 = 0, measuredAt: WallTime = .unknown
  ) -> [Outcome] {
    var entry = IntakeEntry(
      instant: now, wall: wall, measuredAt: measuredAt, device: DeviceID(rawValue: device),
      patient: PatientID(rawValue: patient), payload: payload)
    return hand(&entry)
  }

  /// Sends readings of one frame: all but the last say that more follow.
  mutating func frame(_ readings: [(ObservationCode, Int64, UCUMUnit)], device: UInt32 = 0, patient: UInt32 = 0) -> [Outcome] {
    var all: [Outcome] = []
    for (index, reading) in readings.enumerated() {
      var entry = IntakeEntry(
        instant: now, wall: wall, device: DeviceID(rawValue: device), patient: PatientID(rawValue: patient),
        moreFollows: index < readings.count - 1,
        payload: .observation(Observation(code: reading.0, value: Quantity(mantissa: reading.1), unit: reading.2)))
      all += hand(&entry)
    }
    return all
  }

  /// Sends an entry as it is, but for its sequence.
  mutating func hand(_ entry: inout IntakeEntry) -> [Outcome] {
    sequence += 1
    entry.sequence = sequence
    var all: [Outcome] = []
    while !core.ingest(&entry, into: &buffer) { drain(into: &all) }
    lastEntry = entry
    drain(into: &all)
    return all
  }

  /// Lets time pass and gives the outcomes of every deadline on the way.
  mutating func pass(_ seconds: Double) -> [Outcome] {
    now = now.adding(nanoseconds: Int64(seconds * 1_000_000_000))
    var all: [Outcome] = []
    while !core.advance(to: now, into: &buffer) { drain(into: &all) }
    drain(into: &all)
    return all
  }

  /// The hub was off for so many days; gives what it tells when it returns.
  mutating func comeBack(afterDays days: Int64) -> [Outcome] {
    now = now.adding(nanoseconds: days * 86_400_000_000_000)
    return send(.clock(ClockAnchor(utcOffsetSeconds: 3_600, endsAbsence: true)))
  }

  /// The hub was off; it knows until when it had decided by itself.
  mutating func comeBack(afterSeconds seconds: Int64, decidedUntil: MonotonicInstant) -> [Outcome] {
    now = now.adding(nanoseconds: seconds * 1_000_000_000)
    return send(.clock(ClockAnchor(utcOffsetSeconds: 3_600, endsAbsence: true, decidedUntil: decidedUntil)))
  }

  /// What the core has reached by itself or by an entry.
  var lastInstant: MonotonicInstant { core.now }

  private mutating func drain(into all: inout [Outcome]) {
    buffer.forEach { all.append($0) }
    buffer.removeAll()
  }

  mutating func measure(
    _ code: ObservationCode, _ mantissa: Int64, _ exponent: Int8 = 0, _ unit: UCUMUnit, device: UInt32 = 0, patient: UInt32 = 0,
    quality: ObservationQuality = [], measuredAt: WallTime = .unknown
  ) -> [Outcome] {
    send(
      .observation(Observation(code: code, value: Quantity(mantissa: mantissa, exponent: exponent), unit: unit, quality: quality)),
      device: device, patient: patient, measuredAt: measuredAt)
  }

  mutating func event(
    _ kind: DeviceEventKind, _ phase: DeviceEventPhase = .moment, detail: UInt32 = 0, device: UInt32 = 0, patient: UInt32 = 0,
    measuredAt: WallTime = .unknown
  ) -> [Outcome] {
    send(.event(DeviceEvent(kind: kind, phase: phase, detail: detail)), device: device, patient: patient, measuredAt: measuredAt)
  }

  mutating func command(_ action: AlertAction, _ alert: AlertID) -> [Outcome] {
    send(.command(AlertCommand(alert: alert, action: action, actor: ActorID(rawValue: 3))))
  }

  mutating func plan(_ item: CarePlanItem, patient: UInt32 = 1) -> [Outcome] { send(.registry(.planItem(item)), patient: patient) }

  /// Person 1 with device 1.
  mutating func moveIn(
    patient: UInt32 = 1, device: UInt32 = 1, interval: UInt32 = 0, isContinuous: Bool = false, isSafetyAlarm: Bool = false,
    abilities: DeviceAbilities = []
  ) {
    _ = send(.registry(.patientAdded), patient: patient)
    _ = send(
      .registry(
        .deviceAdded(
          DeviceLiveness(
            expectedIntervalSeconds: interval, isContinuous: isContinuous, isSafetyAlarm: isSafetyAlarm, abilities: abilities))),
      device: device)
    _ = send(.registry(.deviceAssigned), device: device, patient: patient)
  }

  /// All seven inputs by a person: a score of 0 unless changed.
  mutating func fullSet(
    respiration: Int64 = 16, saturation: Int64 = 97, oxygen: Int64 = 0, systolic: Int64 = 120, pulse: Int64 = 70,
    consciousness: Int64 = 0, temperature: Int64 = 370, patient: UInt32 = 1
  ) -> [Outcome] {
    var all = measure(.respirationRate, respiration, .perMinute, patient: patient)
    all += measure(.oxygenSaturation, saturation, .percent, patient: patient)
    all += measure(.supplementalOxygen, oxygen, .one, patient: patient)
    all += measure(.systolic, systolic, .millimetreOfMercury, patient: patient)
    all += measure(.pulseRateCuff, pulse, .perMinute, patient: patient)
    all += measure(.consciousness, consciousness, .one, patient: patient)
    all += measure(.bodyTemperature, temperature, -1, .degreeCelsius, patient: patient)
    return all
  }

  mutating func measure(_ code: ObservationCode, _ mantissa: Int64, _ unit: UCUMUnit, patient: UInt32) -> [Outcome] {
    measure(code, mantissa, 0, unit, patient: patient)
  }
}

extension Outcome {
  var transition: AlertTransition? {
    if case .alert(let transition) = payload { return transition }
    return nil
  }

  var score: NEWS2Score? {
    if case .scored(let score) = payload { return score }
    return nil
  }

  var remark: IntakeRemark? {
    if case .remark(let remark) = payload { return remark }
    return nil
  }

  /// Everything in an outcome, as text: equal texts are equal outcomes.
  var everything: String {
    let head = "\(cause) \(instant.rawValue) \(wall.rawValue) P\(patient.rawValue) D\(device.rawValue) "
    switch payload {
    case .scored(let score):
      let points = score.points.indices.map { "\(score.points[$0])/\(score.sources[$0])" }.joined(separator: ",")
      return head + "scored \(score.low)-\(score.high) \(score.band) \(score.scale) \(points) \(score.missing) "
        + "\(score.changeSinceLast) \(score.changeOver24Hours)"
    case .alert(let t):
      return head + "\(t.kind) \(t.id.high):\(t.id.low) \(t.rule) \(t.priority) \(t.previous)>\(t.state) \(t.level) "
        + "\(t.deadline.rawValue) \(t.firstCause) \(t.raisedAt.rawValue) \(t.value) \(t.limit) \(t.subject) \(t.actor.rawValue) "
        + "#\(t.revision) \(t.upper) \(t.also.map { "\($0)" } ?? "-")"
    case .remark(let remark): return head + "remark \(remark)"
    }
  }
}

extension [Outcome] {
  var transitions: [AlertTransition] { compactMap(\.transition) }
  var scores: [NEWS2Score] { compactMap(\.score) }
  var remarks: [IntakeRemark] { compactMap(\.remark) }
  /// `sos raised`, `planRed upgraded`, …
  var story: [String] { transitions.map { "\($0.rule) \($0.kind)" } }
}
