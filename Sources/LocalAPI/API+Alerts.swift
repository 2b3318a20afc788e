// Alerts as people and other roles see them, what people do about them, and why they were raised.

public import VitalSigns

extension API {
  public struct Alert: Codable, Sendable {
    public var id: String
    public var rule: Word<AlertRule>
    public var priority: Word<AlertPriority>
    public var state: Word<AlertState>
    /// What happened last.
    public var change: Word<AlertTransitionKind>
    public var patient: String?
    public var patientName: String?
    public var device: String?
    public var value: Int
    public var limit: Int
    public var subject: UInt32
    public var level: Int
    public var raisedAt: String
    public var changedAt: String
    /// When the next escalation happens, or nil.
    public var escalatesAt: String?
    public var actor: String?
    public var comment: String?
    /// One sentence for people, in the hub's language.
    public var text: String
    /// Journal sequence of the entry that first raised it.
    public var firstCause: UInt64
    /// The key of this change; deliveries of one change carry the same.
    public var changeID: String
    /// The change as the core has it, in `alert` events only: what the forward role builds its records from.
    public var transition: Transition?

    package init(
      id: String, rule: Word<AlertRule>, priority: Word<AlertPriority>, state: Word<AlertState>, change: Word<AlertTransitionKind>,
      patient: String? = nil, patientName: String? = nil, device: String? = nil, value: Int, limit: Int, subject: UInt32, level: Int,
      raisedAt: String, changedAt: String, escalatesAt: String? = nil, actor: String? = nil, comment: String? = nil, text: String,
      firstCause: UInt64, changeID: String, transition: Transition? = nil
    ) {
      self.id = id
      self.rule = rule
      self.priority = priority
      self.state = state
      self.change = change
      self.patient = patient
      self.patientName = patientName
      self.device = device
      self.value = value
      self.limit = limit
      self.subject = subject
      self.level = level
      self.raisedAt = raisedAt
      self.changedAt = changedAt
      self.escalatesAt = escalatesAt
      self.actor = actor
      self.comment = comment
      self.text = text
      self.firstCause = firstCause
      self.changeID = changeID
      self.transition = transition
    }
  }

  public struct ActOnAlert: Codable, Sendable {
    public var actor: String
    /// Required for `resolve`.
    public var comment: String?
    public var cause: String?
    public var measure: String?
    public var useful: Bool?
    public init(actor: String, comment: String? = nil, cause: String? = nil, measure: String? = nil, useful: Bool? = nil) {
      self.actor = actor
      self.comment = comment
      self.cause = cause
      self.measure = measure
      self.useful = useful
    }
  }

  /// Why an alert was raised or a score is what it is.
  public struct Explanation: Codable, Sendable {
    public struct Evidence: Codable, Sendable {
      public var sequence: UInt64
      public var measuredAt: String?
      public var receivedAt: String
      public var device: String?
      /// What it was: an observation's key, an event's kind, …
      public var what: String
      public var value: String?
      public var unit: String?
      public var quality: [String]
      /// NEWS2 points that it gave, or nil.
      public var points: Int?

      package init(
        sequence: UInt64, measuredAt: String? = nil, receivedAt: String, device: String? = nil, what: String, value: String? = nil,
        unit: String? = nil, quality: [String], points: Int? = nil
      ) {
        self.sequence = sequence
        self.measuredAt = measuredAt
        self.receivedAt = receivedAt
        self.device = device
        self.what = what
        self.value = value
        self.unit = unit
        self.quality = quality
        self.points = points
      }
    }
    public struct Step: Codable, Sendable {
      public var at: String
      public var change: Word<AlertTransitionKind>
      public var state: Word<AlertState>
      public var priority: Word<AlertPriority>
      public var level: Int
      public var actor: String?
      public var comment: String?

      package init(
        at: String, change: Word<AlertTransitionKind>, state: Word<AlertState>, priority: Word<AlertPriority>, level: Int,
        actor: String? = nil, comment: String? = nil
      ) {
        self.at = at
        self.change = change
        self.state = state
        self.priority = priority
        self.level = level
        self.actor = actor
        self.comment = comment
      }
    }
    public var subject: String
    public var rule: Word<AlertRule>?
    /// The rule in words, with the limit and the value that passed it.
    public var reason: String
    public var score: Score?
    public var evidence: [Evidence]
    public var history: [Step]
    /// Where help must go, how to get in, what to know first and what to do, as the person's record says now: `address`, `entry`,
    /// `critical`, `instruction`. Nil: nothing is written, or it is no alert of a person.
    public var help: [String: String]?

    package init(
      subject: String, rule: Word<AlertRule>? = nil, reason: String, score: Score? = nil, evidence: [Evidence], history: [Step],
      help: [String: String]? = nil
    ) {
      self.help = help
      self.subject = subject
      self.rule = rule
      self.reason = reason
      self.score = score
      self.evidence = evidence
      self.history = history
    }
  }
}
