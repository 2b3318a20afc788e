// A seeded world of destinations that fail in every way, driving the production lanes on a virtual clock.
//
// Checked, for every seed: nothing is lost; nothing is stored under two ids or cut apart; the transitions of an alert
// arrive in order; only what a destination refuses for good becomes a dead letter; an alarm never waits for routine
// data; a dead destination changes nothing at all for another, down to the instant. A failure prints its seed.

import Testing
import VitalSigns

@testable import Forwarding

@Suite struct ForwardingSimulationTests {
  @Test(arguments: 1...12)
  func nothingIsLostDoubledOrCut(seed: UInt64) {
    var world = World(seed: seed, destinations: 3, faults: true)
    world.run(untilSeconds: 1800)
    world.heal()
    world.run(untilSeconds: 1800 + 4000)
    for (number, destination) in world.destinations.enumerated() {
      let place = "seed \(seed), destination \(number)"
      #expect(destination.violations == [], "\(place)")
      for kind in DeliveryLane.Kind.allCases {
        let outbox = destination.outbox[kind] ?? []
        #expect(!outbox.isEmpty)
        for item in outbox {
          let isStored = destination.stored[item.key] != nil
          let isDead = destination.deadLetters.contains(item.key)
          let isRefused = destination.refuses(item)
          #expect(isStored != isDead && isDead == isRefused, "\(place): \(item.key) stored \(isStored), dead \(isDead)")
          #expect(destination.settled.contains(item.key), "\(place): \(item.key) has no receipt")
        }
      }
      #expect(destination.deadLetters.count == Set(destination.deadLetters).count || destination.restarts > 0, "\(place)")
    }
  }

  @Test(arguments: 1...4)
  func anAlarmNeverWaitsForRoutineData(seed: UInt64) {
    var world = World(seed: seed, destinations: 1, faults: false)
    world.backlog(rows: 5_000)
    world.run(untilSeconds: 300)
    let alarms = world.destinations[0].alarmDelays
    #expect(alarms.count > 10)
    // One request of another alarm may be under way (0.3 s at most), then its own.
    #expect((alarms.max() ?? 0) <= 0.6, "seed \(seed)")
  }

  @Test(arguments: 1...4)
  func aDeadDestinationChangesNothingForAnother(seed: UInt64) {
    var together = World(seed: seed, destinations: 2, faults: false)
    together.destinations[1].mode = .deaf
    together.destinations[1].isStuck = true
    var alone = World(seed: seed, destinations: 1, faults: false)
    together.run(untilSeconds: 600)
    alone.run(untilSeconds: 600)
    #expect(together.destinations[1].stored.isEmpty)
    #expect(!alone.destinations[0].stored.isEmpty)
    #expect(together.destinations[0].stored == alone.destinations[0].stored, "same items at the same instants, seed \(seed)")
  }
}

/// The virtual world: its own random source, its own list of what is to happen.
private struct World {
  enum Mode: CaseIterable { case up, slow, unreachable, deaf, lossy, broken, busy, unauthorised }

  enum Happening {
    case item(destination: Int)
    case answer(destination: Int, DeliveryLane.Kind, attempt: UInt64, DeliveryReport)
    case wake(destination: Int, DeliveryLane.Kind, id: Int)
    case change(destination: Int)
  }

  struct Destination {
    var lanes: DestinationLanes
    var random: SeededRandom
    var mode: Mode = .up
    var isStuck = false
    var outbox: [DeliveryLane.Kind: [DeliveryItem]] = [.alarms: [], .routine: []]
    /// Receipts and dead letters as the journal has them.
    var settled: Set<DeliveryKey> = []
    /// The receiver's store: the wire identity of each key and when it was first stored.
    var stored: [DeliveryKey: MonotonicInstant] = [:]
    var deadLetters: [DeliveryKey] = []
    var arrivals: [DeliveryKey: MonotonicInstant] = [:]
    var alarmDelays: [Double] = []
    var begun: Set<AlertID> = []
    var lastOfAlert: [AlertID: Int64] = [:]
    var underWay: [DeliveryLane.Kind: UInt64] = [:]
    var wakes: [DeliveryLane.Kind: Int] = [:]
    var violations: [String] = []
    var restarts = 0
    var alerts: UInt64 = 0

    func refuses(_ item: DeliveryItem) -> Bool {
      switch item.record {
      case .observation(let record): record.panel == nil && record.sequence % 97 == 0
      case .alert(let record): record.transition.id.low % 31 == 0
      default: false
      }
    }
  }

  var destinations: [Destination]
  let faults: Bool
  var now = MonotonicInstant.zero
  private var schedule: [(at: MonotonicInstant, order: Int, Happening)] = []
  private var order = 0
  private var ending = false

  init(seed: UInt64, destinations count: Int, faults: Bool) {
    self.faults = faults
    destinations = (0..<count).map { number in
      // Each destination has its own randomness, so that one more in the world changes nothing for the others.
      Destination(lanes: DestinationLanes(seed: seed &+ UInt64(number) &* 7919), random: SeededRandom(seed: seed &* 31 &+ UInt64(number)))
    }
    for number in 0..<count {
      start(number)
      plan(.item(destination: number), afterMilliseconds: 10)
      if faults { plan(.change(destination: number), afterMilliseconds: 5_000) }
    }
  }

  private mutating func plan(_ happening: Happening, afterMilliseconds: Int64) {
    plan(happening, at: now.adding(nanoseconds: afterMilliseconds * 1_000_000))
  }

  private mutating func plan(_ happening: Happening, at instant: MonotonicInstant) {
    order += 1
    let entry = (at: instant, order: order, happening)
    var (low, high) = (0, schedule.count)
    while low < high {
      let middle = (low + high) / 2
      if (schedule[middle].at, schedule[middle].order) < (entry.at, entry.order) { high = middle } else { low = middle + 1 }
    }
    schedule.insert(entry, at: low)  // Latest first: the next is the last.
  }

  mutating func run(untilSeconds: Double) {
    let end = Fixture.at(untilSeconds)
    while let next = schedule.last, next.at <= end {
      schedule.removeLast()
      now = next.at
      switch next.2 {
      case .item(let number): produce(number)
      case .answer(let number, let kind, let attempt, let report):
        if destinations[number].underWay[kind] == attempt { destinations[number].underWay[kind] = nil }
        apply(.attemptEnded(attempt: attempt, report), number, kind)
      case .wake(let number, let kind, let id):
        if destinations[number].wakes[kind] == id { apply(.tick, number, kind) }
      case .change(let number): change(number)
      }
    }
    now = end
  }

  /// From now on everything works, and nothing new comes.
  mutating func heal() {
    ending = true
    for number in destinations.indices { destinations[number].mode = .up }
  }

  /// Routine rows that wait before anything happens.
  mutating func backlog(rows: UInt64) {
    for number in destinations.indices {
      for row in 1...rows { destinations[number].outbox[.routine]?.append(Fixture.observation(row)) }
      apply(.outboxChanged, number, .routine)
    }
  }

  private mutating func start(_ number: Int) {
    for kind in DeliveryLane.Kind.allCases { apply(.outboxChanged, number, kind) }
  }

  private mutating func produce(_ number: Int) {
    if ending { return }
    let dice = destinations[number].random.next()
    let milliseconds = Int64(dice >> 8 & 0x7FF) + 1
    plan(.item(destination: number), afterMilliseconds: milliseconds)
    if dice % 8 == 0 {
      produceAlarm(number, dice)
      return
    }
    let row = UInt64(destinations[number].outbox[.routine]?.count ?? 0) + 1
    let count: UInt64 = dice % 8 == 1 ? 3 : 1
    let panel = count > 1 ? PressurePanel(frame: row, parts: 3) : nil
    for part in row..<row + count { destinations[number].outbox[.routine]?.append(Fixture.observation(part, panel: panel)) }
    apply(.outboxChanged, number, .routine)
  }

  private mutating func produceAlarm(_ number: Int, _ dice: UInt64) {
    if dice >> 20 & 3 != 0 || destinations[number].alerts == 0 { destinations[number].alerts += 1 }
    let id = AlertID(high: 1, low: destinations[number].alerts)
    let kind: AlertTransitionKind = destinations[number].begun.insert(id).inserted ? .raised : .escalated
    let row = UInt64(destinations[number].outbox[.alarms]?.count ?? 0) + 1
    let item = Fixture.alarm(destinations[number].alerts, kind, at: now.rawValue, row: row)
    destinations[number].outbox[.alarms]?.append(item)
    destinations[number].arrivals[item.key] = now
    // By the short way first, without its row; and by the outbox.
    if dice >> 30 & 1 == 0 {
      var early = item
      early.row = nil
      apply(.alarmArrived(early), number, .alarms)
    }
    apply(.outboxChanged, number, .alarms)
  }

  private mutating func change(_ number: Int) {
    if ending { return }
    let dice = destinations[number].random.next()
    destinations[number].mode = dice % 3 == 0 ? Mode.allCases[Int(dice >> 8) % Mode.allCases.count] : .up
    plan(.change(destination: number), afterMilliseconds: Int64(dice >> 20 & 0x3FFFF))
    if dice >> 50 & 7 == 0 {
      // The forward role dies and starts again: what was under way is forgotten, receipts that were journaled are not.
      destinations[number].restarts += 1
      destinations[number].lanes = DestinationLanes(seed: dice)
      destinations[number].underWay = [:]
      destinations[number].wakes = [:]
      start(number)
    }
  }

  private mutating func apply(_ event: DeliveryLane.Event, _ number: Int, _ kind: DeliveryLane.Kind) {
    for step in destinations[number].lanes.event(event, on: kind, at: now) { perform(step.action, number, step.lane) }
  }

  private mutating func read(
    _ number: Int, _ kind: DeliveryLane.Kind, _ row: UInt64, _ limit: Int, _ isWanted: @escaping (DeliveryItem) -> Bool
  ) {
    let (known, rows) = (destinations[number].settled, destinations[number].outbox[kind] ?? [])
    // Row n stands at position n − 1.
    let open = rows.dropFirst(Int(row)).lazy.filter { !known.contains($0.key) && isWanted($0) }
    let page = Array(open.prefix(limit + 1))
    apply(
      .fetched(Array(page.prefix(limit)), reachedEnd: page.count <= limit, through: rows.last?.row ?? 0), number, kind)
  }

  private mutating func perform(_ action: DeliveryLane.Action, _ number: Int, _ kind: DeliveryLane.Kind) {
    switch action {
    case .send(let attempt):
      if destinations[number].underWay[kind] != nil { destinations[number].violations.append("two requests under way") }
      destinations[number].underWay[kind] = attempt.number
      if let (milliseconds, report) = destinations[number].receive(attempt.items, kind, at: now) {
        plan(.answer(destination: number, kind, attempt: attempt.number, report), afterMilliseconds: milliseconds)
      }
    case .cancel(let attempt):
      if destinations[number].underWay[kind] == attempt { destinations[number].underWay[kind] = nil }
    case .fetch(let row, let limit): read(number, kind, row, limit) { _ in true }
    case .fetchOthers(let row, let limit, let except): read(number, kind, row, limit) { !except.contains($0.person) }
    case .fetchOf(let person, let row, let limit): read(number, kind, row, limit) { $0.person == person }
    case .wake(let instant):
      order += 1
      destinations[number].wakes[kind] = order
      if instant != .never { plan(.wake(destination: number, kind, id: order), at: max(instant, now)) }
    case .delivered(let receipts):
      for receipt in receipts where destinations[number].stored[receipt.key] == nil {
        destinations[number].violations.append("a receipt for \(receipt.key), which was never stored")
      }
      destinations[number].settled.formUnion(receipts.map(\.key))
    case .deadLetter(let letters):
      destinations[number].deadLetters += letters.map(\.item.key)
      destinations[number].settled.formUnion(letters.map(\.item.key))
    case .destinationDead, .destinationRecovered: break
    case .drainSiblings: destinations[number].violations.append("drainSiblings left the destination")
    }
  }
}

extension World.Destination {
  /// The receiver: what it stores, and what the sender hears and when. Nil: nothing is ever heard.
  mutating func receive(_ items: [DeliveryItem], _ kind: DeliveryLane.Kind, at now: MonotonicInstant) -> (Int64, DeliveryReport)? {
    let dice = random.next()
    let milliseconds = Int64(dice >> 40 & 0xFF) + 1
    switch mode {
    case .unreachable: return (milliseconds, Fixture.unreachable)
    case .deaf: return nil
    case .broken: return (milliseconds, DeliveryReport(.failed(.serverError(status: 500), retryAfter: nil)))
    case .busy: return (milliseconds, DeliveryReport(.failed(.busy(status: 503), retryAfter: .seconds(Int64(dice & 63)))))
    case .unauthorised: return (milliseconds, DeliveryReport(.failed(.unauthorised(status: 401), retryAfter: nil)))
    case .lossy:
      // Stored, and the answer is lost: the case that doubles records elsewhere.
      if !items.contains(where: refuses) { store(items, at: now) }
      return dice & 1 == 0 ? nil : (milliseconds, DeliveryReport(.failed(.connectionLost, retryAfter: nil)))
    case .up, .slow:
      let wait = mode == .slow ? milliseconds * 30 : milliseconds
      if kind == .routine, items.contains(where: refuses) {
        return (wait, DeliveryReport(.refusedTogether(Fixture.refusal)))
      }
      let good = items.filter { !refuses($0) }
      store(good, at: now.adding(nanoseconds: wait * 1_000_000))
      return (wait, DeliveryReport(.each(items.map { refuses($0) ? .refused(Fixture.refusal) : .delivered(remoteID: nil) })))
    }
  }

  private mutating func store(_ items: [DeliveryItem], at instant: MonotonicInstant) {
    for item in items {
      if let panel = item.panel, items.count(where: { $0.panel?.frame == panel.frame }) != Int(panel.parts) {
        violations.append("panel \(panel.frame) came in pieces, so under other ids")
      }
      if stored[item.key] != nil { continue }
      stored[item.key] = instant
      if case .alert(let record) = item.record {
        if let last = lastOfAlert[record.transition.id], last > record.instant.rawValue {
          violations.append("\(item.key) came after a later transition")
        }
        lastOfAlert[record.transition.id] = record.instant.rawValue
        if let arrival = arrivals[item.key] { alarmDelays.append(Double(instant.rawValue - arrival.rawValue) / 1e9) }
      }
    }
    if Set(items.compactMap(\.alert)).count != items.count(where: { $0.alert != nil }) { violations.append("two transitions of one alert") }
  }
}
