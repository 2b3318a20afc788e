// What a codec is: the history of one kind of state. There is one file for each kind, and each says at its head what every version of
// its section holds.
//
// Whoever adds a field: raise the version, add the field behind `if coder.version >= N` (its value in older states is what empty memory
// has, or what the `else` says), and write the new version into the history. Whoever removes one: keep reading it, into a value that is
// dropped. A list (`numbers`, `length`) tells its own length, so it may grow without a new version. A stored state of version 1 and one
// of the copies of memory before it lie in Tests/RealtimeCoreTests/Fixtures, and must be readable for ever.

import RealtimeCore

/// Reads and writes the section of one kind of state.
protocol StateCodec {
  /// As it stands in the file. Never changed.
  static var name: String { get }
  /// The newest version of the section, which is the one that is written.
  static var version: UInt16 { get }
  /// Records that a core has.
  static func count(_ arena: CoreArena, _ maps: PlaceMaps) -> Int
  /// Writes the records from the arena, or reads them into one that is empty and whose places are settled.
  static func code(_ records: Int, _ arena: CoreArena, _ maps: PlaceMaps, _ coder: inout RecordCoder) throws(SnapshotError)
}

extension StateCodec {
  static func expect(_ records: Int, _ expected: Int) throws(SnapshotError) {
    guard records == expected else { throw .damaged("section \"\(name)\" has another number of records than places") }
  }
}
