// Several hubs of one identity at one broker that keeps retained messages, forgets them, and says last wills or not. Whatever happens: the
// highest generation goes on and all others stand down; equals find each other; a hub that is alone hears of nobody; nobody floods.

import Testing
import VitalSigns

@testable import HubClaims

private final class WorldHub {
  let generation: Int
  let run: String
  var book: ClaimBook
  var isOn = false
  var isReplaced = false
  var said = 0

  init(_ generation: Int, _ run: String) {
    (self.generation, self.run) = (generation, run)
    book = ClaimBook(generation: generation, run: run)
  }

  func claim(isLive: Bool) -> Claim { Claim(generation: generation, run: run, isLive: isLive, began: .unknown) }
}

@Suite("Hubs of one identity at one broker") struct ClaimWorldTests {
  private final class World {
    var random: SeededRandom
    var now = MonotonicInstant(rawValue: 1_000_000_000_000)
    var kept: [Int: Claim] = [:]
    var hubs: [WorldHub] = []
    var runs = 0
    /// Who hears what, in order; `nil` in the place of a claim clears the topic.
    var queue: [(to: WorldHub, generation: Int, claim: Claim?, isRetained: Bool)] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    func chance(_ bound: UInt64) -> UInt64 { random.next() % bound }

    func publish(_ claim: Claim?, generation: Int) {
      kept[generation] = claim
      for hub in hubs where hub.isOn && !hub.isReplaced { queue.append((hub, generation, claim, false)) }
    }

    func start(_ generation: Int) {
      runs += 1
      let hub = WorldHub(generation, "run-\(runs)")
      hubs.append(hub)
      connect(hub)
    }

    func connect(_ hub: WorldHub) {
      hub.isOn = true
      hub.book.connected(at: now)
      for generation in kept.keys.sorted() { queue.append((hub, generation, kept[generation], true)) }
      publish(hub.claim(isLive: true), generation: hub.generation)
    }

    /// `saysSo`: the broker says its last will.
    func end(_ hub: WorldHub, saysSo: Bool) {
      hub.isOn = false
      hubs.removeAll { $0 === hub }
      if saysSo { publish(hub.claim(isLive: false), generation: hub.generation) }
    }

    func carryOut(_ actions: [ClaimBook.Action], of hub: WorldHub) {
      for action in actions where !hub.isReplaced {
        switch action {
        case .announce:
          hub.said += 1
          publish(hub.claim(isLive: true), generation: hub.generation)
        case .clear(let generation):
          hub.said += 1
          publish(nil, generation: generation)
        case .standDown:
          hub.isReplaced = true
          publish(hub.claim(isLive: false), generation: hub.generation)
        }
      }
    }

    func settle() {
      while !queue.isEmpty {
        let next = queue.removeFirst()
        guard next.to.isOn, !next.to.isReplaced else { continue }
        let heard: ClaimBook.Heard = next.claim.map { .claim($0, isRetained: next.isRetained) } ?? .nothing
        carryOut(next.to.book.heard(heard, of: next.generation, at: now), of: next.to)
      }
    }

    func pass(_ seconds: Int) {
      for _ in 0..<seconds {
        now = now.adding(nanoseconds: 1_000_000_000)
        for hub in hubs where hub.isOn && !hub.isReplaced { carryOut(hub.book.tick(at: now), of: hub) }
        settle()
      }
    }
  }

  @Test("Whatever happens", arguments: 0..<300 as Range<UInt64>)
  func world(seed: UInt64) {
    let world = World(seed: seed)
    for _ in 0..<40 {
      switch world.chance(6) {
      case 0, 1: if world.hubs.count < 5 { world.start(1 + Int(world.chance(3))) }
      case 2: if let hub = world.hubs.first { world.end(hub, saysSo: world.chance(2) == 0) }
      case 3:
        // The broker forgets, or goes back to what it had before, and everybody comes back to it.
        world.settle()
        if world.chance(2) == 0 { world.kept = [:] }
        for hub in world.hubs where !hub.isReplaced {
          hub.book.lost()
          world.connect(hub)
        }
      case 4: world.settle()
      default: world.pass(Int(world.chance(20)))
      }
    }
    world.settle()
    world.pass(300)
    let on = world.hubs.filter { $0.isOn && !$0.isReplaced }
    let highest = on.map(\.generation).max() ?? 0
    for hub in on {
      #expect(hub.generation == highest, "seed \(seed): \(hub.generation) goes on beside \(highest)")
      let equals = on.filter { $0 !== hub }
      #expect((hub.book.twin != nil) == !equals.isEmpty, "seed \(seed)")
      #expect(hub.book.original(at: world.now) == nil, "seed \(seed): all others have stood down")
    }
    for hub in world.hubs where hub.isReplaced {
      #expect(hub.book.replacedBy.map { $0.generation > hub.generation } == true, "seed \(seed)")
    }
    // Alone, nobody says anything again and again.
    if on.count == 1 {
      let before = on[0].said
      world.pass(3_600)
      #expect(on[0].said == before, "seed \(seed)")
    } else {
      let before = on.map(\.said).reduce(0, +)
      world.pass(3_600)
      #expect(on.map(\.said).reduce(0, +) - before <= 75 * on.count, "seed \(seed)")
    }
  }

  @Test("A hub that lost its power with its broker is not its own twin")
  func powerCut() {
    let world = World(seed: 1)
    world.start(3)
    world.settle()
    world.pass(60)
    world.end(world.hubs[0], saysSo: false)
    world.start(3)
    world.settle()
    for _ in 0..<600 {
      world.pass(1)
      #expect(world.hubs[0].book.twin == nil)
    }
    #expect(world.hubs[0].said == 0)
  }

  @Test("A restored hub makes the original stand down at once, and keeps it down")
  func restored() {
    let world = World(seed: 2)
    world.start(1)
    world.settle()
    let original = world.hubs[0]
    world.start(2)
    world.settle()
    #expect(original.isReplaced && !world.hubs[1].isReplaced)
    #expect(world.kept[1] == nil, "nothing of it stays behind")
    // The other is off, and the original's machine starts again without its mark.
    world.end(world.hubs[1], saysSo: true)
    world.end(original, saysSo: true)
    world.start(1)
    world.settle()
    #expect(world.hubs[0].isReplaced)
  }
}
