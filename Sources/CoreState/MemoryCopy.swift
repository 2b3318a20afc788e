// A copy of a core's memory as a state: the copy that the core's thread hands to the journal's writer, and the copies that versions 0.1 to
// 0.3 stored in the journal. The block is looked at where it lies, with the sizes that stand before it.
//
// The structs in the block are today's, but for the header, which has grown at its end since: a stored block is set apart behind the old
// one. Whoever changes another struct makes the stored copies of old versions unreadable, and a test with such a copy fails
// (StateFixtureTests): then keep the struct as it was beside this file, with a codec from it, before the change. A new alert rule changes one, too.

import RealtimeCore
import VitalSigns

enum MemoryCopy {
  private static let headSize = MemoryLayout<CoreCopyHeader>.size

  /// Whether these are the bytes of a copy, whatever else is wrong with them.
  static func isOne(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 8 && bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } == CoreCopyHeader.magic
  }

  /// Of a copy in a journal.
  static func encoded(_ bytes: [UInt8]) throws(SnapshotError) -> [UInt8] {
    guard bytes.count > headSize else { throw .malformed }
    let head = bytes.withUnsafeBytes { $0.loadUnaligned(as: CoreCopyHeader.self) }
    let old = CoreCopyHeader.storedHeaderBytes
    let growth = CoreLayout.headerBytes - old
    let configuration = try configuration(head, layout: CoreCopyHeader.storedLayout)
    let byteCount = CoreLayout(configuration).byteCount - growth
    guard head.byteCount == UInt64(byteCount), bytes.count == headSize + byteCount else { throw .malformed }
    // The fields of the block need an address that eight divides.
    let place = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount + growth, alignment: 64)
    defer { place.deallocate() }
    guard let block = place.baseAddress else { throw .malformed }
    // First as it was stored, for the checksum; then with room for what the header has since, which is empty.
    place.copyBytes(from: bytes[headSize...])
    guard checksum(seed: head.sequence, block, count: byteCount) == head.checksum else { throw .damaged("the checksum does not fit") }
    (block + old + growth).copyMemory(from: block + old, byteCount: byteCount - old)
    (block + old).initializeMemory(as: UInt8.self, repeating: 0, count: growth)
    return try encode(block, head, configuration, rulesAreFewer: true)
  }

  /// Of a copy that was made in this process.
  static func encoded(_ copy: UnsafeMutableRawBufferPointer) throws(SnapshotError) -> [UInt8] {
    guard copy.count > headSize, let base = copy.baseAddress else { throw .malformed }
    let head = copy.loadUnaligned(as: CoreCopyHeader.self)
    let configuration = try configuration(head, layout: CoreCopyHeader.layout)
    guard copy.count == headSize + CoreLayout(configuration).byteCount else { throw .malformed }
    return try encode(base + headSize, head, configuration)
  }

  /// The block has the configuration's size.
  ///
  /// - Parameter rulesAreFewer: the copy knows rules up to `recordsDropped`. In memory "no second reason" is the number after the last rule,
  ///   and that is another rule's now.
  private static func encode(
    _ block: UnsafeMutableRawPointer, _ head: CoreCopyHeader, _ configuration: CoreConfiguration, rulesAreFewer: Bool = false
  ) throws(SnapshotError) -> [UInt8] {
    let arena = CoreArena(copy: block, configuration)
    defer { arena.forget() }
    guard arena.header.pointee.lastSequence == head.sequence, arena.header.pointee.nextClosed < CoreArena.closedIDsCount,
      isSound(arena.heap, arena.timers.count)
    else { throw .damaged("a copy of memory that no core has") }
    if rulesAreFewer {
      for place in try PlaceMaps(arena).alerts.used {
        let record = arena.alert(AlertSlot(number: place))
        if record.pointee.alsoRule == .hubDoubled { record.pointee.alsoRule = nil }
      }
    }
    return try Snapshot.encode(arena)
  }

  private static func configuration(_ head: CoreCopyHeader, layout: UInt64) throws(SnapshotError) -> CoreConfiguration {
    guard head.magic == CoreCopyHeader.magic else { throw .malformed }
    guard head.layout == layout else { throw .otherLayout }
    guard let patients = Int(exactly: head.patientsMax), CoreLayout.patientsRange.contains(patients),
      let devices = Int(exactly: head.devicesMax), CoreLayout.devicesRange.contains(devices),
      let alerts = Int(exactly: head.alertsMax), CoreLayout.alertsRange.contains(alerts)
    else { throw .malformed }
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
