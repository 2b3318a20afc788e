// Chance that can be repeated: pauses that must differ between hubs, and the same again in a test that knows the seed. It guards
// nothing: tokens and keys take their bytes from the kernel.

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): 64 bits a step, the whole range, and the
/// same numbers from the same seed on every machine. Never for secrets: one number gives away all that follow. Realtime-safe.
@frozen public struct SeededRandom: RandomNumberGenerator, Sendable, Hashable {
  @usableFromInline var state: UInt64

  /// - Parameter seed: any number; neighbouring seeds give numbers that have nothing to do with each other.
  @inlinable public init(seed: UInt64) { state = seed }

  @inlinable public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  /// SplitMix64's finalizer: a bijection in which every input bit reaches every output bit.
  @inlinable public static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
