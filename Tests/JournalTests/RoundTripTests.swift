// What goes in comes out, to the last bit: every payload of an entry, every plan item, every outcome.

import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct RoundTripTests {
  static let planItems: [CarePlanItem] = [
    .spo2Scale(.scale2), .oxygen(.oxygen), .oxygen(.unknown),
    .limits(.oxygenSaturation, PlanLimits(redLow: 85, yellowLow: 88, delaySeconds: 60, hysteresis: 1)),
    .limits(.temperature, PlanLimits(redLow: -5, yellowLow: .min + 1, yellowHigh: .max - 1, redHigh: 400, delaySeconds: .max)),
    .limits(.glucose, .none), .limits(.pulse, PlanLimits(redLow: 0, hysteresis: -1)),
    .validity(.consciousness, seconds: 0), .validity(.respiration, seconds: .max),
    .dose(slot: 7, PlannedDose(minuteOfDay: 1_439, graceSeconds: 0)), .dose(slot: 0, nil),
    .nightWatch(NightWatch(fromMinute: 1_380, toMinute: 360, openDelaySeconds: 90)),
    .geofence(
      Geofence(latitudeE7: -900_000_000, longitudeE7: 1_800_000_000, radiusMetres: .max, confirmingFixes: 10, staleAfterSeconds: 3_600)),
    .news2Alerts(false), .news2Alerts(true),
  ]

  static var payloads: [IntakePayload] {
    var payloads: [IntakePayload] = [
      .event(DeviceEvent(kind: .doseMissed, phase: .cleared, detail: .max)),
      .location(LocationFix(latitudeE7: -1, longitudeE7: .min, accuracyMetres: LocationFix.accuracyUnknown)),
      .location(LocationFix(latitudeE7: .max, longitudeE7: 0, accuracyMetres: 0)),
      .command(
        AlertCommand(
          alert: AlertID(high: .max, low: 0), action: .resolve, actor: ActorID(rawValue: .max), usefulness: .notActionable)),
      .clock(ClockAnchor(utcOffsetSeconds: -64_800)), .clock(ClockAnchor(utcOffsetSeconds: 0, endsAbsence: true)),
      .clock(ClockAnchor(utcOffsetSeconds: 0, idEpoch: .max)),
      .clock(ClockAnchor(utcOffsetSeconds: 0, endsAbsence: true, decidedUntil: MonotonicInstant(rawValue: .max))),
      .hubCondition(HubCondition(rule: .deadLetter, holds: true, subject: .max)),
      .hubCondition(HubCondition(rule: .storeFailing, holds: false)),
      .registry(.patientAdded), .registry(.patientEnded), .registry(.deviceRemoved), .registry(.deviceAssigned),
      .registry(.deviceReleased),
      .registry(
        .deviceAdded(
          DeviceLiveness(
            expectedIntervalSeconds: .max, isContinuous: true, isSafetyAlarm: true, abilities: [.locates, .dispensingIsTaking]))),
      .registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))),
      .registry(.recordChanged(NEWS2Eligibility())), .registry(.recordChanged(NEWS2Eligibility(fromDay: .max, isPregnant: true))),
    ]
    for kind in DeviceEventKind.allCases { payloads.append(.event(DeviceEvent(kind: kind))) }
    for item in planItems { payloads.append(.registry(.planItem(item))) }
    for unit in UCUMUnit.allCases {
      payloads.append(
        .observation(
          Observation(
            code: ObservationCode(rawValue: .max), value: Quantity(mantissa: .min, exponent: -128), unit: unit,
            quality: ObservationQuality(rawValue: .max), origin: .prescribed)))
    }
    payloads.append(
      .observation(
        Observation(code: .bodyTemperature, value: Quantity(mantissa: 3_660, exponent: -2), unit: .degreeCelsius, origin: .staff)))
    return payloads
  }

  @Test func everyPayloadReplaysAsItWas() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    var entries: [IntakeEntry] = []
    for payload in Self.payloads {
      entries.append(intake.entry(payload, measuredAt: WallTime(rawValue: Int64(intake.next)), attachment: .max - intake.next))
    }
    entries.append(intake.entry(.clock(ClockAnchor(utcOffsetSeconds: 3_600)), patient: .none, device: .none))
    // Part of a frame: a replay must judge it with the rest, as it was.
    entries.append(intake.entry(.event(DeviceEvent(kind: .heartbeat))))
    entries[entries.count - 1].moreFollows = true
    do {
      let writer = try folder.writer()
      try writer.commit(group(entries))
      #expect(try writer.entries() == entries)
    }
    let again = try folder.writer()
    let replayed = try again.entries()
    #expect(replayed == entries)
    // `==` on quantities forgives trailing zeros; the journal must not.
    for (a, b) in zip(replayed, entries) {
      guard case .observation(let x) = a.payload, case .observation(let y) = b.payload else { continue }
      #expect(x.value.mantissa == y.value.mantissa && x.value.exponent == y.value.exponent)
    }
    #expect(try again.entries(after: 10).first?.sequence == 11)
    #expect(try folder.reader().entry(3) == entries[2])
    #expect(try folder.reader().entry(100_000) == nil)
    // By the same statements, one after the other, and in pages.
    let reader = try folder.reader()
    for entry in entries + entries.reversed() { #expect(try reader.entry(entry.sequence) == entry) }
    var paged: [IntakeEntry] = []
    while case let page = try reader.recordedEntries(after: paged.last?.sequence ?? 0, limit: 3), !page.isEmpty {
      #expect(page.count <= 3)
      paged += page
    }
    #expect(paged == entries)
  }

  @Test(arguments: planItems) func planItemText(_ item: CarePlanItem) {
    #expect(CarePlanItem(key: item.key, text: item.text) == item)
  }

  @Test(arguments: [
    ("limits.spo2", "redLow=x"), ("limits.none", ""), ("limits.spo2", "redLow=1 redLow=2"), ("limits.spo2", "redLow=99999999999"),
    ("dose.300", ""), ("spo2Scale", "3"), ("news2Alerts", "yes"), ("", ""), ("validity.pulse", "-1"), ("nightWatch", "fromMinute"),
  ]) func wrongPlanItemText(_ key: String, _ text: String) {
    #expect(CarePlanItem(key: key, text: text) == nil)
  }

  @Test func everyOutcomeComesBackAsItWas() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    var first = NEWS2Score()
    first.sources[6] = .max
    var batch = JournalGroup()
    var expected: [Outcome] = []
    func add(_ payload: OutcomePayload) {
      let entry = intake.spo2(95)
      batch.append(entry)
      let outcome = outcome(entry, payload)
      batch.append(outcome)
      expected.append(outcome)
    }
    add(.scored(first))
    add(.scored(score(5, sources: 1)))
    var number: UInt64 = 0
    for rule in AlertRule.allCases {
      number += 1
      add(.alert(transition(number, .raised, .raised, rule: rule, firstCause: intake.next, deadline: number % 2 == 0 ? .never : .zero)))
    }
    for raw in UInt8(1)...10 {
      let kind = try #require(AlertTransitionKind(rawValue: raw))
      let state = try #require(AlertState(rawValue: min(raw, 7)))
      add(.alert(transition(100 + UInt64(raw), kind, state, firstCause: .max)))
    }
    for raw in UInt8(0)...7 { add(.remark(try #require(IntakeRemark(rawValue: raw)))) }
    let writer = try folder.writer()
    try writer.commit(batch)
    let stored = try folder.reader().read { try StoredOutcome.fetch($0, where: "1", []) }
    #expect(stored.map(\.id) == (1...UInt64(expected.count)).map { $0 })
    #expect(stored.map { DecisionKey($0.outcome) } == expected.map { DecisionKey($0) })
    #expect(stored.map(\.outcome.wall) == expected.map(\.wall))
  }
}
