// The only place in this module that takes memory from the heap: once for each core, buffer and ring, before the realtime
// work begins. The Embedded check (Tests/RealtimeCoreTests/RealtimeChecks.swift) compiles everything else with
// `-no-allocations` and a stand-in for this file.

/// Memory for the whole life of its owner, who deallocates it.
package enum StartupMemory {
  /// Cleared to zero, so that a snapshot of it holds no accidental bytes. Aligned to a cache line.
  package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return memory
  }

  /// Room for `count` values of a type, to be initialized by the owner.
  package static func allocate<T: ~Copyable>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
    allocate(byteCount: count * MemoryLayout<T>.stride).bindMemory(to: type, capacity: count)
  }
}
