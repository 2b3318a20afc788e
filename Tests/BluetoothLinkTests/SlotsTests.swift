// Who gets a connection: order, one attempt at a time, alarms first, turns among those who hold.

import DeviceProfile
import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct SlotsTests {
  static func at(_ seconds: Double) -> MonotonicInstant { Fixture.seconds(seconds) }

  /// Granted and established in order, at second 0.
  static func full(_ holders: [(String, BluetoothSessionPlan.Priority, Bool)]) -> ConnectionSlots {
    var slots = ConnectionSlots(max: holders.count)
    for (key, priority, isHeld) in holders {
      slots.request(key: key, priority: priority, isHeld: isHeld, at: at(0))
      _ = slots.decide(at: at(0))
      slots.established(key: key)
    }
    return slots
  }

  @Test("Priority first, then the longest wait; one attempt at a time")
  func order() {
    var slots = ConnectionSlots(max: 5)
    slots.request(key: "a", priority: .routine, isHeld: false, at: Self.at(0))
    slots.request(key: "b", priority: .routine, isHeld: false, at: Self.at(1))
    slots.request(key: "c", priority: .high, isHeld: false, at: Self.at(2))
    slots.request(key: "a", priority: .routine, isHeld: false, at: Self.at(3))
    #expect(slots.decide(at: Self.at(3)) == [.grant("c")])
    #expect(slots.decide(at: Self.at(4)).isEmpty)
    slots.established(key: "c")
    #expect(slots.decide(at: Self.at(5)) == [.grant("a")], "asking again keeps the place")
    slots.release(key: "a")
    #expect(slots.decide(at: Self.at(6)) == [.grant("b")])
  }

  @Test("An alarm waits 2 s for a lesser attempt, then begins beside it")
  func alarmBesideAttempt() {
    var slots = ConnectionSlots(max: 2)
    slots.request(key: "scale", priority: .routine, isHeld: false, at: Self.at(0))
    _ = slots.decide(at: Self.at(0))
    slots.request(key: "button", priority: .alarm, isHeld: true, at: Self.at(1))
    #expect(slots.decide(at: Self.at(1)).isEmpty && slots.deadline == Self.at(2))
    #expect(slots.decide(at: Self.at(2)) == [.withdraw("scale"), .grant("button")])
    slots.request(key: "cuff", priority: .routine, isHeld: false, at: Self.at(2))
    #expect(slots.decide(at: Self.at(3)).isEmpty)
    slots.established(key: "button")
    slots.release(key: "scale")
    #expect(slots.decide(at: Self.at(4)) == [.grant("cuff")])
  }

  @Test("An alarm does not take the radio from another alarm's attempt")
  func alarmAttempts() {
    var slots = ConnectionSlots(max: 3)
    slots.request(key: "a", priority: .alarm, isHeld: false, at: Self.at(0))
    slots.request(key: "b", priority: .alarm, isHeld: false, at: Self.at(0))
    #expect(slots.decide(at: Self.at(0)) == [.grant("a")])
    #expect(slots.decide(at: Self.at(19)).isEmpty)
  }

  @Test("When all are taken an alarm gets the least important one, held before session, longest first")
  func alarmWhenFull() {
    var slots = Self.full([("high", .high, true), ("session", .routine, false), ("held", .routine, true), ("held2", .routine, true)])
    slots.request(key: "sos", priority: .alarm, isHeld: false, at: Self.at(1))
    #expect(slots.decide(at: Self.at(1)) == [.withdraw("held")])
    #expect(slots.decide(at: Self.at(2)).isEmpty, "one leaves for one that waits")
    slots.request(key: "sos2", priority: .alarm, isHeld: false, at: Self.at(2))
    #expect(slots.decide(at: Self.at(2)) == [.withdraw("held2")])
    slots.release(key: "held")
    #expect(slots.decide(at: Self.at(3)) == [.grant("sos")])
  }

  @Test("Held connections take turns after 60 s; sessions are left to finish")
  func rotation() {
    var slots = Self.full([("held", .routine, true), ("session", .routine, false)])
    slots.request(key: "next", priority: .routine, isHeld: true, at: Self.at(10))
    #expect(slots.decide(at: Self.at(10)).isEmpty && slots.deadline == Self.at(60))
    #expect(slots.decide(at: Self.at(60)) == [.withdraw("held")])
    slots.release(key: "held")
    #expect(slots.decide(at: Self.at(61)) == [.grant("next")])
    var sessions = Self.full([("session", .routine, false)])
    sessions.request(key: "next", priority: .high, isHeld: false, at: Self.at(0))
    #expect(sessions.decide(at: Self.at(600)).isEmpty)
  }

  @Test("A lesser one never makes a more important one yield")
  func lesserWaits() {
    var slots = Self.full([("held", .high, true)])
    slots.request(key: "next", priority: .routine, isHeld: false, at: Self.at(0))
    #expect(slots.decide(at: Self.at(600)).isEmpty && slots.deadline == .never)
  }

  @Test("Connections of other programs leave less, but one is always tried", arguments: [(0, 3), (2, 1), (3, 1), (99, 1), (-1, 3)])
  func foreign(others: Int, capacity: Int) {
    var slots = ConnectionSlots(max: 3)
    slots.foreign = others
    for key in ["a", "b", "c", "d"] { slots.request(key: key, priority: .routine, isHeld: false, at: Self.at(0)) }
    var granted = 0
    for second in 1...4 {
      for case .grant(let key) in slots.decide(at: Self.at(Double(second))) {
        granted += 1
        slots.established(key: key)
      }
    }
    #expect(granted == capacity)
  }

  @Test("Any order of calls: never too many, never twice, and equals take turns", arguments: 0..<UInt64(40))
  func random(seed: UInt64) {
    var dice = Dice(state: seed)
    var slots = ConnectionSlots(max: Int.random(in: 0...4, using: &dice))
    let keys = (0..<8).map { "d\($0)" }
    var held: Set<String> = []
    var turns: [String: Int] = [:]
    var now = Self.at(0)
    // With unequal ones the alarms may take every turn: that is what priority means.
    let isEqual = seed.isMultiple(of: 2)
    for _ in 0..<3000 {
      now = now.adding(nanoseconds: dice.milliseconds(10...3000) * 1_000_000)
      let key = keys[Int.random(in: 0..<8, using: &dice)]
      let number = keys.firstIndex(of: key) ?? 0
      switch Int.random(in: 0..<10, using: &dice) {
      case 0..<6:
        slots.request(
          key: key, priority: isEqual ? .routine : BluetoothSessionPlan.Priority.allCases[number % 3], isHeld: number % 2 == 0, at: now)
      case 6..<9: slots.established(key: key)
      default:
        slots.release(key: key)
        held.remove(key)
      }
      for decision in slots.decide(at: now) {
        switch decision {
        case .grant(let key):
          #expect(held.insert(key).inserted, "seed \(seed): granted twice")
          turns[key, default: 0] += 1
        case .withdraw(let key): #expect(held.contains(key), "seed \(seed): withdrawn from nobody")
        }
      }
      #expect(slots.holders.count(where: \.occupies) <= slots.capacity, "seed \(seed)")
      #expect(Set(slots.holders.map(\.key)) == held, "seed \(seed)")
      // Whoever was asked to leave leaves.
      for holder in slots.holders where holder.isWithdrawn {
        slots.release(key: holder.key)
        held.remove(holder.key)
      }
    }
    let owed = isEqual ? keys : ["d0", "d3", "d6"]
    #expect(owed.allSatisfy { turns[$0, default: 0] > 1 }, "seed \(seed): \(turns)")
  }
}
