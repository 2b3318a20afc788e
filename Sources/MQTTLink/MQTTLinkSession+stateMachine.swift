// The transitions of a session. Every state meets every event here; what cannot happen together is answered with
// `.none`, because events come from a broker and from other threads and may be late by one turn of the loop.

import VitalSigns

extension MQTTLinkSession {
  /// Moves the session and says what the shell must do. The shell calls it with `.tick` once in each turn.
  mutating func event(_ event: Event, at now: MonotonicInstant) -> Action {
    switch event {
    case .start: start(at: now)
    case .accepted: accepted(at: now)
    case .subscribed: subscribed()
    case .lost(let needsAPerson): lost(needsAPerson: needsAPerson, at: now)
    case .acknowledged: acknowledged()
    case .stop(let deadline): stop(deadline: deadline)
    case .tick: tick(at: now)
    }
  }

  private mutating func start(at now: MonotonicInstant) -> Action {
    guard case .idle = state else { return .none }
    return connect(attempt: 1, at: now)
  }

  private mutating func connect(attempt: UInt32, at now: MonotonicInstant) -> Action {
    state = .connecting(attempt: attempt, deadline: now.adding(connectTimeout))
    return .connect
  }

  private mutating func accepted(at now: MonotonicInstant) -> Action {
    guard case .connecting(let attempt, _) = state else { return .none }
    state = .subscribing(attempt: attempt, since: now)
    return .subscribe
  }

  private mutating func subscribed() -> Action {
    guard case .subscribing(let attempt, let since) = state else { return .none }
    state = .live(attempt: attempt, since: since)
    return .announceOnline
  }

  private mutating func lost(needsAPerson: Bool, at now: MonotonicInstant) -> Action {
    switch state {
    case .connecting(let attempt, _):
      return backOff(attempt: attempt, needsAPerson: needsAPerson, at: now)
    case .subscribing(let attempt, let since), .live(let attempt, let since):
      let livedLong = now >= since.adding(ReconnectPause.stable)
      return backOff(attempt: livedLong ? 1 : attempt, needsAPerson: needsAPerson, isSoon: backOff.knocksSoon, at: now)
    case .draining, .disconnecting:
      // Whatever was not acknowledged comes again in the next run.
      state = .stopped
      return .finish
    case .idle, .backingOff, .stopped:
      return .none
    }
  }

  /// `isSoon`: this pause is as short as the first; the count goes on.
  private mutating func backOff(attempt: UInt32, needsAPerson: Bool, isSoon: Bool = false, at now: MonotonicInstant) -> Action {
    let pause = backOff.next(attempt: isSoon ? 1 : attempt, needsAPerson: needsAPerson)
    state = .backingOff(attempt: attempt, until: now.adding(pause))
    return .abandon
  }

  private mutating func acknowledged() -> Action {
    guard case .draining(let deadline) = state else { return .none }
    state = .disconnecting(deadline: deadline)
    return .disconnect
  }

  private mutating func stop(deadline: MonotonicInstant) -> Action {
    switch state {
    case .subscribing, .live:
      state = .draining(deadline: deadline)
      return .stopReading
    case .draining(let earlier):
      state = .draining(deadline: min(earlier, deadline))
      return .none
    case .disconnecting, .stopped:
      return .none
    case .idle, .connecting, .backingOff:
      // Nothing is handed over on this connection, so nothing waits.
      state = .stopped
      return .finish
    }
  }

  private mutating func tick(at now: MonotonicInstant) -> Action {
    guard now >= deadline else { return .none }
    switch state {
    case .connecting(let attempt, _):
      return backOff(attempt: attempt, needsAPerson: false, at: now)
    case .backingOff(let attempt, _):
      let (next, overflow) = attempt.addingReportingOverflow(1)
      return connect(attempt: overflow ? attempt : next, at: now)
    case .draining, .disconnecting:
      state = .stopped
      return .finish
    case .idle, .subscribing, .live, .stopped:
      return .none
    }
  }
}
