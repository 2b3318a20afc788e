// The core's state as bytes, so that a restart replays minutes of journal instead of years. Opaque to everybody else: a
// header and a copy of the block. Another layout, other sizes or a flipped bit is no damage: it is refused, and everything
// is replayed. Byte order and layout are this machine's; a snapshot does not travel.

import VitalSigns

/// Why a snapshot cannot be used. None is fatal: replay the whole journal instead.
public enum SnapshotError: Error, Sendable, Hashable {
  /// Not a snapshot, or cut.
  case malformed
  /// Written by a version with another layout.
  case otherLayout
  /// Written with other sizes or another salt in the configuration.
  case otherConfiguration
  /// The checksum does not fit the bytes.
  case damaged
}

/// What stands before the block. Eight-byte fields only, hence without padding.
private struct SnapshotHeader {
  var magic: UInt64
  var layout: UInt64
  var patientsMax: UInt64
  var devicesMax: UInt64
  var alertsMax: UInt64
  var hubSalt: UInt64
  var byteCount: UInt64
  var sequence: UInt64
  var checksum: UInt64

  static var magic: UInt64 { 0x4b4e_5554_434f_5245 }  // "KNUTCORE"
  /// Raise by one whenever a field changes its meaning; a changed size is noticed by itself.
  static var version: UInt64 { 2 }

  /// The version and the size of every struct in the block, mixed: none may change unseen.
  static var layout: UInt64 {
    @_noLocks get {
      var word = version
      word = mixed(word, MemoryLayout<CoreHeader>.stride)
      word = mixed(word, MemoryLayout<PatientState>.stride)
      word = mixed(word, MemoryLayout<SignalPlan>.stride)
      word = mixed(word, MemoryLayout<PatientPlan>.stride)
      word = mixed(word, MemoryLayout<DeviceState>.stride)
      word = mixed(word, MemoryLayout<OpenAlert>.stride)
      word = mixed(word, MemoryLayout<HubConditionState>.stride)
      return mixed(word, MemoryLayout<DeadlineHeap.Entry>.stride)
    }
  }

  @_noLocks private static func mixed(_ word: UInt64, _ stride: Int) -> UInt64 {
    (word ^ UInt64(truncatingIfNeeded: stride)) &* 0x100_0000_01b3 &+ 1
  }

  /// Everything but the checksum, for a core of this configuration.
  @_noLocks init(_ configuration: CoreConfiguration, byteCount: Int, sequence: UInt64) {
    magic = Self.magic
    layout = Self.layout
    patientsMax = UInt64(configuration.patientsMax)
    devicesMax = UInt64(configuration.devicesMax)
    alertsMax = UInt64(configuration.alertsMax)
    hubSalt = configuration.hubSalt
    self.byteCount = UInt64(byteCount)
    self.sequence = sequence
    checksum = 0
  }
}

extension RealtimeCore {
  /// Bytes that `writeSnapshot` needs; the same for the core's whole life.
  public var snapshotSize: Int { MemoryLayout<SnapshotHeader>.size + arena.byteCount }

  /// Copies the state into `buffer`, which has at least `snapshotSize` bytes. Realtime-safe (no allocation, no lock), but
  /// its time grows with the configured sizes: about 1 ms for each 4 MB. Call it between entries.
  @_noLocks public func writeSnapshot(into buffer: UnsafeMutableRawBufferPointer) {
    let headerSize = MemoryLayout<SnapshotHeader>.size
    precondition(buffer.count >= headerSize + arena.byteCount, "a snapshot buffer has snapshotSize bytes")
    guard let base = buffer.baseAddress else { return }
    var header = SnapshotHeader(arena.configuration, byteCount: arena.byteCount, sequence: lastSequence)
    header.checksum = checksum(seed: lastSequence, arena.block, count: arena.byteCount)
    withUnsafeBytes(of: &header) { bytes in
      for index in 0..<headerSize { (base + index).storeBytes(of: bytes[index], as: UInt8.self) }
    }
    (base + headerSize).copyMemory(from: arena.block, byteCount: arena.byteCount)
  }

  func restore(_ snapshot: borrowing Span<UInt8>) throws(SnapshotError) {
    let headerSize = MemoryLayout<SnapshotHeader>.size
    guard snapshot.count >= headerSize else { throw .malformed }
    let block = arena.block
    let byteCount = arena.byteCount
    let expected = SnapshotHeader(arena.configuration, byteCount: byteCount, sequence: 0)
    let found = snapshot.withUnsafeBytes { bytes in bytes.loadUnaligned(as: SnapshotHeader.self) }
    guard found.magic == expected.magic else { throw .malformed }
    guard found.layout == expected.layout else { throw .otherLayout }
    guard found.patientsMax == expected.patientsMax, found.devicesMax == expected.devicesMax,
      found.alertsMax == expected.alertsMax, found.hubSalt == expected.hubSalt
    else { throw .otherConfiguration }
    guard found.byteCount == expected.byteCount, snapshot.count == headerSize + byteCount else { throw .malformed }
    snapshot.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { block.copyMemory(from: base + headerSize, byteCount: byteCount) }
    }
    // The caller gets no core when this throws, so the damaged copy is never used.
    guard checksum(seed: found.sequence, block, count: byteCount) == found.checksum else { throw .damaged }
    guard lastSequence == found.sequence else { throw .damaged }
  }

  /// Four lanes of multiply and rotate over 64-bit words (`count` is a multiple of 64): finds disk damage, at memory speed.
  @_noLocks private func checksum(seed: UInt64, _ bytes: UnsafeMutableRawPointer, count: Int) -> UInt64 {
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

  @_noLocks private func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let product = (lane ^ word) &* 0xff51_afd7_ed55_8ccd
    return product << 31 | product >> 33
  }
}
