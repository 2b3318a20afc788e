// What the roles tell one another: how destinations do, what is committed, that the core lives.

extension API {
  /// How a destination does, from the forward role: at each change and every ten seconds. Also an event, `destinations`.
  public struct DestinationState: Codable, Sendable, Hashable {
    public enum State: String, WireWord, CaseIterable {
      /// Nothing has been tried since the forward role started.
      case unknown
      case well
      /// The destination has failed for a while, not yet for so long that somebody is told.
      case failing
      /// The destination takes nothing, and somebody has been told: the alert `destinationDown`.
      case down
    }
    public var name: String
    public var state: Word<State>
    /// Why it fails: a key of `RetryReason`; nil while it does not.
    public var reason: String?
    /// The same in words, with the next step.
    public var text: String?
    /// Since when it fails or is down.
    public var since: String?
    /// When it last answered or could be reached, in this run of the forward role.
    public var lastSuccess: String?
    /// Since when the longest waiting alarm waits in the forward role; nil when none does.
    public var alarmWaitingSince: String?
    public init(
      name: String, state: State, reason: String? = nil, text: String? = nil, since: String? = nil, lastSuccess: String? = nil,
      alarmWaitingSince: String? = nil
    ) {
      self.name = name
      self.state = .known(state)
      self.reason = reason
      self.text = text
      self.since = since
      self.lastSuccess = lastSuccess
      self.alarmWaitingSince = alarmWaitingSince
    }
  }

  public struct Committed: Codable, Sendable {
    public var sequence: UInt64

    package init(sequence: UInt64) {
      self.sequence = sequence
    }
  }

  /// Every second, and at once when something changes.
  public struct CorePulse: Codable, Sendable {
    public var live: Bool
    public var summary: String
    public var durable: UInt64
    public var at: String
    /// As in `Status`.
    public var problems: [Problem]?
    public var ready: Bool?
    public var lastHeard: String?

    package init(
      live: Bool, summary: String, durable: UInt64, at: String, problems: [Problem]? = nil, ready: Bool? = nil, lastHeard: String? = nil
    ) {
      self.live = live
      self.summary = summary
      self.durable = durable
      self.at = at
      self.problems = problems
      self.ready = ready
      self.lastHeard = lastHeard
    }
  }
}
