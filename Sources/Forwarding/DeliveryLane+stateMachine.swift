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
    case .fetched(let items, let reachedEnd):
      fetched(items, reachedEnd: reachedEnd)
    case .alarmArrived(let item):
      alarmArrived(item, at: now)
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
      outbox = .moreWaiting
    }
  }

  private mutating func fetched(_ items: [DeliveryItem], reachedEnd: Bool) {
    guard case .fetching(let again, let rewind) = outbox else { return }
    let left = take(items, reachedEnd: reachedEnd, underWay: underWay)
    if let rewind { cursor = min(cursor, rewind) }
    outbox = left || again ? .moreWaiting : .drained
  }

  private mutating func alarmArrived(_ item: DeliveryItem, at now: MonotonicInstant) {
    if queue.count >= policy.windowItemsMax {
      noteOutboxNews()  // It is, or soon will be, in the outbox: fetched when there is room.
      return
    }
    // A new alarm does not sit out a back-off that older ones earned; the least distance between attempts still holds.
    if insert(item, underWay: underWay) { cutWait(at: now) }
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
        settle(attempt.items)
        actions.append(.deadLetter(attempt.items.map { DeadLetter(item: $0, refusal: refusal) }))
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

  /// The first reason and the longest wait, when no item fared otherwise.
  private static func allRetry(_ results: [ItemResult]) -> (RetryReason, Duration?)? {
    var first: RetryReason?
    var longest: Duration?
    for result in results {
      guard case .retry(let reason, let after) = result else { return nil }
      first = first ?? reason
      if let after, after > longest ?? .zero { longest = after }
    }
    return first.map { ($0, longest) }
  }

  private mutating func settle(
    _ attempt: Attempt, _ results: [ItemResult], notes: [RepairNote], at now: MonotonicInstant, _ actions: inout [Action]
  ) {
    var receipts: [Receipt] = []
    var dead: [DeadLetter] = []
    for (sent, result) in zip(attempt.items, results) {
      // The queue's copy may have learned its row while the attempt was under way.
      guard let index = queue.firstIndex(where: { $0.item.key == sent.key }) else { continue }
      let item = queue[index].item
      switch result {
      case .delivered(let remoteID):
        receipts.append(Receipt(key: item.key, row: item.row, remoteID: remoteID, note: notes.first { $0 == .severalMatches(item.key) }))
        settle([item])
      case .refused(let refusal):
        dead.append(DeadLetter(item: item, refusal: refusal))
        settle([item])
      case .retry(_, let after):
        queue[index].soloFailures += 1
        queue[index].lastSolo = attempt.number
        queue[index].notBefore = wait(failures: queue[index].soloFailures, retryAfter: after, from: now)
      }
    }
    if !receipts.isEmpty { actions.append(.delivered(receipts)) }
    if !dead.isEmpty { actions.append(.deadLetter(dead)) }
  }

  private mutating func settle(_ items: [DeliveryItem]) {
    for item in items {
      if let index = queue.firstIndex(where: { $0.item.key == item.key }) { queue.remove(at: index) }
      settled.insert(item.key)
    }
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
      ? now.adding(nanoseconds: policy.backoffMax.nanosecondsClamped) : wait(failures: failures, retryAfter: retryAfter, from: now)
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
    let earliest = retryAfter == nil ? now.adding(nanoseconds: policy.backoffMin.nanosecondsClamped) : until
    phase = .waiting(until: until, earliest: min(earliest, until))
  }

  /// `from` plus the back-off, or plus what the destination asked for when that is longer, within the policy's bound.
  private mutating func wait(failures: Int, retryAfter: Duration?, from now: MonotonicInstant) -> MonotonicInstant {
    let own = policy.backoffNanoseconds(failures: failures, random: &random)
    let asked = min(retryAfter ?? .zero, policy.retryAfterMax).nanosecondsClamped
    return now.adding(nanoseconds: max(own, asked))
  }

  /// Starts what can start: the next attempt, the next read of the outbox, the next wake.
  private mutating func pump(at now: MonotonicInstant, _ actions: inout [Action]) {
    // A read when half the window is free: few large reads instead of one per settled item.
    let room = policy.windowItemsMax - queue.count
    if outbox == .moreWaiting, room * 2 >= policy.windowItemsMax {
      outbox = .fetching(again: false, rewind: nil)
      actions.append(.fetch(after: cursor, limit: room))
    }
    if phase == .idle {
      let (items, atoms) = nextBatch(at: now)
      if !items.isEmpty {
        attempts += 1
        // The connector keeps the limit itself; a second more is only for one that does not.
        let deadline = now.adding(nanoseconds: (policy.attemptTimeout + .seconds(1)).nanosecondsClamped)
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
