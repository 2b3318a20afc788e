// How often the socket is read. Under steady traffic each wake-up of the link, the core and the writer costs more than the message that it is
// for, so the link rests for a moment after a small read and finds several messages at the next. A call for help that comes in such a rest is
// read at its end.

import VitalSigns

/// Sans-I/O. One per connection.
struct ReadingPace: Sendable {
  /// From so many messages a second on the link rests: twice what a hub of two hundred homes reads. Below it each message is read when it comes.
  static let framesPerSecond = 100
  /// The longest that a message waits in the socket because of a rest. Nanoseconds. A person notices a tenth of a second; a radio on the way
  /// from the button takes longer than this.
  static let restNanoseconds: Int64 = 10_000_000
  /// A read that brought more than this is company enough: reading goes on, so that a broker with a small window is never held back.
  static let framesMax = 8

  /// The end of the present rest; `.zero`: there is none.
  private(set) var restsUntil: MonotonicInstant = .zero
  private var second: MonotonicInstant = .zero
  private var framesInSecond = 0
  private var isSteady = false

  /// The socket was read until `now` and brought `frames` messages. `mayRest`: an acknowledgement waits for the disk, so that the broker has
  /// been given something to wait for; a broker that was answered at once sends the next at once.
  mutating func read(_ frames: Int, mayRest: Bool, at now: MonotonicInstant) {
    let elapsed = now.rawValue - second.rawValue
    if elapsed >= 1_000_000_000 {
      // A pause of more than a second ends a steady flow, whatever came before it.
      isSteady = framesInSecond >= Self.framesPerSecond && elapsed < 2_000_000_000
      (second, framesInSecond) = (now, 0)
    }
    framesInSecond += frames
    let rests = isSteady && mayRest && (1...Self.framesMax).contains(frames)
    restsUntil = rests ? now.adding(nanoseconds: Self.restNanoseconds) : .zero
  }

  /// Whether the socket is left alone at `now`.
  func rests(at now: MonotonicInstant) -> Bool { now < restsUntil }

  /// Returns true once for each rest, when it is over at `now`.
  mutating func restEnds(by now: MonotonicInstant) -> Bool {
    guard restsUntil != .zero, now >= restsUntil else { return false }
    restsUntil = .zero
    return true
  }

  /// Ends a rest early: the connection has something to say beside messages.
  mutating func wake() { restsUntil = .zero }
}
