// A disk that fails as disks do: what was not flushed is lost, kept, torn at sectors or written in another order when the power goes;
// flushes fail or lie; it becomes full. The files themselves are real and lie in one folder, so that everything that looks at them by
// their names works as on any disk; this class knows beside them what of their bytes would survive.
//
// Vocabulary: *pending* is what was written and not flushed. A *cut* is the loss of power. A *death* is the moment from which nothing
// that the process does reaches the disk any more: it was killed, or the power went.
//
// Not here: SQLite's calls (FaultVFS.swift), and when something fails (the plan).

import Foundation
import GRDBSQLite
import JournalFiles
import Synchronization
import VitalSigns

/// One simulated disk.
///
/// @unchecked Sendable: it belongs to the thread of its world; SQLite calls come on that thread, because they all block it.
final class FaultDisk: @unchecked Sendable {
  /// What tears: the unit that a disk writes whole. Bytes.
  static let sectorBytes = 512

  /// One change that is not flushed.
  enum Change {
    /// `old`: what stood there before, as far as the file reached.
    case write(offset: Int, old: [UInt8], new: [UInt8], sizeBefore: Int)
    case truncate(to: Int, cut: [UInt8])
  }

  /// A file by its name, whoever has it open.
  final class Contents {
    let path: String
    var pending: [Change] = []
    var size: Int

    init(path: String, size: Int) {
      self.path = path
      self.size = size
    }
  }

  /// What a crash leaves of one file's pending changes.
  enum Leftover: CaseIterable { case nothing, everything, someSectors, someChanges }

  let root: String
  /// Everything below it lies in memory, and is gone with the power.
  let volatileRoot: String
  private var files: [String: Contents] = [:]
  /// Rises with each death: whoever opened a file before it has a handle of the dead.
  private(set) var generation: UInt64 = 0
  private(set) var isDead = false
  /// Changes and flushes so far: the points at which a death can come.
  private(set) var operations: UInt64 = 0
  private var namesAtDeath: Set<String> = []
  /// What the folders would forget.
  private var folders = FolderChanges()
  /// The number of the operation that is not carried out any more, nor any after it; nil: none.
  var diesAt: UInt64?
  /// So many of the next flushes fail.
  var failingSyncs = 0
  /// Flushes do nothing and say that they did.
  var lies = false
  /// Likewise, and nobody knows: a hub that does not flush.
  var skipsFlushes = false
  /// A flush has lied and none has been honest since: nothing that is pending may be relied on.
  private(set) var hasLied = false
  /// Bytes that all files together may take.
  var capacity = Int.max

  init(root: String, volatileRoot: String) {
    self.root = root
    self.volatileRoot = volatileRoot
  }

  // MARK: As SQLite sees it

  func contents(_ path: String) -> Contents {
    if let known = files[path] { return known }
    let made = Contents(path: path, size: Self.size(of: path))
    files[path] = made
    return made
  }

  /// One more operation. False: the process is dead, and it is not carried out.
  func begins() -> Bool {
    if isDead { return false }
    operations += 1
    if let diesAt, operations >= diesAt {
      die()
      return false
    }
    return true
  }

  /// Nothing reaches the disk any more.
  func die() {
    isDead = true
    diesAt = nil
    generation += 1
    namesAtDeath = names
  }

  /// Whether `bytes` more fit. What lies in memory has another limit than the disk.
  func hasRoom(for bytes: Int, in contents: Contents) -> Bool { bytes <= 0 || isVolatile(contents.path) || freeBytes >= bytes }

  var freeBytes: Int {
    if capacity == .max { return .max }
    return max(0, capacity - used)
  }

  /// The disk becomes full: this much is left.
  func fill(leaving bytes: Int) {
    capacity = used + bytes
  }

  /// By the files themselves, whoever has them open. Shared memory is not on the disk.
  private var used: Int {
    names.reduce(0) { $1.hasSuffix("-shm") ? $0 : $0 + Self.size(of: root + "/state/" + $1) }
  }

  private func isVolatile(_ path: String) -> Bool { path.hasPrefix(volatileRoot + "/") }

  /// A flush of one file. False: it failed.
  func sync(_ contents: Contents) -> Bool {
    if failingSyncs > 0 {
      failingSyncs -= 1
      return false
    }
    if skipsFlushes { return true }
    if lies {
      hasLied = true
      return true
    }
    contents.pending.removeAll(keepingCapacity: true)
    if hasLied, files.values.allSatisfy(\.pending.isEmpty) { hasLied = false }
    return true
  }

  func forget(_ path: String) { files[path] = nil }

  // MARK: Names

  /// SQLite made a file.
  func made(_ path: String) { if !isVolatile(path) { folders.made(path) } }

  /// SQLite is about to delete a file.
  func deletes(_ path: String) {
    if !isVolatile(path) { folders.deletes(path, FileManager.default.contents(atPath: path) ?? Data()) }
    forget(path)
  }

  /// A flush of the folder: its names are durable.
  func syncFolder() {
    if lies { hasLied = true } else if !skipsFlushes { folders.flushed() }
  }

  /// What was deleted past SQLite is no file any more.
  func forgetWhatIsGone() { files = files.filter { FileManager.default.fileExists(atPath: $0.key) } }

  // MARK: As the world sees it

  /// The process is gone and starts again; what was written is still in the machine's memory.
  func revive() {
    isDead = false
    // What the dead made without SQLite is not there: it was dead.
    for name in names.subtracting(namesAtDeath) { try? FileManager.default.removeItem(atPath: root + "/state/" + name) }
  }

  private var names: Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: root + "/state")) ?? []) }

  /// The power goes. To be called when nothing has the files open any more.
  func cut(_ random: inout SeededRandom) {
    for path in files.keys.sorted() {
      guard let contents = files[path] else { continue }
      if !isVolatile(path), !contents.pending.isEmpty { leave(contents, &random) }
    }
    files = [:]
    folders.cut(&random)
    hasLied = false
    try? FileManager.default.removeItem(atPath: volatileRoot)
    try? FileManager.default.createDirectory(atPath: volatileRoot, withIntermediateDirectories: true)
  }

  /// What lies in memory is gone. To be called when nothing has it open.
  func loseVolatile() {
    for path in files.keys where isVolatile(path) { files[path] = nil }
    try? FileManager.default.removeItem(atPath: volatileRoot)
    try? FileManager.default.createDirectory(atPath: volatileRoot, withIntermediateDirectories: true)
  }

  /// Somebody else works on the journal, or another file beside it, while no hub has it open. True: all of it was done.
  @discardableResult func run(_ sql: String, on path: String? = nil) -> Bool {
    var database: OpaquePointer?
    defer { sqlite3_close(database) }
    guard sqlite3_open(path ?? root + "/state/journal.sqlite", &database) == SQLITE_OK else { return false }
    return sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK
  }

  /// What stands in a file and beside it is as if it had stood there for long: nothing of it can be lost any more.
  func settle(_ path: String) {
    for suffix in ["", "-wal", "-shm", "-journal"] { forget(path + suffix) }
    folders.flushed()
  }

  /// Likewise takes a file away, with those beside it.
  func remove(_ name: String) {
    for suffix in ["", "-wal", "-shm"] {
      forget(root + "/state/" + name + suffix)
      try? FileManager.default.removeItem(atPath: root + "/state/" + name + suffix)
    }
  }

  private func leave(_ contents: Contents, _ random: inout SeededRandom) {
    guard let data = FileManager.default.contents(atPath: contents.path) else { return }
    var bytes = [UInt8](data)
    for change in contents.pending.reversed() { Self.undo(change, &bytes) }
    let leftover = Leftover.allCases.randomElement(using: &random) ?? .nothing
    for change in contents.pending {
      switch leftover {
      case .nothing: break
      case .everything: Self.redo(change, &bytes)
      case .someChanges: if random.next() & 1 == 0 { Self.redo(change, &bytes) }
      case .someSectors: Self.redoSectors(change, &bytes, &random)
      }
    }
    // In place: the name, the mode and whoever looks at the folder stay as they are.
    guard let handle = FileHandle(forWritingAtPath: contents.path) else { return }
    defer { try? handle.close() }
    try? handle.truncate(atOffset: 0)
    try? handle.seek(toOffset: 0)
    try? handle.write(contentsOf: Data(bytes))
  }

  private static func undo(_ change: Change, _ bytes: inout [UInt8]) {
    switch change {
    case .write(let offset, let old, _, let sizeBefore):
      resize(&bytes, sizeBefore)
      put(old, at: offset, &bytes)
    case .truncate(_, let cut): bytes += cut
    }
  }

  private static func redo(_ change: Change, _ bytes: inout [UInt8]) {
    switch change {
    case .write(let offset, _, let new, _): put(new, at: offset, &bytes)
    case .truncate(let size, _): resize(&bytes, size)
    }
  }

  private static func redoSectors(_ change: Change, _ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard case .write(let offset, _, let new, _) = change else {
      if random.next() & 1 == 0 { redo(change, &bytes) }
      return
    }
    var start = 0
    while start < new.count {
      // Sectors are those of the disk, not of the write.
      let end = min(new.count, start + sectorBytes - (offset + start) % sectorBytes)
      if random.next() & 1 == 0 { put(Array(new[start..<end]), at: offset + start, &bytes) }
      start = end
    }
  }

  private static func put(_ piece: [UInt8], at offset: Int, _ bytes: inout [UInt8]) {
    if piece.isEmpty { return }
    if bytes.count < offset + piece.count { resize(&bytes, offset + piece.count) }
    bytes.replaceSubrange(offset..<(offset + piece.count), with: piece)
  }

  private static func resize(_ bytes: inout [UInt8], _ size: Int) {
    if bytes.count > size {
      bytes.removeLast(bytes.count - size)
    } else {
      bytes += [UInt8](repeating: 0, count: size - bytes.count)
    }
  }

  private static func size(of path: String) -> Int { FileIdentity(path: path).map { Int($0.bytes) } ?? 0 }
}
