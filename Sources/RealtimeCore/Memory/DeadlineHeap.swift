// Every deadline of the core in one indexed binary heap, ordered by (deadline, timer): the earliest is the instant until
// which the core's thread may sleep. A timer is armed lazily: what only moves a deadline later (another heartbeat) leaves
// the heap alone; the timer fires early, looks at the true deadline and is armed anew. So an ordinary observation costs
// no heap work.

package import VitalSigns

/// An indexed heap of timers, each at most once. Realtime-safe.
package struct DeadlineHeap {
  package struct Entry {
    var deadline: MonotonicInstant
    var timer: TimerID
    var unused: UInt32
  }

  package let entries: UnsafeMutablePointer<Entry>
  /// Index + 1 of each timer in `entries`; 0: not armed.
  package let positions: UnsafeMutablePointer<UInt32>
  package let count: UnsafeMutablePointer<UInt32>

  package var first: Entry? { @_noLocks get { count.pointee == 0 ? nil : entries[0] } }

  @_noLocks package func deadline(of timer: TimerID) -> MonotonicInstant {
    let position = positions[Int(timer.number)]
    return position == 0 ? .never : entries[Int(position) - 1].deadline
  }

  /// Arms `timer` for `deadline`, wherever it stood; `.never` disarms it.
  @_noLocks package func set(_ timer: TimerID, _ deadline: MonotonicInstant) {
    let position = Int(positions[Int(timer.number)])
    if deadline == .never {
      if position != 0 { remove(at: position - 1) }
    } else if position == 0 {
      let end = Int(count.pointee)
      count.pointee += 1
      rise(Entry(deadline: deadline, timer: timer, unused: 0), from: end)
    } else {
      let index = position - 1
      let earlier = deadline < entries[index].deadline
      let entry = Entry(deadline: deadline, timer: timer, unused: 0)
      if earlier { rise(entry, from: index) } else { sink(entry, from: index) }
    }
  }

  /// Arms `timer` for `deadline` unless it already fires by then.
  @_noLocks package func ensure(_ timer: TimerID, by deadline: MonotonicInstant) {
    if deadline < self.deadline(of: timer) { set(timer, deadline) }
  }

  @_noLocks private func remove(at index: Int) {
    positions[Int(entries[index].timer.number)] = 0
    count.pointee -= 1
    let end = Int(count.pointee)
    let last = entries[end]
    entries[end] = Entry(deadline: .zero, timer: TimerID(number: 0), unused: 0)
    guard index != end else { return }
    if index > 0, precedes(last, entries[(index - 1) / 2]) { rise(last, from: index) } else { sink(last, from: index) }
  }

  @_noLocks private func precedes(_ a: Entry, _ b: Entry) -> Bool {
    a.deadline != b.deadline ? a.deadline < b.deadline : a.timer < b.timer
  }

  @_noLocks private func place(_ entry: Entry, at index: Int) {
    entries[index] = entry
    positions[Int(entry.timer.number)] = UInt32(truncatingIfNeeded: index + 1)
  }

  @_noLocks private func rise(_ entry: Entry, from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard precedes(entry, entries[parent]) else { break }
      place(entries[parent], at: index)
      index = parent
    }
    place(entry, at: index)
  }

  @_noLocks private func sink(_ entry: Entry, from start: Int) {
    let end = Int(count.pointee)
    var index = start
    while true {
      var child = 2 * index + 1
      guard child < end else { break }
      if child + 1 < end, precedes(entries[child + 1], entries[child]) { child += 1 }
      guard precedes(entries[child], entry) else { break }
      place(entries[child], at: index)
      index = child
    }
    place(entry, at: index)
  }
}
