// The alert's state machine as a table: every state, every event, for clinical and technical alerts. And its clock.

import Testing
import VitalSigns

@testable import RealtimeCore

private let policy = EscalationPolicy(
  high: .init(level1Seconds: 60, level2Seconds: 180, level3Seconds: 300, retriggerSeconds: 2_700, repeatSeconds: 300),
  medium: .init(level1Seconds: 900, level2Seconds: 1_800, level3Seconds: 3_600, retriggerSeconds: 7_200, repeatSeconds: 1_800),
  low: .init(level1Seconds: .max, level2Seconds: .max, level3Seconds: .max, retriggerSeconds: .max, repeatSeconds: .max))

private func at(_ seconds: UInt32) -> MonotonicInstant { MonotonicInstant.zero.adding(seconds: seconds) }

/// An alert brought into `state` by the shortest way.
private func alert(in state: AlertState, latches: Bool, priority: AlertPriority = .medium) -> AlertLifecycle {
  if state == .suspected || state == .cleared {
    var suspicion = AlertLifecycle(suspectedUntil: at(30), at: at(0), priority: priority, latches: latches)
    if state == .cleared { _ = suspicion.event(.conditionEnded, at: at(1), policy: policy) }
    return suspicion
  }
  var alert = AlertLifecycle(raisedAt: at(0), priority: priority, latches: latches, policy: policy)
  let way: [AlertAction] =
    switch state {
    case .notified: [.delivered]
    case .acknowledged: [.acknowledge]
    case .responding: [.respond]
    case .resolved: [.resolve]
    default: []
    }
  for action in way { _ = alert.event(.action(action), at: at(0), policy: policy) }
  return alert
}

@Suite struct AlertLifecycleTests {
  private static let states: [AlertState] = [.suspected, .raised, .notified, .acknowledged, .responding, .resolved, .cleared]
  private static let events: [(String, AlertLifecycle.Event)] = [
    ("again", .conditionAgain), ("anew", .tellAgain), ("ended", .conditionEnded), ("deadline", .deadlinePassed),
    ("missed", .deadlineMissed(until: MonotonicInstant(rawValue: 9_000_000_000_000))),
    ("anew, missed", .tellAgainMissed(until: MonotonicInstant(rawValue: 9_000_000_000_000))),
    ("upgrade", .upgrade(.high)),
    ("delivered", .action(.delivered)), ("acknowledge", .action(.acknowledge)), ("respond", .action(.respond)),
    ("resolve", .action(.resolve)),
  ]

  /// Rows: events. Columns: states. `-` nothing, `x` refused, else the transition and the state after.
  private static let table: [String: [String]] = [
    //              suspected          raised                     notified                   acknowledged                 responding                  resolved cleared
    "again": ["-", "-", "-", "retriggered acknowledged", "retriggered responding", "-", "-"],
    "anew": [
      "-", "retriggered raised", "retriggered notified", "retriggered acknowledged", "retriggered responding", "-", "-",
    ],
    "anew, missed": [
      "-", "retriggered raised", "retriggered notified", "retriggered acknowledged", "retriggered responding", "-", "-",
    ],
    "ended": ["cleared cleared", "*", "*", "*", "*", "-", "-"],
    "deadline": [
      "raised raised", "escalated raised", "escalated notified", "retriggered acknowledged", "retriggered responding", "-", "-",
    ],
    "missed": [
      "raised raised", "escalated raised", "escalated notified", "retriggered acknowledged", "retriggered responding", "-", "-",
    ],
    "upgrade": ["-", "upgraded raised", "upgraded notified", "upgraded acknowledged", "upgraded responding", "-", "-"],
    "delivered": ["x", "notified notified", "-", "-", "-", "x", "x"],
    "acknowledge": ["x", "acknowledged acknowledged", "acknowledged acknowledged", "x", "x", "x", "x"],
    "respond": ["x", "responding responding", "responding responding", "responding responding", "x", "x", "x"],
    "resolve": ["x", "resolved resolved", "resolved resolved", "resolved resolved", "resolved resolved", "x", "x"],
  ]

  @Test(arguments: [true, false])
  func everyEventInEveryState(latches: Bool) throws {
    for (name, event) in Self.events {
      let row = try #require(Self.table[name])
      for (column, state) in Self.states.enumerated() {
        var lifecycle = alert(in: state, latches: latches)
        #expect(lifecycle.state == state)
        let before = lifecycle
        let action = lifecycle.event(event, at: at(30), policy: policy)
        // `*`: the end of the condition clears a technical alert and leaves a clinical one.
        let expected = row[column] == "*" ? (latches ? "-" : "cleared cleared") : row[column]
        switch action {
        case .none:
          #expect(expected == "-", "\(name) in \(state)")
          #expect(lifecycle.state == state)
        case .refuse:
          #expect(expected == "x", "\(name) in \(state)")
          #expect(lifecycle == before, "a refused action changes nothing")
        case .transition(let kind, let from):
          #expect(expected == "\(kind) \(lifecycle.state)", "\(name) in \(state)")
          #expect(from == state)
        }
        if !lifecycle.state.isOpen { #expect(lifecycle.deadline == .never) }
      }
    }
  }

  @Test func escalationTimesAreExact() {
    var lifecycle = AlertLifecycle(raisedAt: at(1_000), priority: .high, latches: true, policy: policy)
    var times: [MonotonicInstant] = []
    var levels: [UInt8] = [lifecycle.level]
    while lifecycle.level < 3 {
      times.append(lifecycle.deadline)
      #expect(lifecycle.event(.deadlinePassed, at: lifecycle.deadline, policy: policy) == .transition(.escalated, from: .raised))
      levels.append(lifecycle.level)
    }
    #expect(times == [at(1_060), at(1_180), at(1_300)])
    #expect(levels == [0, 1, 2, 3])
  }

  /// Nobody took it: the last level hears it again and again, for as long as nobody does.
  @Test func theLastLevelIsToldAgainUntilSomebodyTakesIt() {
    var lifecycle = AlertLifecycle(raisedAt: at(0), priority: .high, latches: true, policy: policy)
    for _ in 1...3 { _ = lifecycle.event(.deadlinePassed, at: lifecycle.deadline, policy: policy) }
    _ = lifecycle.event(.action(.delivered), at: at(301), policy: policy)
    for second in stride(from: 600, through: 86_400, by: 300) as StrideThrough<UInt32> {
      #expect(lifecycle.deadline == at(second))
      #expect(lifecycle.event(.deadlinePassed, at: at(second), policy: policy) == .transition(.retriggered, from: .notified))
      #expect(lifecycle.level == 3 && lifecycle.state == .notified)
    }
    _ = lifecycle.event(.action(.acknowledge), at: at(86_500), policy: policy)
    #expect(lifecycle.deadline == at(86_500 + 2_700))
  }

  @Test func whatIsToldAnewAtTheLastLevelStartsItsTimeAnew() {
    var thin = policy
    thin.receiverLevels = 0b1
    var lifecycle = AlertLifecycle(raisedAt: at(0), priority: .high, latches: true, policy: thin)
    #expect(lifecycle.deadline == at(300))
    #expect(lifecycle.event(.tellAgain, at: at(100), policy: thin) == .transition(.retriggered, from: .raised))
    #expect(lifecycle.deadline == at(400))
    #expect(lifecycle.event(.tellAgainMissed(until: at(9_000)), at: at(400), policy: thin) == .transition(.retriggered, from: .raised))
    #expect(lifecycle.deadline == at(9_300), "from the return")
    var climbing = AlertLifecycle(raisedAt: at(0), priority: .high, latches: true, policy: policy)
    _ = climbing.event(.tellAgain, at: at(50), policy: policy)
    #expect(climbing.deadline == at(60), "the next person's turn comes all the same")
  }

  /// What an older version left without a deadline at its last level, and what it had no room to follow, is told again here.
  @Test func whatIsTakenOverUntakenIsToldAgain() {
    func takenOver(_ state: AlertState, _ deadline: MonotonicInstant = .never) -> MonotonicInstant {
      let transition = AlertTransition(
        id: .none, rule: .sos, priority: .high, state: state, previous: .raised, kind: .escalated, level: 3, deadline: deadline,
        firstCause: 1, raisedAt: at(0), value: 0, limit: 0, subject: 0, actor: .hub)
      return AlertLifecycle(transition, latches: true, at: at(1_000), policy).deadline
    }
    #expect(takenOver(.raised) == at(1_300) && takenOver(.notified) == at(1_300))
    #expect(takenOver(.notified, at(1_010)) == at(1_010), "a deadline that stands is kept")
    #expect([AlertState.acknowledged, .responding, .resolved, .cleared].allSatisfy { takenOver($0) == .never })
  }

  @Test func retriggersAgainAndAgain() {
    var lifecycle = alert(in: .acknowledged, latches: true)
    #expect(lifecycle.deadline == at(7_200))
    _ = lifecycle.event(.deadlinePassed, at: at(7_200), policy: policy)
    #expect(lifecycle.deadline == at(14_400) && lifecycle.state == .acknowledged)
    _ = lifecycle.event(.action(.respond), at: at(8_000), policy: policy)
    #expect(lifecycle.deadline == at(15_200))
  }

  @Test func anUpgradeStartsTheUrgentTimesAnew() {
    var waiting = alert(in: .raised, latches: true)
    _ = waiting.event(.upgrade(.high), at: at(500), policy: policy)
    #expect(waiting.deadline == at(560) && waiting.priority == .high)
    var taken = alert(in: .acknowledged, latches: true)
    _ = taken.event(.upgrade(.high), at: at(500), policy: policy)
    #expect(taken.deadline == at(560), "who took the milder alert is reminded as soon as nobody would be")
  }

  /// A value that falls and falls tells again and again; the next person's turn comes all the same.
  @Test func gettingWorseWithinOnePriorityPutsNobodyOff() {
    var waiting = alert(in: .raised, latches: true, priority: .high)
    for second in stride(from: 10, through: 50, by: 10) as StrideThrough<Int> {
      #expect(waiting.event(.upgrade(.high), at: at(UInt32(second)), policy: policy) == .transition(.upgraded, from: .raised))
    }
    #expect(waiting.deadline == at(60) && waiting.level == 0)
    var late = alert(in: .raised, latches: true)
    _ = late.event(.upgrade(.high), at: at(890), policy: policy)
    #expect(late.deadline == at(900), "what is due sooner stays due")
  }

  @Test func levelsWithoutReceiversArePassedOver() {
    var thin = policy
    thin.receiverLevels = 0b1010
    var lifecycle = AlertLifecycle(raisedAt: at(0), priority: .high, latches: true, policy: thin)
    #expect(lifecycle.level == 1 && lifecycle.deadline == at(300))
    _ = lifecycle.event(.deadlinePassed, at: at(300), policy: thin)
    #expect(lifecycle.level == 3 && lifecycle.deadline == at(600))
    thin.receiverLevels = 0
    let alone = AlertLifecycle(raisedAt: at(0), priority: .high, latches: true, policy: thin)
    #expect(alone.level == 0 && alone.state == .raised && alone.deadline == at(300), "the board hears it again")
  }
}
