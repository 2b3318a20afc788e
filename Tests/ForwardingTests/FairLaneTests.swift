// People take turns: one person's flood, a storm of technical alerts or a record that fails for ever holds up nobody else,
// and is told.

import Testing
import VitalSigns

@testable import Forwarding

@Suite struct FairLaneTests {
  static let policy = RetryPolicy(
    backoffMin: .seconds(1), backoffMax: .seconds(8), retryAfterMax: .seconds(20), attemptTimeout: .seconds(10), batchItemsMax: 4,
    windowItemsMax: 32, failuresUntilSuspended: 3, personItemsMax: 4, soloFailuresMax: 3)

  private func alarm(
    _ number: UInt64, of person: UInt32, _ kind: AlertTransitionKind = .raised, at instant: Int64 = 0, row: UInt64? = nil,
    priority: AlertPriority = .high
  ) -> DeliveryItem {
    let transition = AlertTransition(
      id: AlertID(high: 1, low: number), rule: priority == .high ? .sos : .signalLoss, priority: priority, state: .raised,
      previous: .raised, kind: kind, level: 0, deadline: .never, firstCause: number, raisedAt: .zero, value: 0, limit: 0, subject: 0,
      actor: .hub)
    return DeliveryItem(
      row: row,
      record: .alert(
        AlertRecord(
          transition: transition, instant: MonotonicInstant(rawValue: instant), occurredAt: WallTime(rawValue: 0),
          raisedAt: WallTime(rawValue: 0), patient: PatientIdentity(hubPatient: PatientID(rawValue: person)), device: nil,
          controller: "964338531", evidence: [], text: AlertRecord.Text(nb: "", nn: "", en: ""))))
  }

  /// A lane beside an outbox that answers its reads, and a destination that takes everything. Returns the requests in order.
  private struct World {
    var lane: DeliveryLane
    var outbox: [DeliveryItem]
    var requests: [[DeliveryItem]] = []
    /// Actions that are still to be performed.
    var actions: ArraySlice<DeliveryLane.Action> = []

    mutating func run(_ more: [DeliveryLane.Action], until done: (Self) -> Bool) {
      actions += more
      for _ in 0..<200_000 where !done(self) {
        guard let action = actions.popFirst() else {
          actions += lane.event(.tick, at: .zero)
          if actions.isEmpty { return }
          continue
        }
        switch action {
        case .send(let attempt):
          requests.append(attempt.items)
          actions += lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: .zero)
        case .fetch(let row, let limit): actions += answer(row, limit) { _ in true }
        case .fetchOthers(let row, let limit, let except): actions += answer(row, limit) { !except.contains($0) }
        case .fetchOf(let person, let row, let limit): actions += answer(row, limit) { $0 == person }
        case .delivered(let receipts):
          let rows = Set(receipts.compactMap(\.row))
          outbox.removeAll { rows.contains($0.row ?? 0) }
        default: break
        }
      }
    }

    private mutating func answer(_ row: UInt64, _ limit: Int, _ wanted: (PatientID) -> Bool) -> [DeliveryLane.Action] {
      let above = outbox.filter { ($0.row ?? 0) > row && wanted($0.person) }
      return lane.event(
        .fetched(Array(above.prefix(limit)), reachedEnd: above.count < limit, through: outbox.last?.row ?? 0), at: .zero)
    }

    var sent: [DeliveryKey] { requests.flatMap { $0.map(\.key) } }
  }

  @Test func aFloodInTheOutboxLeavesTheNextRequestsToOthers() {
    let flood = (1...2_000).map { alarm($0, of: 1, row: $0) }
    let others = [alarm(9_001, of: 2, row: 2_001), alarm(9_002, of: 3, row: 2_002)]
    var world = World(lane: DeliveryLane(.alarms, policy: Self.policy, seed: 1), outbox: flood + others)
    world.run(world.lane.event(.tick, at: .zero)) { world in world.requests.count >= 12 }
    #expect(Set(others.map(\.key)).isSubset(of: Set(world.sent)), "a twelfth of a flood of two thousand is behind them")
    // And nothing of the flood is lost.
    world.run(world.lane.event(.tick, at: .zero)) { $0.outbox.isEmpty }
    #expect(world.outbox.isEmpty)
    #expect(world.sent.count == 2_002 && Set(world.sent).count == 2_002)
    let floodOrder = world.sent.filter { key in flood.contains { $0.key == key } }
    #expect(floodOrder == flood.map(\.key), "in their order")
  }

  @Test func aCallBehindALongBacklogOfOthersIsReadFirst() {
    let backlog = (1...500).map { alarm($0, of: UInt32($0), row: $0, priority: .low) }
    let call = alarm(9_001, of: 9_001, row: 501)
    var world = World(lane: DeliveryLane(.alarms, policy: Self.policy, seed: 1), outbox: backlog + [call])
    let first = world.lane.event(.tick, at: .zero)
    world.run(first + world.lane.event(.urgent([PatientID(rawValue: 9_001)]), at: .zero)) { $0.sent.contains(call.key) }
    #expect(world.requests.count <= 3)
    world.run(world.lane.event(.tick, at: .zero)) { $0.outbox.isEmpty }
    #expect(world.sent.count == 501 && Set(world.sent).count == 501)
  }

  @Test func aFloodAtTheDoorLeavesTheNextRequestToAnothersCall() {
    var world = World(lane: DeliveryLane(.alarms, policy: Self.policy, seed: 1), outbox: [])
    _ = world.lane.event(.tick, at: .zero)
    _ = world.lane.event(.fetched([], reachedEnd: true), at: .zero)
    let first = world.lane.event(.alarmArrived(alarm(1, of: 1)), at: .zero)
    for number in UInt64(2)...5_000 { _ = world.lane.event(.alarmArrived(alarm(number, of: 1)), at: .zero) }
    _ = world.lane.event(.alarmArrived(alarm(9_001, of: 2)), at: .zero)
    // The rows arrive in time: what was not held is read from them.
    world.outbox = (1...5_000).map { alarm($0, of: 1, row: $0) } + [alarm(9_001, of: 2, row: 5_001)]
    let call = alarm(9_001, of: 2).key
    world.run(first + world.lane.event(.outboxChanged, at: .zero)) { $0.sent.contains(call) }
    #expect(world.requests.count <= 3)
    world.run(world.lane.event(.tick, at: .zero)) { $0.outbox.isEmpty }
    #expect(Set(world.sent).count == 5_001)
  }

  /// The disk stands still: what found no room has no row to be read, and room comes before the row does.
  @Test(arguments: [false, true]) func whatFoundNoRoomIsNotOvertaken(isFlood: Bool) {
    var world = World(lane: DeliveryLane(.alarms, policy: Self.policy, seed: 1), outbox: [])
    _ = world.lane.event(.tick, at: .zero)
    _ = world.lane.event(.fetched([], reachedEnd: true), at: .zero)
    let calls = (1...4).map { alarm($0, of: 1, at: Int64($0)) }
    let others = isFlood ? (1...28).map { alarm(100 + $0, of: 100 + UInt32($0), at: Int64(4 + $0)) } : []
    let escalated = alarm(1, of: 1, .escalated, at: 50)
    let again = alarm(1, of: 1, .retriggered, at: 60)
    var actions: [DeliveryLane.Action] = []
    // A person's share is full, or all of the window.
    for item in calls + others + [escalated] { actions += world.lane.event(.alarmArrived(item), at: .zero) }
    world.run(actions) { _ in false }
    #expect(Set(world.sent) == Set((calls + others).map(\.key)))
    world.run(world.lane.event(.alarmArrived(again), at: .zero)) { _ in false }
    #expect(!world.sent.contains(again.key), "the change before it is on no way yet")
    world.outbox = (calls + others + [escalated, again]).enumerated().map { DeliveryItem(row: UInt64($0 + 1), record: $1.record) }
    world.run(world.lane.event(.outboxChanged, at: .zero)) { $0.outbox.isEmpty }
    #expect(world.sent.suffix(2) == [escalated.key, again.key] && Set(world.sent).count == world.sent.count)
    let upgraded = alarm(1, of: 1, .upgraded, at: 70)
    world.run(world.lane.event(.alarmArrived(upgraded), at: .zero)) { _ in false }
    #expect(world.sent.last == upgraded.key, "from then on straight from the core again")
  }

  @Test func aStormOfTechnicalAlertsMakesRoomForACall() {
    var lane = DeliveryLane(.alarms, policy: Self.policy, seed: 1)
    _ = lane.event(.tick, at: .zero)
    _ = lane.event(.fetched([], reachedEnd: true), at: .zero)
    let first = lane.event(.alarmArrived(alarm(1, of: 1, priority: .low)), at: .zero)
    for number in UInt64(2)...100 { _ = lane.event(.alarmArrived(alarm(number, of: UInt32(number), priority: .low)), at: .zero) }
    #expect(lane.count == Self.policy.windowItemsMax)
    _ = lane.event(.alarmArrived(alarm(500, of: 500)), at: .zero)
    #expect(lane.count == Self.policy.windowItemsMax, "somebody's newest was left to the outbox")
    let next = lane.event(.attemptEnded(attempt: first.sent?.number ?? 0, Fixture.delivered(1)), at: .zero).sent
    #expect(next?.items.contains(alarm(500, of: 500)) == true)
    #expect(next?.items.contains { $0.priority == .low } == true, "a quarter of a request is for those that waited longest")
  }

  @Test func aCallOfSomebodyWhoseShareIsTakenGoesAtOnce() {
    var lane = DeliveryLane(.alarms, policy: Self.policy, seed: 1)
    _ = lane.event(.tick, at: .zero)
    _ = lane.event(.fetched([], reachedEnd: true), at: .zero)
    let first = lane.event(.alarmArrived(alarm(1, of: 1, priority: .low)), at: .zero)
    for number in UInt64(2)...50 { _ = lane.event(.alarmArrived(alarm(number, of: 1, priority: .low)), at: .zero) }
    _ = lane.event(.alarmArrived(alarm(500, of: 1)), at: .zero)
    let next = lane.event(.attemptEnded(attempt: first.sent?.number ?? 0, Fixture.delivered(1)), at: .zero).sent
    #expect(next?.items.contains(alarm(500, of: 1)) == true)
  }

  /// A read is under way while somebody's newest is left to the outbox: what the read brings must not overtake it.
  @Test func whoIsLeftBehindDuringAReadKeepsTheOrder() {
    var lane = DeliveryLane(.alarms, policy: Self.policy, seed: 1)
    _ = lane.event(.tick, at: .zero)
    // The window is full of pairs: a raise and an acknowledgement of 16 people's technical alerts.
    var rows: [DeliveryItem] = []
    for number: UInt64 in 1...16 {
      rows.append(alarm(number, of: UInt32(number), row: 2 * number - 1, priority: .low))
      rows.append(alarm(number, of: UInt32(number), .acknowledged, at: 5, row: 2 * number, priority: .low))
    }
    let first = lane.event(.fetched(rows, reachedEnd: true, through: 32), at: .zero)
    _ = lane.event(.alarmArrived(alarm(900, of: 900)), at: .zero)
    #expect(lane.deferred == [PatientID(rawValue: 16): 31], "the newest of the last one went")
    _ = lane.event(.alarmArrived(alarm(16, of: 16, .resolved, at: 9, priority: .low)), at: .zero)
    var sent: [DeliveryItem] = first.sent?.items ?? []
    var actions = lane.event(.attemptEnded(attempt: 1, Fixture.delivered(first.sent?.items.count ?? 0)), at: .zero)
    for _ in 0..<40 {
      for action in actions {
        if case .fetchOf(let person, let row, _) = action {
          #expect(person == PatientID(rawValue: 16) && row == 31)
          let left = [rows[31], alarm(16, of: 16, .resolved, at: 9, row: 33, priority: .low)]
          actions += lane.event(.fetched(left, reachedEnd: true, through: 33), at: .zero)
        }
      }
      guard let attempt = actions.sent else { break }
      sent += attempt.items
      actions = lane.event(.attemptEnded(attempt: attempt.number, Fixture.delivered(attempt.items.count)), at: .zero)
    }
    let last: [DeliveryKey] = sent.filter { $0.alert == AlertID(high: 1, low: 16) }.map { $0.key }
    let expected: [DeliveryKey] = [rows[30].key, rows[31].key, alarm(16, of: 16, .resolved, at: 9).key]
    #expect(last == expected)
  }

  @Test func whatFailsAloneForEverIsGivenUpAndTold() {
    var lane = DeliveryLane(.routine, policy: Self.policy, seed: 1)
    _ = lane.event(.tick, at: .zero)
    var actions = lane.event(.fetched(Fixture.observations(1...2), reachedEnd: true), at: .zero)
    let bad = Fixture.observation(1).key
    var dead: [DeliveryLane.DeadLetter] = []
    var (now, row) = (Fixture.at(0), UInt64(2))
    for _ in 0..<2_000 where dead.isEmpty {
      var next: [DeliveryLane.Action] = []
      for action in actions {
        switch action {
        case .deadLetter(let letters): dead += letters
        case .send(let attempt):
          // Another person's records get through all the while.
          let results: [ItemResult] = attempt.items.map {
            $0.key == bad ? .retry(.conflictAtDestination, after: nil) : .delivered(remoteID: nil)
          }
          next += lane.event(.attemptEnded(attempt: attempt.number, DeliveryReport(.each(results))), at: now)
        case .fetch:
          row += 1
          next += lane.event(.fetched([Fixture.observation(row)], reachedEnd: true), at: now)
        default: break
        }
      }
      if next.isEmpty {
        now = now.adding(nanoseconds: 500_000_000)
        next = lane.event(.outboxChanged, at: now) + lane.event(.tick, at: now)
      }
      actions = next
    }
    #expect(dead.map(\.item.key) == [bad])
    #expect(dead.first?.refusal.diagnostics.contains("conflictAtDestination") == true)
    #expect(now < Fixture.at(60))
  }

  @Test func aSecondRowOfOneThingIsSettledWithIt() {
    var lane = Fixture.idleLane()
    _ = lane.event(.alarmArrived(Fixture.alarm(1)), at: .zero)
    _ = lane.event(.outboxChanged, at: .zero)
    _ = lane.event(.fetched([Fixture.alarm(1, row: 7), Fixture.alarm(1, row: 8)], reachedEnd: true), at: .zero)
    let actions = lane.event(.attemptEnded(attempt: 1, Fixture.delivered(1)), at: .zero)
    var rows: [UInt64?] = []
    for case .delivered(let receipts) in actions { rows += receipts.map(\.row) }
    #expect(rows == [7, 8])
    // And one that turns up later.
    _ = lane.event(.outboxChanged, at: .zero)
    let late = lane.event(.fetched([Fixture.alarm(1, row: 9)], reachedEnd: true), at: .zero)
    #expect(late.sent == nil)
    #expect(late.contains(.delivered([.init(key: Fixture.alarm(1).key, row: 9, remoteID: nil, note: nil)])))
  }
}
