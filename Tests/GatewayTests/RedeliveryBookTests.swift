// What is taken for a redelivery after a connect, and what never is.

import Testing

@testable import Gateway

@Suite struct RedeliveryBookTests {
  private func mark(_ message: UInt16, _ hash: UInt64 = 7) -> RedeliveryBook.Mark { .init(message: message, hash: hash) }

  private func book(_ messages: ClosedRange<UInt16>, marksMax: Int = 100) -> RedeliveryBook {
    var book = RedeliveryBook(marksMax: marksMax)
    for message in messages { book.took(mark(message), sequence: UInt64(message) * 10) }
    return book
  }

  @Test func aRedeliveredRunIsRecognisedInItsOrder() {
    var book = book(1...3)
    book.connected(sessionPresent: true)
    #expect(book.redelivery(mark(1)) == 10)
    #expect(book.redelivery(mark(2)) == 20)
    #expect(book.redelivery(mark(3)) == 30)
    #expect(book.redelivery(mark(4)) == nil)
  }

  @Test func eachIsRecognisedOnce() {
    var book = book(1...2)
    book.connected(sessionPresent: true)
    #expect(book.redelivery(mark(1)) == 10)
    #expect(book.redelivery(mark(1)) == nil, "the same packet a second time is a new frame")
  }

  @Test func theFirstNewFrameEndsTheSearch() {
    var book = book(1...3)
    book.connected(sessionPresent: true)
    #expect(book.redelivery(mark(1)) == 10)
    #expect(book.redelivery(mark(9)) == nil)
    #expect(book.redelivery(mark(2)) == nil, "the same press and packet id later is a press of its own")
  }

  @Test func anotherContentUnderTheSameIdentifierIsNew() {
    var book = book(1...1)
    book.connected(sessionPresent: true)
    #expect(book.redelivery(mark(1, 8)) == nil)
  }

  @Test func withoutAConnectNothingIsARedelivery() {
    var book = book(1...3)
    #expect(book.redelivery(mark(1)) == nil)
  }

  @Test func aLostSessionForgetsAll() {
    var book = book(1...3)
    book.connected(sessionPresent: false)
    #expect(book.redelivery(mark(1)) == nil)
    book.connected(sessionPresent: true)
    #expect(book.redelivery(mark(1)) == nil)
  }

  @Test func whatWasRecognisedMayComeAgainAfterTheNextConnect() {
    var book = book(1...2)
    for _ in 0..<2 {
      book.connected(sessionPresent: true)
      #expect(book.redelivery(mark(1)) == 10)
    }
  }

  @Test func marksOfTheLastRunCount() {
    var book = RedeliveryBook(marksMax: 2, known: (1...3).map { (mark($0), 500) })
    book.connected(sessionPresent: true)
    var first = book
    #expect(first.redelivery(mark(1)) == nil, "only the newest are kept")
    #expect(book.redelivery(mark(2)) == 500)
    #expect(book.redelivery(mark(3)) == 500)
  }

  @Test func onlyTheNewestAreKept() {
    var book = book(1...8, marksMax: 4)
    book.connected(sessionPresent: true)
    for message in UInt16(1)...8 {
      var copy = book
      #expect(copy.redelivery(mark(message)) == (message > 4 ? UInt64(message) * 10 : nil))
    }
  }

  @Test func aFrameThatGaveNoEntryHasSequenceZero() {
    var book = RedeliveryBook(marksMax: 4)
    book.took(mark(1), sequence: 0)
    book.connected(sessionPresent: true)
    #expect(book.redelivery(mark(1)) == 0)
  }
}
