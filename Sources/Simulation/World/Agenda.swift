// What happens next in a simulated world: events by time, and those of one time in the order in which they were planned.

import VitalSigns

/// A heap of events. A value.
struct Agenda<Event> {
  private struct Item {
    var at: Int64
    var number: UInt64
    var event: Event

    func isBefore(_ other: Item) -> Bool { (at, number) < (other.at, other.number) }
  }
  private var items: [Item] = []
  private var next: UInt64 = 0

  /// When the first event comes; nil: there is none.
  var first: Int64? { items.first?.at }

  mutating func add(_ event: Event, at time: Int64) {
    items.append(Item(at: time, number: next, event: event))
    next += 1
    var child = items.count - 1
    while child > 0, items[child].isBefore(items[(child - 1) / 2]) {
      items.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// The first event, when it comes no later than `time`.
  mutating func take(until time: Int64) -> Event? {
    guard let first = items.first, first.at <= time else { return nil }
    items.swapAt(0, items.count - 1)
    items.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && items[child].isBefore(items[least]) { least = child }
      if least == parent { return first.event }
      items.swapAt(parent, least)
      parent = least
    }
  }
}
