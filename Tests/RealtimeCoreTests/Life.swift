// A seeded street for tests: people, devices and nonsense, weeks of them; and a core with a transcript of what it said.

import CoreState
import Testing
import VitalSigns

@testable import RealtimeCore

/// Random but plausible life of a few people, two entries of nonsense in ten.
struct Life {
  var random: SeededRandom
  var now: Int64 = 1_000_000_000_000
  var alerts: [AlertID] = []
  let people: UInt32 = 6
  let devices: UInt32 = 14

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func number<T: FixedWidthInteger>(_ range: ClosedRange<T>) -> T { T.random(in: range, using: &random) }
  mutating func oneIn(_ n: Int) -> Bool { number(1...n) == 1 }

  mutating func settlers() -> [IntakeEntry] {
    var entries = [make(.clock(ClockAnchor(utcOffsetSeconds: 3_600)), 0, 0)]
    for person in 1...people { entries.append(make(.registry(.patientAdded), 0, person)) }
    for device in 1...devices {
      let liveness = DeviceLiveness(
        expectedIntervalSeconds: number(0...3) * 3_600, isContinuous: oneIn(3), isSafetyAlarm: oneIn(4),
        abilities: DeviceAbilities(rawValue: number(0...15)))
      entries.append(make(.registry(.deviceAdded(liveness)), device, 0))
      entries.append(make(.registry(.deviceAssigned), device, number(1...people)))
    }
    return entries
  }

  mutating func make(_ payload: IntakePayload, _ device: UInt32, _ person: UInt32, age: Int64? = nil) -> IntakeEntry {
    let wall = streetBegins.adding(milliseconds: (now - 1_000_000_000_000) / 1_000_000)
    return IntakeEntry(
      instant: MonotonicInstant(rawValue: now), wall: wall, measuredAt: age.map { wall.adding(milliseconds: -$0) } ?? .unknown,
      device: DeviceID(rawValue: device), patient: PatientID(rawValue: person), payload: payload)
  }

  mutating func next() -> IntakeEntry {
    now += oneIn(40) ? number(0...30_000) * 1_000_000_000 : number(0...240_000) * 1_000_000
    let device: UInt32 = oneIn(30) ? number(0...20) : number(1...devices)
    let person: UInt32 = oneIn(30) ? number(0...9) : number(1...people)
    let age: Int64? = oneIn(3) ? number(-400_000...2_000_000) : nil
    switch number(0...99) as Int {
    case ..<55: return observation(oneIn(3) ? 0 : device, person, age)
    case ..<75: return event(device, person, age)
    case ..<82:
      let fix = LocationFix(
        latitudeE7: 599_000_000 + number(-90_000...90_000), longitudeE7: 107_000_000 + number(-90_000...90_000),
        accuracyMetres: oneIn(8) ? .max : number(3...400))
      return make(.location(fix), device, 0, age: age)
    case ..<90: return make(.registry(.planItem(planItem())), 0, person)
    case ..<97:
      let action: AlertAction = [.delivered, .acknowledge, .respond, .resolve, .resolve][number(0...4)]
      let alert = alerts.isEmpty ? AlertID.none : alerts[max(0, alerts.count - number(1...30))]
      return make(.command(AlertCommand(alert: alert, action: action, actor: ActorID(rawValue: 2))), 0, 0)
    case 97:
      let rule: AlertRule = [.deadLetter, .storeFailing, .nobodyOnDuty][number(0...2)]
      return make(.hubCondition(HubCondition(rule: rule, holds: oneIn(2), subject: number(0...2))), 0, 0)
    case 98: return make(.clock(ClockAnchor(utcOffsetSeconds: oneIn(2) ? 3_600 : 7_200)), 0, 0)
    default: return registry(device, person)
    }
  }

  private mutating func observation(_ device: UInt32, _ person: UInt32, _ age: Int64?) -> IntakeEntry {
    let kinds: [(ObservationCode, UCUMUnit, ClosedRange<Int64>, Int8)] = [
      (.oxygenSaturation, .percent, 80...101, 0), (.pulseRateOximeter, .perMinute, 38...140, 0),
      (.systolic, .millimetreOfMercury, 85...225, 0), (.diastolic, .millimetreOfMercury, 50...120, 0),
      (.bodyTemperature, .degreeCelsius, 340...400, -1), (.respirationRate, .perMinute, 6...30, 0),
      (.consciousness, .one, 0...5, 0), (.supplementalOxygen, .litrePerMinute, 0...1, 0), (.bodyWeight, .kilogram, 700...900, -1),
      (.glucose, .milligramPerDecilitre, 50...300, 0), (.batteryLevel, .percent, 5...100, 0), (.bodyHeight, .metre, 1...2, 0),
    ]
    let (code, unit, range, exponent) = kinds[number(0...kinds.count - 1)]
    let quality: ObservationQuality = oneIn(20) ? .questionable : oneIn(20) ? .retained : []
    var entry = make(
      .observation(Observation(code: code, value: Quantity(mantissa: number(range), exponent: exponent), unit: unit, quality: quality)),
      device, device == 0 ? person : 0, age: age)
    // Parts of frames; of some the rest never comes.
    entry.moreFollows = oneIn(5)
    return entry
  }

  private mutating func event(_ device: UInt32, _ person: UInt32, _ age: Int64?) -> IntakeEntry {
    let kind = DeviceEventKind.allCases[number(0...DeviceEventKind.allCases.count - 1)]
    let phase: DeviceEventPhase = [.moment, .raised, .cleared][number(0...2)]
    return make(.event(DeviceEvent(kind: kind, phase: phase, detail: number(0...9))), device, person, age: age)
  }

  private mutating func planItem() -> CarePlanItem {
    switch number(0...7) as Int {
    case 0: return .spo2Scale(oneIn(2) ? .scale1 : .scale2)
    case 1: return .oxygen([.unknown, .air, .oxygen][number(0...2)])
    case 2:
      let limits = PlanLimits(redLow: 84, yellowLow: 88, yellowHigh: 100, redHigh: 120, delaySeconds: number(0...900), hysteresis: 2)
      return .limits(PlanSignal(rawValue: number(0...7)) ?? .pulse, limits)
    case 3: return .validity(NEWS2Parameter(rawValue: number(0...6)) ?? .pulse, seconds: number(0...7_200))
    case 4: return .dose(slot: number(0...8), oneIn(4) ? nil : PlannedDose(minuteOfDay: number(0...1_439), graceSeconds: number(0...7_200)))
    case 5: return .nightWatch(NightWatch(fromMinute: 1_320, toMinute: number(0...1_440), openDelaySeconds: number(0...900)))
    case 6:
      return .geofence(
        Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: number(0...500), staleAfterSeconds: number(0...7_200)))
    default: return .news2Alerts(!oneIn(5))
    }
  }

  private mutating func registry(_ device: UInt32, _ person: UInt32) -> IntakeEntry {
    switch number(0...5) as Int {
    case 0: return make(.registry(.patientEnded), 0, person)
    case 1: return make(.registry(.deviceReleased), device, 0)
    case 2: return make(.registry(.deviceRemoved), device, 0)
    case 3: return make(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 600))), device, 0)
    case 4: return make(.registry(.patientAdded), 0, person)
    default: return make(.registry(.deviceAssigned), device, person)
    }
  }
}

/// A core with a transcript of everything that it said.
struct Listener: ~Copyable {
  var core: RealtimeCore
  var buffer: OutcomeBuffer
  var said: [String] = []
  var raised: [AlertID] = []
  var mostInOneStep = 0

  init(_ core: consuming RealtimeCore, room: Int = 64) {
    self.core = core
    buffer = OutcomeBuffer(capacity: room)
  }

  mutating func take(_ entry: inout IntakeEntry) {
    while !core.ingest(&entry, into: &buffer) { drain() }
    drain()
  }

  mutating func pass(to instant: Int64) {
    while !core.advance(to: MonotonicInstant(rawValue: instant), into: &buffer) { drain() }
    drain()
  }

  private mutating func drain() {
    buffer.forEach { outcome in
      said.append(outcome.everything)
      if let transition = outcome.transition, transition.kind == .raised { raised.append(transition.id) }
    }
    buffer.removeAll()
  }

  /// The core's memory, byte for byte, with what stands before it.
  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0xAA, count: core.copySize)
    bytes.withUnsafeMutableBytes { core.copyState(into: $0) }
    return bytes
  }

  /// The state as it is stored, by the way of a copy, as the running hub does it.
  func snapshot() throws -> [UInt8] {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: core.copySize, alignment: 64)
    defer { copy.deallocate() }
    core.copyState(into: copy)
    return try RealtimeCore.snapshot(ofCopy: copy)
  }
}

/// The first place where two transcripts part, as text; nil when they are equal.
func firstDifference(_ a: [String], _ b: [String]) -> String? {
  for (index, (one, other)) in zip(a, b).enumerated() where one != other { return "\(index): \(one) | \(other)" }
  return a.count == b.count ? nil : "\(a.count) | \(b.count)"
}
