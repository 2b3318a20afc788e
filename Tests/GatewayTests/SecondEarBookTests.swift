// Copies of presses and their messages: each press is told once, at once, and never hidden by a record of another.

import Testing
import VitalSigns

@testable import DeviceIntake

@Suite struct SecondEarBookTests {
  private static let wall = WallTime(rawValue: 1_790_000_000_000)

  private func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: 1_000_000_000 + milliseconds * 1_000_000) }
  private func copy(_ key: UInt64, _ milliseconds: Int64, device: UInt32 = 1) -> SecondEarBook.Copy {
    .init(key: key, device: DeviceID(rawValue: device), readings: [], instant: at(milliseconds), wall: Self.wall)
  }
  private func listening() -> SecondEarBook {
    var book = SecondEarBook()
    book.isListening = true
    return book
  }
  /// Tells what is due; gives the keys.
  private func tell(_ book: inout SecondEarBook, _ milliseconds: Int64, sequence: UInt64 = 7) -> [UInt64] {
    let due = book.due(at: at(milliseconds))
    for copy in due { book.noteTold(copy, sequence: sequence) }
    return due.map(\.key)
  }

  @Test func aMessageThatIsHereInTimeIsTheFirstAndItsCopyIsDropped() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(book.message(1, at: at(299), Self.wall) == .first)
    #expect(tell(&book, 10_000) == [])
  }

  @Test func aCopyThatWaitedIsToldAndItsMessageIsKnown() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(tell(&book, 299) == [])
    #expect(book.nextDue == at(300))
    #expect(tell(&book, 300) == [1])
    #expect(book.message(1, at: at(60_000), Self.wall) == .told(sequence: 7))
    #expect(book.message(1, at: at(60_001), Self.wall) == .first, "each copy stands for one message")
  }

  @Test func aMessageBeforeItsCopyDropsTheCopy() {
    var book = listening()
    #expect(book.message(1, at: at(0), Self.wall) == .first)
    #expect(book.heard(copy(1, 1_999)) == false)
    #expect(book.heard(copy(1, 2_000)) == true, "and only that one")
  }

  /// The broker has the subscription before its answer is here.
  @Test func aMessageWhileTheSecondConnectionIsComingDropsItsCopy() {
    var book = SecondEarBook()
    #expect(book.message(1, at: at(0), Self.wall) == .first)
    #expect(book.heard(copy(1, 10)) == true, "nobody had asked for copies yet: this is another press")
    book.isComing = true
    #expect(book.message(2, at: at(20), Self.wall) == .first)
    book.isComing = false
    book.isListening = true
    #expect(book.heard(copy(2, 30)) == false)
  }

  @Test func anOldMessageDropsNoNewCopy() {
    var book = listening()
    #expect(book.message(1, at: at(0), Self.wall) == .first)
    #expect(book.heard(copy(1, 2_001)) == true)
  }

  @Test func aStandstillOfTheHubMakesNoSecondPress() {
    var book = listening()
    #expect(book.message(1, at: at(0), Self.wall) == .first)
    book.stoodStill(for: 50_000_000_000, until: at(50_400))
    #expect(book.heard(copy(1, 50_450)) == false, "its copy lay in the socket meanwhile")
    #expect(book.message(2, at: at(50_500), Self.wall) == .first)
    #expect(book.heard(copy(2, 53_000)) == true, "and what came after it is as old as it is")
  }

  @Test func twoEqualPressesAreTwo() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(book.heard(copy(1, 100)) == true)
    #expect(tell(&book, 400) == [1, 1])
    #expect(book.message(1, at: at(500), Self.wall) == .told(sequence: 7))
    #expect(book.message(1, at: at(501), Self.wall) == .told(sequence: 7))
    #expect(book.message(1, at: at(502), Self.wall) == .first)
  }

  @Test func aMessageThatNeverCameHidesNoNewPress() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(tell(&book, 300) == [1])
    // Hours later, the same press again; its copy still waits.
    #expect(book.heard(copy(1, 9_000_000)) == true)
    #expect(book.message(1, at: at(9_000_010), Self.wall) == .first)
    // Once more, the message first: it takes the old record, and its copy is told.
    #expect(book.message(1, at: at(9_100_000), Self.wall) == .told(sequence: 7))
    #expect(book.heard(copy(1, 9_100_010)) == true)
    #expect(tell(&book, 9_100_310) == [1])
  }

  @Test func withoutTheSecondEarARecordIsADoubtOnly() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(tell(&book, 300) == [1])
    book.isListening = false
    #expect(book.message(1, at: at(5_000), Self.wall) == .perhapsTold)
  }

  @Test func oneDeviceTakesNoRoomOfOthers() {
    var book = listening()
    for key in UInt64(0)..<50_000 { _ = book.heard(copy(key, 0, device: 1)) }
    #expect(book.waiting == SecondEarBook.perDeviceMax)
    #expect(book.dropped == 50_000 - UInt64(SecondEarBook.perDeviceMax))
    #expect(book.heard(copy(99_999, 1, device: 2)) == true)
    #expect(tell(&book, 301).last == 99_999)
  }

  @Test func thereIsABound() {
    var book = listening()
    for device in UInt32(1)...1_000 { _ = book.heard(copy(UInt64(device), 0, device: device)) }
    #expect(book.waiting == SecondEarBook.copiesMax)
  }

  @Test func aFullIntakeKeepsTheCopy() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(book.heard(copy(2, 1)) == true)
    for copy in book.due(at: at(300)) { book.waitsOn(copy) }
    #expect(tell(&book, 301) == [1, 2])
  }

  @Test func aMessageThatWasNotTakenIsKnownAgain() {
    var book = listening()
    #expect(book.heard(copy(1, 0)) == true)
    #expect(tell(&book, 300) == [1])
    #expect(book.message(1, at: at(400), Self.wall) == .told(sequence: 7))
    book.notTaken(1, sequence: 7, at: at(400))
    #expect(book.message(1, at: at(405), Self.wall) == .told(sequence: 7))
  }

  @Test(arguments: [(0, true), (30, true), (31, false), (-1, false)])
  func ofAnEarlierRunWhatWasToldIsKnownForSeconds(age: Int64, isKnown: Bool) {
    var book = SecondEarBook(marks: [(true, 1, Self.wall), (true, 1, Self.wall), (false, 1, Self.wall), (false, 2, Self.wall)])
    let now = Self.wall.adding(milliseconds: age * 1_000)
    #expect(book.message(1, at: at(0), now) == (isKnown ? .told(sequence: 0) : .perhapsTold))
    #expect(book.message(1, at: at(1), now) == .first, "the other's message had come")
  }
}
