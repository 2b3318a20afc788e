// A copy of a core's memory as a state: the copy that the core's thread hands to the journal's writer, and the copies that versions 0.1 to
// 0.3 stored in the journal. The block is looked at where it lies, with the sizes that stand before it.
//
// The structs in the block are today's. Whoever changes one makes the stored copies of old versions unreadable, and a test with such a
// copy fails (StateFixtureTests): then keep the structs as they were beside this file, with a codec from them, before the change.

import RealtimeCore

enum MemoryCopy {
  /// Whether these are the bytes of a copy, whatever else is wrong with them.
  static func isOne(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 8 && bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } == CoreCopyHeader.magic
  }

  /// Of a copy in a journal.
  static func encoded(_ bytes: [UInt8]) throws(SnapshotError) -> [UInt8] {
    // The fields of the block need an address that eight divides.
    let place = UnsafeMutableRawBufferPointer.allocate(byteCount: max(8, bytes.count), alignment: 64)
    defer { place.deallocate() }
    place.copyBytes(from: bytes)
    return try encode(UnsafeMutableRawBufferPointer(rebasing: place[..<bytes.count]), isStored: true)
  }

  /// Of a copy that was made in this process.
  static func encoded(_ copy: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> [UInt8] { try encode(copy, isStored: false) }

  private static func encode(_ copy: UnsafeMutableRawBufferPointer, isStored: Bool) throws(SnapshotError) -> [UInt8] {
    let size = MemoryLayout<CoreCopyHeader>.size
    guard copy.count > size, let base = copy.baseAddress else { throw .malformed }
    let header = copy.loadUnaligned(as: CoreCopyHeader.self)
    guard header.magic == CoreCopyHeader.magic else { throw .malformed }
    guard header.layout == CoreCopyHeader.layout else { throw .otherLayout }
    guard let configuration = configuration(header) else { throw .malformed }
    let byteCount = CoreLayout(configuration).byteCount
    guard header.byteCount == UInt64(byteCount), copy.count == size + byteCount else { throw .malformed }
    let block = base + size
    if isStored {
      guard checksum(seed: header.sequence, block, count: byteCount) == header.checksum else { throw .damaged("the checksum does not fit") }
    }
    let arena = CoreArena(copy: block, configuration)
    defer { arena.forget() }
    guard arena.header.pointee.lastSequence == header.sequence, arena.header.pointee.nextClosed < CoreArena.closedIDsCount,
      isSound(arena.heap, arena.timers.count)
    else { throw .damaged("a copy of memory that no core has") }
    return try Snapshot.encode(arena)
  }

  private static func configuration(_ header: CoreCopyHeader) -> CoreConfiguration? {
    guard let patients = Int(exactly: header.patientsMax), CoreLayout.patientsRange.contains(patients),
      let devices = Int(exactly: header.devicesMax), CoreLayout.devicesRange.contains(devices),
      let alerts = Int(exactly: header.alertsMax), CoreLayout.alertsRange.contains(alerts)
    else { return nil }
    return CoreConfiguration(patientsMax: patients, devicesMax: devices, alertsMax: alerts)
  }

  private static func isSound(_ heap: DeadlineHeap, _ timers: Int) -> Bool {
    let armed = heap.count.pointee
    return armed <= timers && (0..<timers).allSatisfy { heap.positions[$0] <= armed }
  }

  /// As versions 0.1 to 0.3 made it: four lanes over words of 64 bits (`count` is a multiple of 64).
  private static func checksum(seed: UInt64, _ bytes: UnsafeMutableRawPointer, count: Int) -> UInt64 {
    let prime: UInt64 = 0x9e37_79b9_7f4a_7c15
    var (a, b, c, d) = (seed ^ prime, seed &+ prime, ~seed, seed &* prime)
    var offset = 0
    while offset < count {
      a = mixed(a, bytes.load(fromByteOffset: offset, as: UInt64.self))
      b = mixed(b, bytes.load(fromByteOffset: offset + 8, as: UInt64.self))
      c = mixed(c, bytes.load(fromByteOffset: offset + 16, as: UInt64.self))
      d = mixed(d, bytes.load(fromByteOffset: offset + 24, as: UInt64.self))
      offset += 32
    }
    return mixed(mixed(mixed(a, b), c), d)
  }

  private static func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let product = (lane ^ word) &* 0xff51_afd7_ed55_8ccd
    return product << 31 | product >> 33
  }
}
