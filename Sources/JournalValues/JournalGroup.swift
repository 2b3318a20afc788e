// One transaction's worth of everything: what the core took in and decided, what destinations answered, what was
// rejected at the edge, and who looked at what. The writer commits it whole or not at all.

public import People
public import VitalSigns

/// An entry and the outcomes that belong to it, as positions in the group's flat list.
public struct JournalEntry: Sendable {
  public var entry: IntakeEntry
  /// Texts that waited outside the realtime path.
  public var attachment: Attachment?
  /// The frame that the entry is from: remembered if the entry is written, not if it is shed.
  public var mark: DeliveryMark?
  /// One past the position of this entry's last outcome in `JournalGroup.outcomes`.
  package var outcomesEnd: Int
}

/// What one commit writes. Reusable: `removeAll()` keeps the memory.
///
/// Append in the core's order: outcomes of deadlines that passed before the first entry, then each entry followed by its
/// outcomes. **All outcomes of an entry must be in the entry's own group**: after a crash between the two nobody would
/// be told of them.
public struct JournalGroup: Sendable {
  public private(set) var entries: [JournalEntry] = []
  public private(set) var outcomes: [Outcome] = []
  /// Outcomes of deadlines before the first entry, or alone: positions 0..<this.
  package private(set) var leadingOutcomes = 0
  /// What destinations answered.
  public var receipts: [DeliveryReceipt] = []
  /// Dead letters that a person sends again.
  public var retries: [OutboxRetry] = []
  /// Frames that no profile accepted.
  public var quarantined: [QuarantinedFrame] = []
  /// Reads, sign-ins and whatever else people did. Commands, registry changes and forwards are logged by the writer itself.
  public var access: [AccessRecord] = []
  /// Frames that were quarantined, and what else marks remember: a redelivery of one is a duplicate.
  public var deliveryMarks: [DeliveryMark] = []
  /// People and systems that act, to add or to rename.
  public var actors: [ActorRecord] = []
  /// The hub's clock, for rows that no entry gives a time: receipts, quarantine, retries.
  public var wall: WallTime

  public init(wall: WallTime = .unknown) { self.wall = wall }

  public var isEmpty: Bool {
    entries.isEmpty && outcomes.isEmpty && receipts.isEmpty && retries.isEmpty && quarantined.isEmpty && access.isEmpty
      && deliveryMarks.isEmpty && actors.isEmpty
  }

  /// Appends the next entry of the intake, in rising sequence.
  public mutating func append(_ entry: IntakeEntry, attachment: Attachment? = nil, mark: DeliveryMark? = nil) {
    entries.append(JournalEntry(entry: entry, attachment: attachment, mark: mark, outcomesEnd: outcomes.count))
    if entry.wall > wall { wall = entry.wall }
  }

  /// Appends the next outcome; it belongs to the entry appended last, or stands alone before the first.
  public mutating func append(_ outcome: Outcome) {
    outcomes.append(outcome)
    if entries.isEmpty { leadingOutcomes = outcomes.count } else { entries[entries.count - 1].outcomesEnd = outcomes.count }
    if outcome.wall > wall { wall = outcome.wall }
  }

  /// Empties the group and keeps its memory for the next.
  public mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    outcomes.removeAll(keepingCapacity: true)
    leadingOutcomes = 0
    receipts.removeAll(keepingCapacity: true)
    retries.removeAll(keepingCapacity: true)
    quarantined.removeAll(keepingCapacity: true)
    access.removeAll(keepingCapacity: true)
    deliveryMarks.removeAll(keepingCapacity: true)
    actors.removeAll(keepingCapacity: true)
    wall = .unknown
  }
}

/// Who did it, why, and the texts that go with an entry.
public struct Attachment: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    case none
    /// With `patientAdded`: who the person is.
    case patient(PatientDetails)
    /// With `deviceAdded`: what the device is.
    case device(DeviceDetails)
    /// With `recordChanged`: the person's whole record as it is from now on.
    case record(PersonRecord)
    /// With a command: what was said at acknowledgement or resolution. With an observation: a remark by the person who entered it.
    case note(AlertNote)
    /// With an observation, an event or a fix: what the device itself said about the time.
    case deviceTime(DeviceTime)
  }
  public var actor: ActorID
  /// Why, in the actor's words; empty when none was asked for.
  public var reason: String
  public var content: Content

  public init(actor: ActorID = .hub, reason: String = "", _ content: Content = .none) {
    self.actor = actor
    self.reason = reason
    self.content = content
  }
}

/// Who a service user is.
public struct PatientDetails: Sendable, Hashable {
  public var name: String
  /// National identity number, D-number or common help number, eleven digits; nil when there is none.
  public var nationalID: String?
  /// Organisation number of the data controller; nil: the hub's own.
  public var controller: String?

  public init(name: String, nationalID: String? = nil, controller: String? = nil) {
    self.name = name
    self.nationalID = nationalID
    self.controller = controller
  }
}

/// What a device is and how it is reached.
public struct DeviceDetails: Sendable, Hashable {
  public var label: String
  /// The profile's id, as in the catalogue.
  public var profile: String
  /// Bluetooth address, topic key, or whatever names the device on its link.
  public var address: String
  /// Organisation number of the data controller; nil: the hub's own.
  public var controller: String?
  public var serialNumber: String?
  /// IEEE EUI-64 as 16 hexadecimal digits.
  public var eui64: String?

  public init(
    label: String, profile: String, address: String, controller: String? = nil, serialNumber: String? = nil, eui64: String? = nil
  ) {
    self.label = label
    self.profile = profile
    self.address = address
    self.controller = controller
    self.serialNumber = serialNumber
    self.eui64 = eui64
  }
}

/// What a person said about an alert, or beside a value.
public struct AlertNote: Sendable, Hashable {
  public var comment: String
  public var cause: String
  /// What was done.
  public var action: String

  public init(comment: String, cause: String = "", action: String = "") {
    self.comment = comment
    self.cause = cause
    self.action = action
  }
}

/// A person or system that acts. `ActorBook` of HubCore gives the numbers, above `JournalRecovery.highestActor`.
public struct ActorRecord: Sendable, Hashable {
  public var id: ActorID
  /// Stable name of the account: a Unix user, a sign-in's subject, a destination.
  public var account: String
  public var displayName: String
  public var role: String

  public init(id: ActorID, account: String, displayName: String, role: String) {
    self.id = id
    self.account = account
    self.displayName = displayName
    self.role = role
  }
}

/// A frame that nothing could be made of.
public struct QuarantinedFrame: Sendable, Hashable {
  public static let prefixBytesMax = 256
  public var link: UInt32
  /// The topic or characteristic it came by.
  public var topic: String
  /// Closed vocabulary: what counts are kept by.
  public var reason: String
  public var payloadBytes: Int
  /// The first bytes of it, at most 256.
  public var prefix: [UInt8]
  public var wall: WallTime

  public init(link: UInt32, topic: String, reason: String, payload: some Collection<UInt8>, wall: WallTime) {
    self.link = link
    self.topic = topic
    self.reason = reason
    self.payloadBytes = payload.count
    self.prefix = Array(payload.prefix(Self.prefixBytesMax))
    self.wall = wall
  }
}

/// A frame as a redelivery repeats it.
public struct DeliveryMark: Sendable, Hashable {
  public var link: UInt32
  /// The transport's message id.
  public var message: UInt32
  /// Hash of topic and payload, by the link.
  public var hash: UInt64
  /// How many of the frame's readings are in the journal with this mark's entry: a crash may fall between two of them. 0: all, or
  /// the link does not count. `refused`: the frame gave none. Marks of one frame that follow each other are one row.
  public var taken: UInt16
  /// When the frame came.
  public var wall: WallTime

  /// `taken` of a frame that gave no reading.
  public static let refused = UInt16.max

  public init(link: UInt32, message: UInt32, hash: UInt64, taken: UInt16 = 0, wall: WallTime = .unknown) {
    self.link = link
    self.message = message
    self.hash = hash
    self.taken = taken
    self.wall = wall
  }
}

/// Something that a person did or saw, for the access log.
public struct AccessRecord: Sendable, Hashable {
  public var wall: WallTime
  public var actor: ActorID
  /// A verb of a closed vocabulary: `read`, `signIn`, `export`, `doctor`, …
  public var action: String
  /// Whose data; `.none` when nobody's.
  public var patient: PatientID
  /// Why, as the actor said or as the role implies.
  public var purpose: String
  /// What exactly; no names and no national ids.
  public var detail: String

  public init(wall: WallTime, actor: ActorID, action: String, patient: PatientID = .none, purpose: String = "", detail: String = "") {
    self.wall = wall
    self.actor = actor
    self.action = action
    self.patient = patient
    self.purpose = purpose
    self.detail = detail
  }
}
