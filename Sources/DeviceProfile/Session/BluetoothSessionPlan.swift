// How the hub treats a Bluetooth device of a profile: whether it bonds, how long it stays, and what it does in which order once it
// is connected. The vendor writes it under `bluetooth:`. BluetoothLink carries it out and knows no device by name.

/// The `bluetooth:` section of a profile, compiled.
public struct BluetoothSessionPlan: Sendable, Hashable {
  public enum Security: String, Sendable, Hashable, CaseIterable {
    /// The link stays unencrypted; the device is never paired.
    case none
    /// The hub pairs before it reads anything, and keeps the key. "Just works" when the device has neither display nor keys.
    case bond
    /// As `bond`, with a passkey or a comparison. A link without protection against a man in the middle is refused.
    case passkey
  }

  /// What happens when only one side still has the key.
  public enum StaleBond: String, Sendable, Hashable, CaseIterable {
    /// A person pairs the device again. The safe choice: whoever could forge a lost bond would get a new one for free.
    case `operator`
    /// The hub forgets the device and pairs at once: for devices that change their key at every session.
    case renew
  }

  /// How notifications come from bluetoothd.
  public enum Notifications: String, Sendable, Hashable, CaseIterable {
    /// A file descriptor of one's own (AcquireNotify), and StartNotify when bluetoothd refuses it.
    case acquire
    /// StartNotify, for devices that misreport their characteristics' properties.
    case start
  }

  /// How long the connection lasts.
  public enum Stay: String, Sendable, Hashable, CaseIterable {
    /// After the last step the hub waits until the device has been quiet for `quietSeconds`, and disconnects.
    case session
    /// The hub holds the connection for as long as the device does: continuous measurements.
    case held
  }

  /// Who gets a connection first when there are more devices than connections.
  public enum Priority: String, Sendable, Hashable, CaseIterable, Comparable {
    case alarm, high, routine

    public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
    /// 0 goes first.
    public var rank: Int {
      switch self {
      case .alarm: 0
      case .high: 1
      case .routine: 2
      }
    }
  }

  public var security: Security
  public var staleBond: StaleBond
  public var notifications: Notifications
  public var stay: Stay
  public var priority: Priority
  /// The device ends the connection by itself right after bonding. Such an end is no failure.
  public var leavesAfterBonding: Bool
  /// How long without a notification ends a `session` after the last step. 1…600 s.
  public var quietSeconds: UInt32
  /// The steps in their order. A profile without steps of its own subscribes to each characteristic of `decode`.
  public var steps: [BluetoothSessionStep]

  public init(
    security: Security = .bond, staleBond: StaleBond = .operator, notifications: Notifications = .acquire, stay: Stay = .session,
    priority: Priority = .routine, leavesAfterBonding: Bool = false, quietSeconds: UInt32 = 10, steps: [BluetoothSessionStep] = []
  ) {
    self.security = security
    self.staleBond = staleBond
    self.notifications = notifications
    self.stay = stay
    self.priority = priority
    self.leavesAfterBonding = leavesAfterBonding
    self.quietSeconds = quietSeconds
    self.steps = steps
  }

  /// The most steps of one session.
  public static let stepsMax = 32
}

/// One step of a session.
public struct BluetoothSessionStep: Sendable, Hashable {
  public enum Action: Sendable, Hashable {
    /// Reads a characteristic. Its value is decoded when the profile has a program for it.
    case read
    /// Writes bytes. `awaitsResponse`: a write request, else a command that the device does not confirm.
    case write(bytes: [UInt8], awaitsResponse: Bool)
    /// Asks for notifications or indications. `mode` overrides the plan's.
    case subscribe(mode: BluetoothSessionPlan.Notifications?)
    /// Writes the hub's local time.
    case setClock(ClockForm)
    /// Fetches stored records through the record access control point (the step's characteristic), and deletes them once
    /// they are in a committed transaction.
    case fetchRecords(RecordFetch)
    /// Waits until no notification has come for `quiet` seconds, at most `limit` seconds.
    case wait(quietSeconds: UInt32, limitSeconds: UInt32)
    /// Ends the session now. Always the last step.
    case disconnect
  }

  public enum ClockForm: String, Sendable, Hashable, CaseIterable {
    /// 2A2B: Exact Time 256 and the reason, 10 bytes.
    case currentTime
    /// 2A08: Date Time, 7 bytes.
    case dateTime
  }

  /// What `fetchRecords` fetches and how it deletes.
  public struct RecordFetch: Sendable, Hashable {
    public enum Deletion: String, Sendable, Hashable, CaseIterable {
      /// The device keeps its records; they are known again at the next session.
      case never
      /// All, after counting that nothing was added meanwhile.
      case all
      /// Those up to the highest sequence number that was fetched.
      case upToSequence
    }

    /// The characteristic that carries the records.
    public var records: BluetoothUUID
    /// A second one that completes them (glucose context), subscribed beside it.
    public var context: BluetoothUUID?
    public var deletion: Deletion
    /// Where a record's sequence number (u16, low byte first) stands; needed for `upToSequence`.
    public var sequenceOffset: Int?

    public init(records: BluetoothUUID, context: BluetoothUUID? = nil, deletion: Deletion = .all, sequenceOffset: Int? = nil) {
      self.records = records
      self.context = context
      self.deletion = deletion
      self.sequenceOffset = sequenceOffset
    }
  }

  public var action: Action
  /// Nil for `wait` and `disconnect`.
  public var characteristic: BluetoothUUID?
  /// The service that holds it, when the characteristic stands in several.
  public var service: BluetoothUUID?
  /// A device without the characteristic, or one that refuses the step, is all right.
  public var isOptional: Bool

  public init(
    _ action: Action, characteristic: BluetoothUUID? = nil, service: BluetoothUUID? = nil, isOptional: Bool = false
  ) {
    self.action = action
    self.characteristic = characteristic
    self.service = service
    self.isOptional = isOptional
  }
}
