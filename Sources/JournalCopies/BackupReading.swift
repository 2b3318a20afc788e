// A backup back from its stream: decrypted, unpacked and its digests proven. What is unpacked counts only when all of it was read.

internal import Foundation

/// A backup that was unpacked to a file.
package struct UnpackedBackup: Sendable {
  package var manifest: BackupManifest
  package var isEncrypted: Bool
}

/// What a file is, by its first bytes.
package enum BackupForm: Sendable, Hashable {
  case encrypted, archive
  /// A plain SQLite file: the journal itself, or a copy of it.
  case journal

  init(_ head: [UInt8]) throws(BackupError) {
    if head.starts(with: "age-encryption.org/".utf8) {
      self = .encrypted
    } else if head.starts(with: "SQLite format 3\0".utf8) {
      self = .journal
    } else if head.starts(with: "\(BackupManifest.journalName)\0".utf8) {
      self = .archive
    } else if head.starts(with: "-----BEGIN AGE".utf8) {
      throw .unknownFormat("it is armoured; age --decrypt reads it")
    } else {
      throw head.isEmpty ? .cut("it is empty") : .unknownFormat("its first bytes are others")
    }
  }
}

/// Reads one backup.
package struct BackupReading {
  private let file: FileStream
  package let form: BackupForm
  private let keys: [AgeIdentity]

  /// `-` is standard input.
  package init(path: String, keys: [AgeIdentity]) throws(BackupError) {
    file = try FileStream(path: path)
    form = try BackupForm(file.peek(64))
    self.keys = keys
  }

  /// Writes the journal of the backup to a new file at `path`, mode 0600, and flushes it. Whoever calls removes it after an error.
  ///
  /// - Throws: for a plain journal, too: it needs no unpacking.
  package func unpack(to path: String) throws(BackupError) -> UnpackedBackup {
    let stream: any ByteStream
    switch form {
    case .encrypted:
      guard !keys.isEmpty else { throw .noKey }
      stream = try AgeDecryptor(file, keys: keys)
    case .archive: stream = file
    case .journal: throw .unknownFormat("it is a plain journal, not a backup")
    }
    let sink = try FileSink(path: path)
    var manifest: [UInt8] = []
    var hasJournal = false
    try TarReader(stream: stream).read { header throws(BackupError) in
      switch header.name {
      case BackupManifest.journalName:
        guard !hasJournal else { throw .damaged("it has the journal twice") }
        hasJournal = true
        return { bytes throws(BackupError) in try sink.write(bytes) }
      case BackupManifest.memberName:
        guard header.bytes <= 1 << 20 else { throw .damaged("its manifest is too long") }
        return { bytes throws(BackupError) in manifest += bytes }
      default: return { _ throws(BackupError) in }
      }
    }
    guard hasJournal, !manifest.isEmpty else { throw .damaged("it has no journal, or no manifest") }
    let decoded = try BackupManifest.decoded(manifest)
    try sink.finish()
    return UnpackedBackup(manifest: decoded, isEncrypted: form == .encrypted)
  }
}
