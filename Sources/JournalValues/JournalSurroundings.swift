// What the journal asks the machine for beside its files: time that has passed, chance, room on the disk. A simulation gives its own, so
// that the same seed writes the same file. The real machine's is in JournalFiles.

internal import VitalSigns

/// The machine around a journal. Called on the writer's thread.
package struct JournalSurroundings: Sendable {
  /// Nanoseconds of a clock that nobody can set.
  package var monotonic: @Sendable () -> Int64
  package var random: @Sendable () -> UInt64
  /// Bytes that a folder's disk has left; nil when nobody knows.
  package var freeBytes: @Sendable (_ folder: String) -> UInt64?

  package init(
    monotonic: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64,
    freeBytes: @escaping @Sendable (_ folder: String) -> UInt64?
  ) {
    self.monotonic = monotonic
    self.random = random
    self.freeBytes = freeBytes
  }

  /// A version 4 UUID of this chance, in lower-case letters.
  package func uuid() -> String {
    let (high, low) = (random(), random())
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) }
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let digits = Hexadecimal.text(bytes)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(digit)
    }
    return text
  }
}
