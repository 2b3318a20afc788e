// The window: what a lane holds in memory, who may take room in it, and which rows are read next.
//
// Vocabulary: a person's *share* is the part of the window that the person's items take; a person is *deferred* while rows of
// theirs are left in the outbox because the share is full. An item that does not fit is never lost: it is in the outbox, or
// soon will be.

import VitalSigns

extension DeliveryLane {
  /// What became of an item that wants into the window.
  enum Insertion {
    case held
    /// Here or settled already.
    case known
    /// The person's share is full.
    case shareFull
    case noRoom
  }

  /// Takes an item into the window, or says why not.
  mutating func insert(_ item: DeliveryItem, at now: MonotonicInstant, underWay: [DeliveryItem]) -> Insertion {
    if held.contains(item.key) {
      meetAgain(item)
      return .known
    }
    switch settled[item.key] {
    case .delivered(let remoteID):
      // It left before its row existed, or two rows name one thing: the row is settled too, or it would wait for ever.
      if let row = item.row { settledRows.append(Receipt(key: item.key, row: row, remoteID: remoteID, note: nil)) }
      return .known
    case .refused(let row):
      guard let again = item.row, again > row else { return .known }
      settled.remove(item.key)
    case nil: break
    }
    guard queue.count < policy.windowItemsMax else { return .noRoom }
    if shares[item.person, default: 0] >= shareMax(for: item) { return .shareFull }
    hold(Entry(item: item, since: now), underWay: underWay)
    return .held
  }

  /// How much of the window the item's person may have. A new call for help of somebody whose share other alarms have taken
  /// goes before them: twice as much.
  func shareMax(for item: DeliveryItem) -> Int { item.isCall ? policy.personItemsMax * 2 : policy.personItemsMax }

  /// The alarm came first and its outbox row follows, or a second row names the same thing: the receipt names them all.
  private mutating func meetAgain(_ item: DeliveryItem) {
    guard let row = item.row, let index = queue.firstIndex(where: { $0.item.key == item.key }) else { return }
    if queue[index].item.row == nil {
      queue[index].item.row = row
    } else if queue[index].item.row != row, !queue[index].moreRows.contains(row) {
      queue[index].moreRows.append(row)
    }
  }

  private mutating func hold(_ entry: Entry, underWay: [DeliveryItem]) {
    held.insert(entry.item.key)
    shares[entry.item.person, default: 0] += 1
    guard case .alert(let record) = entry.item.record else { return queue.append(entry) }
    // Within an alert the changes' numbers and the core's instants rise; an earlier change that arrives later steps in front.
    let later = queue.firstIndex { other in
      guard other.item.alert == entry.item.alert, case .alert(let waiting) = other.item.record else { return false }
      return waiting.isLater(than: record) && !underWay.contains(other.item)
    }
    queue.insert(entry, at: later ?? queue.endIndex)
  }

  /// Takes the entry out of the window.
  mutating func release(at index: Int) {
    let entry = queue.remove(at: index)
    forget(entry)
  }

  /// The entry holds no room any more; the caller takes it out of the queue.
  mutating func forget(_ entry: Entry) {
    held.remove(entry.item.key)
    let left = shares[entry.item.person, default: 1] - 1
    shares[entry.item.person] = left > 0 ? left : nil
  }

  /// Makes room for a more urgent alarm, or for one of a person who has less of the window, by leaving somebody's newest
  /// item to the outbox. Returns whether there is room.
  mutating func makeRoom(for item: DeliveryItem, underWay: [DeliveryItem]) -> Bool {
    let busy = Set(underWay.map(\.key))
    let share = shares[item.person, default: 0]
    // A person's last item only: no later change of its alert may stay while it goes.
    var seen: Set<PatientID> = []
    var victim: Int?
    for index in queue.indices.reversed() where seen.insert(queue[index].item.person).inserted {
      let other = queue[index].item
      if busy.contains(other.key) { continue }
      let otherShare = shares[other.person, default: 0]
      guard other.priority < item.priority || other.priority == item.priority && otherShare > share + 1 else { continue }
      guard let known = victim else {
        victim = index
        continue
      }
      let best = queue[known].item
      if other.priority < best.priority || other.priority == best.priority && otherShare > shares[best.person, default: 0] {
        victim = index
      }
    }
    guard let victim else { return false }
    let (person, row) = (queue[victim].item.person, queue[victim].item.row)
    let below = row.map { $0 > 0 ? $0 - 1 : 0 } ?? cursor
    let left = queue[victim].item
    release(at: victim)
    if row == nil { leaveOut(left) }
    leave(person, above: below)
    return true
  }

  /// Rows of this person above `row` stay in the outbox for now.
  mutating func leave(_ person: PatientID, above row: UInt64) {
    deferred[person] = min(deferred[person] ?? row, row)
  }

  /// An alarm straight from the core finds no room, and its row may come much later: the disk may stand still.
  mutating func leaveOut(_ item: DeliveryItem) {
    guard case .alert(let record) = item.record, !held.contains(item.key), !settled.contains(item.key) else { return }
    let alert = record.transition.id
    if let known = leftOut[alert], !record.isLater(than: known) { return }
    if leftOut[alert] == nil, leftOut.count >= policy.windowItemsMax,
      let oldest = leftOut.min(by: { ($0.value.instant, $0.key.low) < ($1.value.instant, $1.key.low) })
    {
      leftOut[oldest.key] = nil
    }
    leftOut[alert] = ChangeMark(record)
  }

  /// Whether an earlier change of the alert is still to come by its row. What is here or settled already is behind nothing.
  func isBehindLeftOut(_ item: DeliveryItem) -> Bool {
    guard let alert = item.alert, leftOut[alert] != nil else { return false }
    return !held.contains(item.key) && !settled.contains(item.key)
  }

  /// A row was met: what was left out up to it has been, too, because rows have the order of the changes.
  private mutating func met(_ item: DeliveryItem) {
    guard !leftOut.isEmpty, case .alert(let record) = item.record, let left = leftOut[record.transition.id] else { return }
    if !left.isLater(than: record) { leftOut[record.transition.id] = nil }
  }

  /// Takes fetched rows as far as there is room, and moves the cursor over what was taken.
  ///
  /// A panel whose rows were cut off by the fetch's limit is left for the next fetch. Returns whether rows were left.
  mutating func take(
    _ items: [DeliveryItem], reachedEnd: Bool, through: UInt64, at now: MonotonicInstant, underWay: [DeliveryItem]
  ) -> Bool {
    if case .one(let person) = fetchScope {
      takeOne(person, items, reachedEnd: reachedEnd, at: now, underWay: underWay)
      // Whether others have rows is as unknown as before.
      return true
    }
    var end = items.endIndex
    if !reachedEnd, let panel = items.last?.panel {
      let start = items.firstIndex { $0.panel?.frame == panel.frame } ?? items.endIndex
      let parts = items[start...].count { $0.panel?.frame == panel.frame }
      // start > 0: a fetch that holds nothing but this panel cannot be made any better by waiting.
      if parts < Int(panel.parts), start > items.startIndex { end = start }
    }
    for item in items[..<end] {
      // Who was left behind while the read was under way has earlier rows to come: these must not overtake them.
      let inserted = deferred[item.person] == nil ? insert(item, at: now, underWay: underWay) : .shareFull
      switch inserted {
      case .held, .known: met(item)
      case .shareFull: leave(item.person, above: item.row.map { $0 > 0 ? $0 - 1 : 0 } ?? cursor)
      case .noRoom: return true
      }
      if let row = item.row, row > cursor { cursor = row }
    }
    if reachedEnd, end == items.endIndex, through > cursor { cursor = through }
    return end < items.endIndex || !reachedEnd
  }

  private mutating func takeOne(
    _ person: PatientID, _ items: [DeliveryItem], reachedEnd: Bool, at now: MonotonicInstant, underWay: [DeliveryItem]
  ) {
    // Left behind further while the read was under way: earlier rows are to be read first, and these again.
    if let row = deferred[person], row < fetchAfter { return }
    for item in items {
      switch insert(item, at: now, underWay: underWay) {
      case .held, .known:
        met(item)
        if let row = item.row { deferred[person] = row }
      case .shareFull, .noRoom: return
      }
    }
    if reachedEnd { deferred[person] = nil }
  }

  /// The next read of the outbox, if one is wanted and there is room for what it brings.
  mutating func nextFetch() -> Action? {
    if case .fetching = outbox { return nil }
    let room = policy.windowItemsMax - queue.count
    // A person who was left behind, as soon as half of their share is free: people in the order of their numbers, so that
    // the same events give the same reads.
    let ready = deferred.keys.filter { shares[$0, default: 0] * 2 <= policy.personItemsMax }.min { $0.rawValue < $1.rawValue }
    if let ready, room > 0, let row = deferred[ready] {
      outbox = .fetching(again: outbox == .moreWaiting, rewind: nil)
      (fetchScope, fetchAfter) = (.one(ready), row)
      return .fetchOf(ready, after: row, limit: min(room, policy.personItemsMax - shares[ready, default: 0]))
    }
    // A read when half the window is free: few large reads instead of one per settled item.
    guard outbox == .moreWaiting, room * 2 >= policy.windowItemsMax else { return nil }
    outbox = .fetching(again: false, rewind: nil)
    fetchAfter = cursor
    if deferred.isEmpty {
      fetchScope = .everybody
      return .fetch(after: cursor, limit: room)
    }
    fetchScope = .others
    return .fetchOthers(after: cursor, limit: room, except: deferred.keys.sorted { $0.rawValue < $1.rawValue })
  }
}

extension DeliveryItem {
  /// A new alert of high priority. No earlier change of the same alert can wait behind it.
  var isCall: Bool {
    guard case .alert(let record) = record else { return false }
    return record.transition.kind == .raised && record.transition.priority == .high
  }
}

/// How far an alert's story goes.
struct ChangeMark: Sendable {
  let instant: MonotonicInstant
  let revision: UInt16

  init(_ record: AlertRecord) { (instant, revision) = (record.instant, record.transition.revision) }

  func isLater(than other: AlertRecord) -> Bool { (instant, revision) > (other.instant, other.transition.revision) }
}

extension AlertRecord {
  /// Whether this change of the alert came after that one.
  func isLater(than other: AlertRecord) -> Bool { ChangeMark(self).isLater(than: other) }

  func isLater(than mark: ChangeMark) -> Bool { (instant, transition.revision) > (mark.instant, mark.revision) }
}
