// Sharing, queueing, receipts, dead letters: what the outbox holds after each.

import GRDB
import JournalValues
import People
import Testing
import VitalSigns

@testable import Journal

@Suite struct OutboxTests {
  /// Destination 1 gets all of the hub's own controller; 2 wants observations and alerts but has an agreement for alerts of Kari only.
  static let rules = SharingRules(destinations: [
    SharingDestination(
      number: 1, name: "ehr", wants: Set(RecordKind.allCases),
      agreements: [SharingPermission(controllers: [Street.controller], kinds: Set(RecordKind.allCases), parts: [.nationalID])]),
    SharingDestination(
      number: 9, name: "response centre", wants: [.observation, .alert],
      agreements: [SharingPermission(controllers: [Street.controller], kinds: [.alert], patients: .listed([Street.kari]))]),
  ])

  struct Scene {
    let folder: JournalFolder
    let writer: JournalWriter
    let reader: JournalReader
    var intake = Intake()

    init() throws {
      folder = try JournalFolder()
      writer = try folder.writer()
      try writer.setSharing(OutboxTests.rules)
      reader = try folder.reader()
      try writer.commit(intake.registration())
    }

    func pending(_ destination: UInt32, _ lane: OutboxLane) throws -> [OutboxItem] {
      try reader.outboxPending(destination: destination, lane: lane)
    }
  }

  /// The causes of the calls that wait.
  private func calls(_ scene: Scene, _ destination: UInt32) throws -> [UInt64] {
    try scene.pending(destination, .alarm).compactMap {
      if case .alert(let transition, alert: _, evidence: _) = $0.content { transition.transition.firstCause } else { nil }
    }
  }

  /// A core of a later version has written a call by a rule that this role does not know yet: it waits, and the others pass it by.
  @Test func aCallThatThisVersionCannotReadHoldsUpNoOther() throws {
    var scene = try Scene()
    var batch = JournalGroup()
    let (strange, plain) = (scene.intake.sos(), scene.intake.sos())
    for (number, alarm) in [(1, strange), (2, plain)] as [(UInt64, IntakeEntry)] {
      batch.append(alarm)
      batch.append(outcome(alarm, .alert(transition(number, .raised, .raised, firstCause: alarm.sequence))))
    }
    try scene.writer.commit(batch)
    try DatabaseQueue(path: scene.folder.path).write { db in
      try db.execute(sql: "UPDATE alert_transition SET rule = 250 WHERE outcome = (SELECT min(outcome) FROM alert_transition)")
    }
    let page = try scene.reader.outboxPage(destination: 9, lane: .alarm, after: 0, limit: 10, scope: .everybody)
    #expect(page.items.count == 1 && page.reachedEnd)
    guard case .alert(let told, alert: _, evidence: _)? = page.items.first?.content else {
      Issue.record("a call")
      return
    }
    #expect(told.transition.firstCause == plain.sequence)
    #expect(try scene.reader.outboxPendingCount(destination: 9, lane: .alarm) == 2, "it still waits, and status says so")
  }

  /// A destination is renamed while calls wait for it: nobody reads its rows any more.
  @Test func callsOfAFormerDestinationGoToThoseWhoAreNamedNow() throws {
    var scene = try Scene()
    var batch = JournalGroup()
    let (open, closed) = (scene.intake.sos(), scene.intake.sos())
    let others = scene.intake.entry(.event(DeviceEvent(kind: .sos)), patient: Street.ola)
    for (number, alarm) in [(1, open), (2, closed), (3, others)] as [(UInt64, IntakeEntry)] {
      batch.append(alarm)
      batch.append(outcome(alarm, .alert(transition(number, .raised, .raised, firstCause: alarm.sequence))))
      if number == 2 { batch.append(outcome(alarm, .alert(transition(2, .resolved, .resolved, firstCause: alarm.sequence)), after: 1)) }
    }
    batch.append(scene.intake.spo2(95))
    try scene.writer.commit(batch)
    #expect(try scene.writer.passOnCalls() == FormerDestinations(), "all are named")
    #expect(try calls(scene, 9) == [open.sequence, closed.sequence, closed.sequence])
    let before = try calls(scene, 1)
    // 9 is now 5, which is named for a later level than these had reached, and 6.
    let agreement = SharingPermission(controllers: [Street.controller], kinds: [.alert], patients: .listed([Street.kari]))
    try scene.writer.setSharing(
      SharingRules(destinations: [
        Self.rules.destinations[0],
        SharingDestination(number: 5, name: "next", wants: [.alert], agreements: [agreement], alertLevelMin: 2),
        SharingDestination(number: 6, name: "centre", wants: [.alert], agreements: [agreement]),
      ]))
    let found = try scene.writer.passOnCalls()
    #expect(found == FormerDestinations(passedOn: 1, waiting: [.init(name: "response centre", rows: 2)]))
    #expect(try calls(scene, 6) == [open.sequence])
    #expect(try scene.pending(5, .alarm).isEmpty)
    #expect(try calls(scene, 1) == before, "who had them already has them once")
    #expect(try calls(scene, 9) == [closed.sequence, closed.sequence], "what is over waits for the name")
    #expect(try scene.writer.passOnCalls().passedOn == 0, "once")
    // The next row of anybody has a number of its own.
    let next = scene.intake.sos()
    var more = JournalGroup()
    more.append(next)
    more.append(outcome(next, .alert(transition(4, .raised, .raised, firstCause: next.sequence))))
    try scene.writer.commit(more)
    #expect(try calls(scene, 6) == [open.sequence, next.sequence])
  }

  @Test func eachRecordGoesWhereAnAgreementLetsIt() throws {
    var scene = try Scene()
    var batch = JournalGroup()
    batch.append(scene.intake.spo2(95))
    batch.append(scene.intake.spo2(96, patient: Street.ola))
    batch.append(scene.intake.spo2(97, patient: .none))
    let dose = scene.intake.entry(.event(DeviceEvent(kind: .doseTaken, detail: 2)))
    batch.append(dose)
    batch.append(scene.intake.entry(.location(LocationFix(latitudeE7: 1, longitudeE7: 2, accuracyMetres: 3))))
    batch.append(scene.intake.entry(.event(DeviceEvent(kind: .doorOpened))))
    let alarm = scene.intake.sos()
    batch.append(alarm)
    batch.append(outcome(alarm, .alert(transition(1, .suspected, .suspected, firstCause: alarm.sequence))))
    batch.append(outcome(alarm, .alert(transition(1, .raised, .raised, firstCause: alarm.sequence)), after: 1))
    batch.append(outcome(alarm, .scored(score(5, sources: 5))))
    let report = try scene.writer.commit(batch)
    #expect(report.queued == 6)
    #expect(try scene.pending(1, .routine).map(\.kind) == [.observation, .dose, .location, .score])
    #expect(try scene.pending(1, .alarm).map(\.kind) == [.alert])
    #expect(try scene.pending(9, .alarm).map(\.kind) == [.alert])
    #expect(try scene.pending(9, .routine).isEmpty)
    let rows = try scene.pending(1, .routine).map(\.row)
    #expect(rows == rows.sorted() && Set(rows).count == rows.count)
    // Ola's controller has no agreement with 1; nobody has one for observations with 9.
    let status = try scene.reader.outboxStatus()
    #expect(status.map(\.withheld) == [1, 2])
    let log = try scene.reader.accessLog().filter { $0.record.action == "withheld" }.map(\.record)
    #expect(Set(log.map(\.patient)) == [Street.kari, Street.ola] && log.count == 3)
  }

  @Test func itemsHoldWhatAConnectorNeeds() throws {
    var scene = try Scene()
    var batch = JournalGroup()
    let plan = scene.intake.entry(.registry(.planItem(.dose(slot: 2, PlannedDose(minuteOfDay: 480, graceSeconds: 60)))), device: .none)
    batch.append(plan, attachment: Attachment(actor: Street.nurse, reason: "lege"))
    func pressure(_ code: ObservationCode, _ value: Int64, after first: IntakeEntry? = nil) -> IntakeEntry {
      var entry = scene.intake.entry(
        .observation(Observation(code: code, value: Quantity(mantissa: value), unit: .millimetreOfMercury)),
        measuredAt: WallTime(rawValue: 5))
      if let first { entry.instant = first.instant }
      return entry
    }
    let systolic = pressure(.systolic, 120)
    let diastolic = pressure(.diastolic, 80, after: systolic)
    let civil = CivilTime(year: 2_026, month: 1, day: 2, hour: 3, minute: 4, second: 5)
    batch.append(systolic, attachment: Attachment(.deviceTime(.local(civil))))
    batch.append(diastolic)
    batch.append(scene.intake.entry(.event(DeviceEvent(kind: .doseTaken, detail: 2))))
    let cause = scene.intake.spo2(85)
    batch.append(cause)
    var scored = score(7, sources: cause.sequence)
    scored.sources[3] = systolic.sequence
    batch.append(outcome(cause, .scored(scored)))
    batch.append(outcome(cause, .alert(transition(3, .raised, .raised, rule: .news2High, firstCause: cause.sequence))))
    try scene.writer.commit(batch)

    let items = try scene.pending(1, .routine)
    #expect(items.count == 5)
    guard case .observation(let row, let frame) = items[0].content else { throw Unexpected() }
    #expect(row.observation.code == .systolic && row.controller == Street.controller && row.deviceTime == .local(civil))
    #expect(row.measuredAt == WallTime(rawValue: 5))
    #expect(frame.map(\.code) == [.systolic, .diastolic] && frame.map(\.sequence) == [systolic.sequence, diastolic.sequence])
    #expect(items[0].patient?.nationalID == "01810112345" && items[0].device?.eui64 == "0011223344556677")
    guard case .dose(let event, let planned) = items[2].content else { throw Unexpected() }
    #expect(event.event.kind == .doseTaken && planned?.minuteOfDay == 480)
    guard case .score(let value, let sources, let frames) = items[4].content else { throw Unexpected() }
    #expect(value.score.low == 7 && value.instant == cause.instant && value.controller == Street.controller)
    #expect(sources[1]?.sequence == cause.sequence && sources[0] == nil && frames[3]?.count == 2)
    guard case .alert(let transition, let alert, let evidence) = try #require(try scene.pending(9, .alarm).first).content else {
      throw Unexpected()
    }
    #expect(transition.transition.kind == .raised && alert.patient == Street.kari)
    #expect(evidence.map(\.sequence) == [cause.sequence, systolic.sequence])
  }

  @Test func receiptsSettleOnce() throws {
    var scene = try Scene()
    try scene.writer.commit(group([scene.intake.spo2(95), scene.intake.spo2(96), scene.intake.spo2(97)]))
    let rows = try scene.pending(1, .routine).map(\.row)
    func receipts(_ results: [(UInt64, DeliveryReceipt.Result)]) -> JournalGroup {
      var batch = JournalGroup(wall: WallTime(rawValue: Street.start))
      batch.receipts = results.map { DeliveryReceipt(destination: 1, lane: .routine, item: .row($0.0), result: $0.1) }
      return batch
    }
    let report = try scene.writer.commit(
      receipts([(rows[0], .delivered(remoteID: nil)), (rows[1], .refused(reason: "400")), (rows[2], .failed(error: "503"))]))
    #expect(report.settled == 3 && report.receiptsUnmatched == 0)
    #expect(try scene.writer.commit(receipts([(rows[0], .delivered(remoteID: nil)), (999, .failed(error: "x"))])).receiptsUnmatched == 2)
    let status = try #require(try scene.reader.outboxStatus().first)
    #expect(status.pendingRoutine == 1 && status.deadLetters == 1 && status.lastError == "503")
    #expect(status.counts[.observation] == DeliveryCount(queued: 3, delivered: 1, refused: 1))
    #expect(try scene.pending(1, .routine).first?.attempts == 1)
    let letter = try #require(try scene.reader.deadLetters().first)
    #expect(letter.reason == "400" && letter.row == rows[1] && letter.patient == Street.kari)
    let forwards = try scene.reader.accessLog().filter { $0.record.action.hasPrefix("forward") }
    #expect(Set(forwards.map(\.record.action)) == ["forward", "forwardRefused"])

    // A person sends the dead letter again: a new, higher row of the same record.
    var retry = JournalGroup(wall: WallTime(rawValue: Street.start))
    retry.retries = [OutboxRetry(destination: 1, row: letter.row, actor: Street.nurse, reason: "mended")]
    try scene.writer.commit(retry)
    #expect(try scene.reader.deadLetters().isEmpty)
    let again = try #require(try scene.reader.outboxPending(destination: 1, lane: .routine, after: rows[2]).first)
    guard case .observation(let row, _) = again.content else { throw Unexpected() }
    #expect(row.sequence == letter.sequence && again.row > rows[2])
    #expect(try scene.reader.accessLog(limit: 1).first?.record.action == "resend")
  }

  /// An alarm leaves before its row is known; its receipt names the transition.
  @Test func alarmIsSettledByItsTransition() throws {
    var scene = try Scene()
    let alarm = scene.intake.sos()
    let raised = transition(1, .raised, .raised, firstCause: alarm.sequence)
    var receipt = JournalGroup(wall: WallTime(rawValue: Street.start))
    receipt.receipts = [
      DeliveryReceipt(
        destination: 9, lane: .alarm, item: .transition(raised.id, .raised, at: alarm.instant), result: .delivered(remoteID: "r-1"))
    ]
    #expect(try scene.writer.commit(receipt).receiptsUnmatched == 1)
    var batch = group([alarm])
    batch.append(outcome(alarm, .alert(raised)))
    try scene.writer.commit(batch)
    #expect(try scene.writer.commit(receipt).settled == 1)
    #expect(try scene.pending(9, .alarm).isEmpty)
    #expect(try scene.pending(1, .alarm).count == 1)
    let history = try scene.reader.alertHistory(raised.id)
    #expect(history.first?.deliveries.map(\.remoteID) == ["r-1"] && history.first?.deliveries.map(\.destination) == [9])
  }

  @Test func rowNumbersAreNeverGivenTwice() throws {
    let folder = try JournalFolder()
    var intake = Intake()
    var highest: UInt64 = 0
    for _ in 0..<3 {
      let writer = try folder.writer()
      try writer.setSharing(Self.rules)
      if intake.next == 1 { try writer.commit(intake.registration()) }
      try writer.commit(group([intake.spo2(95)]))
      let rows = try folder.reader().outboxPending(destination: 1, lane: .routine).map(\.row)
      let row = try #require(rows.first)
      #expect(rows.count == 1 && row > highest)
      highest = row
      var receipt = JournalGroup(wall: WallTime(rawValue: Street.start))
      receipt.receipts = [DeliveryReceipt(destination: 1, lane: .routine, item: .row(row), result: .delivered(remoteID: nil))]
      try writer.commit(receipt)
    }
  }

  @Test func withheldIsLoggedAtMostOncePerInterval() throws {
    var scene = try Scene()
    for _ in 0..<100 { try scene.writer.commit(group([scene.intake.spo2(95, patient: Street.ola)])) }
    func logged() throws -> Int { try scene.reader.accessLog(limit: 1_000).count { $0.record.action == "withheld" } }
    #expect(try logged() == 2)
    #expect(try scene.reader.outboxStatus().map(\.withheld) == [100, 100])
    scene.intake.next = 5_000
    try scene.writer.commit(group([scene.intake.spo2(95, patient: Street.ola)]))
    #expect(try logged() == 4)
  }

  @Test func identityFollowsTheAgreement() {
    let parts = Self.rules.destinations[0].parts(for: .alert, controller: Street.controller, patient: Street.kari)
    #expect(parts == [.nationalID])
    #expect(Self.rules.destinations[1].parts(for: .observation, controller: Street.controller, patient: Street.kari) == nil)
    #expect(Self.rules.destinations[1].parts(for: .alert, controller: Street.controller, patient: Street.ola) == nil)
    // What is nobody's, no list of people can leave out: the hub's own alerts, a press of a button that was given to nobody.
    #expect(Self.rules.destinations[1].parts(for: .alert, controller: Street.controller, patient: .none) != nil)
    #expect(Self.rules.destinations[1].parts(for: .alert, controller: "958935420", patient: .none) == nil)
  }
}

struct Unexpected: Error {}
