// Which items go into the next request, and where a new item stands in the queue.
//
// Rules: one request holds at most one transition of an alert, and never a later one while an earlier one waits (a receiver
// must not learn that an alert is resolved before it learns that it was raised). A panel is never cut. Items that failed
// alone take turns after those that did not, so that one bad item holds up nobody.

import VitalSigns

extension DeliveryLane {
  /// The next request's items in queue order, and its number of atoms; empty when nothing may go now.
  func nextBatch(at now: MonotonicInstant) -> (items: [DeliveryItem], atoms: Int) {
    let limit = isDead ? 1 : atomLimit
    var chosen: Set<Int> = []
    var panels: Set<UInt64> = []
    var atoms = 0
    for index in candidates(at: now) where atoms < limit {
      if let panel = queue[index].item.panel?.frame {
        if !panels.insert(panel).inserted { continue }
        // All parts that are here, whatever their turn.
        for part in queue.indices where queue[part].item.panel?.frame == panel { chosen.insert(part) }
      } else {
        chosen.insert(index)
      }
      atoms += 1
      if chosen.count >= policy.batchItemsMax { break }
    }
    return (chosen.sorted().map { queue[$0].item }, atoms)
  }

  var isDead: Bool {
    if case .dead = health { return true }
    return false
  }

  /// Positions that may go now: fresh items in queue order, then those that failed alone, the longest ago first.
  private func candidates(at now: MonotonicInstant) -> [Int] {
    var alerts: Set<AlertID> = []
    var fresh: [Int] = []
    var tried: [Int] = []
    for index in queue.indices {
      if let alert = queue[index].item.alert, !alerts.insert(alert).inserted { continue }
      if queue[index].notBefore > now { continue }
      if queue[index].lastSolo == 0 { fresh.append(index) } else { tried.append(index) }
    }
    return fresh + tried.sorted { (queue[$0].lastSolo, $0) < (queue[$1].lastSolo, $1) }
  }

  /// When the first item that rests may go; `.never` when none rests.
  func firstRestEnds(after now: MonotonicInstant) -> MonotonicInstant {
    queue.lazy.map(\.notBefore).filter { $0 > now }.min() ?? .never
  }

  /// Takes an item into the window. False when there is no room, or when it is known already.
  mutating func insert(_ item: DeliveryItem, underWay: [DeliveryItem]) -> Bool {
    if settled.contains(item.key) { return false }
    if let known = queue.firstIndex(where: { $0.item.key == item.key }) {
      // The alarm came first, its outbox row follows: from now on the receipt can name the row.
      if queue[known].item.row == nil { queue[known].item.row = item.row }
      return false
    }
    guard queue.count < policy.windowItemsMax else { return false }
    let entry = Entry(item: item)
    guard case .alert(let record) = item.record else {
      queue.append(entry)
      return true
    }
    // Within an alert the core's instants rise; an earlier transition that arrives later steps in front.
    let later = queue.firstIndex { other in
      guard other.item.alert == item.alert, case .alert(let waiting) = other.item.record else { return false }
      return waiting.instant > record.instant && !underWay.contains(other.item)
    }
    queue.insert(entry, at: later ?? queue.endIndex)
    return true
  }

  /// Takes fetched rows as far as there is room, and moves the cursor over what was taken.
  ///
  /// A panel whose rows were cut off by the fetch's limit is left for the next fetch. Returns whether rows were left.
  mutating func take(_ items: [DeliveryItem], reachedEnd: Bool, underWay: [DeliveryItem]) -> Bool {
    var end = items.endIndex
    if !reachedEnd, let panel = items.last?.panel {
      let start = items.firstIndex { $0.panel?.frame == panel.frame } ?? items.endIndex
      let parts = items[start...].count { $0.panel?.frame == panel.frame }
      // start > 0: a fetch that holds nothing but this panel cannot be made any better by waiting.
      if parts < Int(panel.parts), start > items.startIndex { end = start }
    }
    for item in items[..<end] {
      if queue.count >= policy.windowItemsMax { return true }
      _ = insert(item, underWay: underWay)
      if let row = item.row, row > cursor { cursor = row }
    }
    return end < items.endIndex || !reachedEnd
  }
}
