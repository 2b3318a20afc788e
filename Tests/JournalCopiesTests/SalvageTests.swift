// Salvage of journals with damaged pages: what is read is what was there, what is lost is said, the damaged file stays as it is.

import Foundation
import GRDB
import Journal
import JournalValues
import Testing
import VitalSigns

@testable import JournalCopies

/// The same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite("Salvage")
struct SalvageTests {
  private static let pageBytes = 4_096
  private static let values: UInt64 = 2_400

  /// A journal at rest, with an open alert and some 60 pages of values.
  private static func filled() throws -> (folder: CopiesFolder, alert: AlertID) {
    let folder = try CopiesFolder()
    let writer = try folder.writer()
    let alert = try folder.fill(writer, values: values)
    writer.checkpointIfIdle()
    return (folder, alert)
  }

  private static func damage(_ folder: CopiesFolder, pages: [Int], _ random: inout SeededGenerator) throws {
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder.journal)))
    for page in pages {
      for place in ((page - 1) * pageBytes)..<(page * pageBytes) { bytes[place] = UInt8.random(in: 0...255, using: &random) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: folder.path("damaged.sqlite")))
  }

  private static func salvage(_ folder: CopiesFolder, from name: String = "damaged.sqlite") throws(BackupError) -> SalvageReport {
    try JournalSalvage(old: folder.path(name), new: folder.path("new.sqlite"), controller: CopiesFolder.controller).run(CopiesFolder.act())
  }

  private static func observations(_ path: String) throws -> [Int64: Int64] {
    let queue = try DatabaseQueue(path: path)
    return try queue.read { db in
      Dictionary(
        uniqueKeysWithValues: try Row.fetchAll(db, sql: "SELECT sequence, mantissa FROM observation").map {
          ($0[0] as Int64, $0[1] as Int64)
        })
    }
  }

  /// How many entries a start reads: each must have its content.
  private static func replayed(_ path: String) throws -> Int {
    let writer = try JournalWriter(JournalConfiguration(path: path, controller: CopiesFolder.controller, ballastBytes: 0))
    _ = try writer.recover()
    var count = 0
    try writer.replay(after: 0) { _ in count += 1 }
    return count
  }

  /// The pages of a table, its root first.
  private static func pages(of table: String, _ folder: CopiesFolder) throws -> [Int] {
    let queue = try DatabaseQueue(path: folder.journal)
    let root = try queue.read { try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = ?", arguments: [table]) }
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder.journal)))
    let start = (try #require(root) - 1) * pageBytes
    guard bytes[start] == 5 else { return [start / pageBytes + 1] }
    func number(_ place: Int, _ count: Int) -> Int { bytes[place..<place + count].reduce(0) { $0 << 8 | Int($1) } }
    return [start / pageBytes + 1]
      + (0..<number(start + 3, 2)).map { number(start + number(start + 12 + 2 * $0, 2), 4) } + [number(start + 8, 4)]
  }

  @Test("Of a sound journal nothing is missing, and it is the same hub with its alert")
  func sound() throws {
    let (folder, alert) = try Self.filled()
    let report = try Self.salvage(folder, from: "journal.sqlite")
    #expect(report.isWhole && report.isSameHub && report.generation == 2 && report.alertsRebuilt == 0, "\(report)")
    #expect(try Self.observations(folder.path("new.sqlite")) == Self.observations(folder.journal))
    let reader = try JournalReader(path: folder.path("new.sqlite"))
    #expect(try reader.openAlerts().map(\.id) == [alert] && reader.verifyAccessLog().isIntact)
    #expect(try folder.names.filter { $0.contains("salvage") }.isEmpty)
  }

  @Test("The rows of damaged leaves are lost, and no others", arguments: [[1], [2, 4], [1, 2, 5, 9], [3, 4, 5, 6]])
  func leaves(numbers: [Int]) throws {
    let (folder, _) = try Self.filled()
    let pages = try Self.pages(of: "observation", folder)
    try #require(pages.count > 10)
    var random = SeededGenerator(state: 7)
    try Self.damage(folder, pages: numbers.map { pages[$0] }, &random)
    let report = try Self.salvage(folder)
    let table = try #require(report.tables.first { $0.name == "observation" })
    let (all, saved) = (try Self.observations(folder.journal), try Self.observations(folder.path("new.sqlite")))
    #expect(saved.allSatisfy { all[$0.key] == $0.value })
    let perPage = all.count / (pages.count - 1)
    let lost = all.count - saved.count
    #expect(lost > 0 && lost <= (perPage + 60) * numbers.count, "\(lost) of \(all.count), \(perPage) on a page")
    // Each row that is missing stands in a stretch that is named.
    for sequence in all.keys where saved[sequence] == nil {
      #expect(table.lost.contains { $0.first <= sequence && sequence <= $0.last }, "\(sequence)")
    }
    #expect(!table.isWhole && report.tables.filter { !$0.isWhole }.count == 1)
    #expect(report.entriesLeftOut == lost)
    #expect(try Self.replayed(folder.path("new.sqlite")) == saved.count + 2)
  }

  @Test("An alert whose row is lost is made again from its transitions; lost entries are gaps")
  func derived() throws {
    let (folder, alert) = try Self.filled()
    var random = SeededGenerator(state: 11)
    let entries = try Self.pages(of: "entry", folder)
    try Self.damage(folder, pages: try Self.pages(of: "alert", folder).prefix(1) + [entries[3]], &random)
    let report = try Self.salvage(folder)
    #expect(report.alertsRebuilt == 1)
    let reader = try JournalReader(path: folder.path("new.sqlite"))
    let open = try reader.openAlerts()
    #expect(open.map(\.id) == [alert] && open.first?.patient == CopiesFolder.kari && open.first?.transition.state == .raised)
    let gaps = try reader.counts().gaps.filter { $0.reason == .salvaged && $0.last < 1 << 40 }
    #expect(!gaps.isEmpty && gaps.allSatisfy { $0.last <= Self.values + 2 }, "\(gaps)")
  }

  @Test("Whatever pages are damaged: it ends, says what it did, and gives a sound file or none", arguments: 0..<8 as Range<UInt64>)
  func anything(seed: UInt64) throws {
    let (folder, _) = try Self.filled()
    var random = SeededGenerator(state: seed)
    let count = Int((FileOnDisk.bytes(folder.journal) ?? 0) / Int64(Self.pageBytes))
    let pages = (0..<Int.random(in: 1...6, using: &random)).map { _ in Int.random(in: 1...count, using: &random) }
    try Self.damage(folder, pages: pages, &random)
    let before = try Data(contentsOf: URL(fileURLWithPath: folder.path("damaged.sqlite")))
    let all = try Self.observations(folder.journal)
    do {
      _ = try Self.salvage(folder)
      let queue = try DatabaseQueue(path: folder.path("new.sqlite"))
      #expect(try queue.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"], "seed \(seed), pages \(pages)")
      // No page holds what a random one can be taken for.
      #expect(try Self.observations(folder.path("new.sqlite")).allSatisfy { all[$0.key] == $0.value }, "seed \(seed), pages \(pages)")
      _ = try Self.replayed(folder.path("new.sqlite"))
    } catch let error as BackupError {
      #expect(try !folder.names.contains("new.sqlite"), "seed \(seed): \(error)")
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path("damaged.sqlite"))) == before)
  }
}

@Suite("Salvage beside a hub that works on")
struct SalvageRoomTests {
  /// What a disk says of its room, question by question; the last answer stays.
  private final class Disk {
    var answers: [Int64?]
    private(set) var asked = 0
    init(_ answers: [Int64?]) { self.answers = answers }
    func free() -> Int64? {
      asked += 1
      return answers.count > 1 ? answers.removeFirst() : answers[0]
    }
  }

  private static func run(_ folder: CopiesFolder, _ disk: Disk, keepsFree: Int64 = 1 << 20) throws(BackupError) -> SalvageReport {
    try JournalSalvage(
      old: folder.journal, new: folder.path("new.sqlite"), controller: CopiesFolder.controller, keepsFree: keepsFree,
      freeBytes: { _ in disk.free() }
    ).run(CopiesFolder.act())
  }

  private static func filled() throws -> CopiesFolder {
    let folder = try CopiesFolder()
    let writer = try folder.writer()
    _ = try folder.fill(writer, values: 50)
    writer.checkpointIfIdle()
    return folder
  }

  @Test("It ends before the hub lacks room, at whatever table that is, and leaves nothing", arguments: [0, 1, 7, 15])
  func endsInTheMiddle(tables: Int) throws {
    let folder = try Self.filled()
    let before = try folder.names
    let disk = Disk(Array(repeating: 1 << 20, count: tables) + [1 << 20 - 1])
    #expect {
      _ = try Self.run(folder, disk)
    } throws: { error in
      guard case BackupError.cannotWrite(_, let detail) = error else { return false }
      return detail.contains("left to the hub")
    }
    #expect(disk.asked == tables + 1)
    #expect(try folder.names == before)
  }

  @Test("Room that is just enough, a disk that cannot tell, and nobody beside it", arguments: [0, 1, 2])
  func goesOn(which: Int) throws {
    let folder = try Self.filled()
    let disk = Disk([which == 0 ? 1 << 20 : which == 1 ? nil : 0])
    #expect(try Self.run(folder, disk, keepsFree: which == 2 ? 0 : 1 << 20).isWhole)
  }
}
