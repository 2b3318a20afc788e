// FNV-1a (Fowler, Noll, Vo): a hash that is the same in every run and on every machine, because its values are stored. Swift's own
// `Hasher` differs in every run. FNV-1a stops nobody who wants a collision; where that matters, SHA-256 is used.

/// FNV-1a of 64 bits over what is added, in the order in which it is added. Realtime-safe.
@frozen public struct StableHash: Sendable {
  @usableFromInline var state: UInt64 = 14_695_981_039_346_656_037

  @inlinable public init() {}

  @inlinable public var value: UInt64 { state }

  @inlinable public mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 1_099_511_628_211 }

  @inlinable public mutating func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }

  /// Eight bytes, the lowest first.
  @inlinable public mutating func add(_ number: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
  }

  /// FNV-1a of 32 bits over a name's UTF-8.
  @inlinable public static func short(_ name: String) -> UInt32 {
    name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
