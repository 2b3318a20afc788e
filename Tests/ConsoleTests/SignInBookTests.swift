// Used links, sessions and failed attempts: each bounded, each with its end.

import Testing
import VitalSigns

@testable import Console
@testable import LocalAPI

@Suite struct SignInBookTests {
  static let hour: Int64 = 3_600_000_000_000
  let wall = WallTime(rawValue: 1_790_000_000_000)
  var book = SignInBook(startedAt: .zero, sessionHours: 8, idleMinutes: 60)

  func link(_ number: Int, issued: WallTime? = nil) -> VerifiedLink {
    VerifiedLink(
      actor: "Nina \(number)", nonce: Array("\(number)".utf8), issuedAt: issued ?? wall,
      expiresAt: (issued ?? wall).adding(milliseconds: 600_000))
  }
  func key(_ number: Int) -> SessionKey { SessionKey(digest: Array("\(number)".utf8)) }
  func at(hours: Int64 = 0, minutes: Int64 = 0) -> MonotonicInstant {
    .zero.adding(nanoseconds: hours * Self.hour + minutes * 60_000_000_000)
  }

  @Test mutating func aLinkOpensOneSession() throws {
    _ = try book.redeem(link(1), key: key(1), csrf: "c", at: at(), wall: wall)
    #expect(throws: LinkRefusal.used) { try book.redeem(link(1), key: key(2), csrf: "c", at: at(), wall: wall) }
    #expect(book.refusal(of: link(1), at: at(), wall: wall) == .used)
    #expect(book.sessionCount == 1)
  }

  /// A console that has just started cannot know which links were used before.
  @Test mutating func linksFromBeforeTheStartAreRefused() {
    let old = link(1, issued: wall.adding(milliseconds: -1))
    #expect(throws: LinkRefusal.beforeStart) { try book.redeem(old, key: key(1), csrf: "c", at: at(), wall: wall) }
  }

  /// A clock that was years ahead when the console started, and is mended, locks nobody out; set forward and back, it opens no link twice.
  @Test mutating func aClockThatIsSetNeitherLocksOutNorOpensTwice() throws {
    let mended = wall.adding(milliseconds: -10 * 366 * 86_400_000)
    let fresh = link(1, issued: mended)
    #expect(book.refusal(of: fresh, at: at(minutes: 1), wall: mended) == nil)
    _ = try book.redeem(fresh, key: key(1), csrf: "c", at: at(minutes: 1), wall: mended)
    let ahead = mended.adding(milliseconds: 3_600_000)
    _ = try book.redeem(link(2, issued: ahead), key: key(2), csrf: "c", at: at(minutes: 2), wall: ahead)
    #expect(throws: LinkRefusal.used) { try book.redeem(fresh, key: key(3), csrf: "c", at: at(minutes: 3), wall: mended) }
  }

  @Test mutating func aSessionEndsWhenIdle() throws {
    _ = try book.redeem(link(1), key: key(1), csrf: "c", at: at(), wall: wall)
    #expect(book.session(key(1), at: at(minutes: 59)) != nil)
    #expect(book.session(key(1), at: at(minutes: 118)) != nil)
    #expect(book.session(key(1), at: at(minutes: 178)) == nil)
    #expect(book.sessionCount == 0)
  }

  @Test mutating func aSessionEndsAfterTheShiftHoweverBusy() throws {
    _ = try book.redeem(link(1), key: key(1), csrf: "c", at: at(), wall: wall)
    for minute in stride(from: Int64(30), to: 480, by: 30) { #expect(book.session(key(1), at: at(minutes: minute)) != nil) }
    #expect(book.session(key(1), at: at(hours: 8)) == nil)
  }

  @Test mutating func beyondTheBoundTheOneLongestUnusedGoes() throws {
    for number in 0..<SignInBook.sessionsMax {
      _ = try book.redeem(link(number), key: key(number), csrf: "c", at: at(minutes: Int64(number) / 20), wall: wall)
    }
    #expect(book.session(key(0), at: at(minutes: 20)) != nil)
    _ = try book.redeem(link(900), key: key(900), csrf: "c", at: at(minutes: 21), wall: wall)
    #expect(book.sessionCount == SignInBook.sessionsMax)
    #expect(book.session(key(0), at: at(minutes: 21)) != nil)
    #expect(book.session(key(900), at: at(minutes: 21)) != nil)
  }

  /// A full memory of used links refuses new ones; it never forgets one that could be used again.
  @Test mutating func usedLinksAreKeptUntilTheyExpire() throws {
    for number in 0..<SignInBook.nonceMax { _ = try book.redeem(link(number), key: key(number), csrf: "c", at: at(), wall: wall) }
    #expect(throws: LinkRefusal.noRoom) { try book.redeem(link(-1), key: key(-1), csrf: "c", at: at(), wall: wall) }
    #expect(throws: LinkRefusal.used) { try book.redeem(link(0), key: key(-1), csrf: "c", at: at(), wall: wall) }
    let later = wall.adding(milliseconds: 600_000)
    _ = try book.redeem(link(-1, issued: later), key: key(-1), csrf: "c", at: at(minutes: 10), wall: later)
  }

  @Test mutating func failuresAreCountedPerAddressAndForgotten() {
    for _ in 0..<SignInBook.failuresMax { #expect(book.failed(from: "192.0.2.1", at: at()) == false) }
    #expect(book.failed(from: "192.0.2.1", at: at(minutes: 4)) == true)
    #expect(book.failed(from: "192.0.2.2", at: at(minutes: 4)) == false)
    #expect(book.failed(from: "192.0.2.1", at: at(minutes: 5)) == false)
  }

  @Test mutating func addressesBeyondTheBoundShareOneEntry() {
    for number in 0..<SignInBook.addressesMax { #expect(book.failed(from: "a\(number)", at: at()) == false) }
    for number in 0..<SignInBook.failuresMax { #expect(book.failed(from: "b\(number)", at: at()) == false) }
    #expect(book.failed(from: "c", at: at()) == true)
  }

  @Test mutating func aNoticeIsShownOnce() throws {
    _ = try book.redeem(link(1), key: key(1), csrf: "c", at: at(), wall: wall)
    book.leave(notice: Notice(kind: .done, text: "x"), for: key(1))
    #expect(book.takeNotice(of: key(1))?.text == "x")
    #expect(book.takeNotice(of: key(1)) == nil)
  }
}
