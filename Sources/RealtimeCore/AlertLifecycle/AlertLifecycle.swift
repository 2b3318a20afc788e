// The life of one alert as a state machine: pure, sans-I/O, time is an argument.
//
//   suspected ─deadline─▶ raised ─delivered─▶ notified ─▶ acknowledged ─▶ responding ─▶ resolved
//       └─condition ended─▶ cleared (also from every open state, when the alert is technical)
//
// The one deadline means: in `suspected` the delay's end; in `raised` and `notified` the next escalation, or the next time that
// the last level is told; in `acknowledged` and `responding` the next re-trigger. Not here: which condition holds (the rules), ids,
// who receives.

package import VitalSigns

/// One alert's state, level and deadline. Fixed size, no padding inside. Realtime-safe.
package struct AlertLifecycle: Sendable, Hashable {
  /// From where the escalation times count: when it was raised or became more urgent.
  package private(set) var base: MonotonicInstant
  package private(set) var deadline: MonotonicInstant
  package private(set) var state: AlertState
  package private(set) var priority: AlertPriority
  package private(set) var level: UInt8
  /// Clinical alerts stay until a person resolves them.
  package let latches: Bool

  enum Event: Sendable, Hashable {
    /// The condition was seen again as a new occurrence (not a repeated state).
    case conditionAgain
    /// It is told anew, whether or not somebody has taken it.
    case tellAgain
    /// Likewise, and that fell due while the hub was away, until then. What repeats goes on from there.
    case tellAgainMissed(until: MonotonicInstant)
    case conditionEnded
    /// The clock reached `deadline`.
    case deadlinePassed
    /// `deadline` passed while the hub was away, until then. It is told once; what repeats goes on from there.
    case deadlineMissed(until: MonotonicInstant)
    /// The same condition got worse (yellow → red).
    case upgrade(AlertPriority)
    case action(AlertAction)

    /// Until when the hub was away; nil: it was not.
    var missedUntil: MonotonicInstant? {
      @_noLocks get {
        switch self {
        case .deadlineMissed(let end), .tellAgainMissed(let end): end
        default: nil
        }
      }
    }
  }

  enum Action: Sendable, Hashable {
    case none
    /// The action does not fit the state; the person is told.
    case refuse
    /// Something happened that the record and perhaps the receivers must see; `from` is the state before.
    case transition(AlertTransitionKind, from: AlertState)
  }

  /// As a record of the state says that it was; see the target `CoreState`.
  @_noLocks package init(
    base: MonotonicInstant, deadline: MonotonicInstant, state: AlertState, priority: AlertPriority, level: UInt8, latches: Bool
  ) {
    self.base = base
    self.deadline = deadline
    self.state = state
    self.priority = priority
    self.level = level
    self.latches = latches
  }

  /// A condition that has to last until `deadline` before anybody is told.
  @_noLocks init(suspectedUntil deadline: MonotonicInstant, at instant: MonotonicInstant, priority: AlertPriority, latches: Bool) {
    self.base = instant
    self.deadline = deadline
    self.state = .suspected
    self.priority = priority
    self.level = 0
    self.latches = latches
  }

  /// An alert that is raised at once.
  @_noLocks init(raisedAt instant: MonotonicInstant, priority: AlertPriority, latches: Bool, policy: EscalationPolicy) {
    self.init(suspectedUntil: instant, at: instant, priority: priority, latches: latches)
    raise(at: instant, policy)
  }

  @_noLocks mutating func event(_ event: Event, at instant: MonotonicInstant, policy: EscalationPolicy) -> Action {
    switch state {
    case .suspected: suspected(event, instant, policy)
    case .raised, .notified: waiting(event, instant, policy)
    case .acknowledged, .responding: handled(event, instant, policy)
    case .resolved, .cleared: closed(event)
    }
  }

  @_noLocks private mutating func suspected(_ event: Event, _ instant: MonotonicInstant, _ policy: EscalationPolicy) -> Action {
    switch event {
    case .conditionAgain, .tellAgain, .tellAgainMissed: return .none
    case .conditionEnded: return move(to: .cleared, .cleared)
    case .deadlinePassed, .deadlineMissed:
      raise(at: instant, policy)
      return .transition(.raised, from: .suspected)
    // Nobody has been told yet, so nobody needs to hear that it changed.
    case .upgrade(let new):
      priority = new
      return .none
    case .action: return .refuse
    }
  }

  /// Told, and nobody has taken it.
  @_noLocks private mutating func waiting(_ event: Event, _ instant: MonotonicInstant, _ policy: EscalationPolicy) -> Action {
    switch event {
    // It is being told already.
    case .conditionAgain: return .none
    case .tellAgain, .tellAgainMissed:
      if policy.nextLevel(above: level, for: priority) == nil { scheduleEscalation(at: event.missedUntil ?? instant, policy) }
      return .transition(.retriggered, from: state)
    case .conditionEnded: return latches ? .none : move(to: .cleared, .cleared)
    case .deadlinePassed: return escalate(repeatsFrom: instant, policy)
    case .deadlineMissed(let end): return escalate(repeatsFrom: end, policy)
    case .upgrade(let new):
      // A more urgent one gets the urgent times, from now; what is due sooner stays. One that only gets worse within its urgency
      // keeps its times: a value that falls and falls must not put the next person off for ever.
      if new > priority {
        let due = deadline
        priority = new
        base = instant
        scheduleEscalation(at: instant, policy)
        deadline = min(deadline, due)
      }
      return .transition(.upgraded, from: state)
    case .action(.delivered):
      // Each of several destinations confirms; the first one counts.
      guard state == .raised else { return .none }
      state = .notified
      return .transition(.notified, from: .raised)
    case .action(.acknowledge):
      scheduleRetrigger(at: instant, policy)
      return move(to: .acknowledged, .acknowledged)
    case .action(.respond):
      scheduleRetrigger(at: instant, policy)
      return move(to: .responding, .responding)
    case .action(.resolve): return move(to: .resolved, .resolved)
    }
  }

  /// Somebody has it.
  @_noLocks private mutating func handled(_ event: Event, _ instant: MonotonicInstant, _ policy: EscalationPolicy) -> Action {
    switch event {
    case .conditionAgain, .tellAgain, .deadlinePassed:
      scheduleRetrigger(at: instant, policy)
      return .transition(.retriggered, from: state)
    case .deadlineMissed(let end), .tellAgainMissed(let end):
      scheduleRetrigger(at: end, policy)
      return .transition(.retriggered, from: state)
    case .conditionEnded: return latches ? .none : move(to: .cleared, .cleared)
    case .upgrade(let new):
      // Who took the milder alert may not have seen the worse one: told at once (`upgraded`), and told anew when it is
      // not resolved within the time that an untaken alert of the new priority gets before its first escalation.
      priority = priority.orMoreUrgent(new)
      let first = policy.steps(for: priority).level1Seconds
      if first != EscalationPolicy.never { deadline = min(deadline, instant.adding(seconds: first)) }
      return .transition(.upgraded, from: state)
    case .action(.delivered): return .none
    case .action(.acknowledge): return .refuse
    case .action(.respond):
      guard state == .acknowledged else { return .refuse }
      scheduleRetrigger(at: instant, policy)
      return move(to: .responding, .responding)
    case .action(.resolve): return move(to: .resolved, .resolved)
    }
  }

  @_noLocks private func closed(_ event: Event) -> Action {
    if case .action = event { return .refuse }
    return .none
  }

  @_noLocks private mutating func move(to new: AlertState, _ kind: AlertTransitionKind) -> Action {
    let old = state
    state = new
    if !new.isOpen { deadline = .never }
    return .transition(kind, from: old)
  }

  /// An alert as a journal has it, for a core that starts at `instant` without having seen it rise.
  @_noLocks init(_ transition: AlertTransition, latches: Bool, at instant: MonotonicInstant, _ policy: EscalationPolicy) {
    base = transition.raisedAt
    deadline = transition.state.isOpen ? transition.deadline : .never
    state = transition.state
    priority = transition.priority
    level = transition.level
    self.latches = latches
    // The version that wrote it told nothing after the last level, or there was no room to follow it.
    if deadline == .never, state == .raised || state == .notified { scheduleEscalation(at: instant, policy) }
  }

  /// An alert as a person saw it when they acted, for a core that does not follow it.
  @_noLocks init(_ standing: AlertStanding) {
    base = standing.raisedAt
    deadline = .never
    state = standing.state
    priority = standing.priority
    level = standing.level
    latches = !standing.rule.isTechnical
  }

  /// There is no room to follow it: told once, never escalated.
  @_noLocks mutating func abandon() { deadline = .never }

  @_noLocks private mutating func raise(at instant: MonotonicInstant, _ policy: EscalationPolicy) {
    state = .raised
    base = instant
    level = policy.firstLevel
    scheduleEscalation(at: instant, policy)
  }

  /// Tells the next level, or the last one again.
  @_noLocks private mutating func escalate(repeatsFrom instant: MonotonicInstant, _ policy: EscalationPolicy) -> Action {
    guard let next = policy.nextLevel(above: level, for: priority) else {
      scheduleEscalation(at: instant, policy)
      return .transition(.retriggered, from: state)
    }
    level = next
    scheduleEscalation(at: instant, policy)
    return .transition(.escalated, from: state)
  }

  /// The deadline is the next level's; after the last level, the next time that this level is told again. An alert that nobody has taken
  /// is always told again.
  @_noLocks private mutating func scheduleEscalation(at instant: MonotonicInstant, _ policy: EscalationPolicy) {
    let steps = policy.steps(for: priority)
    if let next = policy.nextLevel(above: level, for: priority) {
      deadline = base.adding(seconds: steps.seconds(untilLevel: next))
    } else {
      deadline = steps.repeatSeconds == EscalationPolicy.never ? .never : instant.adding(seconds: max(1, steps.repeatSeconds))
    }
  }

  @_noLocks private mutating func scheduleRetrigger(at instant: MonotonicInstant, _ policy: EscalationPolicy) {
    let seconds = policy.steps(for: priority).retriggerSeconds
    // 0 would repeat within the same instant for ever.
    deadline = seconds == EscalationPolicy.never ? .never : instant.adding(seconds: max(1, seconds))
  }
}
