// Journals that released programs wrote (Released/README.md) are opened by this one: everything is there and goes on, also when the way
// to this version is cut off after any step.

import Foundation
import GRDB
import JournalFiles
import JournalValues
import Testing
import VitalSigns

@testable import Journal

/// A released program's file, in a folder of its own.
private enum Released {
  static let versions = [1, 2, 3, 4]

  static func text(_ version: Int) throws -> String {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Released/version-\(version).sql.gz")
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/bin/gzip")
    gzip.arguments = ["-dc", file.path]
    let output = Pipe()
    gzip.standardOutput = output
    try gzip.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    gzip.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }

  static func journal(_ version: Int) throws -> JournalFolder {
    let folder = try JournalFolder()
    let queue = try DatabaseQueue(path: folder.path)
    let text = try text(version)
    try queue.writeWithoutTransaction { db in
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: text)
    }
    try queue.close()
    return folder
  }
}

@Suite struct ReleasedJournalTests {
  /// What a file says by itself, in words that every version has.
  private struct Content: Equatable {
    var entries: [String]
    var observations: [String]
    var people: [String]
    var devices: [String]
    var assignments: [String]
    var plans: [String]
    var openAlerts: [String]
    var deadlines: [String]
    var outbox: [String]
    var deadLetters: [String]
    var deliveries: [String]
    var scores: [String]
    var accessLog: [String]
    var marks: [String]
    var counters: [String]
    var snapshots: [String]

    init(_ db: Database) throws {
      func rows(_ sql: String) throws -> [String] { try Row.fetchAll(db, sql: sql).map { "\($0)" } }
      entries = try rows(
        "SELECT sequence, instant, wall, measured_at, kind, device, patient, controller, attachment FROM entry ORDER BY sequence")
      observations = try rows("SELECT sequence, code, mantissa, exponent, unit, quality, origin FROM observation ORDER BY sequence")
      people = try rows("SELECT * FROM patient ORDER BY id")
      devices = try rows(
        "SELECT id, label, profile, address, controller, expected_interval_seconds, is_continuous, is_safety_alarm, removed FROM device ORDER BY id"
      )
      assignments = try rows("SELECT * FROM assignment ORDER BY id")
      plans = try rows("SELECT * FROM plan_item ORDER BY sequence")
      openAlerts = try rows("SELECT * FROM alert ORDER BY id")
      deadlines = try rows("SELECT outcome, alert, rule, state, kind, deadline, first_cause FROM alert_transition ORDER BY outcome")
      outbox = try rows(
        "SELECT destination, lane, row, kind, sequence, outcome, patient, created, attempts, last_error FROM outbox ORDER BY row")
      deadLetters = try rows("SELECT * FROM dead_letter ORDER BY row")
      deliveries = try rows("SELECT * FROM delivery ORDER BY row")
      scores = try rows("SELECT * FROM score ORDER BY outcome")
      accessLog = try rows("SELECT * FROM access_log ORDER BY id")
      marks = try rows("SELECT link, slot, number, message, hash FROM delivery_mark ORDER BY link, slot")
      counters = try rows("SELECT name, value FROM counter WHERE name <> 'alert' ORDER BY name")
      snapshots = try rows("SELECT sequence, taken, digest, length(state) FROM snapshot ORDER BY sequence")
    }
  }

  private func content(_ folder: JournalFolder) throws -> Content { try folder.rawConnection().read { try Content($0) } }

  @Test(arguments: Released.versions) func everythingIsThere(version: Int) throws {
    let folder = try Released.journal(version)
    let before = try content(folder)
    #expect(before.people.count == 3 && before.openAlerts.count == 3 && before.outbox.count > 200 && before.deadLetters.count > 3)
    let writer = try folder.writer()
    #expect(try content(folder) == before)
    #expect(try folder.rawConnection().read { try SchemaPosition($0).version } == JournalSchema.version)
    try recovers(writer, folder, before)
    try goesOn(writer, folder)
  }

  private func recovers(_ writer: JournalWriter, _ folder: JournalFolder, _ before: Content) throws {
    let recovery = try writer.recover()
    #expect(recovery.lastSequence == UInt64(before.entries.count) && recovery.purgedThrough == 0 && recovery.hubSalt != 0)
    #expect(recovery.highestPatient == 3 && recovery.highestDevice == 3 && recovery.alertsEver == 3)
    #expect(recovery.deliveryMarks.count == before.marks.count && recovery.snapshots.count == 2 && recovery.lastRun != nil)
    // An exact replay needs every entry, in order.
    let replayed = try writer.entries()
    #expect(replayed.map(\.sequence) == Array(1...recovery.lastSequence))
    let reader = try folder.reader()
    #expect(try reader.patients().map(\.name).sorted() == ["Eva Hansen", "Kari Nordmann", "Ola Nordmann"])
    #expect(try reader.devices().map(\.profile).sorted() == ["bridge/pulse-oximeter", "bridge/thermometer", "zigbee2mqtt/sos-button"])
    #expect(try reader.plan(of: Street.kari).map(\.item.key).sorted() == ["limits.spo2", "oxygen"])
    let open = try reader.openAlerts()
    #expect(
      open.map(\.transition.rule) == [.destinationDown, .sos]
        || open.map(\.transition.rule).sorted { $0.rawValue < $1.rawValue }.first == .sos)
    #expect(open.count == 2 && open.allSatisfy { $0.transition.deadline > .zero && $0.transition.deadline < .never })
    #expect(try reader.verifyAccessLog().isIntact)
    #expect(try reader.deadLetters().count == before.deadLetters.count)
  }

  /// It takes more, settles what waited, and retention leaves what is needed.
  private func goesOn(_ writer: JournalWriter, _ folder: JournalFolder) throws {
    let reader = try folder.reader()
    let last = writer.durableSequence
    var intake = Intake(next: last + 1)
    let waiting = try #require(
      try writer.queue.writeWithoutTransaction { try Row.fetchOne($0, sql: "SELECT * FROM outbox ORDER BY row LIMIT 1") })
    let lane: OutboxLane = waiting["lane"] as Int64 == 0 ? .alarm : .routine
    var batch = group([intake.spo2(90)])
    batch.receipts = [
      DeliveryReceipt(
        destination: waiting["destination"], lane: lane, item: .row(UInt64(waiting["row"] as Int64)), result: .delivered(remoteID: "x"))
    ]
    #expect(try writer.commit(batch).settled == 1)
    for back in [UInt64(1), 0] { try writer.saveSnapshot([1], sequence: writer.durableSequence - back, wall: .unknown) }
    let all = RetentionLimits(samplesBefore: WallTime(rawValue: .max), deliveriesBefore: .unknown)
    while try !writer.purge(all, rowsMax: 64).isDone {}
    // Everything that waits can still be told, with what it rests on; so can every refused one.
    for status in try reader.outboxStatus() {
      for lane in OutboxLane.allCases {
        let page = try reader.outboxPage(destination: status.destination, lane: lane, after: 0, limit: 1_000, scope: .everybody)
        #expect(page.items.count == (try reader.outboxPendingCount(destination: status.destination, lane: lane)))
      }
    }
    for alert in try reader.openAlerts() where alert.transition.rule == .sos {
      #expect(try reader.explainAlert(alert.id)?.firstCause != nil)
    }
    #expect(try reader.verifyAccessLog().isIntact)
    #expect(try writer.recover().lastSequence == last + 1)
  }

  /// Each step of each version's way is a place where the power goes.
  @Test(arguments: Released.versions) func killedAtEveryStepItIsTheSame(version: Int) throws {
    var upgrade = SchemaUpgrade(JournalSchema.migrations)
    upgrade.rowsOfStep = 40
    let whole = try Released.journal(version)
    try upgrade.run(on: whole.rawConnection())
    let expected = try whole.rawConnection().read { try $0.everything() }
    var steps = 0
    while true {
      let folder = try Released.journal(version)
      upgrade.stepsMax = steps
      let raw = try folder.rawConnection()
      let isDone = try upgrade.run(on: raw)
      let copy = try folder.copyAsAfterCrash()
      upgrade.stepsMax = nil
      try upgrade.run(on: copy.rawConnection())
      #expect(try copy.rawConnection().read { try $0.everything() } == expected, "version \(version), killed after \(steps) steps")
      try raw.close()
      if isDone { break }
      steps += 1
    }
    #expect(steps >= JournalSchema.version - version)
  }

  /// The released numbers are all there: a version without its file would be a promise that nothing tries.
  @Test func everyReleasedVersionHasItsFile() throws {
    for version in Released.versions { #expect(try Released.text(version).contains("PRAGMA user_version = \(version)")) }
    #expect(Released.versions == Array(1..<JournalSchema.version), "the version before this one is released and has no file")
  }
}
