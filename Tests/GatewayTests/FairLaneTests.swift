// People take turns in dispatch: a flood of one does not hold up another's call, and nothing grows without a bound.

import RealtimeCore
import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubCore

@Suite struct FairLaneTests {
  private func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: milliseconds * 1_000_000) }

  private func change(patient: UInt32, device: UInt32 = 0, cause: UInt64 = 0) -> Outcome {
    Outcome(
      cause: cause, instant: .zero, wall: .unknown, patient: PatientID(rawValue: patient), device: DeviceID(rawValue: device),
      payload: .remark(.none))
  }

  @Test func anothersCallIsNextHoweverManyWait() {
    var lane = FairLane()
    for cause in UInt64(0)..<50_000 { lane.append(change(patient: 1, cause: cause), at: at(0)) }
    #expect(lane.leftOut == 50_000 - UInt64(FairLane.perHolderMax))
    lane.append(change(patient: 2), at: at(0))
    #expect(lane.next(at: at(0))?.patient.rawValue == 1)
    #expect(lane.next(at: at(0))?.patient.rawValue == 2)
  }

  @Test func aFloodIsSlowedDownAfterItsFirstChangesInOrder() {
    var lane = FairLane()
    for cause in UInt64(0)..<100 { lane.append(change(patient: 1, cause: cause), at: at(0)) }
    var told: [UInt64] = []
    while let outcome = lane.next(at: at(0)) { told.append(outcome.cause) }
    #expect(told == Array(0..<UInt64(FairLane.burst)))
    #expect(lane.nextDue == at(20))
    #expect(lane.next(at: at(19)) == nil)
    #expect(lane.next(at: at(20))?.cause == UInt64(FairLane.burst))
    var later = 0
    for time in stride(from: Int64(20), through: 1_020, by: 1) { while lane.next(at: at(time)) != nil { later += 1 } }
    #expect(later == FairLane.perSecond)
    lane.append(change(patient: 2), at: at(1_020))
    #expect(lane.next(at: at(1_020))?.patient.rawValue == 2)
  }

  @Test func aQuietHolderGetsItsBurstBack() {
    var lane = FairLane()
    for round in Int64(0)..<3 {
      for _ in 0..<FairLane.burst { lane.append(change(patient: 1), at: at(round * 1_000)) }
      var told = 0
      while lane.next(at: at(round * 1_000)) != nil { told += 1 }
      #expect(told == FairLane.burst)
    }
    #expect(lane.isEmpty && lane.nextDue == nil)
  }

  /// One that is never done is still looked after in the order in which it came, and what was told is not kept.
  @Test func aFloodWithoutEndKeepsItsOrderAndNoMore() {
    var lane = FairLane()
    for cause in UInt64(0)..<100 { lane.append(change(patient: 1, cause: cause), at: at(0)) }
    var (next, expected) = (UInt64(100), UInt64(0))
    for time in stride(from: Int64(0), to: 100_000, by: 20) {
      while let outcome = lane.next(at: at(time)) {
        #expect(outcome.cause == expected)
        expected += 1
        lane.append(change(patient: 1, cause: next), at: at(time))
        next += 1
      }
    }
    #expect(expected > 4_000)
    #expect(lane.kept <= 2 * FairLane.perHolderMax)
  }

  @Test func strangersAndThePersonOfTheSameNumberAreTwo() {
    var lane = FairLane()
    for _ in 0..<2_000 { lane.append(change(patient: 0, device: 7), at: at(0)) }
    lane.append(change(patient: 7, device: 7), at: at(0))
    _ = lane.next(at: at(0))
    #expect(lane.next(at: at(0))?.patient.rawValue == 7)
  }

  @Test func manyHoldersAreToldInTheirOrder() {
    var lane = FairLane()
    for patient in UInt32(1)...10_000 { lane.append(change(patient: patient), at: at(0)) }
    for patient in UInt32(1)...10_000 { #expect(lane.next(at: at(0))?.patient.rawValue == patient) }
  }

  @Test func oneHolderFillsASixteenthOfTheRing() {
    let room = AlarmRoom()
    let mine = change(patient: 1)
    for _ in 0..<AlarmRoom.perHolderMax { #expect(room.take(mine)) }
    #expect(!room.take(mine))
    #expect(room.take(change(patient: 2)))
    room.give(mine)
    #expect(room.take(mine))
    #expect(AlarmRoom.perHolderMax * 16 == AlarmWay.capacity)
  }
}
