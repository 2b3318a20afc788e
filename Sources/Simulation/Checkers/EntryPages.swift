// The journal's entries by their sequence, for a checker that asks for one after the other: read many at a time.

import Journal
import VitalSigns

/// A reading of the journal as it stands. A value.
struct EntryPages {
  private static let pageMax = 256

  private let reader: JournalReader
  private var page: [IntakeEntry] = []
  /// Everything that the journal has of these is in the page.
  private var covered: ClosedRange<UInt64>?

  init(_ reader: JournalReader) { self.reader = reader }

  /// One entry; nil when the journal does not have it.
  mutating func entry(_ sequence: UInt64) throws -> IntakeEntry? {
    if sequence == 0 { return nil }
    if covered?.contains(sequence) != true {
      page = try reader.recordedEntries(after: sequence - 1, limit: Self.pageMax)
      let last = page.count < Self.pageMax ? nil : page.last?.sequence
      covered = sequence...max(sequence, last ?? .max)
    }
    var (low, high) = (0, page.count)
    while low < high {
      let middle = (low + high) / 2
      if page[middle].sequence < sequence { low = middle + 1 } else { high = middle }
    }
    return low < page.count && page[low].sequence == sequence ? page[low] : nil
  }
}
