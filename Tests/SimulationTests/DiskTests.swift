// The simulated disk by itself, under the SQLite that the hub uses: what a cut takes, what it leaves, and what it says when it is full.

import Foundation
import GRDBSQLite
import Testing
import VitalSigns

@testable import Simulation

@Suite(.serialized) struct DiskTests {
  /// A database on a disk of its own.
  private final class Bench {
    let disk: FaultDisk
    let path: String
    private var database: OpaquePointer?

    init() throws {
      let memory = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm/" : NSTemporaryDirectory()
      let root = URL(fileURLWithPath: memory + "knutepunkt-disk-\(UUID().uuidString)")
      for name in ["state", "run"] {
        try FileManager.default.createDirectory(at: root.appendingPathComponent(name), withIntermediateDirectories: true)
      }
      let real = root.resolvingSymlinksInPath().path
      disk = FaultDisk(root: real, volatileRoot: real + "/run")
      path = real + "/state/test.sqlite"
      FaultVFS.mount(disk)
      open()
      _ = run("PRAGMA journal_mode = WAL")
      _ = run("CREATE TABLE t (x INTEGER)")
    }

    deinit {
      close()
      FaultVFS.unmount(disk)
      try? FileManager.default.removeItem(atPath: disk.root)
    }

    func open() {
      sqlite3_open(path, &database)
      _ = run("PRAGMA synchronous = FULL")
    }

    func close() {
      sqlite3_close(database)
      database = nil
    }

    func run(_ sql: String) -> Int32 { sqlite3_exec(database, sql, nil, nil, nil) }

    var count: Int32 {
      var statement: OpaquePointer?
      guard sqlite3_prepare_v2(database, "SELECT count(*) FROM t", -1, &statement, nil) == SQLITE_OK else { return -1 }
      defer { sqlite3_finalize(statement) }
      return sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1
    }

    /// The power goes, and comes back.
    func cut(seed: UInt64) {
      disk.die()
      close()
      disk.revive()
      var random = SeededRandom(seed: seed)
      disk.cut(&random)
      open()
    }
  }

  @Test("What was committed outlives every cut", arguments: UInt64(0)..<8) func keeps(seed: UInt64) throws {
    let bench = try Bench()
    var random = SeededRandom(seed: seed)
    var committed: Int32 = 0
    for _ in 0..<12 {
      bench.disk.diesAt = bench.disk.operations + 1 + random.next() % 12
      var last: Int32 = SQLITE_OK
      while last == SQLITE_OK {
        last = bench.run("INSERT INTO t VALUES (1)")
        if last == SQLITE_OK { committed += 1 }
      }
      bench.cut(seed: random.next())
      // The one that was under way may be there or not.
      #expect(bench.count == committed || bench.count == committed + 1)
      committed = bench.count
    }
  }

  @Test("A disk that lies loses what it said it had") func lies() throws {
    var hasLost = false
    for seed in UInt64(0)..<16 where !hasLost {
      let bench = try Bench()
      bench.disk.lies = true
      for _ in 0..<5 { #expect(bench.run("INSERT INTO t VALUES (1)") == SQLITE_OK) }
      bench.cut(seed: seed)
      hasLost = bench.count < 5
    }
    #expect(hasLost)
  }

  @Test("A file that was deleted without a flush of its folder may be there again, and undo what was committed") func names() throws {
    var counts: Set<Int32> = []
    for seed in UInt64(0)..<24 {
      let bench = try Bench()
      #expect(bench.run("PRAGMA journal_mode = DELETE") == SQLITE_OK)
      #expect(bench.run("INSERT INTO t VALUES (1)") == SQLITE_OK)
      bench.cut(seed: seed)
      counts.insert(bench.count)
    }
    #expect(counts == [0, 1])
  }

  @Test("With EXTRA the folder is flushed, and nothing that was committed is undone", arguments: UInt64(0)..<8) func flushedNames(
    seed: UInt64
  ) throws {
    let bench = try Bench()
    #expect(bench.run("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA") == SQLITE_OK)
    #expect(bench.run("INSERT INTO t VALUES (1)") == SQLITE_OK)
    bench.cut(seed: seed)
    #expect(bench.count == 1)
  }

  @Test("A full disk says so, and takes again what fits when it is freed") func full() throws {
    let bench = try Bench()
    bench.disk.fill(leaving: 0)
    #expect(bench.run("INSERT INTO t VALUES (1)") == SQLITE_FULL)
    bench.disk.capacity = .max
    #expect(bench.run("INSERT INTO t VALUES (1)") == SQLITE_OK)
    #expect(bench.count == 1)
  }

  @Test("A flush that fails is no commit") func failingSync() throws {
    let bench = try Bench()
    bench.disk.failingSyncs = 1
    #expect(bench.run("INSERT INTO t VALUES (1)") == SQLITE_IOERR)
    #expect(bench.run("INSERT INTO t VALUES (2)") == SQLITE_OK)
    #expect(bench.count == 1)
  }

  @Test("Files outside of every simulated disk are SQLite's own") func outside() throws {
    let bench = try Bench()
    var other: OpaquePointer?
    let path = NSTemporaryDirectory() + "knutepunkt-outside-\(UUID().uuidString).sqlite"
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(sqlite3_open(path, &other) == SQLITE_OK)
    defer { sqlite3_close(other) }
    let before = bench.disk.operations
    #expect(sqlite3_exec(other, "CREATE TABLE t (x)", nil, nil, nil) == SQLITE_OK)
    #expect(bench.disk.operations == before)
  }
}
