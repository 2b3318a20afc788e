// The session's table, whole: every state meets every event. And the pauses' numbers, from a seed.

import Testing
import VitalSigns

@testable import MQTTLink

@Suite struct MQTTLinkSessionTests {
  static let now = MonotonicInstant(rawValue: 1_000_000_000_000)
  static let later = now.adding(nanoseconds: 1)
  static let seconds: Int64 = 1_000_000_000

  static let states: [(name: String, state: MQTTLinkSession.State)] = [
    ("idle", .idle),
    ("connecting", .connecting(attempt: 3, deadline: later)),
    ("subscribing", .subscribing(attempt: 3, since: now)),
    ("live", .live(attempt: 3, since: now)),
    ("backingOff", .backingOff(attempt: 3, until: later)),
    ("draining", .draining(deadline: later)),
    ("disconnecting", .disconnecting(deadline: later)),
    ("stopped", .stopped),
  ]
  static let events: [(name: String, event: MQTTLinkSession.Event)] = [
    ("start", .start), ("accepted", .accepted), ("subscribed", .subscribed), ("lost", .lost(needsAPerson: false)),
    ("lostForAPerson", .lost(needsAPerson: true)), ("acknowledged", .acknowledged), ("stop", .stop(deadline: later)), ("tick", .tick),
  ]

  /// What is not listed is `.none` and leaves the state alone.
  static let table: [String: (action: MQTTLinkSession.Action, next: String)] = [
    "idle/start": (.connect, "connecting"),
    "idle/stop": (.finish, "stopped"),
    "connecting/accepted": (.subscribe, "subscribing"),
    "connecting/lost": (.abandon, "backingOff"),
    "connecting/lostForAPerson": (.abandon, "backingOff"),
    "connecting/stop": (.finish, "stopped"),
    "connecting/tick+": (.abandon, "backingOff"),
    "subscribing/subscribed": (.announceOnline, "live"),
    "subscribing/lost": (.abandon, "backingOff"),
    "subscribing/lostForAPerson": (.abandon, "backingOff"),
    "subscribing/stop": (.stopReading, "draining"),
    "live/lost": (.abandon, "backingOff"),
    "live/lostForAPerson": (.abandon, "backingOff"),
    "live/stop": (.stopReading, "draining"),
    "backingOff/stop": (.finish, "stopped"),
    "backingOff/tick+": (.connect, "connecting"),
    "draining/acknowledged": (.disconnect, "disconnecting"),
    "draining/lost": (.finish, "stopped"),
    "draining/lostForAPerson": (.finish, "stopped"),
    "draining/tick+": (.finish, "stopped"),
    "disconnecting/lost": (.finish, "stopped"),
    "disconnecting/lostForAPerson": (.finish, "stopped"),
    "disconnecting/tick+": (.finish, "stopped"),
  ]

  static func name(_ state: MQTTLinkSession.State) -> String {
    switch state {
    case .idle: "idle"
    case .connecting: "connecting"
    case .subscribing: "subscribing"
    case .live: "live"
    case .backingOff: "backingOff"
    case .draining: "draining"
    case .disconnecting: "disconnecting"
    case .stopped: "stopped"
    }
  }

  static func session(in state: MQTTLinkSession.State = .idle) -> MQTTLinkSession {
    var session = MQTTLinkSession(connectTimeout: .seconds(10), randomSeed: 7)
    session.state = state
    return session
  }

  @Test func everyStateMeetsEveryEvent() {
    var used = Set<String>()
    for (stateName, state) in Self.states {
      for (eventName, event) in Self.events {
        for (suffix, instant) in [("", Self.now), ("+", Self.later)] {
          var session = Self.session(in: state)
          let action = session.event(event, at: instant)
          // Only `tick` looks at the time; the others have the same row before and after the deadline.
          let key = "\(stateName)/\(eventName)" + (eventName == "tick" ? suffix : "")
          let expected = Self.table[key]
          used.insert(key)
          #expect(action == expected?.action ?? .none, "\(key)")
          #expect(Self.name(session.state) == expected?.next ?? stateName, "\(key)")
          if expected == nil { #expect(session.state == state, "\(key)") }
        }
      }
    }
    #expect(Set(Self.table.keys).isSubset(of: used))
  }

  @Test func attemptsCountUpAndStartAgainAfterAGoodConnection() {
    var session = Self.session()
    #expect(session.event(.start, at: Self.now) == .connect)
    #expect(session.state == .connecting(attempt: 1, deadline: Self.now.adding(seconds: 10)))
    _ = session.event(.lost(needsAPerson: false), at: Self.now)
    #expect(session.event(.tick, at: session.deadline) == .connect)
    guard case .connecting(attempt: 2, _) = session.state else { return #expect(Bool(false), "\(session.state)") }
    _ = session.event(.accepted, at: Self.now)
    _ = session.event(.subscribed, at: Self.now)

    // Lost again within ten seconds: the broker is flapping, so the count goes on.
    var flapping = session
    _ = flapping.event(.lost(needsAPerson: false), at: Self.now.adding(seconds: 9))
    guard case .backingOff(attempt: 2, _) = flapping.state else { return #expect(Bool(false), "\(flapping.state)") }
    _ = session.event(.lost(needsAPerson: false), at: Self.now.adding(seconds: 10))
    guard case .backingOff(attempt: 1, _) = session.state else { return #expect(Bool(false), "\(session.state)") }
  }

  /// A broker that ended is to be seen refusing before it is there again; else its restarts look like another client.
  @Test func afterAClosingOneAttemptComesSoonAndTheCountGoesOn() {
    var session = Self.session(in: .live(attempt: 7, since: Self.now))
    session.backOff.knocksSoon = true
    _ = session.event(.lost(needsAPerson: false), at: Self.now)
    #expect(session.deadline <= Self.now.adding(ReconnectPause.usual.first))
    #expect(session.event(.tick, at: session.deadline) == .connect)
    let refused = session.deadline
    _ = session.event(.lost(needsAPerson: false), at: refused)
    guard case .backingOff(attempt: 8, let until) = session.state else { return #expect(Bool(false), "\(session.state)") }
    #expect(until >= refused.adding(ReconnectPause.usual.bounds.upperBound / 2), "refused: the pauses are long again")
  }

  @Test func anEarlierDeadlineShortensTheDrain() {
    var session = Self.session(in: .draining(deadline: Self.later))
    _ = session.event(.stop(deadline: Self.now), at: Self.now)
    #expect(session.state == .draining(deadline: Self.now))
    _ = session.event(.stop(deadline: Self.later), at: Self.now)
    #expect(session.state == .draining(deadline: Self.now))
  }

  @Test func theBackOffDoublesToItsCapAndIsHalfRandom() {
    var pause = ReconnectPause(randomSeed: 1)
    func upperHalf(_ milliseconds: Int64) -> ClosedRange<Duration> { .milliseconds(milliseconds / 2)...(.milliseconds(milliseconds)) }
    for (index, step) in ([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] as [Int64]).enumerated() {
      for _ in 0..<200 {
        #expect(upperHalf(step).contains(pause.next(attempt: UInt32(index + 1), needsAPerson: false)))
      }
    }
    #expect(upperHalf(10_000).contains(pause.next(attempt: .max, needsAPerson: false)))
    #expect(upperHalf(60_000).contains(pause.next(attempt: .max, needsAPerson: true)))
    #expect(upperHalf(100).contains(pause.next(attempt: 0, needsAPerson: false)))
    #expect(upperHalf(4_000).contains(pause.next(attempt: 1, needsAPerson: true)))
    let pauses = (0..<50).map { _ in pause.next(attempt: 11, needsAPerson: false) }
    #expect(Set(pauses).count > 40, "a street of homes must not come back together")
  }

  @Test func theSameSeedGivesTheSameDelays() {
    var one = ReconnectPause(randomSeed: 42)
    var two = ReconnectPause(randomSeed: 42)
    for attempt in UInt32(1)...20 {
      #expect(one.next(attempt: attempt, needsAPerson: false) == two.next(attempt: attempt, needsAPerson: false))
    }
  }
}
