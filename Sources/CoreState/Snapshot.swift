// The state of a core as bytes that any later version reads, into a core of any size (docs/state.md): named sections of versioned
// records, field by field. Not here: when a snapshot is taken, where it is kept, and what is done with one that cannot be read
// (`HubCore`).

public import RealtimeCore

/// Takes a core's state apart and puts it together.
enum Snapshot {
  /// The places come first: what the others name is known then. The groups of alerts are put together last.
  private static var codecs: [any StateCodec.Type] {
    [
      CountersCodec.self, PeopleCodec.self, SignalsCodec.self, PlansCodec.self, DevicesCodec.self, AlertsCodec.self,
      HubConditionsCodec.self, ClosedIDsCodec.self,
    ]
  }
  private static let places = "places"
  /// Of the section with the places: for each arena those that are taken, and those that are free.
  private static let placesVersion: UInt16 = 1

  static func encode(_ arena: CoreArena) throws(SnapshotError) -> [UInt8] {
    var maps = try PlaceMaps(arena)
    var coder = RecordCoder(writing: placesVersion)
    try maps.code(&coder)
    var sections = [(name: places, version: placesVersion, records: 3, content: coder.bytes)]
    for codec in codecs {
      let records = codec.count(arena, maps)
      var coder = RecordCoder(writing: codec.version)
      try codec.code(records, arena, maps, &coder)
      sections.append((codec.name, codec.version, records, coder.bytes))
    }
    return StateFile.make(sequence: arena.header.pointee.lastSequence, sections)
  }

  /// The caller owns the arena.
  static func decode(_ bytes: [UInt8], _ configuration: CoreConfiguration) throws(SnapshotError) -> CoreArena {
    let file = try StateFile(MemoryCopy.isOne(bytes) ? try MemoryCopy.encoded(bytes) : bytes)
    for section in file.sections where !section.maySkip && section.name != places {
      guard codecs.contains(where: { $0.name == section.name }) else { throw .unknownSection(section.name) }
    }
    var maps = PlaceMaps()
    var coder = try reader(places, placesVersion, file, PlaceMaps()).coder
    try maps.code(&coder)
    guard coder.remaining == 0 else { throw .damaged("a section is longer than its records") }
    try maps.settle(configuration)
    let arena = CoreArena(configuration)
    do throws(SnapshotError) {
      maps.apply(to: arena)
      for codec in codecs {
        let read = try reader(codec.name, codec.version, file, maps)
        var coder = read.coder
        try codec.code(read.section.records, arena, maps, &coder)
        guard coder.remaining == 0 else { throw .damaged("section \"\(codec.name)\" is longer than its records") }
      }
      guard arena.header.pointee.lastSequence == file.sequence else { throw .damaged("two sequences") }
      try StateLinks(arena: arena).tie(maps)
    } catch {
      arena.deallocate()
      throw error
    }
    return arena
  }

  private static func reader(
    _ name: String, _ known: UInt16, _ file: StateFile, _ maps: PlaceMaps
  ) throws(SnapshotError) -> (section: StateSection, coder: RecordCoder) {
    guard let section = file.sections.first(where: { $0.name == name }) else { throw .missingSection(name) }
    guard section.version <= known else { throw .newerSection(name, found: section.version, known: known) }
    return (section, RecordCoder(reading: file.bytes, section.content, version: section.version, maps))
  }
}

extension RealtimeCore {
  /// A core as it was when `snapshot` was written, by this version or any before it, with sizes of any kind. Replay the journal's entries
  /// after `lastSequence` into it.
  ///
  /// - Throws: `doesNotFit` when the configuration has no room for what is there; else what is wrong with the bytes.
  public init(_ configuration: CoreConfiguration, snapshot: [UInt8]) throws(SnapshotError) {
    self.init(taking: try Snapshot.decode(snapshot, configuration))
  }

  /// The state to be stored. Allocates, and takes some milliseconds for a thousand people: not for the core's own thread.
  public func snapshot() throws(SnapshotError) -> [UInt8] { try Snapshot.encode(arena) }

  /// A stored state whose bytes somebody has changed, with the checksum that fits them: for tests that look behind it.
  package static func sealed(_ state: [UInt8]) -> [UInt8] { StateFile.sealed(state) }

  /// The state to be stored, of a copy that `copyState` made in this process.
  public static func snapshot(ofCopy copy: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> [UInt8] {
    try MemoryCopy.encoded(copy)
  }
}
