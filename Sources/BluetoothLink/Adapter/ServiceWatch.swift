// Whether bluetoothd answers at all. One that hangs keeps its name on the bus, its objects and "Powered": nothing changes, no signal
// comes, and a house without traffic has nothing to ask it. So it is asked now and then, by Peer.Ping, which its main loop answers
// by itself: neither a controller nor a device has a part in it.
//
// Not here: calls that fail or take long. What they mean is for the machine that made them.

import VitalSigns

/// One owner: the loop, which makes the call when `askIfDue` says so. No clock, no I/O.
struct ServiceWatch: Sendable, Hashable {
  /// Between an answer and the next question: with `answerWithin` and the half minute of the gateway's watch over the hub, a person
  /// hears of a bluetoothd that hangs 66 s later at most.
  static let askAfter = Duration.seconds(20)
  /// The same while it is silent: soon enough to say that it is back.
  static let askSilentAfter = Duration.seconds(5)
  /// Its main loop stands still while it writes keys and caches to a card; that takes a second or two, not ten.
  static let answerWithin = Duration.seconds(10)

  private enum State: Sendable, Hashable {
    /// Nobody owns the name: that is told as `noService`.
    case absent
    case waiting(until: MonotonicInstant)
    case asked
  }

  private var state = State.absent
  /// The last question had no answer.
  private(set) var isSilent = false

  /// When `askIfDue` is to be called; `.never`: an answer or the service itself comes first.
  var deadline: MonotonicInstant { if case .waiting(let until) = state { until } else { .never } }

  /// bluetoothd came or went. One that comes is asked at once.
  mutating func service(isPresent: Bool, at now: MonotonicInstant) {
    state = isPresent ? .waiting(until: now) : .absent
    isSilent = false
  }

  /// Takes the question that is due. True: it is to be asked now, once.
  mutating func askIfDue(at now: MonotonicInstant) -> Bool {
    guard case .waiting(let until) = state, now >= until else { return false }
    state = .asked
    return true
  }

  /// What became of the question.
  mutating func answered(_ isAnswered: Bool, at now: MonotonicInstant) {
    guard state == .asked else { return }
    isSilent = !isAnswered
    state = .waiting(until: now.adding(isAnswered ? Self.askAfter : Self.askSilentAfter))
  }
}
