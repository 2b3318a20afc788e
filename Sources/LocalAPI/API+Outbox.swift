// What waits for delivery or was refused, what could not be read, and whether the access log is whole.

extension API {
  public struct OutboxRow: Codable, Sendable {
    /// What is delivered.
    public enum Kind: String, WireWord, CaseIterable { case observation, score, alert, dose, location }

    public enum State: String, WireWord, CaseIterable {
      case pending
      /// Refused for good.
      case dead
    }

    public var id: Int64
    public var destination: String
    public var lane: Word<Lane>
    public var kind: Word<Kind>
    public var reference: String
    public var state: Word<State>
    public var attempts: Int
    public var lastError: String?
    public var createdAt: String

    package init(
      id: Int64, destination: String, lane: Word<Lane>, kind: Word<Kind>, reference: String, state: Word<State>, attempts: Int,
      lastError: String? = nil, createdAt: String
    ) {
      self.id = id
      self.destination = destination
      self.lane = lane
      self.kind = kind
      self.reference = reference
      self.state = state
      self.attempts = attempts
      self.lastError = lastError
      self.createdAt = createdAt
    }
  }

  public struct RetryOutbox: Codable, Sendable {
    /// One item, or nil for all dead letters of `destination`.
    public var id: Int64?
    public var destination: String?
    public var actor: String
    public var reason: String
    public init(id: Int64?, destination: String?, actor: String, reason: String) {
      self.id = id
      self.destination = destination
      self.actor = actor
      self.reason = reason
    }
  }

  public struct Quarantine: Codable, Sendable {
    public struct Frame: Codable, Sendable {
      public var at: String
      public var link: String
      public var topic: String
      public var reason: String
      public var bytes: Int
      /// The first bytes, hexadecimal.
      public var prefix: String

      package init(at: String, link: String, topic: String, reason: String, bytes: Int, prefix: String) {
        self.at = at
        self.link = link
        self.topic = topic
        self.reason = reason
        self.bytes = bytes
        self.prefix = prefix
      }
    }
    public var counts: [String: UInt64]
    public var frames: [Frame]

    package init(counts: [String: UInt64], frames: [Frame]) {
      self.counts = counts
      self.frames = frames
    }
  }

  public struct AuditResult: Codable, Sendable {
    public var intact: Bool
    public var rows: Int64
    /// First row whose hash does not follow from the one before.
    public var firstBroken: Int64?
    public var lastHash: String

    package init(intact: Bool, rows: Int64, firstBroken: Int64? = nil, lastHash: String) {
      self.intact = intact
      self.rows = rows
      self.firstBroken = firstBroken
      self.lastHash = lastHash
    }
  }

  public struct IssueConsoleLink: Codable, Sendable {
    /// The name that the console shows and the access log holds.
    public var actor: String
    public init(actor: String) { self.actor = actor }
  }

  public struct ConsoleLinkAnswer: Codable, Sendable {
    public var url: String
    public var expiresAt: String

    package init(url: String, expiresAt: String) {
      self.url = url
      self.expiresAt = expiresAt
    }
  }
}
