// Who is signed in: used links, sessions, and failed attempts, as one bounded value without clock, lock or randomness.
// `SignInDesk` is the actor that holds it. Sessions are kept by the SHA-256 of their cookie, so that neither a memory dump
// nor a comparison's duration gives a cookie away. Everything is lost at a restart, on purpose: people sign in again.

import LocalAPI
import VitalSigns

/// A person at a screen.
struct Session: Sendable {
  let actor: String
  /// Posted back by every form.
  let csrf: String
  let startedAt: MonotonicInstant
  /// Whatever happens, it ends here.
  let endsAt: MonotonicInstant
  var lastSeen: MonotonicInstant
  /// Shown once on the next page.
  var notice: Notice?
}

/// A short message about what the person just did.
struct Notice: Sendable, Hashable {
  enum Kind: String, Sendable {
    /// Done.
    case done
    /// Not done, and nothing to worry about: somebody was first.
    case information
    /// Not done, or not known.
    case problem
  }
  var kind: Kind
  var text: String
}

/// The hash of a session cookie.
struct SessionKey: Hashable, Sendable {
  let digest: [UInt8]
}

/// The state of all sign-ins.
struct SignInBook: Sendable {
  /// Several screens for every nurse of a municipality's shift. Beyond it the one longest unused goes.
  static let sessionsMax = 256
  /// Used links that have not expired. Only a holder of the key can fill it; then sign-in waits, it never forgets.
  static let nonceMax = 4_096
  /// Failed attempts from one address before the answer is 429. A wrong link is a slip of paste, not of memory.
  static let failuresMax = 10
  static let failureWindow: Int64 = 300 * 1_000_000_000
  /// Addresses remembered; the rest share one entry.
  static let addressesMax = 1_024

  private let startedAt: MonotonicInstant
  let lifetime: Int64
  let idle: Int64

  /// Used links: when each expires by the wall clock, and when the longest one would have, whoever sets that clock meanwhile.
  private var nonces: [[UInt8]: (wall: WallTime, instant: MonotonicInstant)] = [:]
  private var sessions: [SessionKey: Session] = [:]
  private var failures: [String: Failures] = [:]
  private struct Failures {
    var first: MonotonicInstant
    var count: Int
  }

  init(startedAt: MonotonicInstant, sessionHours: Int, idleMinutes: Int) {
    self.startedAt = startedAt
    lifetime = Int64(max(1, min(sessionHours, 24))) * 3_600_000_000_000
    idle = Int64(max(1, min(idleMinutes, 1_440))) * 60_000_000_000
  }

  var sessionCount: Int { sessions.count }

  /// Uses a link up and opens a session, or says why not.
  mutating func redeem(
    _ link: VerifiedLink, key: SessionKey, csrf: String, at now: MonotonicInstant, wall: WallTime
  ) throws(LinkRefusal) -> Session {
    guard link.issuedAt >= start(at: now, wall) else { throw .beforeStart }
    nonces = nonces.filter { $0.value.wall > wall || $0.value.instant > now }
    guard nonces[link.nonce] == nil else { throw .used }
    dropEnded(at: now)
    guard nonces.count < Self.nonceMax else { throw .noRoom }
    if sessions.count >= Self.sessionsMax, let oldest = sessions.min(by: { $0.value.lastSeen < $1.value.lastSeen }) {
      sessions[oldest.key] = nil
    }
    nonces[link.nonce] = (link.expiresAt, now.adding(seconds: UInt32(SignInLink.validitySecondsMax)))
    let session = Session(
      actor: link.actor, csrf: csrf, startedAt: now, endsAt: now.adding(nanoseconds: lifetime), lastSeen: now, notice: nil)
    sessions[key] = session
    return session
  }

  /// Whether the link would open a session, without using it up.
  func refusal(of link: VerifiedLink, at now: MonotonicInstant, wall: WallTime) -> LinkRefusal? {
    if link.issuedAt < start(at: now, wall) { return .beforeStart }
    return nonces[link.nonce] == nil ? nil : .used
  }

  /// The console's start by the wall clock as it is now: a clock that is set back must not make every later link an early one.
  private func start(at now: MonotonicInstant, _ wall: WallTime) -> WallTime { wall.moved(from: now, to: startedAt) }

  /// The session of a cookie, marked as seen; nil when there is none or it has ended.
  mutating func session(_ key: SessionKey, at now: MonotonicInstant) -> Session? {
    guard var session = sessions[key] else { return nil }
    guard isAlive(session, at: now) else {
      sessions[key] = nil
      return nil
    }
    session.lastSeen = max(session.lastSeen, now)
    sessions[key] = session
    return session
  }

  mutating func leave(notice: Notice, for key: SessionKey) { sessions[key]?.notice = notice }

  mutating func takeNotice(of key: SessionKey) -> Notice? {
    guard let notice = sessions[key]?.notice else { return nil }
    sessions[key]?.notice = nil
    return notice
  }

  mutating func end(_ key: SessionKey) { sessions[key] = nil }

  /// Counts a failed sign-in; true when this address has had its share and is answered 429.
  mutating func failed(from address: String, at now: MonotonicInstant) -> Bool {
    failures = failures.filter { $0.value.first.adding(nanoseconds: Self.failureWindow) > now }
    let entry = failures[address] != nil || failures.count < Self.addressesMax ? address : "*"
    failures[entry, default: Failures(first: now, count: 0)].count += 1
    return failures[entry, default: Failures(first: now, count: 0)].count > Self.failuresMax
  }

  private func isAlive(_ session: Session, at now: MonotonicInstant) -> Bool {
    now < session.endsAt && now < session.lastSeen.adding(nanoseconds: idle)
  }

  private mutating func dropEnded(at now: MonotonicInstant) {
    sessions = sessions.filter { isAlive($0.value, at: now) }
  }
}
