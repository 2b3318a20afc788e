// A full disk: the ballast goes, alarms are written, samples are shed and counted, and all is well again when there is room.
// On a small tmpfs of its own where that may be mounted, else with SQLite's own limit on the file.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A tmpfs of some MiB, unmounted with the value.
private final class SmallDisk {
  let url: URL

  /// Nil where mounting is not permitted.
  init?(mebibytes: Int) throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("disk-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    guard mount("tmpfs", url.path, "tmpfs", 0, "size=\(mebibytes)m") == 0 else {
      try? FileManager.default.removeItem(at: url)
      return nil
    }
  }

  deinit {
    umount2(url.path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(at: url)
  }

  /// Takes all room that is left.
  func fill() throws -> URL {
    let file = url.appendingPathComponent("theirs")
    let descriptor = open(file.path, O_WRONLY | O_CREAT, 0o600)
    defer { close(descriptor) }
    let block = [UInt8](repeating: 1, count: 4_096)
    while write(descriptor, block, block.count) > 0 {}
    return file
  }
}

@Suite struct FullDiskTests {
  @Test func alarmsAreWrittenWhenTheDiskIsFull() throws {
    guard let disk = try SmallDisk(mebibytes: 6) else {
      try limitedFile()
      return
    }
    let folder = JournalFolder(mounted: disk.url.appendingPathComponent("state"))
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    var writer = try folder.writer { $0.ballastBytes = 1 << 20 }
    try writer.setSharing(Sharing.everything)
    var intake = Intake()
    try writer.commit(intake.registration())
    let theirs = try disk.fill()
    let kept = try fillWithSamples(writer, &intake)
    #expect(writer.isShedding)
    #expect(!FileManager.default.fileExists(atPath: folder.path + ".ballast"))
    try alarmsGetThrough(writer, folder, &intake)
    #expect(!writer.upkeep(), "there is no room yet")
    // A restart on the full disk: everything is there, and alarms still get through.
    writer = try reopened(folder, &writer)
    try writer.beginRun(RunRecord(bootID: "b", boottimeNanoseconds: 1, instant: .zero, wall: .unknown, version: "1"))
    #expect(writer.isShedding)
    #expect(try writer.recover().lastSequence == intake.next - 1)
    let alarm = intake.sos()
    var batch = group([alarm])
    batch.append(outcome(alarm, .alert(transition(1_000, .raised, .raised, firstCause: alarm.sequence))))
    #expect(try writer.commit(batch).entriesWritten == 1)
    #expect(try folder.reader().openAlerts().count == 51)
    try FileManager.default.removeItem(at: theirs)
    #expect(writer.upkeep())
    #expect(FileManager.default.fileExists(atPath: folder.path + ".ballast"))
    try recovered(writer, folder, &intake, kept)
  }

  /// The number of alarms that JournalConfiguration promises of the default ballast.
  @Test func theBallastHoldsAsManyAlarmsAsItSays() throws {
    guard let disk = try SmallDisk(mebibytes: 16) else { return try limitedFile() }
    let folder = JournalFolder(mounted: disk.url.appendingPathComponent("state"))
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    let ballastBytes = JournalConfiguration(path: "", controller: "").ballastBytes
    let writer = try folder.writer { $0.ballastBytes = ballastBytes }
    try writer.setSharing(Sharing.everything)
    var intake = Intake()
    try writer.commit(intake.registration())
    _ = try disk.fill()
    _ = try fillWithSamples(writer, &intake)
    var alarms = 0
    do {
      while true {
        let alarm = intake.sos()
        var batch = group([alarm])
        batch.append(outcome(alarm, .alert(transition(UInt64(alarms), .raised, .raised, firstCause: alarm.sequence))))
        try writer.commit(batch)
        alarms += 1
      }
    } catch {
      #expect(error.retry == .whenThereIsRoom)
    }
    #expect(alarms >= JournalConfiguration.alarmsInBallast, "\(alarms)")
    #expect(alarms < 8 * JournalConfiguration.alarmsInBallast, "the number is no longer honest: \(alarms)")
  }

  /// No ballast and no room whatever: an error that says so, nothing half written, and the same group later.
  @Test func nothingFitsAtAll() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    try writer.commit(intake.registration())
    try setPageLimit(writer, extra: 0)
    let before = writer.durableSequence
    var alarms = JournalGroup()
    for number in 0..<2_000 {
      let entry = intake.sos()
      alarms.append(entry)
      alarms.append(outcome(entry, .alert(transition(UInt64(number), .raised, .raised, firstCause: entry.sequence))))
    }
    #expect { try writer.commit(alarms) } throws: { ($0 as? JournalError)?.retry == .whenThereIsRoom }
    #expect(writer.durableSequence == before)
    #expect(try folder.reader().counts().alerts == 0)
    try setPageLimit(writer, extra: 1 << 20)
    #expect(try writer.commit(alarms).entriesWritten == 2_000)
    #expect(try folder.reader().counts().alerts == 2_000)
  }

  /// The same course with SQLite's own limit, where no file system can be mounted; always run, so that it cannot rot.
  @Test func limitedFile() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer { $0.ballastBytes = 1 << 16 }
    try writer.setSharing(Sharing.everything)
    var intake = Intake()
    try writer.commit(intake.registration())
    try setPageLimit(writer, extra: 8)
    let kept = try fillWithSamples(writer, &intake)
    #expect(writer.isShedding)
    // The page limit does not know of the ballast that was given up: give its room by hand.
    try setPageLimit(writer, extra: 16)
    try alarmsGetThrough(writer, folder, &intake)
    try setPageLimit(writer, extra: 1 << 20)
    #expect(writer.upkeep())
    try recovered(writer, folder, &intake, kept)
  }

  private func reopened(_ folder: JournalFolder, _ writer: inout JournalWriter) throws -> JournalWriter {
    // The lock goes with the old writer: move it to another folder's first.
    let parking = try JournalFolder()
    writer = try parking.writer()
    let again = try folder.writer { $0.ballastBytes = 1 << 20 }
    try again.setSharing(Sharing.everything)
    return again
  }

  private func setPageLimit(_ writer: JournalWriter, extra: Int) throws {
    try writer.queue.writeWithoutTransaction { db in
      let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
      _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(pages + extra)")
    }
  }

  /// Commits samples until some are shed; gives the number that was kept.
  private func fillWithSamples(_ writer: JournalWriter, _ intake: inout Intake) throws -> Int {
    var kept = 0
    for _ in 0..<2_000 {
      let report = try writer.commit(group((0..<50).map { _ in intake.spo2(95) }))
      kept += report.entriesWritten
      if report.entriesShed > 0 {
        #expect(report.durableSequence == intake.next - 1)
        return kept
      }
    }
    Issue.record("the disk never filled")
    return kept
  }

  private func alarmsGetThrough(_ writer: JournalWriter, _ folder: JournalFolder, _ intake: inout Intake) throws {
    for number in 0..<50 {
      var batch = JournalGroup()
      batch.append(intake.spo2(94))
      let alarm = intake.sos()
      batch.append(alarm)
      batch.append(outcome(alarm, .alert(transition(UInt64(number), .raised, .raised, firstCause: alarm.sequence))))
      let report = try writer.commit(batch)
      #expect(report.entriesWritten == 1 && report.entriesShed == 1)
    }
    let reader = try folder.reader()
    #expect(try reader.openAlerts().count == 50)
    #expect(try reader.outboxPendingCount(destination: 1, lane: .alarm) == 50)
    let gap = try #require(try reader.counts().gaps.first)
    #expect(gap.reason == .shed && gap.isOpen && gap.entries >= 51)
    #expect(try reader.accessLog().contains { $0.record.action == "shed" })
  }

  private func recovered(_ writer: JournalWriter, _ folder: JournalFolder, _ intake: inout Intake, _ kept: Int) throws {
    let report = try writer.commit(group([intake.spo2(97)]))
    #expect(report.entriesWritten == 1 && report.entriesShed == 0 && report.mode == .everything)
    let reader = try folder.reader()
    let counts = try reader.counts()
    #expect(counts.gaps.count == 1 && counts.gaps.first?.isOpen == false)
    // Nothing is unaccounted for: every sequence is an entry or counted as shed.
    let shed = counts.gaps.first?.entries ?? 0
    #expect(try writer.entries().count + shed == Int(intake.next - 1))
    #expect(counts.observations == kept + 1)
    #expect(try reader.accessLog().contains { $0.record.action == "shedEnded" })
    #expect(try reader.verifyAccessLog().isIntact)
    #expect(try writer.recover().lastSequence == intake.next - 1)
  }
}

@Suite struct SheddingTests {
  @Test func theMarkOfWhatWasShedIsNotKept() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    var batch = JournalGroup()
    batch.append(intake.spo2(95), mark: DeliveryMark(link: 1, message: 1, hash: 11))
    batch.append(intake.sos(), mark: DeliveryMark(link: 1, message: 2, hash: 22))
    #expect(try writer.commit(batch, mode: .withoutRoutineSamples).entriesShed == 1)
    #expect(try writer.recover().deliveryMarks == [DeliveryMark(link: 1, message: 2, hash: 22)])
  }

  @Test func whatAPersonEnteredIsNeverShed() throws {
    let folder = try JournalFolder()
    let writer = try folder.writer()
    var intake = Intake()
    let entered = intake.entry(
      .observation(Observation(code: .consciousness, value: Quantity(mantissa: 1), unit: .one, origin: .staff)), device: .none)
    let dose = intake.entry(.event(DeviceEvent(kind: .doseTaken)))
    var batch = group([entered, dose, intake.spo2(95), intake.entry(.event(DeviceEvent(kind: .heartbeat)))])
    let scored = intake.spo2(88)
    batch.append(scored)
    batch.append(outcome(scored, .scored(score(6))))
    let report = try writer.commit(batch, mode: .withoutRoutineSamples)
    #expect(report.entriesShed == 2)
    #expect(try writer.entries().map(\.sequence) == [1, 2, 5])
    var more = JournalGroup()
    let next = intake.spo2(80)
    more.append(next)
    more.append(outcome(next, .scored(score(9))))
    let second = try writer.commit(more, mode: .alarmsOnly)
    #expect(second.entriesShed == 1)
    #expect(try folder.reader().counts().scores == 1)
    // The shed sequence is not given again after a restart.
    #expect(try writer.recover().lastSequence == 6)
  }
}
