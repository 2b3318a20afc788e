// What travels through the intake: one fixed-size value for everything that can change the core's state. The journal
// stores each, in order; replaying them gives the same state and the same outcomes, bit for bit.

/// The content of an entry.
@frozen public enum IntakePayload: Sendable, Hashable {
  case observation(Observation)
  case event(DeviceEvent)
  case location(LocationFix)
  case registry(RegistryChange)
  case command(AlertCommand)
  case clock(ClockAnchor)
  case hubCondition(HubCondition)
}

/// One entry of the intake. Fixed size. Realtime-safe.
@frozen public struct IntakeEntry: Sendable, Hashable {
  /// Position in the hub's total order, from 1, without gaps. Given by the intake; 0 before that.
  public var sequence: UInt64
  /// When it entered the intake.
  public var instant: MonotonicInstant
  /// The hub's wall clock at that moment.
  public var wall: WallTime
  /// When it was measured or happened, as far as known: the device's time resolved to UTC, or `.unknown`.
  public var measuredAt: WallTime
  public var device: DeviceID
  /// `.none` from a link: the core fills in the device's current person. Set by people's entries and registry changes.
  public var patient: PatientID
  /// Joins texts (names, comments, the raw device time) that wait outside the realtime path; 0: none.
  public var attachment: UInt64
  /// More readings of the same frame (one device's message, one person's set of values) follow: they are judged together, when
  /// the last of them is in, so that one frame is one score and one alert.
  public var moreFollows: Bool
  public var payload: IntakePayload

  @inlinable public init(
    instant: MonotonicInstant, wall: WallTime, measuredAt: WallTime = .unknown, device: DeviceID = .none,
    patient: PatientID = .none, attachment: UInt64 = 0, moreFollows: Bool = false, payload: IntakePayload
  ) {
    self.sequence = 0
    self.instant = instant
    self.wall = wall
    self.measuredAt = measuredAt
    self.device = device
    self.patient = patient
    self.attachment = attachment
    self.moreFollows = moreFollows
    self.payload = payload
  }

  /// Whether this entry may use the room that the intake keeps for alarms, and makes the journal commit at once.
  @inlinable public var isAlarm: Bool {
    switch payload {
    case .event(let event): event.kind == .sos || event.kind == .fall || event.kind == .notUnderstood
    case .command, .hubCondition: true
    default: false
    }
  }
}
