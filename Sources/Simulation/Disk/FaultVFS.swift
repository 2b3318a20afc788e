// SQLite's door to a `FaultDisk`: a layer over its own Unix files. It is registered as the default, so that product code opens its
// files as ever; files outside every simulated disk go straight through to the layer below.
//
// Shared memory and locks are those of the layer below, because writer and readers are as many connections here as in a hub.

import Foundation
import GRDBSQLite
import Synchronization

/// SQLite's extended codes for what a disk can refuse: macros in C, which Swift does not see.
private enum DiskFailure {
  static let (read, write, sync, truncate) = (code(1), code(3), code(4), code(6))
  static let (fileSize, unlock, delete, checkReservedLock) = (code(7), code(8), code(10), code(14))
  static let (lock, close, sharedLock, sharedMemory) = (code(15), code(16), code(20), code(21))

  private static func code(_ number: Int32) -> Int32 { SQLITE_IOERR | number << 8 }
}

/// The layer. Its C functions run on the thread that calls SQLite.
enum FaultVFS {
  /// A simulated disk and the folder that it holds.
  private static let disks = Mutex<[String: FaultDisk]>([:])

  /// Makes SQLite use the layer for what lies in the disk's folder.
  static func mount(_ disk: FaultDisk) {
    _ = isRegistered
    disks.withLock { $0[disk.root] = disk }
  }

  static func unmount(_ disk: FaultDisk) { disks.withLock { $0[disk.root] = nil } }

  fileprivate static func disk(holding path: String) -> FaultDisk? {
    disks.withLock { disks in
      // At most a few worlds run in one process.
      for (root, disk) in disks where path.hasPrefix(root + "/") { return disk }
      return nil
    }
  }

  /// One open file.
  final class Open {
    let disk: FaultDisk
    let contents: FaultDisk.Contents
    let generation: UInt64
    /// Its name is not durable yet, and its first flush makes it so, as SQLite does for logs and rollback journals.
    var flushesFolder = false

    init(disk: FaultDisk, contents: FaultDisk.Contents) {
      self.disk = disk
      self.contents = contents
      generation = disk.generation
    }

    var isAlive: Bool { !disk.isDead && generation == disk.generation }
  }

  /// SQLite gives memory for this and for the file of the layer below, one after the other.
  fileprivate struct Handle {
    var base: sqlite3_file
    var open: Unmanaged<Open>?
  }

  fileprivate static let handleBytes = (MemoryLayout<Handle>.stride + 15) & ~15

  fileprivate static func below(_ file: UnsafeMutablePointer<sqlite3_file>?) -> UnsafeMutablePointer<sqlite3_file>? {
    file.map { (UnsafeMutableRawPointer($0) + handleBytes).assumingMemoryBound(to: sqlite3_file.self) }
  }

  fileprivate static func open(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Open? {
    file.flatMap { UnsafeMutableRawPointer($0).assumingMemoryBound(to: Handle.self).pointee.open?.takeUnretainedValue() }
  }

  /// Made once and never freed: SQLite keeps the pointers as long as the process lives. Written before SQLite sees it, and not after.
  private static let isRegistered: Bool = {
    guard let unix = sqlite3_vfs_find(nil) else { return false }
    let layer = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    layer.initialize(to: unix.pointee)
    layer.pointee.pNext = nil
    layer.pointee.szOsFile = Int32(handleBytes) + unix.pointee.szOsFile
    layer.pointee.zName = UnsafePointer(strdup("knutepunkt-faults"))
    layer.pointee.pAppData = UnsafeMutableRawPointer(unix)
    layer.pointee.xOpen = { openFile($0, $1, $2, $3, $4) }
    layer.pointee.xDelete = { deleteFile($0, $1, $2) }
    return sqlite3_vfs_register(layer, 1) == SQLITE_OK
  }()

  private static func unix(_ layer: UnsafeMutablePointer<sqlite3_vfs>?) -> UnsafeMutablePointer<sqlite3_vfs>? {
    layer?.pointee.pAppData?.assumingMemoryBound(to: sqlite3_vfs.self)
  }

  private static func openFile(
    _ layer: UnsafeMutablePointer<sqlite3_vfs>?, _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
    _ flagsOut: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    guard let unix = unix(layer), let file else { return SQLITE_CANTOPEN }
    guard let name, let disk = disk(holding: String(cString: name)) else { return unix.pointee.xOpen(unix, name, file, flags, flagsOut) }
    file.pointee.pMethods = nil
    if disk.isDead { return SQLITE_CANTOPEN }
    guard let below = below(file) else { return SQLITE_CANTOPEN }
    let path = String(cString: name)
    let isNew = flags & SQLITE_OPEN_CREATE != 0 && access(path, F_OK) != 0
    let code = unix.pointee.xOpen(unix, name, below, flags, flagsOut)
    guard code == SQLITE_OK else { return code }
    if isNew { disk.made(path) }
    let open = Open(disk: disk, contents: disk.contents(path))
    open.flushesFolder = isNew && flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL) != 0
    UnsafeMutableRawPointer(file).assumingMemoryBound(to: Handle.self).initialize(
      to: Handle(base: sqlite3_file(pMethods: UnsafePointer(FaultFileMethods.table)), open: .passRetained(open)))
    return SQLITE_OK
  }

  private static func deleteFile(
    _ layer: UnsafeMutablePointer<sqlite3_vfs>?, _ name: UnsafePointer<CChar>?, _ syncsFolder: Int32
  ) -> Int32 {
    guard let unix = unix(layer), let name else { return DiskFailure.delete }
    if let disk = disk(holding: String(cString: name)) {
      guard disk.begins() else { return DiskFailure.delete }
      disk.deletes(String(cString: name))
      if syncsFolder != 0 { disk.syncFolder() }
    }
    return unix.pointee.xDelete(unix, name, syncsFolder)
  }
}

/// What SQLite calls on an open file of a simulated disk.
private enum FaultFileMethods {
  /// Written once before SQLite sees it, never freed.
  nonisolated(unsafe) static let table: UnsafeMutablePointer<sqlite3_io_methods> = {
    let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    var methods = sqlite3_io_methods()
    methods.iVersion = 2
    methods.xClose = { close($0) }
    methods.xRead = { file, buffer, count, offset in
      FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xRead($0, buffer, count, offset) } ?? DiskFailure.read
    }
    methods.xWrite = { write($0, $1, Int($2), Int($3)) }
    methods.xTruncate = { truncate($0, Int($1)) }
    methods.xSync = { sync($0, $1) }
    methods.xFileSize = { file, size in FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xFileSize($0, size) } ?? DiskFailure.fileSize
    }
    methods.xLock = { file, kind in FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xLock($0, kind) } ?? DiskFailure.lock }
    methods.xUnlock = { file, kind in FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xUnlock($0, kind) } ?? DiskFailure.unlock }
    methods.xCheckReservedLock = { file, result in
      FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xCheckReservedLock($0, result) } ?? DiskFailure.checkReservedLock
    }
    methods.xFileControl = { file, code, argument in
      FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xFileControl($0, code, argument) } ?? SQLITE_NOTFOUND
    }
    methods.xSectorSize = { file in FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xSectorSize($0) } ?? 4_096 }
    methods.xDeviceCharacteristics = { file in FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xDeviceCharacteristics($0) } ?? 0 }
    methods.xShmMap = { file, page, size, extends, address in
      FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xShmMap($0, page, size, extends, address) } ?? DiskFailure.sharedMemory
    }
    methods.xShmLock = { file, offset, count, flags in
      FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xShmLock($0, offset, count, flags) } ?? DiskFailure.sharedLock
    }
    methods.xShmBarrier = { file in FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xShmBarrier($0) } }
    methods.xShmUnmap = { file, deletes in
      FaultVFS.below(file).map { $0.pointee.pMethods.pointee.xShmUnmap($0, deletes) } ?? DiskFailure.sharedMemory
    }
    table.initialize(to: methods)
    return table
  }()

  private static func close(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Int32 {
    guard let file, let below = FaultVFS.below(file) else { return DiskFailure.close }
    let code = below.pointee.pMethods.pointee.xClose(below)
    let handle = UnsafeMutableRawPointer(file).assumingMemoryBound(to: FaultVFS.Handle.self)
    handle.pointee.open?.release()
    handle.pointee.open = nil
    return code
  }

  private static func write(_ file: UnsafeMutablePointer<sqlite3_file>?, _ buffer: UnsafeRawPointer?, _ count: Int, _ offset: Int) -> Int32
  {
    guard let open = FaultVFS.open(file), let below = FaultVFS.below(file), let buffer, open.isAlive, open.disk.begins() else {
      return DiskFailure.write
    }
    let contents = open.contents
    guard open.disk.hasRoom(for: offset + count - contents.size, in: contents) else { return SQLITE_FULL }
    let known = max(0, min(count, contents.size - offset))
    var old = [UInt8](repeating: 0, count: known)
    if known > 0,
      old.withUnsafeMutableBytes({ below.pointee.pMethods.pointee.xRead(below, $0.baseAddress, Int32(known), Int64(offset)) })
        != SQLITE_OK
    {
      return DiskFailure.write
    }
    let code = below.pointee.pMethods.pointee.xWrite(below, buffer, Int32(count), Int64(offset))
    guard code == SQLITE_OK else { return code }
    let new = [UInt8](UnsafeRawBufferPointer(start: buffer, count: count))
    contents.pending.append(.write(offset: offset, old: old, new: new, sizeBefore: contents.size))
    contents.size = max(contents.size, offset + count)
    return SQLITE_OK
  }

  private static func truncate(_ file: UnsafeMutablePointer<sqlite3_file>?, _ size: Int) -> Int32 {
    guard let open = FaultVFS.open(file), let below = FaultVFS.below(file), open.isAlive, open.disk.begins() else {
      return DiskFailure.truncate
    }
    let contents = open.contents
    var cut = [UInt8](repeating: 0, count: max(0, contents.size - size))
    let known = cut.count
    if known > 0 {
      _ = cut.withUnsafeMutableBytes { below.pointee.pMethods.pointee.xRead(below, $0.baseAddress, Int32(known), Int64(size)) }
    }
    let code = below.pointee.pMethods.pointee.xTruncate(below, Int64(size))
    guard code == SQLITE_OK else { return code }
    contents.pending.append(.truncate(to: size, cut: cut))
    contents.size = size
    return SQLITE_OK
  }

  private static func sync(_ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32) -> Int32 {
    guard let open = FaultVFS.open(file), open.isAlive, open.disk.begins() else { return DiskFailure.sync }
    guard open.disk.sync(open.contents) else { return DiskFailure.sync }
    if open.flushesFolder {
      open.disk.syncFolder()
      open.flushesFolder = false
    }
    return SQLITE_OK
  }
}
