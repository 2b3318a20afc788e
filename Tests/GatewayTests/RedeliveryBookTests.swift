// What is taken for a redelivery, how surely, and what never is.

import MQTTLink
import Testing
import VitalSigns

@testable import DeviceIntake

@Suite struct RedeliveryBookTests {
  private func mark(_ message: UInt16, _ hash: UInt64 = 7) -> RedeliveryBook.Mark { .init(message: message, hash: hash) }
  private func known(_ message: UInt16) -> RedeliveryBook.Known { .init(sequence: UInt64(message) * 10, taken: nil) }
  private func second(_ seconds: Int64) -> WallTime { WallTime(rawValue: 1_790_000_000_000 + seconds * 1_000) }

  /// Frames of a first connection, not acknowledged.
  private func book(_ messages: ClosedRange<UInt16>, marksMax: Int = 100) -> RedeliveryBook {
    var book = RedeliveryBook(marksMax: marksMax)
    book.connected(sessionPresent: true, at: second(0))
    for message in messages { book.took(mark(message), known(message)) }
    return book
  }

  @Test func whatWasNeverAcknowledgedIsCertainHoweverLate() {
    var book = book(1...3)
    book.disconnected(at: second(1))
    book.connected(sessionPresent: true, at: second(86_400))
    for message in UInt16(1)...3 { #expect(book.answer(mark(message), .repeated, at: second(86_400)) == .certain(known(message))) }
    #expect(book.answer(mark(4), .repeated, at: second(86_400)) == .new)
  }

  @Test("A clock that was set back before the start does not make an acknowledgement of this run old", arguments: [0, 3_600, 20_000_000])
  func setBackBeforeTheStart(ahead: Int64) {
    var book = RedeliveryBook(marksMax: 100, known: [(mark(1), known(1), second(ahead))])
    book.connected(sessionPresent: true, at: second(1))
    book.took(mark(2), known(2))
    book.acknowledged(at: second(2))
    book.disconnected(at: second(3))
    book.connected(sessionPresent: true, at: second(4))
    #expect(book.answer(mark(2), .repeated, at: second(4)) == .likely(known(2)), "else a call is told as another")
    let old = book.answer(mark(1), .repeated, at: second(4))
    if ahead > 4 { #expect(old == .likely(known(1)), "never certain: a call is not passed over") }
    // One that left long before the end was heard, whatever the clock was.
    book.disconnected(at: second(200))
    #expect(book.answer(mark(2), .repeated, at: second(201)) == .new)
  }

  @Test func framesBetweenDoNotEndTheSearch() {
    var book = book(1...3)
    book.disconnected(at: second(1))
    book.connected(sessionPresent: true, at: second(2))
    #expect(book.answer(mark(9), .repeated, at: second(2)) == .new)
    book.took(mark(9), known(9))
    #expect(book.answer(mark(2), .repeated, at: second(2)) == .certain(known(2)))
    #expect(book.answer(mark(3), .first, at: second(2)) == .guess(known(3)), "a broker set back to an older state says so, too")
  }

  @Test func anotherContentUnderTheSameIdentifierIsNew() {
    var book = book(1...1)
    book.connected(sessionPresent: true, at: second(1))
    #expect(book.answer(mark(1, 8), .repeated, at: second(1)) == .new)
  }

  @Test func onOneConnectionAFirstDeliveryIsNewUnderWhateverNumber() {
    var book = book(1...1)
    #expect(book.answer(mark(1), .first, at: second(31)) == .new)
    book.acknowledged(at: second(1))
    #expect(book.answer(mark(1), .first, at: second(31)) == .new)
  }

  @Test func aLostSessionForgetsAll() {
    var book = book(1...3)
    book.connected(sessionPresent: false, at: second(1))
    #expect(book.answer(mark(1), .repeated, at: second(1)) == .new)
    book.connected(sessionPresent: true, at: second(2))
    #expect(book.answer(mark(1), .repeated, at: second(2)) == .new)
  }

  @Test(arguments: [(1, true), (89, true), (91, false), (3_600, false)])
  func anAcknowledgementThatLeftIsInDoubtOnlyNearTheEndOfItsConnection(lived: Int64, isDoubtful: Bool) {
    var book = book(1...1)
    book.acknowledged(at: second(10))
    book.disconnected(at: second(10 + lived))
    book.connected(sessionPresent: true, at: second(5_000))
    #expect(book.answer(mark(1), .repeated, at: second(5_000)) == (isDoubtful ? .likely(known(1)) : .new))
    #expect(book.answer(mark(1), .first, at: second(5_000)) == (isDoubtful ? .guess(known(1)) : .new))
    #expect(book.answer(mark(1), .unknown, at: second(5_000)) == (isDoubtful ? .guess(known(1)) : .new))
  }

  @Test func aGuessIsMadeSoonAfterAConnectOnly() {
    var book = book(1...1)
    book.disconnected(at: second(1))
    book.connected(sessionPresent: true, at: second(2))
    #expect(book.answer(mark(1), .first, at: second(32)) == .guess(known(1)))
    #expect(book.answer(mark(1), .first, at: second(33)) == .new)
    #expect(book.answer(mark(1), .repeated, at: second(33)) == .certain(known(1)), "the broker says so at any time")
  }

  @Test(arguments: [(0, true), (30, true), (31, false), (-1, true), (-2, false)])
  func afterARestartWhatCameSecondsAgoIsCertain(age: Int64, isCertain: Bool) {
    var book = RedeliveryBook(marksMax: 10, known: [(mark(1), known(1), second(0)), (mark(2), .init(sequence: 9, taken: 1), second(0))])
    book.connected(sessionPresent: true, at: second(age))
    #expect(book.answer(mark(1), .repeated, at: second(age)) == (isCertain ? .certain(known(1)) : .likely(known(1))))
    #expect(book.answer(mark(2), .first, at: second(age)) == .guess(.init(sequence: 9, taken: 1)))
  }

  @Test func ofAnEarlierRunOnlyItsLastFramesAreInDoubt() {
    let marks = [(mark(1), known(1), second(0)), (mark(2), known(2), WallTime.unknown), (mark(3), known(3), second(91))]
    var book = RedeliveryBook(marksMax: 10, known: marks)
    book.connected(sessionPresent: true, at: second(1_000))
    #expect(book.answer(mark(1), .repeated, at: second(1_000)) == .new)
    #expect(book.answer(mark(2), .repeated, at: second(1_000)) == .new, "of version 1, without a time")
    #expect(book.answer(mark(3), .repeated, at: second(1_000)) == .likely(known(3)))
  }

  @Test func aRedeliveryThatIsTakenAgainIsOwedAgain() {
    var book = book(1...1)
    for start in [Int64(1), 100, 200] {
      book.disconnected(at: second(start))
      book.connected(sessionPresent: true, at: second(start + 1))
      #expect(book.answer(mark(1), .repeated, at: second(start + 1)) == .certain(known(1)))
      book.took(mark(1), known(1))
    }
    book.acknowledged(at: second(210))
    book.disconnected(at: second(400))
    book.connected(sessionPresent: true, at: second(401))
    #expect(book.answer(mark(1), .repeated, at: second(401)) == .new)
  }

  @Test func onlyTheNewestAreKept() {
    var book = book(1...8, marksMax: 4)
    book.connected(sessionPresent: true, at: second(1))
    for message in UInt16(1)...8 {
      #expect(book.answer(mark(message), .repeated, at: second(1)) == (message > 4 ? .certain(known(message)) : .new))
    }
    let many = RedeliveryBook(marksMax: 2, known: (1...3).map { (mark($0), known($0), second(0)) })
    #expect(many.answer(mark(1), .repeated, at: second(1)) == .new)
    #expect(many.answer(mark(2), .repeated, at: second(1)) == .certain(known(2)))
  }

  @Test func aMarkEnteredAgainIsNotTrimmedWithItsOldPlace() {
    var book = RedeliveryBook(marksMax: 2)
    book.connected(sessionPresent: true, at: second(0))
    for message in [UInt16(1), 2, 1, 3] { book.took(mark(message), known(message)) }
    #expect(book.answer(mark(1), .repeated, at: second(1)) == .certain(known(1)))
    #expect(book.answer(mark(2), .repeated, at: second(1)) == .new)
  }
}
