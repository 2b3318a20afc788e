// From an identity to its slot: a fixed hash table with linear probing inside the core's block. Identities are never
// reused and grow for ever, slots are few; so a table, not an array by identity. Removal shifts back, so that no
// tombstones gather over the years.

/// A table of 64-bit keys to slots. Twice as large as its arena, hence never full. Realtime-safe.
struct SlotIndex {
  let keys: UnsafeMutablePointer<UInt64>
  /// 0: empty.
  let slots: UnsafeMutablePointer<UInt32>
  /// Capacity − 1; the capacity is a power of two.
  let mask: Int

  /// Table size for an arena of `count` places.
  static func capacity(for count: Int) -> Int {
    var capacity = 4
    while capacity < 2 * count { capacity *= 2 }
    return capacity
  }

  /// Fibonacci hashing: consecutive ids spread over the table.
  @_noLocks private func home(of key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
  }

  /// The slot of `key`, or 0.
  @_noLocks func find(_ key: UInt64) -> UInt32 {
    var index = home(of: key)
    while slots[index] != 0 {
      if keys[index] == key { return slots[index] }
      index = (index + 1) & mask
    }
    return 0
  }

  /// Adds a key that is not there.
  @_noLocks func insert(_ key: UInt64, slot: UInt32) {
    var index = home(of: key)
    while slots[index] != 0 { index = (index + 1) & mask }
    keys[index] = key
    slots[index] = slot
  }

  /// Gives a key another slot; adds it when it is not there.
  @_noLocks func set(_ key: UInt64, slot: UInt32) {
    var index = home(of: key)
    while slots[index] != 0, keys[index] != key { index = (index + 1) & mask }
    keys[index] = key
    slots[index] = slot
  }

  @_noLocks func remove(_ key: UInt64) {
    var hole = home(of: key)
    while slots[hole] != 0, keys[hole] != key { hole = (hole + 1) & mask }
    guard slots[hole] != 0 else { return }
    var index = (hole + 1) & mask
    while slots[index] != 0 {
      // An entry may move into the hole unless its home lies after the hole (cyclically) on the way to it.
      let distance = (index - home(of: keys[index])) & mask
      if distance >= (index - hole) & mask {
        keys[hole] = keys[index]
        slots[hole] = slots[index]
        hole = index
      }
      index = (index + 1) & mask
    }
    keys[hole] = 0
    slots[hole] = 0
  }
}
