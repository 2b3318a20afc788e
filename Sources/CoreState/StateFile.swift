// The bytes of a stored state: a head, then sections, then a checksum over all of it. Every number is little-endian. No byte is
// believed before it is there.
//
//   head      "KNPTSTAT", format (2 bytes), sections (2), sequence (8)
//   section   length of the name (1), name (UTF-8), version (2), flags (1), records (4), length in bytes (8), content
//   end       checksum (8) over everything before it
//
// Bit 0 of a section's flags: a reader that does not know the section, or its version, may pass over it. All other bits are 0.

/// One section as it stands in the file.
struct StateSection {
  var name: String
  var version: UInt16
  var maySkip: Bool
  var records: Int
  var content: Range<Int>
}

/// A stored state, taken apart. Nothing of the content is looked at yet.
struct StateFile {
  static let magic = Array("KNPTSTAT".utf8)
  static let format: UInt16 = 1
  /// More sections than this are no state of ours; today there are nine.
  static let sectionsMax = 64
  private static let skipFlag: UInt8 = 1

  let bytes: [UInt8]
  let sequence: UInt64
  private(set) var sections: [StateSection] = []

  init(_ bytes: [UInt8]) throws(SnapshotError) {
    self.bytes = bytes
    guard bytes.count > Self.magic.count + 20, bytes.starts(with: Self.magic) else { throw .malformed }
    let end = bytes.count - 8
    var head = RecordCoder(reading: bytes, Self.magic.count..<bytes.count, version: 0)
    var (format, count, sequence): (UInt16, UInt16, UInt64) = (0, 0, 0)
    try head.number(&format)
    // Before the checksum, which a newer format may make otherwise.
    guard format == Self.format else { throw .newerFormat(found: format) }
    var last = RecordCoder(reading: bytes, end..<bytes.count, version: 0)
    var checksum: UInt64 = 0
    try last.number(&checksum)
    guard checksum == StateChecksum.of(bytes, end) else { throw .damaged("the checksum does not fit") }
    try head.number(&count)
    try head.number(&sequence)
    self.sequence = sequence
    guard count <= Self.sectionsMax else { throw .malformed }
    for _ in 0..<count {
      let section = try Self.section(&head)
      guard section.content.upperBound <= end, !sections.contains(where: { $0.name == section.name }) else { throw .malformed }
      sections.append(section)
      head.skip(to: section.content.upperBound)
    }
    guard head.position == end else { throw .malformed }
  }

  private static func section(_ head: inout RecordCoder) throws(SnapshotError) -> StateSection {
    var (length, version, flags): (UInt8, UInt16, UInt8) = (0, 0, 0)
    var (records, size): (UInt32, UInt64) = (0, 0)
    try head.number(&length)
    var name: [UInt8] = []
    for _ in 0..<length {
      var byte: UInt8 = 0
      try head.number(&byte)
      name.append(byte)
    }
    try head.number(&version)
    try head.number(&flags)
    try head.number(&records)
    try head.number(&size)
    guard version > 0, flags & ~skipFlag == 0, size <= UInt64(head.remaining) else { throw .malformed }
    return StateSection(
      name: String(decoding: name, as: UTF8.self), version: version, maySkip: flags & skipFlag != 0, records: Int(records),
      content: head.position..<(head.position + Int(size)))
  }

  // MARK: Writing

  /// - Parameters:
  ///   - sections: name, version, number of records, content.
  ///   - maySkip: whether a reader may pass over the section of that name when it does not know it; none of today's.
  static func make(
    sequence: UInt64, _ sections: [(name: String, version: UInt16, records: Int, content: [UInt8])],
    maySkip: (String) -> Bool = { _ in false }
  ) -> [UInt8] {
    var bytes = magic
    bytes.reserveCapacity(sections.reduce(64) { $0 + $1.content.count + $1.name.utf8.count + 16 })
    append(format, to: &bytes)
    append(UInt16(truncatingIfNeeded: sections.count), to: &bytes)
    append(sequence, to: &bytes)
    for section in sections {
      append(UInt8(truncatingIfNeeded: section.name.utf8.count), to: &bytes)
      bytes += section.name.utf8
      append(section.version, to: &bytes)
      append(maySkip(section.name) ? skipFlag : 0, to: &bytes)
      append(UInt32(truncatingIfNeeded: section.records), to: &bytes)
      append(UInt64(section.content.count), to: &bytes)
      bytes += section.content
    }
    append(StateChecksum.of(bytes, bytes.count), to: &bytes)
    return bytes
  }

  static func sealed(_ state: [UInt8]) -> [UInt8] {
    var bytes = Array(state.dropLast(8))
    append(StateChecksum.of(bytes, bytes.count), to: &bytes)
    return bytes
  }

  private static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
    Swift.withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

/// Finds what a disk does to bytes; it keeps nobody out. Fixed for ever, as stored states hold it.
enum StateChecksum {
  /// Over the first `count` bytes: words of eight, the last one filled up with zeros, and the number of bytes.
  static func of(_ bytes: [UInt8], _ count: Int) -> UInt64 {
    bytes.withUnsafeBytes { all in
      var (a, b): (UInt64, UInt64) = (0x9e37_79b9_7f4a_7c15, UInt64(count))
      var offset = 0
      while offset + 16 <= count {
        a = mixed(a, UInt64(littleEndian: all.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        b = mixed(b, UInt64(littleEndian: all.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
        offset += 16
      }
      while offset < count {
        var word: UInt64 = 0
        for place in 0..<min(8, count - offset) { word |= UInt64(all[offset + place]) << UInt64(8 * place) }
        a = mixed(a, word)
        offset += 8
      }
      return mixed(a, b)
    }
  }

  private static func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let product = (lane ^ word) &* 0xff51_afd7_ed55_8ccd
    return product << 31 | product >> 33
  }
}
