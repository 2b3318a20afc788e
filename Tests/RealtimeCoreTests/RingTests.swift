// The queues at the core's doors, and the two tables inside: order, bounds, reserve, threads.

import Foundation
import Synchronization
import Testing
import VitalSigns

@testable import CoreRings
@testable import RealtimeCore

private func entry(_ token: UInt64, isAlarm: Bool = false) -> IntakeEntry {
  IntakeEntry(
    instant: .zero, wall: .unknown, attachment: token,
    payload: .event(DeviceEvent(kind: isAlarm ? .sos : .heartbeat)))
}

@Suite struct RingTests {
  @Test func sequencesAreGapFreeAndRefusalsUseNone() {
    let ring = IntakeRing(capacity: 8, reserve: 2, firstSequence: 101)
    var out = entry(0)
    #expect(!ring.pop(into: &out))
    var given: [UInt64] = []
    for token in UInt64(0)..<20 { if let sequence = ring.push(entry(token)) { given.append(sequence) } }
    #expect(given == Array(101...106), "two places are kept for alarms")
    #expect(ring.push(entry(20, isAlarm: true)) == 107)
    #expect(ring.push(entry(21)) == nil)
    #expect(ring.push(entry(22, isAlarm: true)) == 108)
    #expect(ring.push(entry(23, isAlarm: true)) == nil, "full is full")
    #expect(ring.depth == 8)
    for sequence in UInt64(101)...108 {
      #expect(ring.pop(into: &out) && out.sequence == sequence)
    }
    #expect(!ring.pop(into: &out) && ring.depth == 0)
    #expect(ring.push(entry(24)) == 109)
  }

  @Test func manyProducersOneConsumer() {
    let ring = IntakeRing(capacity: 256, reserve: 32, firstSequence: 1)
    let producers = 4
    let each: UInt64 = 20_000
    let threads = (0..<producers).map { producer in
      let thread = Thread {
        for number in 0..<each {
          let token = UInt64(producer) << 32 | number
          while ring.push(entry(token, isAlarm: number % 16 == 0)) == nil { sched_yield() }
        }
      }
      thread.start()
      return thread
    }
    var next = [UInt64](repeating: 0, count: producers)
    var expected: UInt64 = 1
    var out = entry(0)
    while expected <= UInt64(producers) * each {
      guard ring.pop(into: &out) else {
        sched_yield()
        continue
      }
      let producer = Int(out.attachment >> 32)
      if out.sequence != expected || out.attachment & 0xffff_ffff != next[producer] {
        Issue.record("sequence \(out.sequence) for \(expected), token \(out.attachment)")
        return
      }
      next[producer] += 1
      expected += 1
    }
    #expect(next == [UInt64](repeating: each, count: producers) && ring.depth == 0)
    withExtendedLifetime(threads) {}
  }

  @Test func oneProducerOneConsumer() {
    let ring = SingleProducerRing<UInt64>(capacity: 64)
    let count: UInt64 = 200_000
    let thread = Thread {
      for number in 0..<count { while !ring.push(number) { sched_yield() } }
    }
    thread.start()
    var expected: UInt64 = 0
    while expected < count {
      guard let number = ring.pop() else {
        sched_yield()
        continue
      }
      if number != expected {
        Issue.record("\(number) instead of \(expected)")
        return
      }
      expected += 1
    }
    #expect(ring.pop() == nil && ring.depth == 0 && ring.room == 64)
  }

  @Test func aFullSingleProducerRingRefuses() {
    let ring = SingleProducerRing<Outcome>(capacity: 2)
    let outcome = Outcome(
      cause: 1, instant: .zero, wall: .unknown, patient: .none, device: .none, payload: .remark(.late))
    #expect(ring.push(outcome) && ring.push(outcome) && !ring.push(outcome))
    #expect(ring.pop()?.cause == 1 && ring.push(outcome))
  }
}

@Suite struct DeadlineHeapTests {
  @Test func agreesWithASortedList() {
    let timers = 64
    let entries = UnsafeMutablePointer<DeadlineHeap.Entry>.allocate(capacity: timers)
    let positions = UnsafeMutablePointer<UInt32>.allocate(capacity: timers)
    let count = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    positions.initialize(repeating: 0, count: timers)
    count.initialize(to: 0)
    defer {
      entries.deallocate()
      positions.deallocate()
      count.deallocate()
    }
    let heap = DeadlineHeap(entries: entries, positions: positions, count: count)
    var model: [UInt32: Int64] = [:]
    var random = SeededRandom(seed: 4)
    for _ in 0..<20_000 {
      let timer = UInt32.random(in: 0..<UInt32(timers), using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let deadline = Int64.random(in: 0..<50, using: &random)
        heap.set(TimerID(number: timer), MonotonicInstant(rawValue: deadline))
        model[timer] = deadline
      case 5..<7:
        let deadline = Int64.random(in: 0..<50, using: &random)
        heap.ensure(TimerID(number: timer), by: MonotonicInstant(rawValue: deadline))
        model[timer] = min(model[timer] ?? .max, deadline)
      case 7..<9:
        heap.set(TimerID(number: timer), .never)
        model[timer] = nil
      default:
        if let first = heap.first {
          heap.set(first.timer, .never)
          model[first.timer.number] = nil
        }
      }
      let earliest = model.min { ($0.value, $0.key) < ($1.value, $1.key) }
      #expect(heap.first?.timer.number == earliest?.key && heap.first?.deadline.rawValue == earliest?.value)
      #expect(Int(count.pointee) == model.count)
      #expect(heap.deadline(of: TimerID(number: timer)).rawValue == model[timer] ?? Int64.max)
    }
  }
}

@Suite struct SlotIndexTests {
  @Test func agreesWithADictionary() {
    let capacity = SlotIndex.capacity(for: 32)
    #expect(capacity == 64)
    let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
    let slots = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
    keys.initialize(repeating: 0, count: capacity)
    slots.initialize(repeating: 0, count: capacity)
    defer {
      keys.deallocate()
      slots.deallocate()
    }
    let index = SlotIndex(keys: keys, slots: slots, mask: capacity - 1)
    var model: [UInt64: UInt32] = [:]
    var random = SeededRandom(seed: 9)
    for step in 0..<20_000 {
      let key = UInt64.random(in: 0..<80, using: &random)
      if model[key] != nil, Bool.random(using: &random) {
        index.remove(key)
        model[key] = nil
      } else if model[key] == nil, model.count < 32 {
        index.insert(key, slot: UInt32(step + 1))
        model[key] = UInt32(step + 1)
      }
      let probe = UInt64.random(in: 0..<80, using: &random)
      #expect(index.find(probe) == model[probe] ?? 0)
    }
    for key in UInt64(0)..<80 { #expect(index.find(key) == model[key] ?? 0) }
    index.remove(1_000)
  }
}
