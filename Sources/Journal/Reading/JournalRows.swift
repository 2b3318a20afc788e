// What a reader gets: plain values with everything joined that a screen, a command or a connector needs to show them.

public import JournalValues
public import VitalSigns

/// A service user.
public struct PatientRow: Sendable, Hashable {
  public var id: PatientID
  public var name: String
  public var nationalID: String?
  /// Organisation number of the data controller.
  public var controller: String
  public var started: WallTime
  /// Nil while the person is a service user of this hub.
  public var ended: WallTime?
}

/// A device.
public struct DeviceRow: Sendable, Hashable {
  public var id: DeviceID
  public var label: String
  public var profile: String
  public var address: String
  public var serialNumber: String?
  public var eui64: String?
  public var controller: String
  public var liveness: DeviceLiveness
  public var added: WallTime
  public var removed: WallTime?
}

/// Whose a device was.
public struct AssignmentRow: Sendable, Hashable {
  public var device: DeviceID
  public var patient: PatientID
  public var started: WallTime
  public var ended: WallTime?
}

/// One item of a plan, current or former.
public struct PlanItemRow: Sendable, Hashable {
  /// The entry that set it.
  public var sequence: UInt64
  public var patient: PatientID
  public var key: String
  public var item: CarePlanItem
  public var author: ActorID
  public var reason: String
  public var started: WallTime
  public var ended: WallTime?
}

/// A measured or entered value.
public struct ObservationRow: Sendable, Hashable {
  public var sequence: UInt64
  public var instant: MonotonicInstant
  /// When the hub received it.
  public var wall: WallTime
  public var measuredAt: WallTime
  /// What the device itself said.
  public var deviceTime: DeviceTime
  public var device: DeviceID
  public var patient: PatientID
  public var controller: String
  public var observation: Observation
}

/// A thing that happened.
public struct EventRow: Sendable, Hashable {
  public var sequence: UInt64
  public var instant: MonotonicInstant
  public var wall: WallTime
  public var measuredAt: WallTime
  public var device: DeviceID
  public var patient: PatientID
  public var controller: String
  public var event: DeviceEvent
}

/// A tracker's fix.
public struct LocationRow: Sendable, Hashable {
  public var sequence: UInt64
  public var wall: WallTime
  public var measuredAt: WallTime
  public var device: DeviceID
  public var patient: PatientID
  public var controller: String
  public var fix: LocationFix
}

/// A score with its identity.
public struct ScoreRow: Sendable {
  public var outcome: UInt64
  public var cause: UInt64
  public var instant: MonotonicInstant
  public var wall: WallTime
  public var patient: PatientID
  public var controller: String
  public var score: NEWS2Score
}

/// Where an alert stands.
public struct AlertRow: Sendable, Hashable {
  /// The latest transition.
  public var transition: AlertTransition
  public var patient: PatientID
  public var device: DeviceID
  public var controller: String
  /// When it was first suspected or raised, on the wall clock.
  public var firstWall: WallTime
  /// When it was raised; nil for a mere suspicion.
  public var raisedWall: WallTime?
  public var changedWall: WallTime
  /// The instant of the latest transition.
  public var changedInstant: MonotonicInstant
  public var usefulness: AlertUsefulness
  /// The latest transition's number among the outcomes.
  public var outcome: UInt64

  public var id: AlertID { transition.id }
  public var isOpen: Bool { transition.state.isOpen }
}

/// One step of an alert's life.
public struct AlertTransitionRow: Sendable, Hashable {
  public var outcome: UInt64
  public var cause: UInt64
  public var instant: MonotonicInstant
  public var wall: WallTime
  public var transition: AlertTransition
  /// What the person said who caused it.
  public var note: AlertNote?
  /// Where this transition was delivered to.
  public var deliveries: [DeliveryRow]
}

/// A delivered record.
public struct DeliveryRow: Sendable, Hashable {
  public var destination: UInt32
  public var settled: WallTime
  public var attempts: Int
  public var remoteID: String?
}

/// Which alerts to list.
public struct AlertFilter: Sendable, Hashable {
  public var patient: PatientID?
  public var rule: AlertRule?
  public var openOnly: Bool
  /// Raised or suspected at this time or later.
  public var since: WallTime?
  public var limit: Int

  public init(patient: PatientID? = nil, rule: AlertRule? = nil, openOnly: Bool = false, since: WallTime? = nil, limit: Int = 200) {
    self.patient = patient
    self.rule = rule
    self.openOnly = openOnly
    self.since = since
    self.limit = limit
  }
}

/// Why a score is what it is.
public struct ScoreExplanation: Sendable {
  public var score: ScoreRow
  /// One per parameter, in the order of the RCP's chart; nil where nothing was known, or where the source has been purged.
  public var sources: [ObservationRow?]
  /// Parameters whose source is an entry of another kind (a prescription), by index.
  public var prescriptions: [Int: IntakeEntry]
}

/// Why an alert was raised and what became of it.
public struct AlertExplanation: Sendable {
  public var alert: AlertRow
  public var history: [AlertTransitionRow]
  /// The entry that first raised it; nil when it has been purged.
  public var firstCause: IntakeEntry?
  /// For a NEWS2 rule: the score that the first transition rests on.
  public var score: ScoreExplanation?
  /// For a rule of the person's plan: the item that held at that moment.
  public var plan: PlanItemRow?
  public var commands: [(sequence: UInt64, command: AlertCommand, wall: WallTime)]
}

/// Part of a frame: entries of one device at one instant.
public struct FrameMember: Sendable, Hashable {
  public var sequence: UInt64
  public var code: ObservationCode
}

/// What a connector is to deliver.
public struct OutboxItem: Sendable {
  public enum Content: Sendable {
    /// With the observations of the same frame, itself included, in their order: a blood pressure is more than one.
    case observation(ObservationRow, frame: [FrameMember])
    case score(ScoreRow, sources: [ObservationRow?], frames: [Int: [FrameMember]])
    case alert(AlertTransitionRow, alert: AlertRow, evidence: [ObservationRow])
    /// With the planned dose of its slot, when there is one.
    case dose(EventRow, planned: PlannedDose?)
    case location(LocationRow)
  }
  /// Rises within a lane.
  public var row: UInt64
  public var destination: UInt32
  public var lane: OutboxLane
  public var kind: RecordKind
  public var attempts: Int
  public var created: WallTime
  public var patient: PatientRow?
  public var device: DeviceRow?
  public var content: Content
  /// The hub's clock was in doubt when this was written, and what it was is not known (yet).
  public var isTimeUncertain: Bool
}

/// A refused record.
public struct DeadLetterRow: Sendable, Hashable {
  public var destination: UInt32
  public var row: UInt64
  public var lane: OutboxLane
  public var kind: RecordKind
  public var sequence: UInt64
  public var outcome: UInt64
  public var patient: PatientID
  public var created: WallTime
  public var refused: WallTime
  public var attempts: Int
  public var reason: String
}

/// A call that a destination refused for good.
public struct RefusedCallRow: Sendable, Hashable {
  public var alert: AlertID
  public var destination: UInt32
  public var refused: WallTime

  public init(alert: AlertID, destination: UInt32, refused: WallTime) {
    self.alert = alert
    self.destination = destination
    self.refused = refused
  }
}

/// How a destination stands.
public struct OutboxStatus: Sendable, Hashable {
  public var destination: UInt32
  public var name: String
  public var pendingAlarms: Int
  public var pendingRoutine: Int
  public var deadLetters: Int
  public var oldestPending: WallTime?
  public var lastError: String?
  public var lastDelivered: WallTime?
  /// By kind: ever queued, delivered, refused.
  public var counts: [RecordKind: DeliveryCount]
  /// Records that no agreement allows.
  public var withheld: Int
}

public struct DeliveryCount: Sendable, Hashable {
  public var queued = 0
  public var delivered = 0
  public var refused = 0
}

/// A rejected frame.
public struct QuarantineRow: Sendable, Hashable {
  public var id: UInt64
  public var frame: QuarantinedFrame
}

/// Why entries are missing. The raw value is `gap.reason`.
public enum GapReason: String, Sendable, Hashable {
  /// The disk was full: routine samples were left out.
  case shed
  /// The intake skipped sequences.
  case unexplained
  /// The journal could not be used; this one was begun instead.
  case journalLost
  /// The journal was older than what had been acknowledged from it.
  case journalBehind
  /// The journal was restored from a backup: what came in after that was taken is not in it.
  case restored
  /// The journal was damaged: what could be read of it is here.
  case salvaged
}

/// Missing entries.
public struct GapRow: Sendable, Hashable {
  public var reason: GapReason
  public var first: UInt64
  public var last: UInt64
  public var entries: Int
  public var from: WallTime
  public var to: WallTime
  /// Still going on.
  public var isOpen: Bool
}

/// How much there is of everything.
public struct JournalCounts: Sendable, Hashable {
  public var lastSequence: UInt64 = 0
  public var observations = 0
  public var events = 0
  public var locations = 0
  public var registryChanges = 0
  public var commands = 0
  public var scores = 0
  public var alerts = 0
  public var openAlerts = 0
  public var quarantined: [String: Int] = [:]
  public var gaps: [GapRow] = []
  public var accessRows: UInt64 = 0
}
