// Whether silence can be trusted: what the hub itself says does not work now, and when a device was last heard. The board is green,
// and an empty board is calm, only when the hub says that nothing is wrong; not knowing is not good.

public import VitalSigns

/// How the hub says that it is.
public struct BoardHealth: Sendable, Hashable {
  /// Gravest first; empty: everything that must work does.
  public var problems: [BoardProblem]
  /// When a device was last heard; nil: never, or not known.
  public var lastHeard: WallTime?

  public init(problems: [BoardProblem], lastHeard: WallTime? = nil) {
    self.problems = problems
    self.lastHeard = lastHeard
  }

  public static var well: Self { Self(problems: []) }
}

/// One thing that does not work.
public struct BoardProblem: Sendable, Hashable, Encodable {
  /// What it means and what to do, in the hub's language.
  public var text: String
  /// Alarms may not come in, may not go out, or are not kept.
  public var isGrave: Bool

  public init(text: String, isGrave: Bool) {
    self.text = text
    self.isGrave = isGrave
  }
}

/// How an alert stands with somebody who is called about it.
public struct BoardReceipt: Sendable, Hashable {
  public enum State: Sendable, Hashable {
    case delivered
    /// Not confirmed yet, since `at`.
    case waiting(attempts: Int)
    case refused
  }
  /// What the configuration calls the receiver.
  public var receiver: String
  public var state: State
  public var at: WallTime

  public init(receiver: String, state: State, at: WallTime) {
    self.receiver = receiver
    self.state = state
    self.at = at
  }

  /// A delivery takes milliseconds; one that has failed once, or waits for longer than this, is not delivered.
  static let patienceMilliseconds: Int64 = 10_000

  func isMissing(at now: WallTime) -> Bool {
    switch state {
    case .delivered: false
    case .refused: true
    case .waiting(let attempts): attempts > 0 || at.adding(milliseconds: Self.patienceMilliseconds) <= now
    }
  }
}
