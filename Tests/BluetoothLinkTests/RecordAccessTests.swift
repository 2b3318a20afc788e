// The record access control point: every answer, every answer cut short, and each way in which a deletion must not happen.

import DeviceProfile
import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct RecordAccessTests {
  static let delete = SessionAction.perform(Fixture.write([2, 1]))

  static func fetched(
    _ outcomes: [BluetoothFrameOutcome?], _ plan: BluetoothSessionPlan = Fixture.meter(), from first: UInt16 = 1
  ) -> Bench {
    var bench = Bench(plan)
    bench.reporting()
    for (number, outcome) in outcomes.enumerated() { bench.record(first &+ UInt16(number), outcome) }
    bench.answer([6, 0, 1, 1])
    bench.expire()
    return bench
  }

  @Test("Subscribes to everything before it asks, and says that records begin")
  func order() {
    var bench = Bench(Fixture.meter())
    bench.connected()
    bench.give(.facts(Fixture.resolved))
    #expect(bench.give(.value(Fixture.battery, bytes: [1])) == [.perform(Fixture.subscribe(Fixture.glucose))])
    #expect(bench.reply(Fixture.subscribe(Fixture.glucose)) == [.perform(Fixture.subscribe(Fixture.context))])
    #expect(bench.reply(Fixture.subscribe(Fixture.context)) == [.perform(Fixture.subscribe(Fixture.control))])
    #expect(
      bench.reply(Fixture.subscribe(Fixture.control)) == [
        .recordsBegan([Fixture.glucose, Fixture.context]), .perform(Fixture.write([1, 1])),
      ])
    #expect(bench.ledger.violations == [])
  }

  @Test("Deletes when everything is durable and the count agrees, not before")
  func deletesAfterDurable() {
    var bench = Self.fetched([.accepted(sequence: 70), .duplicate(sequence: 12), .accepted(sequence: 71)])
    #expect(bench.session.state.name == "settling")
    #expect(bench.give(.durable(70)).isEmpty)
    #expect(bench.give(.durable(71)) == [.perform(Fixture.write([4, 1]))])
    bench.reply(Fixture.write([4, 1]))
    #expect(bench.answer([5, 0, 3, 0]) == [Self.delete])
    #expect(bench.reply(Fixture.write([2, 1])).isEmpty)
    let last = bench.answer([6, 0, 2, 1])
    #expect(last.first == .recordsDeleted && last.contains(.report(.completed)))
    #expect(bench.session.problem == nil)
  }

  @Test("The indication may come before the reply to its write")
  func eitherOrder() {
    var bench = Self.fetched([.accepted(sequence: 1)])
    bench.give(.durable(1))
    #expect(bench.answer([5, 0, 1, 0]).isEmpty)
    #expect(bench.reply(Fixture.write([4, 1])) == [Self.delete])
  }

  @Test("Every answer to the report", arguments: UInt8.min...12)
  func reportCodes(code: UInt8) {
    var bench = Bench(Fixture.meter())
    bench.reporting()
    bench.record(1, .accepted(sequence: 1))
    bench.give(.durable(1))
    bench.answer([6, 0, 1, code])
    switch code {
    case 1: #expect(bench.session.state.name == "running")
    case 6: #expect(bench.session.state.name == "quiet")
    default:
      #expect(bench.session.problem == .recordAccess && bench.session.state.name == "disconnecting")
    }
  }

  @Test("Every answer to the count: deleted only when it is the number of records", arguments: UInt8.min...12)
  func countCodes(code: UInt8) {
    for deletion in [BluetoothSessionStep.RecordFetch.Deletion.all, .upToSequence] {
      var bench = Self.fetched([.accepted(sequence: 1)], Fixture.meter(deletion))
      bench.give(.durable(1))
      bench.reply(Fixture.write([4, 1]))
      let actions = bench.answer([6, 0, 4, code])
      let deletes = deletion == .upToSequence && [2, 3, 4, 5, 9].contains(code)
      #expect(actions.contains(.perform(Fixture.write([2, 2, 1, 1, 0]))) == deletes, "\(deletion) \(code)")
      #expect((bench.session.problem == .recordAccess) == !deletes)
    }
  }

  @Test("Every answer to the deletion: only success lets equal records be new ones", arguments: UInt8.min...12)
  func deleteCodes(code: UInt8) {
    var bench = Self.fetched([.accepted(sequence: 1)])
    bench.give(.durable(1))
    bench.reply(Fixture.write([4, 1]))
    bench.answer([5, 0, 1, 0])
    bench.reply(Fixture.write([2, 1]))
    let actions = bench.answer([6, 0, 2, code])
    #expect(actions.contains(.recordsDeleted) == (code == 1))
    #expect(actions.contains(.report(.completed)), "the records are here in any case")
    #expect(bench.session.problem == (code == 1 ? nil : .recordAccess))
  }

  @Test(
    "An answer of any other length is no answer, and nothing is deleted",
    arguments: [[5, 0, 1, 0], [6, 0, 1, 1], [6, 0, 2, 1]] as [[UInt8]])
  func truncated(answer: [UInt8]) {
    for length in [0, 1, 2, 3, 5, 6, 20] {
      let bytes = Array((answer + Array(repeating: 0, count: 20)).prefix(length))
      #expect(RecordAccess.Response(bytes) == .malformed)
      var counting = Self.fetched([.accepted(sequence: 1)])
      counting.give(.durable(1))
      counting.reply(Fixture.write([4, 1]))
      #expect(!counting.answer(bytes).contains(Self.delete))
      #expect(counting.session.problem == .recordAccess)
    }
    #expect(RecordAccess.Response([6, 1, 1, 1]) == .malformed)
    #expect(RecordAccess.Response([5, 0, 0x34, 0x12]) == .count(0x1234))
  }

  @Test("A late answer to another request is not taken for this one's")
  func foreignAnswer() {
    var bench = Self.fetched([.accepted(sequence: 1)])
    bench.give(.durable(1))
    bench.reply(Fixture.write([4, 1]))
    #expect(bench.answer([6, 0, 1, 1]).isEmpty)
    #expect(bench.session.state.name == "settling")
  }

  @Test("A count that differs fetches again, three times at most, and deletes nothing")
  func countDiffers() {
    var bench = Self.fetched([.accepted(sequence: 1)])
    bench.give(.durable(9))
    for fetch in 2...4 {
      bench.reply(Fixture.write([4, 1]))
      let actions = bench.answer([5, 0, 2, 0])
      if fetch == 4 {
        #expect(!actions.contains(Self.delete) && actions.contains(.report(.completed)))
        #expect(bench.session.problem == .recordAccess)
        return
      }
      #expect(actions == [.recordsBegan([Fixture.glucose, Fixture.context]), .perform(Fixture.write([1, 1]))])
      bench.reply(Fixture.write([1, 1]))
      bench.record(1, .duplicate(sequence: 1))
      bench.answer([6, 0, 1, 1])
      bench.expire()
    }
    Issue.record("it never gave up")
  }

  @Test("A record that is read after the answer is waited for")
  func lateRecord() {
    var bench = Bench(Fixture.meter())
    bench.reporting()
    bench.record(1, .accepted(sequence: 1))
    bench.answer([6, 0, 1, 1])
    bench.give(.durable(1))
    bench.record(2, .accepted(sequence: 2))
    bench.expire()
    #expect(bench.session.state.name == "settling")
    // One that comes even while the count is under way must be durable too.
    bench.give(.durable(2))
    bench.record(3, .accepted(sequence: 3))
    bench.reply(Fixture.write([4, 1]))
    #expect(bench.answer([5, 0, 3, 0]).isEmpty)
    #expect(bench.give(.durable(3)) == [.perform(Fixture.write([4, 1]))])
  }

  @Test("The context counts for the disk and not as a record")
  func context() {
    var bench = Bench(Fixture.meter())
    bench.reporting()
    bench.record(1, .accepted(sequence: 1))
    bench.give(.notification(Fixture.context, bytes: [0, 1, 0], .accepted(sequence: 8)))
    bench.answer([6, 0, 1, 1])
    bench.expire()
    #expect(bench.give(.durable(7)).isEmpty)
    #expect(bench.give(.durable(8)) == [.perform(Fixture.write([4, 1]))])
    bench.reply(Fixture.write([4, 1]))
    #expect(bench.answer([5, 0, 1, 0]) == [Self.delete])
  }

  @Test(
    "How many refused records still allow a deletion",
    arguments: [(0, 1, true), (1, 1, true), (1, 2, true), (2, 1, false), (1, 0, false)] as [(Int, Int, Bool)])
  func refusedRecords(refused: Int, taken: Int, settles: Bool) {
    let bench = Self.fetched(
      Array(repeating: .refused, count: refused) + Array(repeating: .duplicate(sequence: 5), count: taken))
    #expect((bench.session.state.name == "settling") == settles)
    #expect((bench.session.problem == .recordAccess) == !settles)
  }

  @Test("A frame that nobody stored forbids the deletion; one that is offered again does not")
  func unstored() {
    #expect(Self.fetched([nil, .accepted(sequence: 1)]).session.problem == .recordAccess)
    #expect(Self.fetched([.busy, .accepted(sequence: 1)]).session.state.name == "settling")
  }

  @Test("Deletes up to the highest sequence number")
  func upToSequence() {
    var bench = Self.fetched([.accepted(sequence: 1), .accepted(sequence: 2)], Fixture.meter(.upToSequence), from: 0x1233)
    bench.give(.durable(2))
    bench.reply(Fixture.write([4, 1]))
    #expect(bench.answer([5, 0, 2, 0]) == [.perform(Fixture.write([2, 2, 1, 0x34, 0x12]))])
  }

  @Test("Numbers that wrap: all or nothing, by the count")
  func wraps() {
    for (count, deletes) in [([5, 0, 3, 0], true), ([6, 0, 4, 2], false)] as [([UInt8], Bool)] {
      var bench = Self.fetched(
        [.accepted(sequence: 1), .accepted(sequence: 2), .accepted(sequence: 3)], Fixture.meter(.upToSequence), from: 65_534)
      bench.give(.durable(3))
      bench.reply(Fixture.write([4, 1]))
      #expect(bench.answer(count).contains(Self.delete) == deletes)
      #expect((bench.session.problem == .recordAccess) == !deletes)
    }
  }

  @Test("A device that cannot count and whose numbers have a gap keeps its records")
  func gap() {
    var bench = Bench(Fixture.meter(.upToSequence))
    bench.reporting()
    bench.record(5, .accepted(sequence: 1))
    bench.record(7, .accepted(sequence: 2))
    bench.answer([6, 0, 1, 1])
    bench.expire()
    bench.give(.durable(2))
    bench.reply(Fixture.write([4, 1]))
    #expect(bench.answer([6, 0, 4, 2]).contains(.report(.completed)))
    #expect(bench.session.problem == .recordAccess)
  }

  @Test("Without deletion nothing is waited for, and a record too short for its number does not trap")
  func never() {
    #expect(Self.fetched([.accepted(sequence: 9)], Fixture.meter(.never)).session.state.name == "quiet")
    var bench = Bench(Fixture.meter(.upToSequence))
    bench.reporting()
    for length in 0...3 {
      bench.give(.notification(Fixture.glucose, bytes: Array(repeating: 1, count: length), .refused))
    }
    #expect(bench.ledger.violations == [] && bench.session.state.name == "running")
  }

  @Test("A slow disk: nothing is deleted, and it is said that the device keeps its records")
  func slowDisk() {
    var bench = Self.fetched([.accepted(sequence: 9)])
    let actions = bench.expire()
    #expect(actions == [.recordsEnded, .report(.problem(.recordAccess)), .report(.completed)])
    #expect(bench.session.problem == .recordAccess)
  }

  @Test("What was left out of the record is not deleted, though the disk has room again")
  func leftOut() {
    var bench = Self.fetched([.accepted(sequence: 9)])
    let actions = bench.give(.leftOut)
    #expect(actions == [.recordsEnded, .report(.problem(.recordAccess)), .report(.completed)])
    #expect(!bench.give(.durable(9)).contains { if case .perform = $0 { true } else { false } })
    // While the records still come: kept as well.
    bench = Bench(Fixture.meter())
    bench.reporting()
    bench.record(1, .accepted(sequence: 50))
    #expect(bench.give(.leftOut).isEmpty)
    bench.answer([6, 0, 1, 1])
    #expect(bench.expire().contains(.report(.completed)) && bench.session.problem == .recordAccess)
  }

  @Test("No record for 30 s: the report is aborted, and the session ends")
  func aborts() {
    var bench = Bench(Fixture.meter())
    bench.reporting()
    bench.record(1, .accepted(sequence: 1))
    let started = bench.now
    #expect(bench.expire() == [.perform(Fixture.write([3, 0]))])
    #expect(bench.now == started.adding(seconds: 30))
    bench.reply(Fixture.write([3, 0]))
    bench.answer([6, 0, 3, 1])
    #expect(bench.session.problem == .recordAccess && bench.session.state.name == "disconnecting")
  }

  @Test("An optional fetch that is refused is passed over")
  func optional() {
    var bench = Bench(Fixture.meter(isOptional: true))
    bench.reporting()
    #expect(bench.answer([6, 0, 1, 2]) == [.recordsEnded, .report(.completed)])
    #expect(bench.session.problem == nil)
  }

  @Test("The link ends while the records wait: nothing is deleted, and the next session fetches again")
  func linkEnds() {
    var bench = Self.fetched([.accepted(sequence: 5)])
    bench.give(.facts(Fixture.facts()))
    #expect(bench.give(.durable(5)).isEmpty)
    bench.give(.heard)
    bench.expire()
    bench.give(.slotGranted)
    bench.reply(.connect)
    bench.give(.facts(Fixture.resolved))
    bench.give(.value(Fixture.battery, bytes: [1]))
    for uuid in [Fixture.glucose, Fixture.context] { bench.reply(Fixture.subscribe(uuid)) }
    #expect(
      bench.reply(Fixture.subscribe(Fixture.control)) == [
        .recordsBegan([Fixture.glucose, Fixture.context]), .perform(Fixture.write([1, 1])),
      ])
    #expect(bench.ledger.violations == [])
  }
}
