// Whether messages are held up. A broker sends a limited number of unacknowledged messages, in order. While the first of them wait for
// the disk, or while one sender publishes hundreds a second, a call for help waits in the broker, where the link cannot see it.

import VitalSigns

/// Sans-I/O. One per link.
struct Pressure: Sendable {
  /// Beyond the hold: longer than any commit of a disk that is well, shorter than what somebody who calls for help notices. Nanoseconds.
  static let commitNanoseconds: Int64 = 250_000_000
  /// Above what homes send, below what a hub takes in: a hub that takes 300 a second may have thousands before it.
  static let framesPerSecond = 300
  /// It counts as over when nothing of it has been seen for this long: a second connection is not made and dropped all the time.
  static let lastsNanoseconds: Int64 = 30_000_000_000

  /// How long an acknowledgement is owed before messages count as held up. Nanoseconds.
  private let owedNanoseconds: Int64
  private(set) var isHeldUp = false
  private var until: MonotonicInstant = .zero
  private var owedSince: MonotonicInstant?
  private var second: MonotonicInstant = .zero
  private var framesInSecond = 0

  /// - Parameter hold: for how long acknowledgements are held for company.
  init(hold: Duration) { owedNanoseconds = MonotonicInstant.zero.adding(hold).rawValue + Self.commitNanoseconds }

  mutating func frame(at now: MonotonicInstant) {
    if now.rawValue - second.rawValue >= 1_000_000_000 { (second, framesInSecond) = (now, 0) }
    framesInSecond += 1
  }

  /// The socket has every acknowledgement, or the connection is gone.
  mutating func nothingIsOwed() { owedSince = nil }

  /// Messages may go to somebody else, who acknowledges them: copies are all that is heard of them.
  mutating func messagesMayBeTaken(at now: MonotonicInstant) { until = now.adding(nanoseconds: Self.lastsNanoseconds) }

  /// Returns whether `isHeldUp` changed. `owes`: an acknowledgement or a frame waits.
  mutating func look(owes: Bool, at now: MonotonicInstant) -> Bool {
    if !owes { owedSince = nil } else if owedSince == nil { owedSince = now }
    let isOld = owedSince.map { now.rawValue - $0.rawValue >= owedNanoseconds } ?? false
    if isOld || framesInSecond >= Self.framesPerSecond && now.rawValue - second.rawValue < 1_000_000_000 {
      until = now.adding(nanoseconds: Self.lastsNanoseconds)
    }
    defer { isHeldUp = now < until }
    return isHeldUp != (now < until)
  }

  /// When to look again though nothing happens.
  var again: MonotonicInstant {
    if isHeldUp { return until }
    return owedSince.map { $0.adding(nanoseconds: owedNanoseconds) } ?? .never
  }
}
