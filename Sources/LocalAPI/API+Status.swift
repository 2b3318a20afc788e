// How the hub does, for people who keep it running.

extension API {
  public struct Status: Codable, Sendable {
    /// What the journal takes.
    public enum Store: String, WireWord, CaseIterable {
      case writing
      /// The disk is full: routine values are only counted.
      case shedding
      /// The journal is lost: another one is written instead.
      case emergency
      case failing
    }

    public enum Scheduling: String, WireWord, CaseIterable { case fifo, ordinary }

    /// Whether a role is there.
    public enum Presence: String, WireWord, CaseIterable {
      /// The core turns and decides.
      case live
      case standingStill = "standing still"
      /// The role listens and gives signs of life.
      case connected
      /// Its connection is open, and its work stands.
      case noSignOfLife = "no sign of life"
      case missing
    }

    public struct Link: Codable, Sendable {
      public enum State: String, WireWord, CaseIterable { case connected, connecting, waiting, stopped }

      public var name: String
      public var state: Word<State>
      public var since: String?
      public var received: UInt64
      public var refused: [String: UInt64]
      public var reconnects: UInt64
      public var lastError: String?

      package init(
        name: String, state: Word<State>, since: String? = nil, received: UInt64, refused: [String: UInt64], reconnects: UInt64,
        lastError: String? = nil
      ) {
        self.name = name
        self.state = state
        self.since = since
        self.received = received
        self.refused = refused
        self.reconnects = reconnects
        self.lastError = lastError
      }
    }
    public struct Destination: Codable, Sendable {
      public enum Kind: String, WireWord, CaseIterable { case fhir, webhook }

      public var name: String
      public var kind: Word<Kind>
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

      package init(
        name: String, kind: Word<Kind>, pendingAlarms: Int, pendingRoutine: Int, delivered: Int, dead: Int, lastError: String? = nil,
        health: DestinationState? = nil, oldestPending: String? = nil, lastDelivered: String? = nil
      ) {
        self.name = name
        self.kind = kind
        self.pendingAlarms = pendingAlarms
        self.pendingRoutine = pendingRoutine
        self.delivered = delivered
        self.dead = dead
        self.lastError = lastError
        self.health = health
        self.oldestPending = oldestPending
        self.lastDelivered = lastDelivered
      }
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
    public var store: Word<Store>
    public var storeError: String?
    public var shed: UInt64
    /// How the core's thread is scheduled, and whether memory is locked.
    public var scheduling: Word<Scheduling>
    public var memoryLocked: Bool
    public var links: [Link]
    public var destinations: [Destination]
    /// `core`, and those of `forward` and `console` that this hub needs, each to how it does.
    public var roles: [String: Word<Presence>]
    public var notes: [String]
    /// What does not work now, gravest first. Nil from a core of an earlier version.
    public var problems: [Problem]?
    /// Whether alarms can come in, be decided, leave and be kept: no problem is grave. As `/readyz`.
    public var ready: Bool?
    /// When a registered device was last heard.
    public var lastHeard: String?

    /// How the hub's own clock is kept, and what is doubtful about it, in one line for operations. Nil from a core of an earlier version.
    public var clock: String?

    package init(
      version: String, hub: String, controller: String, summary: String, live: Bool, startedAt: String, now: String, sequence: UInt64,
      durable: UInt64, patients: Int, devices: Int, openAlerts: Int, observations: UInt64, intakeDepth: Int, store: Word<Store>,
      storeError: String? = nil, shed: UInt64, scheduling: Word<Scheduling>, memoryLocked: Bool, links: [Link], destinations: [Destination],
      roles: [String: Word<Presence>], notes: [String], problems: [Problem]? = nil, ready: Bool? = nil, lastHeard: String? = nil,
      clock: String? = nil
    ) {
      self.version = version
      self.hub = hub
      self.controller = controller
      self.summary = summary
      self.live = live
      self.startedAt = startedAt
      self.now = now
      self.sequence = sequence
      self.durable = durable
      self.patients = patients
      self.devices = devices
      self.openAlerts = openAlerts
      self.observations = observations
      self.intakeDepth = intakeDepth
      self.store = store
      self.storeError = storeError
      self.shed = shed
      self.scheduling = scheduling
      self.memoryLocked = memoryLocked
      self.links = links
      self.destinations = destinations
      self.roles = roles
      self.notes = notes
      self.problems = problems
      self.ready = ready
      self.lastHeard = lastHeard
      self.clock = clock
    }
  }
}
