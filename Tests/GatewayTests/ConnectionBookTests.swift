// Who keeps a connection and who must go, with times as arguments.

import NIOCore
import Testing

@testable import CoreAPI

@Suite("Connections of a listener")
struct ConnectionBookTests {
  private let limits = ConnectionBook.Limits(connectionsMax: 3, headSeconds: 10, idleSeconds: 120)
  private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

  @Test("However many are silent, one that asks has a place: the one silent longest goes")
  func silentOnesMakeRoom() {
    var book = ConnectionBook(limits)
    var ids: [UInt64] = []
    for second in 0..<3 { ids.append(book.enter(at: at(Int64(second))).id) }
    #expect(book.enter(at: at(3)).evicted == ids[0])
    #expect(book.enter(at: at(4)).evicted == ids[1])
    #expect(book.count == 3)
  }

  @Test("One that has asked stays while there are silent ones, also when it is older")
  func talkersStay() {
    var book = ConnectionBook(limits)
    let talker = book.enter(at: at(0)).id
    book.touch(talker, at: at(1))
    let silent = book.enter(at: at(2)).id
    _ = book.enter(at: at(3))
    #expect(book.enter(at: at(4)).evicted == silent)
  }

  @Test("Among those that have asked, the one that was quiet longest goes")
  func quietestGoes() {
    var book = ConnectionBook(limits)
    let ids = (0..<3).map { book.enter(at: at(Int64($0))).id }
    for id in ids { book.touch(id, at: at(5)) }
    book.touch(ids[0], at: at(9))
    #expect(book.enter(at: at(10)).evicted == ids[1])
  }

  @Test("Silence from the start ends after ten seconds, quiet later after two minutes")
  func overdue() {
    var book = ConnectionBook(limits)
    let silent = book.enter(at: at(0)).id
    let talker = book.enter(at: at(0)).id
    book.touch(talker, at: at(1))
    #expect(book.overdue(at: at(9)) == [])
    #expect(book.overdue(at: at(10)) == [silent])
    #expect(book.overdue(at: at(120)) == [])
    #expect(book.overdue(at: at(121)) == [talker] && book.count == 0)
  }

  @Test("One that has left is not closed again")
  func left() {
    var book = ConnectionBook(limits)
    let id = book.enter(at: at(0)).id
    book.leave(id)
    book.touch(id, at: at(1))
    #expect(book.overdue(at: at(1_000)) == [] && book.count == 0)
  }
}
