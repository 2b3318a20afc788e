// What travels through the intake: one fixed-size value for everything that can change the core's state. The journal stores each
// entry, in order. Replaying the entries gives the same state and the same outcomes, bit for bit.

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
  /// Position in the hub's total order, from 1, without gaps. The intake gives it; before that it is 0.
  public var sequence: UInt64
  /// The instant at which the entry came into the intake.
  public var instant: MonotonicInstant
  /// The hub's wall clock at `instant`.
  public var wall: WallTime
  /// When the value was measured or the event happened, as far as known: the device's time resolved to UTC, or `.unknown`.
  public var measuredAt: WallTime
  public var device: DeviceID
  /// Entries from a link have `.none`: the core fills in the device's current person. People's entries and registry changes name
  /// the person.
  public var patient: PatientID
  /// The number of the companion that waits outside the realtime path with the entry's texts (names, comments, the raw device
  /// time). 0: none.
  public var attachment: UInt64
  /// Whether more readings of the same frame follow (one device's message, one person's set of values). The core judges them
  /// together when the last is in, so that one frame gives one score and one alert.
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

  /// The first of a run, or after the machine slept: the hub was away before it.
  @inlinable public var endsAbsence: Bool { if case .clock(let anchor) = payload { anchor.endsAbsence } else { false } }

  /// Whether this entry may use the room that the intake keeps for alarms, and makes the journal commit at once.
  @inlinable public var isAlarm: Bool {
    switch payload {
    case .event(let event): event.kind == .sos || event.kind == .fall || event.kind == .notUnderstood
    case .command, .hubCondition: true
    default: false
    }
  }
}
