// Which looks at the board are new for the access log.

import Testing
import VitalSigns

@testable import Console

@Suite struct LookBookTests {
  private let people = (1...3).map { PatientID(rawValue: $0) }

  @Test func onceAnIntervalAndSession() {
    var book = LookBook()
    let start = MonotonicInstant.zero
    #expect(book.new(people, session: "a", at: start) == people)
    #expect(book.new(people, session: "a", at: start.adding(nanoseconds: LookBook.interval - 1)).isEmpty)
    #expect(book.new(people, session: "b", at: start) == people, "another session is another person at a screen")
    #expect(book.new(people + [PatientID(rawValue: 9)], session: "a", at: start.adding(nanoseconds: 1)) == [PatientID(rawValue: 9)])
    #expect(book.new(people, session: "a", at: start.adding(nanoseconds: LookBook.interval)) == people)
  }

  @Test func sessionsAreBoundedAndTheOldestIsToldAgain() {
    var book = LookBook()
    for number in 0...LookBook.sessionsMax {
      _ = book.new(people, session: "\(number)", at: MonotonicInstant(rawValue: Int64(number)))
    }
    #expect(book.new(people, session: "\(LookBook.sessionsMax)", at: MonotonicInstant(rawValue: 999)).isEmpty)
    #expect(book.new(people, session: "0", at: MonotonicInstant(rawValue: 1_000)) == people)
  }
}
