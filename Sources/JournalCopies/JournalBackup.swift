// A copy of the journal while the hub runs. SQLite writes it (VACUUM INTO) through a connection that can only read: one moment of the
// journal, no lock that the writer waits for. Only for as long as that takes, some seconds a gigabyte, the write-ahead log cannot be
// cut; so the copy is made on the disk first, and a slow pipe or network is fed from there. The copy has no name while it is sent: a
// process that is killed leaves nothing behind.
//
// Whole copies only. An incremental one would need to know which pages changed since, which SQLite does not keep, or a second log of
// every row; and a chain of which one link is lost restores nothing.

internal import Foundation
internal import GRDB
internal import Journal
internal import JournalFiles
internal import JournalValues
package import VitalSigns

/// How far a backup is.
package enum BackupProgress: Sendable, Hashable {
  /// SQLite copies; bytes of the journal.
  case copying(bytes: Int64)
  /// Bytes of the copy that were sent, of how many.
  case sending(bytes: Int64, of: Int64)
}

/// Takes backups of one journal.
package struct JournalBackup {
  package let journal: String
  /// Folder for the copy, on a disk of this machine; mode 0700 or closer.
  package let workFolder: String
  /// Room that must stay free beside the copy, bytes: a hub without room sheds routine values.
  package static let roomKept: Int64 = 64 << 20
  private static let partPrefix = "backup-"
  private static let partSuffix = ".part"

  package init(journal: String, workFolder: String) {
    self.journal = journal
    self.workFolder = workFolder
  }

  /// Copies the journal and writes it to `sink`, encrypted to `recipients`, or as it is when there are none.
  ///
  /// Blocks for as long as it takes. Memory does not grow with the journal.
  /// - Returns: what the copy holds. It counts only when `sink` has everything durable, which is the caller's.
  package func write(
    to recipients: [AgeRecipient], program: String, now: WallTime, sink: @escaping ([UInt8]) throws -> Void,
    progress: (BackupProgress) -> Void = { _ in }
  ) throws(BackupError) -> BackupManifest {
    let bytes = try checkRoom()
    progress(.copying(bytes: bytes))
    let part = "\(workFolder)/\(Self.partPrefix)\(getpid())\(Self.partSuffix)"
    removeLeftovers()
    unlink(part)
    defer { unlink(part) }
    let manifest = try copy(to: part, program: program, now: now)
    let copy = try FileStream(path: part)
    let total = FileOnDisk.bytes(part) ?? 0
    // From here on it is gone with this process.
    unlink(part)
    do {
      if recipients.isEmpty {
        try Self.archive(copy, total, manifest, sink, progress)
      } else {
        let encryptor = try AgeEncryptor(to: recipients, sink: sink)
        try Self.archive(copy, total, manifest, { try encryptor.write($0) }, progress)
        try encryptor.finish()
      }
    } catch {
      throw (error as? BackupError) ?? .cannotWrite(path: "the backup", detail: "\(error)")
    }
    return manifest
  }

  private static func archive(
    _ copy: FileStream, _ total: Int64, _ manifest: BackupManifest, _ sink: @escaping ([UInt8]) throws -> Void,
    _ progress: (BackupProgress) -> Void
  ) throws {
    var tar = TarWriter(seconds: manifest.takenAtMilliseconds / 1_000, sink: sink)
    try tar.add(BackupManifest.journalName, bytes: total) { piece in
      while true {
        let bytes = try copy.read(64 << 10)
        if bytes.isEmpty { break }
        try piece(bytes)
        progress(.sending(bytes: copy.bytesRead, of: total))
      }
    }
    try tar.add(BackupManifest.memberName, try manifest.encoded)
    try tar.finish()
  }

  // MARK: Parts

  private func checkRoom() throws(BackupError) -> Int64 {
    guard let bytes = FileOnDisk.bytes(journal) else {
      throw .cannotRead(path: journal, detail: "it does not exist, or may not be seen by this user")
    }
    let needed = bytes + (FileOnDisk.bytes(journal + "-wal") ?? 0)
    if let free = FileOnDisk.freeBytes(workFolder), free < needed + Self.roomKept {
      throw .noRoom(path: workFolder, needed: needed + Self.roomKept, free: free)
    }
    return needed
  }

  private func copy(to part: String, program: String, now: WallTime) throws(BackupError) -> BackupManifest {
    // SQLite would make the file readable for whoever the umask lets.
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotWrite(path: part, detail: String(cString: strerror(errno)).lowercased()) }
    close(descriptor)
    do {
      let source = try JournalFileReading.open(journal)
      let flush = SteadyFlush(path: part)
      defer { flush.end() }
      try source.unsafeRead { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
      try source.close()
      let made = try JournalFileReading.open(part)
      let manifest = try made.read { try BackupManifest.of($0, program: program, taken: now) }
      try made.close()
      return manifest
    } catch {
      throw .journal(JournalError(error))
    }
  }

  /// Of processes that were killed while SQLite copied.
  private func removeLeftovers() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: workFolder)) ?? [] {
      guard name.hasPrefix(Self.partPrefix), name.hasSuffix(Self.partSuffix),
        let process = Int32(name.dropFirst(Self.partPrefix.count).dropLast(Self.partSuffix.count)), kill(process, 0) != 0, errno == ESRCH
      else { continue }
      unlink("\(workFolder)/\(name)")
    }
  }
}

/// Opens a journal, or a copy of one, for reading, whatever version of the tables it has.
enum JournalFileReading {
  /// How long a statement waits for a lock, seconds: a reader only meets one that recovers the log.
  private static let busySeconds = 5.0

  /// - Parameter isAtRest: nobody writes it, and there is no log: nothing is made beside it.
  static func open(_ path: String) throws -> DatabaseQueue {
    var options = Configuration()
    options.label = "journal-copy"
    options.readonly = true
    options.foreignKeysEnabled = false
    options.busyMode = .timeout(busySeconds)
    let queue = try DatabaseQueue(path: path, configuration: options)
    try queue.read { db in
      let id = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
      guard id == JournalFormat.applicationID else { throw JournalError.foreignFile(applicationID: id) }
      let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
      guard version <= JournalFormat.version else { throw JournalError.newerVersion(found: version, supported: JournalFormat.version) }
    }
    return queue
  }
}
