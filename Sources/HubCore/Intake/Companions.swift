// What belongs to an entry but must not pass the realtime core: texts, the device's own words about time, the mark by which a
// redelivered frame is known. A producer leaves it here under a number before it pushes the entry. The journal writer takes it into
// the entry's own transaction.

import Journal
package import JournalValues
import Synchronization

/// What waits for one entry.
package struct Companion: Sendable {
  package var attachment: Attachment?
  package var mark: DeliveryMark?

  package init(attachment: Attachment? = nil, mark: DeliveryMark? = nil) {
    self.attachment = attachment
    self.mark = mark
  }
}

/// The waiting companions. Any thread. Bounded by the intake and the journal ring: each belongs to an entry in one of them.
package final class Companions: Sendable {
  package init() {}

  private struct State {
    var next: UInt64 = 1
    var waiting: [UInt64: Companion] = [:]
  }
  private let state = Mutex(State())

  /// Leaves a companion; the number goes into `IntakeEntry.attachment`.
  package func leave(_ companion: Companion) -> UInt64 {
    state.withLock { state in
      let number = state.next
      state.next += 1
      state.waiting[number] = companion
      return number
    }
  }

  /// Takes the companion with this number, once. Number 0 has none.
  package func take(_ number: UInt64) -> Companion? {
    if number == 0 { return nil }
    return state.withLock { $0.waiting.removeValue(forKey: number) }
  }

  /// The intake refused the entry.
  package func forget(_ number: UInt64) { _ = take(number) }
}
