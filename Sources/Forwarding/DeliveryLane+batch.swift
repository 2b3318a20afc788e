// Which items go into the next request.
//
// Rules: one request holds at most one transition of an alert, and never a later one while an earlier one waits (a receiver
// must not learn that an alert is resolved before it learns that it was raised). A panel is never cut. Items that failed
// alone take turns after those that did not, so that one bad item holds up nobody. Among alarms the most urgent go first
// and people take turns, so that one person's flood holds up nobody else; a quarter of each request is for those that have
// waited longest, so that urgency never starves the rest. The window itself stands in DeliveryLane+window.swift.

import VitalSigns

extension DeliveryLane {
  /// The next request's items in queue order, and its number of atoms; empty when nothing may go now.
  func nextBatch(at now: MonotonicInstant) -> (items: [DeliveryItem], atoms: Int) {
    let limit = isDead ? 1 : atomLimit
    var chosen: Set<Int> = []
    var panels: Set<UInt64> = []
    var atoms = 0
    for index in candidates(at: now, limit: limit) where atoms < limit {
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

  /// Positions that may go now: fresh items in their order, then those that failed alone, the longest ago first.
  private func candidates(at now: MonotonicInstant, limit: Int) -> [Int] {
    var alerts: Set<AlertID> = []
    var fresh: [Int] = []
    var tried: [Int] = []
    for index in queue.indices {
      if let alert = queue[index].item.alert, !alerts.insert(alert).inserted { continue }
      if queue[index].notBefore > now { continue }
      if queue[index].lastSolo == 0 { fresh.append(index) } else { tried.append(index) }
    }
    if kind == .alarms { fresh = byUrgencyAndTurn(fresh, limit: limit) }
    return fresh + tried.sorted { (queue[$0].lastSolo, $0) < (queue[$1].lastSolo, $1) }
  }

  /// The most urgent first, each person's first before anybody's second; of a request's last quarter, the oldest.
  private func byUrgencyAndTurn(_ fresh: [Int], limit: Int) -> [Int] {
    if fresh.count <= limit { return fresh }
    var turns: [PatientID: Int] = [:]
    var ranked: [(index: Int, turn: Int)] = []
    for index in fresh {
      let person = queue[index].item.person
      ranked.append((index, turns[person, default: 0]))
      turns[person, default: 0] += 1
    }
    ranked.sort { a, b in
      let (first, second) = (queue[a.index].item.priority, queue[b.index].item.priority)
      if first != second { return first > second }
      return (a.turn, a.index) < (b.turn, b.index)
    }
    let urgent = ranked.prefix(limit - limit / 4).map(\.index)
    let taken = Set(urgent)
    let oldest = fresh.filter { !taken.contains($0) }
    return urgent + oldest
  }

  /// When the first item that rests may go; `.never` when none rests.
  func firstRestEnds(after now: MonotonicInstant) -> MonotonicInstant {
    queue.lazy.map(\.notBefore).filter { $0 > now }.min() ?? .never
  }
}
