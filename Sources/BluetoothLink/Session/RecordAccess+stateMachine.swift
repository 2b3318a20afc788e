// What each event leads to while records are fetched, counted and deleted. One operation is under way at a time.

import BlueZ
import DeviceProfile
import VitalSigns

extension RecordAccess {
  mutating func begin(at now: MonotonicInstant) -> Asking { subscribe(wanted[...], at: now) }

  private mutating func subscribe(_ left: ArraySlice<BluetoothUUID>, at now: MonotonicInstant) -> Asking {
    guard let next = left.first else { return report(number: 1, at: now) }
    state = .subscribing(
      Subscribing(characteristic: next, mode: mode, rest: left.dropFirst(), until: now.adding(Self.operationTimeout)))
    return .perform(.subscribe(next, service: service, mode))
  }

  private mutating func report(number: Int, at now: MonotonicInstant) -> Asking {
    let write = ask(.report, Fetch(number: number), at: now)
    return .fetch(from: [fetch.records] + (fetch.context.map { [$0] } ?? []), write)
  }

  private mutating func ask(_ request: Request, _ fetch: Fetch, at now: MonotonicInstant) -> SessionOperation {
    let limit =
      switch request {
      case .report: Self.recordTimeout
      case .abort: Self.abortTimeout
      case .count, .delete: Self.responseTimeout
      }
    state = .exchanging(Exchange(request: request, until: now.adding(limit)), fetch)
    return write(request)
  }

  private mutating func finish(_ result: Result) -> Answer {
    state = .finished
    return .finished(result)
  }

  // MARK: Replies

  /// The awaited operation was replied to. A refused subscription was tried both ways before it comes here.
  mutating func replied(_ failure: BluezFailure?, at now: MonotonicInstant, durable: UInt64) -> Answer {
    switch state {
    case .subscribing(let subscribing):
      if let failure { return finish(.refused(failure)) }
      return .ask(subscribe(subscribing.rest, at: now))
    case .exchanging(var exchange, let fetch):
      if let failure {
        switch exchange.request {
        case .report: return finish(.refused(failure))
        case .abort: return finish(.failed)
        case .count, .delete: return finish(.kept)
        }
      }
      switch exchange.awaits {
      case .both:
        exchange.awaits = .answer
        state = .exchanging(exchange, fetch)
        return .nothing
      case .reply(let response): return answered(exchange.request, response, fetch, at: now, durable: durable)
      case .answer: return .nothing
      }
    case .draining, .settling, .finished: return .nothing
    }
  }

  /// The subscription under way is asked for in the other mode, without more time than it had.
  mutating func subscribeAgain(_ mode: BluetoothSessionPlan.Notifications) {
    guard case .subscribing(var subscribing) = state else { return }
    subscribing.mode = mode
    state = .subscribing(subscribing)
  }

  // MARK: Notifications

  mutating func notified(
    _ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?, at now: MonotonicInstant, durable: UInt64
  ) -> Answer {
    if characteristic == control { return controlNotified(bytes, at: now, durable: durable) }
    if characteristic == fetch.records || characteristic == fetch.context, outcome != .busy {
      recordCame(characteristic, bytes, outcome, at: now)
    }
    return .nothing
  }

  private mutating func controlNotified(_ bytes: [UInt8], at now: MonotonicInstant, durable: UInt64) -> Answer {
    guard case .exchanging(var exchange, let fetch) = state else { return .nothing }
    let response = Response(bytes)
    // The answer to an earlier request that came late says nothing of this one.
    if case .general(let request, _) = response, request != exchange.request.bytes.first { return .nothing }
    switch exchange.awaits {
    case .both:
      exchange.awaits = .reply(response)
      state = .exchanging(exchange, fetch)
      return .nothing
    case .reply: return .nothing
    case .answer: return answered(exchange.request, response, fetch, at: now, durable: durable)
    }
  }

  private mutating func recordCame(
    _ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?, at now: MonotonicInstant
  ) {
    let frame = characteristic == fetch.records ? Fetch.Frame.record(sequence: sequenceNumber(bytes)) : .context
    switch state {
    case .exchanging(var exchange, var fetch):
      fetch.take(frame, outcome)
      // A device may answer and the record still be in its socket: only an unanswered report has more time now.
      if exchange.request == .report, !exchange.isAnswered { exchange.until = now.adding(Self.recordTimeout) }
      state = .exchanging(exchange, fetch)
    case .draining(var fetch, _):
      fetch.take(frame, outcome)
      state = .draining(fetch, until: now.adding(Self.drain))
    case .settling(var fetch, let until):
      fetch.take(frame, outcome)
      state = .settling(fetch, until: until)
    // What comes before the report is none of its records.
    case .subscribing, .finished: break
    }
  }

  private func sequenceNumber(_ bytes: [UInt8]) -> UInt16? {
    guard let offset = fetch.sequenceOffset, offset >= 0, offset < bytes.count, bytes.count - offset >= 2 else { return nil }
    return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
  }

  // MARK: The disk

  /// Part of what was taken is not in the record. The result where that ends the fetch.
  mutating func leftOut() -> Result? {
    switch state {
    case .settling:
      state = .finished
      return .kept
    case .exchanging(let exchange, var fetch):
      fetch.isUnstored = true
      state = .exchanging(exchange, fetch)
    case .draining(var fetch, let until):
      fetch.isUnstored = true
      state = .draining(fetch, until: until)
    case .subscribing, .finished: break
    }
    return nil
  }

  /// The count, when everything of the fetch is on disk. It comes right before deleting: what was added meanwhile is noticed.
  mutating func durable(_ sequence: UInt64, at now: MonotonicInstant) -> SessionOperation? {
    guard case .settling(let fetch, _) = state, sequence >= fetch.highestJournal else { return nil }
    return ask(.count, fetch, at: now)
  }

  // MARK: Time

  mutating func deadlineCame(at now: MonotonicInstant, durable: UInt64) -> Answer {
    guard now >= deadline else { return .nothing }
    if let awaited { return finish(.hung(awaited)) }
    switch state {
    case .exchanging(let exchange, let fetch):
      switch exchange.request {
      case .report: return .ask(.perform(ask(.abort, fetch, at: now)))
      case .abort: return finish(.failed)
      case .count, .delete: return finish(.kept)
      }
    case .draining(let fetch, _): return settle(fetch, at: now, durable: durable)
    // Nothing is durable, so nothing was deleted: the device's memory goes on filling.
    case .settling: return finish(.kept)
    case .subscribing, .finished: return .nothing
    }
  }

  // MARK: Answers

  private mutating func answered(
    _ request: Request, _ response: Response, _ fetch: Fetch, at now: MonotonicInstant, durable: UInt64
  ) -> Answer {
    switch (request, response) {
    case (.report, .general(_, code: 0x01)):
      state = .draining(fetch, until: now.adding(Self.drain))
      return .nothing
    // No records found.
    case (.report, .general(_, code: 0x06)): return finish(.done)
    case (.report, _), (.abort, _): return finish(.failed)
    case (.count, .count(let count)): return counted(Int(count), fetch, at: now, durable: durable)
    // The control point cannot count.
    case (.count, .general(_, code: 0x02...0x05)), (.count, .general(_, code: 0x09)):
      return counted(nil, fetch, at: now, durable: durable)
    case (.count, _): return finish(.kept)
    case (.delete, .general(_, code: 0x01)): return finish(.deleted)
    case (.delete, _): return finish(.kept)
    }
  }

  private mutating func settle(_ fetch: Fetch, at now: MonotonicInstant, durable: UInt64) -> Answer {
    if fetch.records == 0 || self.fetch.deletion == .never { return finish(.done) }
    if fetch.mustBeKept { return finish(.kept) }
    state = .settling(fetch, until: now.adding(Self.settleTimeout))
    return self.durable(durable, at: now).map { .ask(.perform($0)) } ?? .nothing
  }

  /// `count`: of all records on the device; nil when it cannot say.
  private mutating func counted(_ count: Int?, _ fetch: Fetch, at now: MonotonicInstant, durable: UInt64) -> Answer {
    if fetch.mustBeKept { return finish(.kept) }
    if let count, count != fetch.records {
      return fetch.number < Self.fetchesMax ? .ask(report(number: fetch.number + 1, at: now)) : finish(.kept)
    }
    if fetch.highestJournal > durable {
      // A record came out of its socket while the count was under way: it waits for the disk like the others.
      state = .settling(fetch, until: now.adding(Self.settleTimeout))
      return .nothing
    }
    // What the person measures between the count and the deletion of all is lost: some milliseconds, which no request of the
    // control point can close. "Up to" has no such gap.
    // The numbers wrap at 65 535: "up to" then says nothing, and only all or none can be deleted.
    let upTo = self.fetch.deletion == .upToSequence && fetch.isMonotonous ? fetch.lastSequence : nil
    // Without a count only numbers without a gap show that bluetoothd's socket never overflowed.
    if count == nil, upTo == nil || !fetch.isGapless { return finish(.kept) }
    return .ask(.perform(ask(.delete(upTo: upTo), fetch, at: now)))
  }
}

extension RecordAccess.Fetch {
  /// Which of a fetch's frames came.
  enum Frame {
    /// `sequence`: the device's number, nil where the record has none.
    case record(sequence: UInt16?)
    case context
  }

  mutating func take(_ frame: Frame, _ outcome: BluetoothFrameOutcome?) {
    switch outcome {
    case .accepted(let sequence)?, .duplicate(let sequence)?: highestJournal = max(highestJournal, sequence)
    case .refused?: if case .record = frame { refused += 1 }
    case .unrecorded?, .busy?, nil: isUnstored = true
    }
    guard case .record(let sequence) = frame else { return }
    records += 1
    guard let sequence else {
      isMonotonous = false
      return
    }
    if let lastSequence {
      if sequence <= lastSequence { isMonotonous = false }
      if sequence != lastSequence &+ 1 { isGapless = false }
    }
    lastSequence = sequence
  }
}
