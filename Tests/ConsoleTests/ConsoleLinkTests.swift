// A link opens one session, for a short time, for the name in it, and only with the right key.

import Testing
import VitalSigns

@testable import Console
@testable import LocalAPI

@Suite struct ConsoleLinkTests {
  let now = WallTime(rawValue: 1_790_000_000_000)

  @Test func carriesTheNameAndTheTimes() throws {
    let token = try SignInLink.issue(key: Fixture.key, actor: "Åse Ærlig", validity: 60, now: now)
    let link = try SignInLink.verify(token, key: Fixture.key, now: now.adding(milliseconds: 59_999))
    #expect(link.actor == "Åse Ærlig")
    #expect(link.issuedAt == now)
    #expect(link.expiresAt == now.adding(milliseconds: 60_000))
  }

  @Test func addressIsReadyToPrint() throws {
    let url = try SignInLink.issueURL(publicURL: "https://tavle.example/", key: Fixture.key, actor: "Nina", now: now)
    #expect(url.hasPrefix("https://tavle.example/inn?lenke="))
    #expect(url.dropFirst(32).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
  }

  @Test func twoLinksForOneNameDiffer() throws {
    let first = try SignInLink.issue(key: Fixture.key, actor: "Nina", now: now)
    #expect(try SignInLink.issue(key: Fixture.key, actor: "Nina", now: now) != first)
  }

  @Test func expiresToTheMillisecond() throws {
    let token = try SignInLink.issue(key: Fixture.key, actor: "Nina", validity: 1, now: now)
    #expect(throws: Never.self) { try SignInLink.verify(token, key: Fixture.key, now: now.adding(milliseconds: 999)) }
    #expect(throws: LinkRefusal.expired) { try SignInLink.verify(token, key: Fixture.key, now: now.adding(milliseconds: 1_000)) }
  }

  @Test func fromTheFutureIsRefused() throws {
    let token = try SignInLink.issue(key: Fixture.key, actor: "Nina", now: now)
    #expect(throws: Never.self) { try SignInLink.verify(token, key: Fixture.key, now: now.adding(milliseconds: -5_000)) }
    #expect(throws: LinkRefusal.notYetValid) {
      try SignInLink.verify(token, key: Fixture.key, now: now.adding(milliseconds: -5_001))
    }
  }

  @Test func anotherKeyIsRefused() throws {
    var key = Fixture.key
    key[31] ^= 1
    let token = try SignInLink.issue(key: key, actor: "Nina", now: now)
    #expect(throws: LinkRefusal.badSignature) { try SignInLink.verify(token, key: Fixture.key, now: now) }
  }

  /// Every single changed character is noticed; no second spelling of a token passes.
  @Test func tamperingAnywhereIsRefused() throws {
    let token = Array(try SignInLink.issue(key: Fixture.key, actor: "Nina Nattevakt", now: now).utf8)
    for index in token.indices {
      for replacement in [UInt8(ascii: "A"), UInt8(ascii: "B"), UInt8(ascii: "_"), UInt8(ascii: "="), UInt8(ascii: ".")]
      where replacement != token[index] {
        var changed = token
        changed[index] = replacement
        #expect(throws: LinkRefusal.self, "index \(index)") {
          try SignInLink.verify(String(decoding: changed, as: UTF8.self), key: Fixture.key, now: now)
        }
      }
    }
  }

  @Test func cutAtEveryLengthIsRefused() throws {
    let token = try SignInLink.issue(key: Fixture.key, actor: "Nina", now: now)
    for length in 0..<token.count {
      #expect(throws: LinkRefusal.self) { try SignInLink.verify(String(token.prefix(length)), key: Fixture.key, now: now) }
    }
    #expect(throws: LinkRefusal.malformed) {
      try SignInLink.verify(String(repeating: "A", count: 100_000), key: Fixture.key, now: now)
    }
  }

  @Test func badWishesAreRefusedWhenIssued() {
    #expect(throws: SignInLink.IssueError.keyTooShort) { try SignInLink.issue(key: [1], actor: "Nina", now: now) }
    for validity in [UInt16(0), 601] {
      #expect(throws: SignInLink.IssueError.validityOutOfRange) {
        try SignInLink.issue(key: Fixture.key, actor: "Nina", validity: validity, now: now)
      }
    }
    for actor in ["", "   ", "a\nb", "a\u{202E}b", String(repeating: "å", count: 65)] {
      #expect(throws: SignInLink.IssueError.actorUnacceptable) { try SignInLink.issue(key: Fixture.key, actor: actor, now: now) }
    }
  }
}
