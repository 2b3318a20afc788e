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

    mutating func run(_ first: [DeliveryLane.Action], until done: (Self) -> Bool) {
      var actions = first[...]
      for _ in 0..<200_000 where !done(self) {
        guard let action = actions.popFirst() else {
          actions = lane.event(.tick, at: .zero)[...]
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

  @Test func whatFailsAloneForEverIsGivenUpAndTold() {
    var lane = DeliveryLane(.routine, policy: Self.policy, seed: 1)
    _ = lane.event(.tick, at: .zero)
    var actions = lane.event(.fetched(Fixture.observations(1...2), reachedEnd: true), at: .zero)
    let bad = Fixture.observation(1).key
    var dead: [DeliveryLane.DeadLetter] = []
    var (now, row) = (Fixture.at(0), UInt64(2))
    for _ in 0..<400 where dead.isEmpty {
      for case .deadLetter(let letters) in actions { dead += letters }
      if let attempt = actions.sent {
        // Another person's records get through all the while.
        let results: [ItemResult] = attempt.items.map {
          $0.key == bad ? .retry(.conflictAtDestination, after: nil) : .delivered(remoteID: nil)
        }
        actions = lane.event(.attemptEnded(attempt: attempt.number, DeliveryReport(.each(results))), at: now)
      } else {
        now = now.adding(nanoseconds: 500_000_000)
        row += 1
        _ = lane.event(.outboxChanged, at: now)
        actions = lane.event(.fetched([Fixture.observation(row)], reachedEnd: true), at: now)
      }
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
