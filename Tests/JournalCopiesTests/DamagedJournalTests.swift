// The exchange of a damaged journal for what could be read of it: when it is made, when it is not, and what a cut at each point leaves.

import Foundation
import Journal
import JournalFiles
import Testing
import VitalSigns

@testable import JournalCopies

@Suite("The exchange of a damaged journal") struct DamagedJournalTests {
  private static func damaged(_ folder: CopiesFolder) -> DamagedJournal {
    DamagedJournal(journal: folder.journal, controller: CopiesFolder.controller)
  }

  /// A journal at rest. It is sound: what the exchange does with it does not depend on how much could be read.
  private static func filled() throws -> (folder: CopiesFolder, bytes: Data) {
    let folder = try CopiesFolder()
    do {
      let writer = try folder.writer()
      _ = try folder.fill(writer, values: 50)
      writer.checkpointIfIdle()
    }
    return (folder, try contents(folder.journal))
  }

  private static func contents(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
  private static func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
  private static func kept(_ folder: CopiesFolder) -> [String] {
    let parent = (folder.journal as NSString).deletingLastPathComponent
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    return names.filter { $0.hasPrefix("damaged-") }.map { "\(parent)/\($0)" }
  }

  @Test("The fresh one takes the place, the damaged one is kept") func replaced() throws {
    let (folder, bytes) = try Self.filled()
    guard case .replaced(let report, let kept) = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 1 }) else {
      Issue.record("not replaced")
      return
    }
    #expect(report.knowsEverybody && report.lastEntry > 50 && !report.journalID.isEmpty)
    #expect(try Self.contents(kept + "/" + (folder.journal as NSString).lastPathComponent) == bytes)
    #expect(!Self.isThere(folder.journal + ".salvaged") && !Self.isThere(folder.journal + ".exchange"))
    let writer = try folder.writer()
    #expect(try writer.recover().lastSequence >= report.lastEntry)
  }

  /// The end of the log is lost, which nothing in the file shows; a copy of the registry knows of more.
  @Test("One that ends too early is left beside") func tooShort() throws {
    let (folder, bytes) = try Self.filled()
    guard case .leftBeside = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 1_000_000 }) else {
      Issue.record("not left beside")
      return
    }
    #expect(try Self.contents(folder.journal) == bytes)
    let fresh = try Self.contents(folder.journal + ".salvaged")
    // The next run leaves it as it is.
    guard case .alreadyBeside = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 0 }) else {
      Issue.record("it was made again")
      return
    }
    #expect(try Self.contents(folder.journal + ".salvaged") == fresh)
    #expect(!Self.damaged(folder).finishCutOff(), "no exchange had begun")
    #expect(try Self.contents(folder.journal) == bytes)
  }

  @Test("A journal that is damaged again within a day is nobody's to exchange") func again() throws {
    let (folder, _) = try Self.filled()
    _ = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 0 })
    let second = try Self.contents(folder.journal)
    guard case .again(let first) = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 0 }) else {
      Issue.record("exchanged a second time")
      return
    }
    #expect([first] == Self.kept(folder))
    #expect(try Self.contents(folder.journal) == second)
  }

  /// Where the exchange was cut: files that were moved already, of the log, its index and the database.
  @Test("A start finishes what was cut off", arguments: [[], ["-wal"], ["-wal", "-shm"], ["-wal", "-shm", ""]] as [[String]])
  func cutOff(moved: [String]) throws {
    let (folder, bytes) = try Self.filled()
    let (fresh, target) = (Data("fresh".utf8), folder.path("damaged-1"))
    try Data("log".utf8).write(to: URL(fileURLWithPath: folder.journal + "-wal"))
    try Data("index".utf8).write(to: URL(fileURLWithPath: folder.journal + "-shm"))
    try fresh.write(to: URL(fileURLWithPath: folder.journal + ".salvaged"))
    let number = try #require(try FileManager.default.attributesOfItem(atPath: folder.journal)[.systemFileNumber] as? UInt64)
    try Data("\(number)\n\(target)".utf8).write(to: URL(fileURLWithPath: folder.journal + ".exchange"))
    if !moved.isEmpty { try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false) }
    let name = (folder.journal as NSString).lastPathComponent
    for suffix in moved { try FileManager.default.moveItem(atPath: folder.journal + suffix, toPath: "\(target)/\(name)\(suffix)") }
    #expect(Self.damaged(folder).finishCutOff())
    #expect(try Self.contents(folder.journal) == fresh)
    #expect(try Self.contents("\(target)/\(name)") == bytes)
    #expect(try Self.contents("\(target)/\(name)-wal") == Data("log".utf8))
    for left in ["-wal", "-shm", ".salvaged", ".exchange"] { #expect(!Self.isThere(folder.journal + left), "\(left)") }
    #expect(!Self.damaged(folder).finishCutOff())
  }

  /// Cut before anybody knew what is missing of it, with the marker or without.
  @Test("What nobody has looked at yet is read once more", arguments: [false, true])
  func unjudged(isMarked: Bool) throws {
    let (folder, bytes) = try Self.filled()
    try Data("half".utf8).write(to: URL(fileURLWithPath: folder.journal + ".salvaging"))
    let number = try #require(try FileManager.default.attributesOfItem(atPath: folder.journal)[.systemFileNumber] as? UInt64)
    if isMarked { try Data("\(number)\n\(folder.path("damaged-1"))".utf8).write(to: URL(fileURLWithPath: folder.journal + ".exchange")) }
    #expect(!Self.damaged(folder).finishCutOff())
    #expect(try Self.contents(folder.journal) == bytes && !Self.isThere(folder.journal + ".exchange"))
    guard case .replaced(_, let kept) = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 1 }) else {
      Issue.record("not replaced")
      return
    }
    #expect(try Self.contents(kept + "/" + (folder.journal as NSString).lastPathComponent) == bytes)
    #expect(!Self.isThere(folder.journal + ".salvaging"))
  }

  @Test("A folder that a failed exchange left is no exchange")
  func emptyFolder() throws {
    let (folder, _) = try Self.filled()
    try FileManager.default.createDirectory(atPath: folder.path("damaged-20270101T000000Z"), withIntermediateDirectories: false)
    guard case .replaced = try Self.damaged(folder).replace(CopiesFolder.act(), known: { _ in 1 }) else {
      Issue.record("not replaced")
      return
    }
  }

  @Test("Another journal that somebody put there meanwhile stays") func anothers() throws {
    let (folder, bytes) = try Self.filled()
    try Data("fresh".utf8).write(to: URL(fileURLWithPath: folder.journal + ".salvaged"))
    try Data("1\n\(folder.path("damaged-1"))".utf8).write(to: URL(fileURLWithPath: folder.journal + ".exchange"))
    #expect(!Self.damaged(folder).finishCutOff())
    #expect(try Self.contents(folder.journal) == bytes)
    #expect(Self.isThere(folder.journal + ".salvaged") && !Self.isThere(folder.journal + ".exchange"))
  }
}

@Suite("The mark of what was flushed") struct DurableMarkTests {
  @Test("It tells of its own journal only, and of nothing that is no mark") func readBack() throws {
    let folder = try CopiesFolder()
    let path = (folder.journal as NSString).deletingLastPathComponent
    #expect(DurableMark.sequence(in: path, of: "a") == nil)
    do {
      let mark = try #require(DurableMark(folder: path, journalID: "a"))
      mark.note(7)
      mark.note(.max)
      mark.note(8)
    }
    #expect(DurableMark.sequence(in: path, of: "a") == 8)
    #expect(DurableMark.sequence(in: path, of: "b") == nil && DurableMark.sequence(in: path, of: "") == nil)
    for torn in ["", "a", "a 12 13", "a x", "a 99999999999999999999999"] {
      try Data(torn.utf8).write(to: URL(fileURLWithPath: path + "/journal.mark"))
      #expect(DurableMark.sequence(in: path, of: "a") == nil, "\(torn)")
    }
    try FileManager.default.removeItem(atPath: path + "/journal.mark")
    try FileManager.default.createSymbolicLink(atPath: path + "/journal.mark", withDestinationPath: folder.journal)
    #expect(DurableMark(folder: path, journalID: "a") == nil, "a link leads elsewhere")
    #expect(DurableMark(folder: path + "/nowhere", journalID: "a") == nil)
  }
}
