// How much of the ring between core and dispatch one person or device may fill. So there is always room for another's call, however
// many come from one.

import Synchronization
package import VitalSigns

/// Which places are taken, by whose alerts they are. `take` on the core thread (realtime-safe), `give` on the dispatch thread.
package final class AlarmRoom: Sendable {
  /// Places of one holder: a sixteenth of the ring. What is beyond reaches receivers through the outbox, and is counted
  /// (`alarmsUndispatched`).
  package static let perHolderMax = 256
  /// Counters. When there are more holders, some share a counter, and with it the bound.
  static let buckets = 4_096

  /// One counter. It is a class because atomics cannot stand in an array.
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }
  private let counters: [Counter]

  package init() { counters = (0..<Self.buckets).map { _ in Counter() } }

  private func counter(_ outcome: Outcome) -> Counter {
    let key = outcome.patient != .none ? outcome.patient.rawValue : outcome.device.rawValue &+ 0x8000_0000
    return counters[Int((key &* 0x9E37_79B9) >> 20) % Self.buckets]
  }

  /// Takes a place. False when this holder has its share.
  package func take(_ outcome: Outcome) -> Bool {
    let counter = counter(outcome)
    if counter.value.load(ordering: .relaxed) >= Self.perHolderMax { return false }
    counter.value.wrappingAdd(1, ordering: .relaxed)
    return true
  }

  package func give(_ outcome: Outcome) { counter(outcome).value.wrappingSubtract(1, ordering: .relaxed) }
}
