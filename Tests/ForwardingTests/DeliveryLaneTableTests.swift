// Every event in every state of a lane: what it does, by name. The tables are exhaustive on purpose.

import Testing
import VitalSigns

@testable import Forwarding

@Suite struct DeliveryLaneTableTests {
  enum Start: CaseIterable {
    case idle, sending, backingOff, suspended
  }

  /// The lane in a state, the number of the last attempt, and the instant at which it got there.
  static func lane(_ start: Start) -> (lane: DeliveryLane, now: MonotonicInstant) {
    var lane = Fixture.idleLane()
    var now = Fixture.at(0)
    if start == .idle { return (lane, now) }
    _ = lane.event(.alarmArrived(Fixture.alarm(1)), at: now)
    if start == .sending { return (lane, now) }
    let failures: UInt64 = start == .backingOff ? 2 : 3
    for attempt in 1...failures {
      _ = lane.event(.attemptEnded(attempt: attempt, Fixture.unreachable), at: now)
      if attempt == failures { return (lane, now) }
      now = now.adding(seconds: 10)
      _ = lane.event(.tick, at: now)
    }
    return (lane, now)
  }

  enum Happening: CaseIterable {
    case outboxChanged, strayFetch, newAlarm, sameAlarm, requeued, delivered, refused, refusedTogether, retried, failed, unauthorised
    case strangersReport, connectivity, connectivityLater, tickEarly, tickLate
  }

  /// Rows: what happens. Columns: idle, sending (attempt 1, one alarm), backing off, suspended.
  static let table: [(Happening, idle: [String], sending: [String], backingOff: [String], suspended: [String])] = [
    (.outboxChanged, ["fetch"], ["fetch"], ["fetch"], ["fetch"]),
    (.strayFetch, [], [], [], []),
    (.newAlarm, ["send 1", "wake"], [], ["wake"], ["wake"]),
    (.sameAlarm, ["send 1", "wake"], [], [], []),
    (.requeued, ["fetch"], ["fetch"], ["fetch"], ["fetch"]),
    (.delivered, [], ["siblings", "delivered 1", "no wake"], [], []),
    (.refused, [], ["siblings", "dead letter 1", "no wake"], [], []),
    (.refusedTogether, [], ["siblings", "dead letter 1", "no wake"], [], []),
    (.retried, [], ["wake"], [], []),
    (.failed, [], ["wake"], [], []),
    (.unauthorised, [], ["destination dead", "wake"], [], []),
    (.strangersReport, [], [], [], []),
    (.connectivity, [], [], ["wake"], ["wake"]),
    (.connectivityLater, [], [], ["send 1", "wake"], ["send 1", "wake"]),
    (.tickEarly, [], [], [], []),
    (.tickLate, [], ["cancel", "wake"], ["send 1", "wake"], ["send 1", "wake"]),
  ]

  static func perform(_ happening: Happening, on lane: inout DeliveryLane, at now: MonotonicInstant) -> [DeliveryLane.Action] {
    let last: UInt64 = lane.attempts
    // The first attempt is the one under way in `sending`; elsewhere its report comes too late.
    func ended(_ outcome: DeliveryReport.Outcome) -> DeliveryLane.Event { .attemptEnded(attempt: max(last, 1), DeliveryReport(outcome)) }
    return switch happening {
    case .outboxChanged: lane.event(.outboxChanged, at: now)
    case .strayFetch: lane.event(.fetched([Fixture.alarm(8)], reachedEnd: true), at: now)
    case .newAlarm: lane.event(.alarmArrived(Fixture.alarm(2)), at: now)
    case .sameAlarm: lane.event(.alarmArrived(Fixture.alarm(1)), at: now)
    case .requeued: lane.event(.requeued([Fixture.alarm(3).key], fromRow: 3), at: now)
    case .delivered: lane.event(ended(.each([.delivered(remoteID: "x")])), at: now)
    case .refused: lane.event(ended(.each([.refused(Fixture.refusal)])), at: now)
    case .refusedTogether: lane.event(ended(.refusedTogether(Fixture.refusal)), at: now)
    case .retried: lane.event(ended(.each([.retry(.busy(status: 503), after: nil)])), at: now)
    case .failed: lane.event(ended(.failed(.unreachable, retryAfter: nil)), at: now)
    case .unauthorised: lane.event(ended(.failed(.unauthorised(status: 401), retryAfter: nil)), at: now)
    case .strangersReport: lane.event(.attemptEnded(attempt: 99, Fixture.delivered(1)), at: now)
    case .connectivity: lane.event(.connectivityRestored, at: now)
    case .connectivityLater: lane.event(.connectivityRestored, at: now.adding(nanoseconds: 1_000_000_000))
    case .tickEarly: lane.event(.tick, at: now.adding(nanoseconds: 1))
    case .tickLate: lane.event(.tick, at: now.adding(seconds: 11))
    }
  }

  @Test(arguments: Start.allCases)
  func everyEventInEveryState(start: Start) {
    #expect(Self.table.map(\.0) == Happening.allCases)
    for row in Self.table {
      var (lane, now) = Self.lane(start)
      let expected =
        switch start {
        case .idle: row.idle
        case .sending: row.sending
        case .backingOff: row.backingOff
        case .suspended: row.suspended
        }
      #expect(Self.perform(row.0, on: &lane, at: now).names == expected, "\(start) × \(row.0)")
    }
  }

  @Test func theStatesAreThoseOfTheTable() {
    #expect(Self.lane(.idle).lane.state == .idle)
    #expect(Self.lane(.sending).lane.state == .sending(attempt: 1))
    guard case .backingOff = Self.lane(.backingOff).lane.state else { return #expect(Bool(false)) }
    guard case .suspended(_, .unreachable) = Self.lane(.suspended).lane.state else { return #expect(Bool(false)) }
  }

  /// What each reason does to a batch of four: whether the next one is smaller, and whether the destination is dead at once.
  @Test(
    arguments: [
      (.unreachable, 4, false), (.busy(status: 503), 4, false), (.timedOut, 2, false), (.connectionLost, 2, false),
      (.serverError(status: 500), 2, false), (.malformedAnswer, 2, false), (.conflictAtDestination, 2, false),
      (.tlsFailed, 1, true), (.unauthorised(status: 403), 1, true), (.wrongAddress(status: 404), 1, true),
    ] as [(RetryReason, Int, Bool)])
  func everyReason(reason: RetryReason, next: Int, isDead: Bool) {
    var lane = Fixture.sendingLane(Fixture.observations(1...4))
    let actions = lane.event(.attemptEnded(attempt: 1, DeliveryReport(.failed(reason, retryAfter: nil))), at: .zero)
    #expect(actions.contains(.destinationDead(reason)) == isDead)
    #expect(lane.count == 4, "nothing is lost by a failure")
    let retry = lane.event(.tick, at: Fixture.at(9))
    #expect(retry.sent?.items.count == next)
    #expect(retry.sent?.items.first == Fixture.observation(1))
  }
}
