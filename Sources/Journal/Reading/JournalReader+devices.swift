// What one device sent since a moment: for the person who stands beside it and wants to see that it works.

internal import GRDB
public import VitalSigns

extension JournalReader {
  /// Entries of a device after a sequence, oldest first. Looks at most at `scanMax` entries.
  public func entries(of device: DeviceID, after sequence: UInt64, limit: Int = 50, scanMax: Int = 20_000) throws(JournalError)
    -> [IntakeEntry]
  {
    try read { db in
      var stream = try EntryStream(db, after: sequence)
      var found: [IntakeEntry] = []
      var looked = 0
      while found.count < limit, looked < scanMax, let entry = try stream.next() {
        looked += 1
        if entry.device == device { found.append(entry) }
      }
      return found
    }
  }
}
