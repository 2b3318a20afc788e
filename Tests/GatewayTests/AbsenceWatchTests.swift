// The end of an absence is in the intake before anything else of afterwards: with room, without, and when several threads see it at once.

import RealtimeCore
import Synchronization
import Testing
import VitalSigns

@testable import CoreRings
@testable import HubCore
@testable import HubRuntime

@Suite("Noticing that the core was away") struct AbsenceWatchTests {
  private static let second: Int64 = 1_000_000_000
  private static let left = MonotonicInstant(rawValue: 1_000 * second)
  private static let back = left.adding(nanoseconds: 3_600 * second)

  /// How many threads have come: all go on when the last has.
  private final class Gate: Sendable {
    let here = Atomic<Int>(0)
  }

  private let vitals = CoreVitals()
  private let ring = IntakeRing(capacity: 8, reserve: 2, firstSequence: 1)
  private let watch: AbsenceWatch

  init() {
    watch = AbsenceWatch(vitals: vitals, ring: ring)
    vitals.lastTurn.store(Self.left.rawValue, ordering: .relaxed)
    vitals.utcOffsetSeconds.store(3_600, ordering: .relaxed)
  }

  private func taken(_ ring: IntakeRing) -> [IntakeEntry] {
    var all: [IntakeEntry] = []
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos)
    while ring.pop(into: &entry) { all.append(entry) }
    return all
  }

  private func value(at instant: MonotonicInstant) -> IntakeEntry {
    IntakeEntry(instant: instant, wall: Street.noon, payload: Street.spo2(97))
  }

  @Test("A core that turned a minute ago was not away, one a nanosecond longer was", arguments: [(60 * second, 0), (60 * second + 1, 1)])
  func limit(nanoseconds: Int64, anchors: Int) throws {
    watch.look(at: Self.left.adding(nanoseconds: nanoseconds), wall: Street.noon)
    let entries = taken(ring)
    #expect(entries.count == anchors)
    guard let first = entries.first else { return }
    guard case .clock(let anchor) = first.payload else {
      Issue.record("no anchor")
      return
    }
    #expect(anchor == ClockAnchor(utcOffsetSeconds: 3_600, endsAbsence: true, decidedUntil: Self.left))
    #expect(first.instant == Self.left.adding(nanoseconds: nanoseconds) && first.wall == Street.noon)
  }

  @Test("Before its first turn a core is not away; a time before its last turn is no absence")
  func never() {
    watch.look(at: Self.left.adding(nanoseconds: -3_600 * Self.second), wall: Street.noon)
    vitals.lastTurn.store(0, ordering: .relaxed)
    watch.look(at: Self.back, wall: Street.noon)
    #expect(taken(ring).isEmpty)
  }

  @Test("An absence is ended once; the next one again")
  func once() {
    for _ in 0..<3 { watch.look(at: Self.back, wall: Street.noon) }
    #expect(taken(ring).map(\.endsAbsence) == [true])
    vitals.lastTurn.store(Self.back.rawValue, ordering: .relaxed)
    watch.look(at: Self.back.adding(nanoseconds: Self.second), wall: Street.noon)
    #expect(taken(ring).isEmpty)
    watch.look(at: Self.back.adding(nanoseconds: 120 * Self.second), wall: Street.noon)
    #expect(taken(ring).map(\.endsAbsence) == [true])
  }

  @Test("Full of values, the intake still takes it: it uses what is kept for alarms")
  func fullOfValues() {
    while ring.push(value(at: Self.left)) != nil {}
    #expect(ring.depth == 6)
    watch.look(at: Self.back, wall: Street.noon)
    let entries = taken(ring)
    #expect(entries.map(\.endsAbsence) == Array(repeating: false, count: 6) + [true])
  }

  @Test("Full of alarms, it takes none, and is asked again by whoever looks next")
  func fullOfAlarms() {
    while ring.push(IntakeEntry(instant: Self.left, wall: Street.noon, payload: Street.sos)) != nil {}
    #expect(ring.depth == 8)
    watch.look(at: Self.back, wall: Street.noon)
    #expect(taken(ring).allSatisfy { !$0.endsAbsence } && ring.depth == 0)
    // Nobody has noted it as ended: the core had no turn yet.
    watch.look(at: Self.back.adding(nanoseconds: Self.second), wall: Street.noon)
    #expect(taken(ring).map(\.endsAbsence) == [true])
  }

  /// Each thread looks and then puts in its own entry, as `Intake.submit` does. Whatever comes first, no entry of afterwards may come
  /// before an anchor.
  @Test("Threads that notice the same absence in the same moment", arguments: 0..<40)
  func together(round: Int) async {
    let ring = IntakeRing(capacity: 64, reserve: 8, firstSequence: 1)
    let watch = AbsenceWatch(vitals: vitals, ring: ring)
    let threads = 4
    let gate = Gate()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<threads {
        group.addTask {
          let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
          WorkerThread(name: "look").start {
            gate.here.add(1, ordering: .acquiringAndReleasing)
            while gate.here.load(ordering: .acquiring) < threads {}
            // The stamps differ, and are not in the order in which the threads come through.
            let instant = Self.back.adding(nanoseconds: Int64(threads - number))
            watch.look(at: instant, wall: Street.noon)
            _ = ring.push(IntakeEntry(instant: instant, wall: Street.noon, payload: Street.spo2(97)))
            continuation.finish()
          }
          for await _ in ends {}
        }
      }
    }
    let entries = taken(ring)
    #expect(entries.first?.endsAbsence == true)
    #expect(entries.count { !$0.endsAbsence } == threads)
    let anchors = entries.filter(\.endsAbsence)
    #expect((1...threads).contains(anchors.count))
    for entry in anchors {
      guard case .clock(let anchor) = entry.payload else { continue }
      #expect(anchor.decidedUntil == Self.left)
    }
  }
}
