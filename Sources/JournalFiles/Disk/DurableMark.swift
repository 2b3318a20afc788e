// How far the journal was on disk, in a small file in memory (the service's runtime folder). It outlives a killed process, costs no disk
// anything, and is gone with the machine's power. A start that finds less in the journal than stands here knows that its log was lost.

internal import Foundation

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The file `journal.mark`: the journal's id, a space, and the last sequence that was flushed, in 20 digits. One owner.
package final class DurableMark {
  private static let fileName = "journal.mark"
  private let descriptor: Int32
  private let journalID: String

  /// Nil where the file cannot be written: then nothing but the registry's copies shows that a log was lost.
  package init?(folder: String, journalID: String) {
    let descriptor = open(folder + "/" + Self.fileName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return nil }
    self.descriptor = descriptor
    self.journalID = journalID
  }

  deinit { close(descriptor) }

  /// Everything up to `sequence` is flushed. Some microseconds; a failure changes nothing.
  package func note(_ sequence: UInt64) {
    let digits = String(sequence)
    let line = "\(journalID) " + String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "\n"
    _ = Array(line.utf8).withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  /// The last sequence of the journal with this id that was flushed since the machine was switched on; nil: nobody knows.
  package static func sequence(in folder: String, of journalID: String) -> UInt64? {
    guard !journalID.isEmpty, let data = FileManager.default.contents(atPath: folder + "/" + fileName), data.count < 200 else { return nil }
    let words = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 2, words[0] == journalID else { return nil }
    return UInt64(words[1])
  }
}
