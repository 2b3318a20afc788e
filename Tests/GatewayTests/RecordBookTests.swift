// The book of known measurements: what makes two frames the same measurement, what makes them two, and what is left of it
// after a restart.

import DeviceProfile
import Journal
import JournalValues
import Testing
import VitalSigns

@testable import DeviceIntake
@testable import HubCore

@Suite struct RecordBookTests {
  private static let noon = DeviceTime.epoch(WallTime(rawValue: 1_770_000_000_000))
  private static let later = DeviceTime.epoch(WallTime(rawValue: 1_770_000_060_000))

  private func spo2(_ value: Int64, _ time: DeviceTime = .none, quality: ObservationQuality = []) -> Reading {
    .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: value), unit: .percent, quality: quality), at: time)
  }

  private func mark(_ book: inout RecordBook, _ reading: Reading, bytes: [UInt8] = [1]) -> RecordBook.Mark? {
    book.mark(readings: [reading], source: 0x2A5E, bytes: bytes)
  }

  @Test func aMeasurementWithItsOwnTimeIsTheSameWhicheverWayItComes() {
    var book = RecordBook()
    let live = mark(&book, spo2(97, Self.noon), bytes: [1, 2])
    book.fetchBegan(from: [0x2A5E])
    let stored = mark(&book, spo2(97, Self.noon, quality: .fromStorage), bytes: [3, 4])
    #expect(live != nil && live == stored)
  }

  @Test func anotherTimeOrValueIsAnotherMeasurement() {
    var book = RecordBook()
    let marks = [spo2(97, Self.noon), spo2(97, Self.later), spo2(96, Self.noon)].compactMap { mark(&book, $0) }
    #expect(Set(marks).count == 3)
  }

  @Test func aClockThatIsNotSetTellsNothingApart() {
    var book = RecordBook()
    #expect(mark(&book, spo2(97, Self.noon, quality: .clockUnset)) == nil)
  }

  @Test func aClockThatStartsBeforeThereWasAHubTellsNothingApart() {
    var book = RecordBook()
    #expect(mark(&book, spo2(97, .epoch(WallTime(rawValue: 946_684_820_000)))) == nil)
    #expect(mark(&book, spo2(97, .local(CivilTime(year: 2_000, month: 1, day: 1, hour: 0, minute: 0, second: 20)))) == nil)
  }

  @Test func withoutATimeEachLiveFrameCounts() {
    var book = RecordBook()
    #expect(mark(&book, spo2(97)) == nil)
  }

  @Test func liveFramesBesideAFetchAndAfterItCount() {
    var book = RecordBook()
    book.fetchBegan(from: [0x2A5E])
    #expect(book.mark(readings: [spo2(97)], source: 0x2A5F, bytes: [1]) == nil)
    #expect(mark(&book, spo2(97)) != nil)
    book.fetchEnded()
    #expect(mark(&book, spo2(97)) == nil)
  }

  @Test func equalRecordsOfAFetchAreCountedAndKnownAgain() throws {
    var book = RecordBook()
    book.fetchBegan(from: [0x2A5E])
    let first = try #require(mark(&book, spo2(97)))
    let second = try #require(mark(&book, spo2(97)))
    #expect(first.place == 0 && second.place == 1 && first.hash == second.hash)
    book.took(first, 10)
    book.took(second, 11)
    // Cut off before the deletion: the device sends both again, and a third equal one that was measured meanwhile.
    book.fetchEnded()
    book.fetchBegan(from: [0x2A5E])
    let again = try [mark(&book, spo2(97)), mark(&book, spo2(97)), mark(&book, spo2(97))].map { try #require($0) }
    #expect(again.map { book.sequence(of: $0) } == [10, 11, nil])
  }

  @Test func afterTheDeletionAnEqualRecordIsNew() throws {
    var book = RecordBook()
    book.fetchBegan(from: [0x2A5E])
    book.took(try #require(mark(&book, spo2(97))), 10)
    let timed = try #require(mark(&book, spo2(95, Self.noon)))
    book.took(timed, 11)
    book.deleted()
    #expect(book.sequence(of: try #require(mark(&book, spo2(97)))) == nil)
    // What has its own time stays known: a device may say "deleted" and send it once more.
    #expect(book.sequence(of: try #require(mark(&book, spo2(95, Self.noon)))) == 11)
  }

  @Test func aRestartChangesNothing() throws {
    var book = RecordBook()
    book.fetchBegan(from: [0x2A5E])
    let old = try #require(mark(&book, spo2(97)))
    book.deleted()
    let new = try #require(mark(&book, spo2(97)))
    let journal = [
      DeliveryMark(link: 1, message: old.place, hash: old.hash),
      DeliveryMark(link: 1, message: RecordBook.epochMessage, hash: book.epoch), DeliveryMark(link: 1, message: new.place, hash: new.hash),
    ]
    var restarted = RecordBook(marks: journal)
    #expect(restarted.epoch == 1)
    restarted.fetchBegan(from: [0x2A5E])
    #expect(restarted.sequence(of: try #require(mark(&restarted, spo2(97)))) == 0)
    #expect(restarted.sequence(of: try #require(mark(&restarted, spo2(97)))) == nil)
  }

  @Test func theOldestAreForgottenFirst() {
    var book = RecordBook()
    for number in 0..<UInt64(2 * RecordBook.marksMax) { book.took(RecordBook.Mark(place: 0, hash: number), number) }
    #expect(book.sequence(of: RecordBook.Mark(place: 0, hash: UInt64(RecordBook.marksMax) - 1)) == nil)
    #expect(book.sequence(of: RecordBook.Mark(place: 0, hash: UInt64(RecordBook.marksMax))) == UInt64(RecordBook.marksMax))
  }
}

@Suite struct DecisionTimesTests {
  @Test func quantilesAreUpperLimits() {
    let times = DecisionTimes()
    #expect(times.quantile(0.5) == nil)
    for _ in 0..<99 { times.note(30_000) }
    times.note(3_000_000)
    #expect(times.quantile(0.5) == 50_000)
    #expect(times.quantile(0.99) == 50_000)
    #expect(times.quantile(1) == 3_000_000)
    #expect(times.longestNanoseconds == 3_000_000)
    #expect(times.counts.reduce(0, +) == 100)
  }

  @Test(arguments: [Int64.min, 0, 10_000, 10_001, 1_000_000_001, .max]) func everyTimeFindsABucket(nanoseconds: Int64) {
    let times = DecisionTimes()
    times.note(nanoseconds)
    #expect(times.counts.reduce(0, +) == 1)
  }
}
