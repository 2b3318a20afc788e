// The core's state as a copy of its memory, which its own thread can make in a millisecond. It is for this process: byte order, layout and
// sizes are this build's. What is stored is written from it elsewhere, field by field (target CoreState).
//
// Versions up to 0.3 stored such copies in the journal, with a checksum. They are read for ever (CoreState/MemoryCopy.swift), which works
// for as long as the structs of the block are what they were then; a test with such a copy tells when they are not.

/// What stands before the block. Eight-byte fields only, hence without padding.
package struct CoreCopyHeader {
  package var magic: UInt64
  package var layout: UInt64
  package var patientsMax: UInt64
  package var devicesMax: UInt64
  package var alertsMax: UInt64
  package var hubSalt: UInt64
  package var byteCount: UInt64
  package var sequence: UInt64
  /// 0 in a copy that stays in memory.
  package var checksum: UInt64

  package static var magic: UInt64 { 0x4b4e_5554_434f_5245 }  // "KNUTCORE"
  /// Of the layout that versions 0.1 to 0.3 stored. It is not raised any more: what is stored has versions of its own.
  private static var version: UInt64 { 2 }

  /// The version and the size of every struct in the block, mixed: none may change unseen.
  package static var layout: UInt64 { @_noLocks get { layout(headerStride: MemoryLayout<CoreHeader>.stride) } }

  /// Bytes of the header in what versions 0.1 to 0.3 stored. Later fields stand behind it.
  package static var storedHeaderBytes: Int { 320 }
  /// Of the copies that versions 0.1 to 0.3 stored.
  package static var storedLayout: UInt64 { layout(headerStride: storedHeaderBytes) }

  @_noLocks private static func layout(headerStride: Int) -> UInt64 {
    var word = version
    word = mixed(word, headerStride)
    word = mixed(word, MemoryLayout<PatientState>.stride)
    word = mixed(word, MemoryLayout<SignalPlan>.stride)
    word = mixed(word, MemoryLayout<PatientPlan>.stride)
    word = mixed(word, MemoryLayout<DeviceState>.stride)
    word = mixed(word, MemoryLayout<OpenAlert>.stride)
    word = mixed(word, MemoryLayout<HubConditionState>.stride)
    return mixed(word, MemoryLayout<DeadlineHeap.Entry>.stride)
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
  /// Bytes that `copyState` needs; the same for the core's whole life.
  public var copySize: Int { MemoryLayout<CoreCopyHeader>.size + arena.byteCount }

  /// Copies the state into `buffer`, which has at least `copySize` bytes. Realtime-safe (no allocation, no lock), but
  /// its time grows with the configured sizes: about 1 ms for each 10 MB. Call it between entries.
  @_noLocks public func copyState(into buffer: UnsafeMutableRawBufferPointer) {
    let headerSize = MemoryLayout<CoreCopyHeader>.size
    precondition(buffer.count >= headerSize + arena.byteCount, "a buffer for the core's state has copySize bytes")
    guard let base = buffer.baseAddress else { return }
    var header = CoreCopyHeader(arena.configuration, byteCount: arena.byteCount, sequence: lastSequence)
    withUnsafeBytes(of: &header) { bytes in
      for index in 0..<headerSize { (base + index).storeBytes(of: bytes[index], as: UInt8.self) }
    }
    (base + headerSize).copyMemory(from: arena.block, byteCount: arena.byteCount)
  }
}
