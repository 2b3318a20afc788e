// The actor that holds the sign-in book: it brings the clock, the key and the random numbers, and decides nothing.

import Crypto
import LocalAPI
import VitalSigns

/// Signs people in and knows who they are.
actor SignInDesk {
  private var book: SignInBook
  private let key: [UInt8]
  private let clock: ConsoleClock

  init(configuration: ConsoleConfiguration, clock: ConsoleClock) {
    book = SignInBook(
      startedAt: clock.monotonic(), sessionHours: configuration.sessionHours, idleMinutes: configuration.idleMinutes)
    key = configuration.linkKey
    self.clock = clock
  }

  /// Whom a link is for, without using it up: prefetchers and mail scanners follow links.
  func inspect(_ token: String) throws(LinkRefusal) -> String {
    let wall = clock.wall()
    let link = try SignInLink.verify(token, key: key, now: wall)
    if let refusal = book.refusal(of: link, at: clock.monotonic(), wall: wall) { throw refusal }
    return link.actor
  }

  /// Uses the link up. Returns the cookie's value.
  func redeem(_ token: String) throws(LinkRefusal) -> String {
    let now = clock.wall()
    let link = try SignInLink.verify(token, key: key, now: now)
    let cookie = Self.random(bits: 256)
    _ = try book.redeem(link, key: Self.key(of: cookie), csrf: Self.random(bits: 128), at: clock.monotonic(), wall: now)
    return cookie
  }

  /// The session of this cookie, marked as seen.
  func session(_ cookie: String) -> Session? { book.session(Self.key(of: cookie), at: clock.monotonic()) }

  func leave(notice: Notice, for cookie: String) { book.leave(notice: notice, for: Self.key(of: cookie)) }
  func takeNotice(of cookie: String) -> Notice? { book.takeNotice(of: Self.key(of: cookie)) }
  func end(_ cookie: String) { book.end(Self.key(of: cookie)) }

  /// Counts a failed sign-in; true when the address has had its share.
  func failed(from address: String) -> Bool { book.failed(from: address, at: clock.monotonic()) }

  private static func key(of cookie: String) -> SessionKey { SessionKey(digest: Array(SHA256.hash(data: Array(cookie.utf8)))) }

  private static func random(bits: Int) -> String {
    SymmetricKey(size: SymmetricKeySize(bitCount: bits)).withUnsafeBytes { base64URL(Array($0)) }
  }
}
