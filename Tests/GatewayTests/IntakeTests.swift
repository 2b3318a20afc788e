// The one way in: gap-free numbers, companions that go with their entry, and who is refused first when the intake or the
// way to the disk fills up.

import Journal
import JournalValues
import RealtimeCore
import Testing
import VitalSigns

@testable import CoreRings
@testable import HubCore
@testable import HubRuntime

@Suite struct IntakeTests {
  private let companions = Companions()
  private let journal = SingleProducerRing<JournalItem>(capacity: 8)
  private let ring = IntakeRing(capacity: 8, reserve: 1, firstSequence: 1)
  private let intake: Intake

  init() throws {
    let clock = HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())
    intake = Intake(ring: ring, coreWake: try Wake(), journal: journal, companions: companions, clock: clock)
  }

  private func companion(_ reason: String) -> Companion { Companion(attachment: JournalValues.Attachment(reason: reason), mark: nil) }

  /// Decided values that wait for the disk.
  private func fillWayToDisk(_ count: Int) {
    for _ in 0..<count {
      #expect(journal.push(.entry(IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos), outcomes: 0)))
    }
  }

  @Test func aRefusedEntryLeavesNothingBehind() {
    for number in 1...7 {
      #expect(intake.submit(Street.spo2(97), companion: companion("\(number)")) == UInt64(number))
    }
    #expect(intake.submit(Street.spo2(97), companion: companion("refused")) == nil, "the last place is for alarms")
    #expect((1...20).allSatisfy { companions.take($0)?.attachment?.reason != "refused" })
    #expect(intake.submit(Street.sos) == 8, "a refusal uses up no number")
    #expect(intake.submit(Street.sos) == nil)
    #expect(intake.depth == intake.capacity)
  }

  @Test func anEntryFindsItsCompanion() {
    #expect(intake.submit(Street.spo2(97), companion: companion("first")) == 1)
    #expect(intake.submit(Street.spo2(98)) == 2)
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos)
    #expect(ring.pop(into: &entry))
    #expect(companions.take(entry.attachment)?.attachment?.reason == "first")
    #expect(ring.pop(into: &entry))
    #expect(entry.attachment == 0)
  }

  @Test func aStampIsKept() {
    let stamp = Intake.Stamp(instant: MonotonicInstant(rawValue: 5), wall: Street.noon)
    #expect(intake.submit(Street.spo2(97), device: Street.cuff, measuredAt: Street.noon, stamp: stamp) == 1)
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos)
    #expect(ring.pop(into: &entry))
    #expect(entry.instant == stamp.instant && entry.wall == stamp.wall)
    #expect(entry.device == Street.cuff && entry.measuredAt == Street.noon)
  }

  @Test func aSlowDiskShedsFirstWhatNobodyHoldsAndNeverAnAlarm() {
    fillWayToDisk(1)
    #expect(intake.submit(Street.spo2(97), keeper: .nobody) == 1)
    fillWayToDisk(1)
    #expect(intake.submit(Street.spo2(97), keeper: .nobody) == nil)
    #expect(intake.submit(Street.spo2(97), keeper: .producer) == 2)
    fillWayToDisk(2)
    #expect(intake.submit(Street.spo2(97), keeper: .producer) == nil)
    #expect(intake.submit(Street.sos, keeper: .nobody) == 3)
  }
}
