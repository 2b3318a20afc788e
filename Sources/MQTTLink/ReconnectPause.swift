// How long a link waits before its next attempt to connect: which steps hold for which failure. The doubling and the chance are
// `BackOff`'s; the count of attempts is the session's.

import VitalSigns

/// The pauses between the attempts of one session.
struct ReconnectPause: Sendable {
  /// Up to 10 s, because a press waits in the broker for as long as the pause lasts.
  static let usual = BackOff(first: .milliseconds(100), upTo: .seconds(10))
  /// Where another attempt fails until somebody mends something. A wrong password or certificate is not mended within 0.1 s, and some
  /// brokers block a client that reconnects too fast.
  static let forAPerson = BackOff(first: .milliseconds(100), within: .seconds(4)...(.seconds(60)))
  static let whileContested = BackOff(first: .milliseconds(100), upTo: .milliseconds(Contest.pauseMillisecondsMax))
  /// After a connection that lasted this long the count of failures starts again at 1.
  static let stable = Duration.seconds(10)

  private var random: SeededRandom
  /// Another client uses our client id: pauses stay short, see `Contest`. The session then never asks for a pause for a person.
  var isContested = false
  /// Make the next pause as short as the first. Set when the broker's side closed a connection that it had accepted and no contest is
  /// known: a broker that has ended refuses the quick attempt, which shows that no other client took the connection. At most twice in
  /// `Contest.windowNanoseconds`.
  var knocksSoon = false

  init(randomSeed: UInt64) { random = SeededRandom(seed: randomSeed) }

  /// The pause after the attempt with this number. `attempt` counts from 1, or from 0 for "before any".
  mutating func next(attempt: UInt32, needsAPerson: Bool) -> Duration {
    let steps = isContested ? Self.whileContested : needsAPerson ? Self.forAPerson : Self.usual
    return steps.pause(failures: Int(attempt), random: &random)
  }
}
