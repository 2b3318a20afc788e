// The lane's behaviour: what each event does in each state.
//
//   idle ──items──▶ sending ──answer──▶ idle …
//                     │ nothing known                     tick, connectivityRestored, a new alarm
//                     └──────────▶ backing off / suspended ────────────────────────▶ sending
//
// Promises: one request under way; an unknown outcome is resent under the same keys; a refusal condemns one atom only (the
// batch is halved until it is found); a failure that may be one item's fault (500, timeout) also halves, and then gives
// that item its own back-off; an answer of any lane of a destination drains its others at once (EdgeX #1526).

public import VitalSigns

extension DeliveryLane {
  /// Applies one event. Actions are to be performed in their order.
  public mutating func event(_ event: Event, at now: MonotonicInstant) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .outboxChanged:
      noteOutboxNews()
    case .fetched(let items, let reachedEnd, let through):
      fetched(items, reachedEnd: reachedEnd, through: through, at: now)
    case .alarmArrived(let item):
      alarmArrived(item, at: now)
    case .urgent(let people):
      // From the beginning: what is here already is known by its key.
      for person in people { leave(person, above: 0) }
    case .requeued(let keys, let row):
      requeued(keys, from: row)
    case .attemptEnded(let number, let report):
      // A report of an attempt that was given up is a stranger: its items are under way or settled otherwise.
      guard case .sending(let attempt) = phase, attempt.number == number else { return [] }
      phase = .idle
      ended(attempt, report, at: now, &actions)
    case .connectivityRestored:
      connectivityRestored(at: now)
    case .tick:
      tick(at: now, &actions)
    }
    if !settledRows.isEmpty {
      actions.append(.delivered(settledRows))
      settledRows = []
    }
    pump(at: now, &actions)
    return actions
  }

  /// The items of the attempt under way.
  var underWay: [DeliveryItem] {
    if case .sending(let attempt) = phase { return attempt.items }
    return []
  }

  private mutating func noteOutboxNews() {
    if case .fetching(_, let rewind) = outbox { outbox = .fetching(again: true, rewind: rewind) } else { outbox = .moreWaiting }
  }

  private mutating func requeued(_ keys: [DeliveryKey], from row: UInt64) {
    for key in keys { settled.remove(key) }
    let target = row > 0 ? row - 1 : 0
    if case .fetching(_, let rewind) = outbox {
      outbox = .fetching(again: true, rewind: min(rewind ?? target, target))
    } else {
      cursor = min(cursor, target)
      for person in deferred.keys { leave(person, above: target) }
      outbox = .moreWaiting
    }
  }

  private mutating func fetched(_ items: [DeliveryItem], reachedEnd: Bool, through: UInt64, at now: MonotonicInstant) {
    guard case .fetching(let again, let rewind) = outbox else { return }
    let isOnes = if case .one = fetchScope { true } else { false }
    let left = take(items, reachedEnd: reachedEnd, through: through, at: now, underWay: underWay)
    if let rewind {
      cursor = min(cursor, rewind)
      for person in deferred.keys { leave(person, above: rewind) }
    }
    outbox = (left && !isOnes) || again || rewind != nil ? .moreWaiting : .drained
  }

  private mutating func alarmArrived(_ item: DeliveryItem, at now: MonotonicInstant) {
    // Rows of this person wait in the outbox, and this alarm will be behind them there.
    if deferred[item.person] != nil, !item.isCall { return leaveOut(item) }
    if isBehindLeftOut(item) {
      leaveOut(item)
      noteOutboxNews()
      return
    }
    if !held.contains(item.key), !settled.contains(item.key), queue.count >= policy.windowItemsMax,
      shares[item.person, default: 0] >= shareMax(for: item) || !makeRoom(for: item, underWay: underWay)
    {
      leaveOut(item)
      noteOutboxNews()  // It is, or soon will be, in the outbox: fetched when there is room.
      return
    }
    switch insert(item, at: now, underWay: underWay) {
    // A new alarm does not sit out a back-off that older ones earned; the least distance between attempts still holds.
    case .held: cutWait(at: now)
    case .known: break
    case .shareFull:
      leaveOut(item)
      leave(item.person, above: cursor)
    case .noRoom:
      leaveOut(item)
      noteOutboxNews()
    }
  }

  private mutating func connectivityRestored(at now: MonotonicInstant) {
    if health != .alive {
      // The failures were the destination's, not the items'.
      for index in queue.indices { queue[index].notBefore = .zero }
    }
    cutWait(at: now)
  }

  private mutating func cutWait(at now: MonotonicInstant) {
    guard case .waiting(let until, let earliest) = phase, earliest < until else { return }
    phase = earliest <= now ? .idle : .waiting(until: earliest, earliest: earliest)
  }

  private mutating func tick(at now: MonotonicInstant, _ actions: inout [Action]) {
    switch phase {
    case .idle: break
    case .waiting(let until, _):
      if until <= now { phase = .idle }
    case .sending(let attempt):
      guard attempt.deadline <= now else { return }
      actions.append(.cancel(attempt: attempt.number))
      phase = .idle
      failed(attempt, .timedOut, retryAfter: nil, at: now, &actions)
    }
  }

  private mutating func ended(_ attempt: Attempt, _ report: DeliveryReport, at now: MonotonicInstant, _ actions: inout [Action]) {
    switch report.outcome {
    case .failed(let reason, let retryAfter):
      failed(attempt, reason, retryAfter: retryAfter, at: now, &actions)
    case .refusedTogether(let refusal):
      answered(&actions)
      if attempt.atoms > 1 {
        atomLimit = max(1, attempt.atoms / 2)
      } else {
        bury(attempt.items.map { ($0, refusal) }, &actions)
        growBatch()
      }
    case .each(let results):
      precondition(results.count == attempt.items.count, "a connector answers for each item")
      if let (reason, after) = Self.allRetry(results) {
        failed(attempt, reason, retryAfter: after, at: now, &actions)
      } else {
        answered(&actions)
        growBatch()
        settle(attempt, results, notes: report.notes, at: now, &actions)
      }
    }
  }

  /// The first reason and the longest wait, when no item fared otherwise and it is the destination that fails.
  private static func allRetry(_ results: [ItemResult]) -> (RetryReason, Duration?)? {
    var first: RetryReason?
    var longest: Duration?
    for result in results {
      guard case .retry(let reason, let after) = result, !reason.concernsItemAlone else { return nil }
      first = first ?? reason
      if let after, after > longest ?? .zero { longest = after }
    }
    return first.map { ($0, longest) }
  }

  private mutating func settle(
    _ attempt: Attempt, _ results: [ItemResult], notes: [RepairNote], at now: MonotonicInstant, _ actions: inout [Action]
  ) {
    var receipts: [Receipt] = []
    var refused: [(DeliveryItem, Refusal)] = []
    var failed: [(DeliveryItem, RetryReason)] = []
    var delivered: Set<DeliveryKey> = []
    // One look through the window for the whole batch: none of it moves before the end of the loop.
    let places = Dictionary(zip(queue.lazy.map(\.item.key), queue.indices), uniquingKeysWith: { first, _ in first })
    for (sent, result) in zip(attempt.items, results) {
      // The queue's copy may have learned its row while the attempt was under way. An item that a batch holds twice is settled once.
      guard let index = places[sent.key], !delivered.contains(sent.key) else { continue }
      let entry = queue[index]
      switch result {
      case .delivered(let remoteID):
        let key = entry.item.key
        receipts.append(Receipt(key: key, row: entry.item.row, remoteID: remoteID, note: notes.first { $0 == .severalMatches(key) }))
        for row in entry.moreRows { receipts.append(Receipt(key: key, row: row, remoteID: remoteID, note: nil)) }
        forget(entry)
        delivered.insert(key)
        settled.insert(key, .delivered(remoteID: remoteID))
      case .refused(let refusal):
        refused.append((entry.item, refusal))
      case .retry(let reason, let after):
        queue[index].soloFailures += 1
        queue[index].lastSolo = attempt.number
        queue[index].notBefore = wait(failures: queue[index].soloFailures, retryAfter: after, from: now)
        failed.append((entry.item, reason))
      }
    }
    if !delivered.isEmpty { queue.removeAll { delivered.contains($0.item.key) } }
    if !receipts.isEmpty { actions.append(.delivered(receipts)) }
    bury(refused, &actions)
    for (item, reason) in failed { giveUp([item], reason, &actions) }
  }

  /// Items that the destination will never take.
  private mutating func bury(_ items: [(DeliveryItem, Refusal)], _ actions: inout [Action]) {
    var letters: [DeadLetter] = []
    for (item, refusal) in items {
      guard let index = queue.firstIndex(where: { $0.item.key == item.key }) else { continue }
      let entry = queue[index]
      letters.append(DeadLetter(item: entry.item, refusal: refusal))
      for row in entry.moreRows { letters.append(DeadLetter(item: DeliveryItem(row: row, record: item.record), refusal: refusal)) }
      release(at: index)
      settled.insert(item.key, .refused(row: max(entry.item.row ?? 0, entry.moreRows.max() ?? 0)))
    }
    if !letters.isEmpty { actions.append(.deadLetter(letters)) }
  }

  /// Items that failed alone too often at a destination that takes others: somebody must look, and nobody would without
  /// being told.
  private mutating func giveUp(_ items: [DeliveryItem], _ reason: RetryReason, _ actions: inout [Action]) {
    guard let most = policy.soloFailuresMax else { return }
    let stuck = items.filter { item in queue.contains { $0.item.key == item.key && $0.soloFailures >= most } }
    if stuck.isEmpty { return }
    let refusal = Refusal(status: 0, diagnostics: "given up after \(most) attempts with it alone: \(reason.key)")
    bury(stuck.map { ($0, refusal) }, &actions)
  }

  /// The destination gave an answer about content: it lives.
  private mutating func answered(_ actions: inout [Action]) {
    if isDead { actions.append(.destinationRecovered) }
    if health != .alive {
      // Those that rested because the destination failed may go; one that keeps failing alone keeps its own pace.
      for index in queue.indices where queue[index].soloFailures <= policy.failuresUntilSuspended { queue[index].notBefore = .zero }
    }
    health = .alive
    actions.append(.drainSiblings)
  }

  private mutating func growBatch() { atomLimit = min(policy.batchItemsMax, atomLimit * 2) }

  private mutating func failed(
    _ attempt: Attempt, _ reason: RetryReason, retryAfter: Duration?, at now: MonotonicInstant, _ actions: inout [Action]
  ) {
    let failures = health.failures + 1
    let until =
      reason.needsPerson
      ? now.adding(policy.backoffMax) : wait(failures: failures, retryAfter: retryAfter, from: now)
    if attempt.atoms > 1 {
      if reason.mayBeOneItem { atomLimit = max(1, attempt.atoms / 2) }
    } else {
      for item in attempt.items {
        guard let index = queue.firstIndex(where: { $0.item.key == item.key }) else { continue }
        queue[index].lastSolo = attempt.number
        if reason.mayBeOneItem, !isDead {
          queue[index].soloFailures += 1
          // The first time others merely go first; from the second on the item has its own, growing back-off.
          let own = queue[index].soloFailures - 1
          queue[index].notBefore = own == 0 ? until : wait(failures: own, retryAfter: nil, from: until)
        }
      }
      // Only where others get through: else it is the destination that fails, and that is told as such.
      if reason.mayBeOneItem, !isDead, failures == 1 { giveUp(attempt.items, reason, &actions) }
    }
    if isDead {
      health = .dead(failures: failures, reason)
    } else if reason.needsPerson || failures >= policy.failuresUntilSuspended {
      health = .dead(failures: failures, reason)
      actions.append(.destinationDead(reason))
    } else {
      health = .failing(failures: failures)
    }
    // What the destination asked for (Retry-After) is not cut short; our own back-off may be, down to its least step.
    let earliest = retryAfter == nil ? now.adding(policy.backoffMin) : until
    phase = .waiting(until: until, earliest: min(earliest, until))
  }

  /// `from` plus the back-off, or plus what the destination asked for when that is longer, within the policy's bound.
  private mutating func wait(failures: Int, retryAfter: Duration?, from now: MonotonicInstant) -> MonotonicInstant {
    let own = policy.backOff.pause(failures: failures, random: &random)
    return now.adding(max(own, min(retryAfter ?? .zero, policy.retryAfterMax)))
  }

  /// Starts what can start: the next attempt, the next read of the outbox, the next wake.
  private mutating func pump(at now: MonotonicInstant, _ actions: inout [Action]) {
    if let fetch = nextFetch() { actions.append(fetch) }
    if phase == .idle {
      let (items, atoms) = nextBatch(at: now)
      if !items.isEmpty {
        attempts += 1
        // The connector keeps the limit itself; a second more is only for one that does not.
        let deadline = now.adding((policy.attemptTimeout + .seconds(1)))
        let attempt = Attempt(number: attempts, items: items, deadline: deadline, atoms: atoms)
        phase = .sending(attempt)
        actions.append(.send(attempt))
      }
    }
    let wake: MonotonicInstant =
      switch phase {
      case .idle: firstRestEnds(after: now)
      case .sending(let attempt): attempt.deadline
      case .waiting(let until, _): until
      }
    if wake != announcedWake {
      announcedWake = wake
      actions.append(.wake(at: wake))
    }
  }
}
