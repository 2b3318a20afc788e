// A lane's promises, one behaviour a test, on a virtual clock.

import Testing
import VitalSigns

@testable import Forwarding

@Suite struct DeliveryLaneTests {
  /// Plays a destination that answers at once, until the lane rests. Returns the number of requests and the dead letters.
  func play(_ lane: inout DeliveryLane, _ first: [DeliveryLane.Action], answer: ([DeliveryItem]) -> DeliveryReport) -> (Int, [DeliveryKey])
  {
    var (requests, dead) = (0, [DeliveryKey]())
    var now = Fixture.at(0)
    var actions = first
    for _ in 0..<1_000 {
      for case .deadLetter(let letters) in actions { dead += letters.map(\.item.key) }
      if let attempt = actions.sent {
        requests += 1
        actions = lane.event(.attemptEnded(attempt: attempt.number, answer(attempt.items)), at: now)
      } else if lane.count > 0 {
        now = now.adding(nanoseconds: 250_000_000)
        actions = lane.event(.tick, at: now)
      } else {
        break
      }
    }
    return (requests, dead)
  }

  @Test(arguments: 1...16)
  func oneRefusedItemCondemnsOnlyItself(bad: UInt64) {
    var lane = DeliveryLane(.routine, policy: .routine, seed: 1)
    _ = lane.event(.tick, at: .zero)
    let actions = lane.event(.fetched(Fixture.observations(1...16), reachedEnd: true), at: .zero)
    let key = DeliveryKey.observation(sequence: bad)
    let (requests, dead) = play(&lane, actions) { items in
      items.contains { $0.key == key } ? DeliveryReport(.refusedTogether(Fixture.refusal)) : Fixture.delivered(items.count)
    }
    #expect(dead == [key])
    #expect(lane.count == 0)
    #expect(requests <= 16, "\(requests) requests to find one of sixteen")
  }

  @Test func anItemThatBreaksTheServerHoldsUpNobody() {
    var lane = Fixture.sendingLane([])
    let bad = DeliveryKey.observation(sequence: 2)
    var delivered: Set<DeliveryKey> = []
    _ = lane.event(.outboxChanged, at: .zero)
    var actions = lane.event(.fetched(Fixture.observations(1...16), reachedEnd: true), at: .zero)
    var now = Fixture.at(0)
    var afterSeconds: Double?
    for _ in 0..<400 where afterSeconds == nil {
      if let attempt = actions.sent {
        let breaks = attempt.items.contains { $0.key == bad }
        if !breaks { delivered.formUnion(attempt.items.map(\.key)) }
        let report = breaks ? DeliveryReport(.failed(.serverError(status: 500), retryAfter: nil)) : Fixture.delivered(attempt.items.count)
        actions = lane.event(.attemptEnded(attempt: attempt.number, report), at: now)
      } else {
        now = now.adding(nanoseconds: 100_000_000)
        actions = lane.event(.tick, at: now)
      }
      if delivered.count == 15 { afterSeconds = Double(now.rawValue) / 1e9 }
    }
    #expect(afterSeconds ?? .infinity < 10)
    #expect(lane.count == 1)
  }

  @Test func anUnknownOutcomeIsResentUnderTheSameKeys() {
    var lane = Fixture.sendingLane(Fixture.observations(1...2))
    let timeout = lane.event(.tick, at: Fixture.at(11))
    #expect(timeout.contains(.cancel(attempt: 1)))
    // Its report comes after all, and is not believed: the connector may have been cut off in the middle.
    #expect(lane.event(.attemptEnded(attempt: 1, Fixture.delivered(2)), at: Fixture.at(11)).isEmpty)
    var keys: [DeliveryKey] = []
    var now = Fixture.at(12)
    while keys.count < 2, now < Fixture.at(60) {
      if let attempt = lane.event(.tick, at: now).sent {
        keys += attempt.items.map(\.key)
        if let more = lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: now).sent {
          keys += more.items.map(\.key)
        }
      }
      now = now.adding(nanoseconds: 100_000_000)
    }
    #expect(keys == [.observation(sequence: 1), .observation(sequence: 2)])
  }

  @Test func theTransitionsOfAnAlertKeepTheirOrder() {
    var lane = Fixture.idleLane()
    // The later one comes first, by the short way; two more alerts come in between.
    let first = lane.event(.alarmArrived(Fixture.alarm(9)), at: .zero)
    for item in [Fixture.alarm(1, .resolved, at: 30), Fixture.alarm(2), Fixture.alarm(1, .acknowledged, at: 20), Fixture.alarm(1, at: 10)] {
      #expect(lane.event(.alarmArrived(item), at: .zero).sent == nil)
    }
    var order: [DeliveryKey] = []
    var actions = lane.event(.attemptEnded(attempt: first.sent?.number ?? 0, Fixture.delivered(1)), at: .zero)
    while let attempt = actions.sent {
      let alerts = attempt.items.compactMap(\.alert)
      #expect(Set(alerts).count == alerts.count, "two transitions of one alert in a request")
      order += attempt.items.filter { $0.alert == AlertID(high: 1, low: 1) }.map(\.key)
      actions = lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: .zero)
    }
    #expect(
      order == [
        Fixture.alarm(1, at: 10).key, Fixture.alarm(1, .acknowledged, at: 20).key, Fixture.alarm(1, .resolved, at: 30).key,
      ])
  }

  @Test func aLaterTransitionWaitsForAnEarlierOneThatRests() {
    var lane = Fixture.idleLane()
    let first = lane.event(.alarmArrived(Fixture.alarm(9)), at: .zero).sent
    _ = lane.event(.alarmArrived(Fixture.alarm(1, at: 10)), at: .zero)
    _ = lane.event(.alarmArrived(Fixture.alarm(2)), at: .zero)
    let both = lane.event(.attemptEnded(attempt: first?.number ?? 0, Fixture.delivered(1)), at: .zero).sent
    _ = lane.event(.alarmArrived(Fixture.alarm(1, .resolved, at: 20)), at: .zero)
    let mixed = DeliveryReport(.each([.retry(.busy(status: 503), after: .seconds(5)), .delivered(remoteID: nil)]))
    let actions = lane.event(.attemptEnded(attempt: both?.number ?? 0, mixed), at: .zero)
    #expect(actions.sent == nil, "resolved would overtake raised")
    #expect(actions.wake == Fixture.at(5))
    #expect(lane.event(.tick, at: Fixture.at(5)).sent?.items == [Fixture.alarm(1, at: 10)])
  }

  @Test func aPanelIsNeverCut() {
    let panel = PressurePanel(frame: 4, parts: 3)
    let items =
      Fixture.observations(1...3) + (4...6).map { Fixture.observation($0, panel: panel) } + Fixture.observations(7...9)
    var lane = Fixture.sendingLane([])
    _ = lane.event(.outboxChanged, at: .zero)
    let batch = lane.event(.fetched(items, reachedEnd: true), at: .zero).sent
    #expect(batch?.items == Array(items[0..<6]), "four atoms: three values and a panel of three")
    // Refused as a whole, down to the panel alone: it goes to the dead letters as one.
    var actions = lane.event(.attemptEnded(attempt: 1, DeliveryReport(.refusedTogether(Fixture.refusal))), at: .zero)
    for _ in 0..<8 {
      guard let attempt = actions.sent else { break }
      let parts = attempt.items.count { $0.panel != nil }
      #expect(parts == 0 || parts == 3)
      let report = parts == 3 ? DeliveryReport(.refusedTogether(Fixture.refusal)) : Fixture.delivered(attempt.items.count)
      actions = lane.event(.attemptEnded(attempt: attempt.number, report), at: .zero)
      for case .deadLetter(let letters) in actions { #expect(letters.map(\.item) == Array(items[3..<6])) }
    }
    #expect(lane.count == 0)
  }

  @Test func aPanelCutByTheReadIsLeftForTheNextRead() {
    let panel = PressurePanel(frame: 15, parts: 3)
    let rows = Fixture.observations(1...14) + [Fixture.observation(15, panel: panel), Fixture.observation(16, panel: panel)]
    var lane = DeliveryLane(.routine, policy: Fixture.policy, seed: 1)
    #expect(lane.event(.tick, at: .zero).contains(.fetch(after: 0, limit: 16)))
    var actions = lane.event(.fetched(rows, reachedEnd: false), at: .zero)
    #expect(lane.count == 14)
    while let attempt = actions.sent, !actions.contains(where: { $0.name == "fetch" }) {
      actions = lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: .zero)
    }
    #expect(actions.contains { if case .fetch(after: 14, _) = $0 { true } else { false } })
  }

  @Test func retryAfterIsRespectedBoundedAndNotCutShort() {
    for (asked, granted) in [(5.0, 5.0), (3600.0, 20.0)] {
      var lane = Fixture.sendingLane(Fixture.observations(1...1))
      let busy = DeliveryReport(.failed(.busy(status: 429), retryAfter: .seconds(asked)))
      #expect(lane.event(.attemptEnded(attempt: 1, busy), at: .zero).wake == Fixture.at(granted))
      #expect(lane.event(.connectivityRestored, at: Fixture.at(4)).isEmpty)
      #expect(lane.event(.tick, at: Fixture.at(granted)).sent != nil)
    }
  }

  @Test func aDeadDestinationIsToldOnceProbedWithOneItemAndDrainedWhenItIsBack() {
    var lane = Fixture.sendingLane(Fixture.observations(1...10))
    var now = Fixture.at(0)
    var (dead, sizes) = (0, [Int]())
    var actions: [DeliveryLane.Action] = []
    for attempt: UInt64 in 1...12 {
      actions = lane.event(.attemptEnded(attempt: attempt, Fixture.unreachable), at: now)
      dead += actions.count { if case .destinationDead = $0 { true } else { false } }
      #expect(actions.wake ?? .never <= now.adding(seconds: 8))
      now = actions.wake ?? now
      sizes.append(lane.event(.tick, at: now).sent?.items.count ?? 0)
    }
    #expect(dead == 1)
    #expect(sizes.suffix(9).allSatisfy { $0 == 1 })
    actions = lane.event(.attemptEnded(attempt: 13, Fixture.delivered(1)), at: now)
    #expect(actions.names == ["recovered", "siblings", "delivered 1", "send 4"])
    while let attempt = actions.sent {
      actions = lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: now)
      #expect(!actions.contains(.destinationRecovered))
    }
    #expect(lane.count == 0, "everything went at the same instant")
  }

  @Test func anAnswerInOneLaneWakesTheOther() {
    var lanes = DestinationLanes(alarms: Fixture.policy, routine: Fixture.policy, seed: 1)
    var now = Fixture.at(0)
    for kind in DeliveryLane.Kind.allCases { _ = lanes.event(.tick, on: kind, at: now) }
    _ = lanes.event(.fetched(Fixture.observations(1...1), reachedEnd: true), on: .routine, at: now)
    for attempt: UInt64 in 1...3 {
      _ = lanes.event(.attemptEnded(attempt: attempt, Fixture.unreachable), on: .routine, at: now)
      if attempt < 3 {
        now = now.adding(seconds: 9)
        _ = lanes.event(.tick, on: .routine, at: now)
      }
    }
    now = now.adding(nanoseconds: 1_100_000_000)
    let alarm = lanes.event(.alarmArrived(Fixture.alarm(1)), on: .alarms, at: now)
    #expect(alarm.contains { $0.lane == .alarms && $0.action.name == "send 1" })
    let answer = lanes.event(.attemptEnded(attempt: 1, Fixture.delivered(1)), on: .alarms, at: now)
    #expect(answer.contains { $0.lane == .routine && $0.action.name == "send 1" }, "drained at once, not at the timer")
    #expect(!answer.contains { $0.action == .drainSiblings })
  }

  @Test func anAlarmSentBeforeItsRowExistedIsNotSentAgainWhenTheRowComes() {
    var lane = Fixture.idleLane()
    _ = lane.event(.alarmArrived(Fixture.alarm(1)), at: .zero)
    _ = lane.event(.outboxChanged, at: .zero)
    #expect(lane.event(.fetched([Fixture.alarm(1, row: 7)], reachedEnd: true), at: .zero).isEmpty)
    let actions = lane.event(.attemptEnded(attempt: 1, Fixture.delivered(1)), at: .zero)
    #expect(actions.contains(.delivered([.init(key: Fixture.alarm(1).key, row: 7, remoteID: nil, note: nil)])))
    // Likewise when the row comes after the delivery.
    _ = lane.event(.alarmArrived(Fixture.alarm(2)), at: .zero)
    _ = lane.event(.attemptEnded(attempt: 2, Fixture.delivered(1)), at: .zero)
    _ = lane.event(.outboxChanged, at: .zero)
    #expect(lane.event(.fetched([Fixture.alarm(2, row: 8)], reachedEnd: true), at: .zero).sent == nil)
    #expect(lane.count == 0)
  }

  @Test func aFullWindowLeavesTheRestInTheOutbox() {
    var lane = Fixture.idleLane()
    for alert: UInt64 in 1...40 { _ = lane.event(.alarmArrived(Fixture.alarm(alert)), at: .zero) }
    #expect(lane.count == 16)
    var fetched = false
    var actions = lane.event(.attemptEnded(attempt: 1, Fixture.delivered(1)), at: .zero)
    for _ in 0..<20 where !fetched {
      fetched = actions.names.contains("fetch")
      guard let attempt = actions.sent else { break }
      actions = lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: .zero)
    }
    #expect(fetched)
  }

  @Test func deadLettersCanBeTriedAgain() {
    var lane = Fixture.sendingLane(Fixture.observations(5...5))
    _ = lane.event(.attemptEnded(attempt: 1, DeliveryReport(.refusedTogether(Fixture.refusal))), at: .zero)
    let key = Fixture.observation(5).key
    // News of new rows while the old ones are being read again.
    _ = lane.event(.outboxChanged, at: .zero)
    _ = lane.event(.requeued([key], fromRow: 5), at: .zero)
    let read = lane.event(.fetched([], reachedEnd: true), at: .zero)
    #expect(read.contains(.fetch(after: 4, limit: 16)))
    #expect(lane.event(.fetched([Fixture.observation(5)], reachedEnd: true), at: .zero).sent?.items.map(\.key) == [key])
  }

  @Test func settledKeysForgetTheOldestFirst() {
    var keys = SettledKeys()
    for number in 0..<UInt64(SettledKeys.countMax + 10) { keys.insert(.observation(sequence: number)) }
    #expect(!keys.contains(.observation(sequence: 9)))
    #expect(keys.contains(.observation(sequence: 10)))
    keys.remove(.observation(sequence: 500))
    #expect(!keys.contains(.observation(sequence: 500)))
    for number in 5_000..<UInt64(5_000 + SettledKeys.countMax) { keys.insert(.observation(sequence: number)) }
    #expect((5_000..<UInt64(5_000 + SettledKeys.countMax)).allSatisfy { keys.contains(.observation(sequence: $0)) })
  }
}
