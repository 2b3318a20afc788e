// The JSON that travels over the core's Unix socket: what the command line, the forward role and the console role send
// and get. All times are ISO 8601 UTC text with milliseconds, all ids as people see them (`P7`, `D12`, an alert's
// UUID), all measured numbers decimal text, so that no binary float touches one. Adding a field is compatible;
// renaming or removing one needs a new path version.
//
// docs/local-api.md lists the routes, the meaning of each field, the events and the errors; a test compares it with these types
// and with the server. Every error is a `Failure`.

/// Namespace of the wire types.
public enum API {
  /// Any error's body.
  public struct Failure: Codable, Sendable {
    /// What is wrong, in one sentence that names the place and what is allowed.
    public var error: String
    /// What to do next, or nil.
    public var hint: String?
    public init(error: String, hint: String? = nil) {
      self.error = error
      self.hint = hint
    }
  }

  /// Something was stored durably.
  public struct Done: Codable, Sendable {
    /// The journal sequence that holds it.
    public var sequence: UInt64
    public init(sequence: UInt64) { self.sequence = sequence }
  }

  /// Who acts and why: part of every change, written to the access log.
  public struct Reason: Codable, Sendable {
    public var actor: String
    public var reason: String
    public init(actor: String, reason: String) {
      self.actor = actor
      self.reason = reason
    }
  }

  // MARK: Registry

  public struct Patient: Codable, Sendable {
    public var id: String
    public var name: String
    /// Present only in answers to the local command line, never in events, logs or metrics.
    public var nationalID: String?
    public var controller: String
    public var since: String
    public var ended: String?
    public var score: Score?
    public var devices: [String]
    /// True: nobody outside the board is called for this person, because no agreement covers it. Nil: somebody is, or this hub is meant to
    /// show a board only.
    public var nobodyCalled: Bool?
  }

  public struct AddPatient: Codable, Sendable {
    public var name: String
    public var nationalID: String?
    /// Organisation number; nil: the hub's own.
    public var controller: String?
    public var actor: String
    public var reason: String
    public init(name: String, nationalID: String?, controller: String?, actor: String, reason: String) {
      self.name = name
      self.nationalID = nationalID
      self.controller = controller
      self.actor = actor
      self.reason = reason
    }
  }

  public struct Device: Codable, Sendable {
    public var id: String
    public var label: String
    public var profile: String
    public var address: String
    public var patient: String?
    /// `live`, `silent`, `never` or `removed`.
    public var liveness: String
    public var lastSeen: String?
    public var expectedIntervalSeconds: UInt32
  }

  public struct AddDevice: Codable, Sendable {
    public var label: String
    /// Profile id, e.g. `zigbee2mqtt/sos-button`.
    public var profile: String
    /// What the profile's topic or advertisement names the device with.
    public var address: String
    /// Longest silence in seconds; nil: the profile's own, or what it calls usual; 0: never.
    public var expectedIntervalSeconds: UInt32?
    /// Assign to this person at once, or nil.
    public var patient: String?
    public var actor: String
    public var reason: String
    public init(
      label: String, profile: String, address: String, expectedIntervalSeconds: UInt32?, patient: String?, actor: String,
      reason: String
    ) {
      self.label = label
      self.profile = profile
      self.address = address
      self.expectedIntervalSeconds = expectedIntervalSeconds
      self.patient = patient
      self.actor = actor
      self.reason = reason
    }
  }

  public struct AssignDevice: Codable, Sendable {
    public var patient: String
    public var actor: String
    public var reason: String
    public init(patient: String, actor: String, reason: String) {
      self.patient = patient
      self.actor = actor
      self.reason = reason
    }
  }

  // MARK: Plans

  /// One item of a plan. `kind` decides which of the other fields are read:
  /// `spo2Scale` (scale 1|2), `oxygen` (oxygen: air|oxygen|unknown), `limits` (signal and decimal limits, delaySeconds,
  /// hysteresis), `validity` (parameter, seconds), `dose` (slot 0…7, time HH:MM or nil to empty it, graceSeconds),
  /// `nightWatch` (from, to HH:MM, openDelaySeconds), `geofence` (latitude, longitude decimal degrees, radiusMetres,
  /// confirmingFixes, staleAfterSeconds), `news2Alerts` (enabled).
  public struct PlanItem: Codable, Sendable {
    public var kind: String
    public var scale: Int?
    public var oxygen: String?
    public var signal: String?
    public var redLow: String?
    public var yellowLow: String?
    public var yellowHigh: String?
    public var redHigh: String?
    public var hysteresis: String?
    public var delaySeconds: UInt32?
    public var parameter: String?
    public var seconds: UInt32?
    public var slot: Int?
    public var time: String?
    public var graceSeconds: UInt32?
    public var from: String?
    public var to: String?
    public var openDelaySeconds: UInt32?
    public var latitude: String?
    public var longitude: String?
    public var radiusMetres: UInt32?
    public var confirmingFixes: Int?
    public var staleAfterSeconds: UInt32?
    public var enabled: Bool?
    public init(kind: String) { self.kind = kind }
  }

  public struct Plan: Codable, Sendable {
    public var patient: String
    public var items: [PlanItemInForce]
  }

  public struct PlanItemInForce: Codable, Sendable {
    public var item: PlanItem
    public var author: String
    public var reason: String
    public var since: String
  }

  public struct ChangePlan: Codable, Sendable {
    public var items: [PlanItem]
    public var actor: String
    public var reason: String
    /// Limits of the plan that the items do not name again may go. Nil or false: such a change is refused.
    public var replace: Bool?
    public init(items: [PlanItem], actor: String, reason: String, replace: Bool? = nil) {
      self.items = items
      self.actor = actor
      self.reason = reason
      self.replace = replace
    }
  }

  // MARK: Observations and scores

  public struct EnterObservations: Codable, Sendable {
    public var patient: String
    /// Key (`consciousness`, `oxygen`, `respiration`, `temperature`, …) to value: a decimal, or A C V P U.
    public var values: [String: String]
    /// `staff` or `self`.
    public var origin: String
    public var actor: String
    public init(patient: String, values: [String: String], origin: String, actor: String) {
      self.patient = patient
      self.values = values
      self.origin = origin
      self.actor = actor
    }
  }

  public struct Entered: Codable, Sendable {
    public var sequences: [UInt64]
    public var score: Score?
  }

  public struct Score: Codable, Sendable {
    public var low: Int
    public var high: Int
    public var complete: Bool
    public var band: String
    public var scale: Int
    public var points: [String: Int]
    public var missing: [String]
    public var changeSinceLast: Int?
    public var changeOver24Hours: Int?
    public var at: String
  }

  // MARK: Alerts

  public struct Alert: Codable, Sendable {
    public var id: String
    public var rule: String
    public var priority: String
    public var state: String
    /// What happened last: `raised`, `escalated`, `acknowledged`, …
    public var change: String
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
  }

  /// An alert's change in the core's own numbers (VitalSigns' raw values; instants in nanoseconds).
  public struct Transition: Codable, Sendable {
    public var rule: UInt8
    public var priority: UInt8
    public var state: UInt8
    public var previous: UInt8
    public var kind: UInt8
    public var level: UInt8
    /// `Int64.max`: nothing is due.
    public var deadline: Int64
    public var raisedAt: Int64
    public var instant: Int64
    public var wall: Int64
    public var raisedWall: Int64
    public var patient: UInt32
    public var device: UInt32
    public var actor: UInt32
    /// Nil from a core of an earlier version.
    public var revision: UInt16?
    /// Nil when it is the value itself.
    public var upper: Int32?
    public var also: Reason?

    /// A second rule that the same measurement broke.
    public struct Reason: Codable, Sendable {
      public var rule: UInt8
      public var value: Int32
      public var limit: Int32
      public var upper: Int32
      public var subject: UInt32
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
    }
    public struct Step: Codable, Sendable {
      public var at: String
      public var change: String
      public var state: String
      public var priority: String
      public var level: Int
      public var actor: String?
      public var comment: String?
    }
    public var subject: String
    public var rule: String?
    /// The rule in words, with the limit and the value that passed it.
    public var reason: String
    public var score: Score?
    public var evidence: [Evidence]
    public var history: [Step]
  }

  // MARK: Operations

  public struct Status: Codable, Sendable {
    public struct Link: Codable, Sendable {
      public var name: String
      /// `connected`, `connecting`, `waiting` or `stopped`.
      public var state: String
      public var since: String?
      public var received: UInt64
      public var refused: [String: UInt64]
      public var reconnects: UInt64
      public var lastError: String?
    }
    public struct Destination: Codable, Sendable {
      public var name: String
      public var kind: String
      public var pendingAlarms: Int
      public var pendingRoutine: Int
      public var delivered: Int
      public var dead: Int
      public var lastError: String?
      /// As the forward role last told; nil when it has not.
      public var health: DestinationState?
      /// When the longest waiting record was queued.
      public var oldestPending: String?
      public var lastDelivered: String?
    }
    public var version: String
    public var hub: String
    public var controller: String
    /// One line for people, the same that systemd shows.
    public var summary: String
    public var live: Bool
    public var startedAt: String
    public var now: String
    public var sequence: UInt64
    public var durable: UInt64
    public var patients: Int
    public var devices: Int
    public var openAlerts: Int
    public var observations: UInt64
    public var intakeDepth: Int
    /// `writing`, `shedding` (the disk is full) or `failing`.
    public var store: String
    public var storeError: String?
    public var shed: UInt64
    /// `fifo` or `ordinary`, and whether memory is locked.
    public var scheduling: String
    public var memoryLocked: Bool
    public var links: [Link]
    public var destinations: [Destination]
    /// `core`, `forward`, `console` to `live`, `connected` or `missing`.
    public var roles: [String: String]
    public var notes: [String]
    /// What does not work now, gravest first. Nil from a core of an earlier version.
    public var problems: [Problem]?
    /// Whether alarms can come in, be decided, leave and be kept: no problem is grave. As `/readyz`.
    public var ready: Bool?
    /// When a registered device was last heard.
    public var lastHeard: String?
  }

  public struct OutboxRow: Codable, Sendable {
    public var id: Int64
    public var destination: String
    public var lane: String
    public var kind: String
    public var reference: String
    public var state: String
    public var attempts: Int
    public var lastError: String?
    public var createdAt: String
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
    }
    public var counts: [String: UInt64]
    public var frames: [Frame]
  }

  public struct AuditResult: Codable, Sendable {
    public var intact: Bool
    public var rows: Int64
    /// First row whose hash does not follow from the one before.
    public var firstBroken: Int64?
    public var lastHash: String
  }

  public struct IssueConsoleLink: Codable, Sendable {
    /// The name that the console shows and the access log holds.
    public var actor: String
    public init(actor: String) { self.actor = actor }
  }

  public struct ConsoleLinkAnswer: Codable, Sendable {
    public var url: String
    public var expiresAt: String
  }

  // MARK: Between the roles

  /// A delivery's result, from the forward role.
  public struct Receipt: Codable, Sendable {
    /// The destination's name in the configuration.
    public var destination: String
    /// `alarm` or `routine`.
    public var lane: String
    /// The outbox row, or nil for an alarm that left before its row was known; then `key` names it.
    public var row: UInt64?
    /// The record's delivery key.
    public var key: String
    /// `delivered`, `dead` or `failing`.
    public var state: String
    public var error: String?
    public var remoteID: String?
    public init(
      destination: String, lane: String, row: UInt64?, key: String, state: String, error: String?, remoteID: String?
    ) {
      self.destination = destination
      self.lane = lane
      self.row = row
      self.key = key
      self.state = state
      self.error = error
      self.remoteID = remoteID
    }
  }

  /// How a destination does, from the forward role: at each change and every ten seconds. Also an event, `destinations`.
  public struct DestinationState: Codable, Sendable, Hashable {
    public enum State: String, Codable, Sendable {
      /// Nothing has been tried since the forward role started.
      case unknown
      case well
      /// It has failed for a while, not yet for so long that somebody is told.
      case failing
      /// It takes nothing, and somebody has been told: the alert `destinationDown`.
      case down
    }
    public var name: String
    public var state: State
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
      self.state = state
      self.reason = reason
      self.text = text
      self.since = since
      self.lastSuccess = lastSuccess
      self.alarmWaitingSince = alarmWaitingSince
    }
  }

  public struct Committed: Codable, Sendable {
    public var sequence: UInt64
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
  }
}
