// What connectors are handed: neutral records with everything a wire format needs, and nothing that it must look up.
//
// Delivery's `RecordBuilder` fills them from the journal and leaves out (nil) what the destination's sharing agreement withholds; a
// connector sends what is there and never asks for more. Not here: how any of it looks on a wire.

public import People
public import VitalSigns

/// A service user, as far as the destination may know.
public struct PatientIdentity: Sendable, Hashable {
  /// The hub's own number for the person; says nothing outside the hub.
  public var hubPatient: PatientID
  /// National identity number, D-number or common help number; nil when there is none or it is withheld.
  public var nationalID: NationalID?
  /// Name for people to read; nil when withheld.
  public var displayName: String?
  /// What else may be known: only what is not withheld.
  public var record: PersonRecord

  public init(
    hubPatient: PatientID, nationalID: NationalID? = nil, displayName: String? = nil, record: PersonRecord = PersonRecord()
  ) {
    self.hubPatient = hubPatient
    self.nationalID = nationalID
    self.displayName = displayName
    self.record = record
  }
}

/// A Norwegian personal identifier with its kind.
public struct NationalID: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case nationalIdentityNumber
    case dNumber
    case commonHelpNumber
  }
  public var kind: Kind
  /// Eleven digits.
  public var value: String

  public init(kind: Kind, value: String) {
    self.kind = kind
    self.value = value
  }
}

/// A measuring device.
public struct DeviceIdentity: Sendable, Hashable {
  public var hubDevice: DeviceID
  /// What the installer calls it.
  public var label: String
  /// The manufacturer's serial number; nil when unknown.
  public var serialNumber: String?
  /// Vendor and model as the profile states them.
  public var vendor: String
  public var model: String
  /// IEEE EUI-64 as 16 hexadecimal digits, where the device has one.
  public var eui64: String?

  public init(hubDevice: DeviceID, label: String, serialNumber: String? = nil, vendor: String, model: String, eui64: String? = nil) {
    self.hubDevice = hubDevice
    self.label = label
    self.serialNumber = serialNumber
    self.vendor = vendor
    self.model = model
    self.eui64 = eui64
  }
}

/// Membership of a blood-pressure measurement: one frame of one device with systolic and diastolic (and mean) values.
///
/// `RecordBuilder` sets it, from the whole frame, on each part. So what belongs together never depends on batching.
public struct PressurePanel: Sendable, Hashable {
  /// The sequence of the frame's first entry.
  public var frame: UInt64
  /// How many parts this destination gets of this panel: 2 or 3. A withheld part is not counted.
  public var parts: UInt8

  public init(frame: UInt64, parts: UInt8) {
    self.frame = frame
    self.parts = parts
  }
}

/// Where a value lies relative to the person's own limits, when that is known.
public enum ObservationInterpretation: Sendable, Hashable {
  case normal, low, high, criticallyLow, criticallyHigh
}

/// One measured or entered value.
public struct ObservationRecord: Sendable, Hashable {
  /// The entry's sequence: its identity on this hub.
  public var sequence: UInt64
  public var observation: Observation
  public var patient: PatientIdentity
  /// Nil when a person entered the value.
  public var device: DeviceIdentity?
  /// Organisation number (nine digits) of the data controller.
  public var controller: String
  /// The device's time resolved to UTC; `.unknown` when it has none or its clock is not set.
  public var measuredAt: WallTime
  /// What the device itself said, unresolved: part of the HL7 dedupe identifier.
  public var deviceTime: DeviceTime
  /// When the hub received it.
  public var receivedAt: WallTime
  public var panel: PressurePanel?
  public var interpretation: ObservationInterpretation?
  /// The hub's own clock was in doubt: the times may be wrong. Never of a record that was placed afterwards.
  public var isTimeUncertain = false

  public init(
    sequence: UInt64, observation: Observation, patient: PatientIdentity, device: DeviceIdentity?, controller: String,
    measuredAt: WallTime, deviceTime: DeviceTime = .none, receivedAt: WallTime, panel: PressurePanel? = nil,
    interpretation: ObservationInterpretation? = nil
  ) {
    self.sequence = sequence
    self.observation = observation
    self.patient = patient
    self.device = device
    self.controller = controller
    self.measuredAt = measuredAt
    self.deviceTime = deviceTime
    self.receivedAt = receivedAt
    self.panel = panel
    self.interpretation = interpretation
  }

  public var key: DeliveryKey { .observation(sequence: sequence) }
}

/// One NEWS2 score.
public struct ScoreRecord: Sendable {
  /// An observation that took part in the score.
  public struct Input: Sendable, Hashable {
    public var parameter: NEWS2Parameter
    public var sequence: UInt64
    /// As on that observation's own record.
    public var panel: PressurePanel?

    public init(parameter: NEWS2Parameter, sequence: UInt64, panel: PressurePanel? = nil) {
      self.parameter = parameter
      self.sequence = sequence
      self.panel = panel
    }
  }
  public var score: NEWS2Score
  /// The core's instant of the score: with the person and the cause, its identity.
  public var instant: MonotonicInstant
  /// The sequence of the entry that caused it.
  public var cause: UInt64
  public var scoredAt: WallTime
  public var patient: PatientIdentity
  public var controller: String
  /// In the order of the RCP's chart. Prescribed values (home oxygen) have no observation and are absent.
  public var inputs: [Input]
  /// The hub's own clock was in doubt: the times may be wrong. Never of a record that was placed afterwards.
  public var isTimeUncertain = false

  public init(
    score: NEWS2Score, instant: MonotonicInstant, cause: UInt64, scoredAt: WallTime, patient: PatientIdentity, controller: String,
    inputs: [Input]
  ) {
    self.score = score
    self.instant = instant
    self.cause = cause
    self.scoredAt = scoredAt
    self.patient = patient
    self.controller = controller
    self.inputs = inputs
  }

  public var key: DeliveryKey { .score(patient: patient.hubPatient, at: instant, cause: cause) }
}

/// One transition of an alert.
public struct AlertRecord: Sendable, Hashable {
  /// What a nurse reads, one sentence a language, without the person's name.
  public struct Text: Sendable, Hashable {
    public var nb: String
    public var nn: String
    public var en: String

    public init(nb: String, nn: String, en: String) {
      self.nb = nb
      self.nn = nn
      self.en = en
    }
  }
  /// An observation that the alert rests on.
  public struct Evidence: Sendable, Hashable {
    public var sequence: UInt64
    public var panel: PressurePanel?

    public init(sequence: UInt64, panel: PressurePanel? = nil) {
      self.sequence = sequence
      self.panel = panel
    }
  }
  /// Where the person was when the alert rose, as far as the destination may know.
  public struct Position: Sendable, Hashable {
    public var fix: LocationFix
    /// When the tracker was there.
    public var at: WallTime

    public init(fix: LocationFix, at: WallTime) {
      self.fix = fix
      self.at = at
    }
  }
  /// Who changed the alert, and what they said. Nil for the hub's own changes, and where it is not known yet.
  public struct Handling: Sendable, Hashable {
    public var actor: String?
    public var comment: String?
    public var cause: String?
    public var measure: String?

    public init(actor: String?, comment: String? = nil, cause: String? = nil, measure: String? = nil) {
      self.actor = actor
      self.comment = comment
      self.cause = cause
      self.measure = measure
    }
  }
  public var transition: AlertTransition
  /// The core's instant of this transition: its order within the alert, and part of its key (`DeliveryKey.transition`).
  public var instant: MonotonicInstant
  public var occurredAt: WallTime
  public var raisedAt: WallTime
  /// Nil for the hub's own alerts.
  public var patient: PatientIdentity?
  public var device: DeviceIdentity?
  public var controller: String
  public var evidence: [Evidence]
  public var text: Text
  /// For alerts about where somebody is, within an agreement on locations.
  public var position: Position?
  public var handling: Handling?
  /// The hub's own clock was in doubt: the times may be wrong. Never of a record that was placed afterwards.
  public var isTimeUncertain = false

  public init(
    transition: AlertTransition, instant: MonotonicInstant, occurredAt: WallTime, raisedAt: WallTime, patient: PatientIdentity?,
    device: DeviceIdentity?, controller: String, evidence: [Evidence], text: Text, position: Position? = nil, handling: Handling? = nil
  ) {
    self.transition = transition
    self.instant = instant
    self.occurredAt = occurredAt
    self.raisedAt = raisedAt
    self.patient = patient
    self.device = device
    self.controller = controller
    self.evidence = evidence
    self.text = text
    self.position = position
    self.handling = handling
  }

  public var key: DeliveryKey { .transition(transition, at: instant) }
}

/// What became of one planned dose.
public struct DoseRecord: Sendable, Hashable {
  public enum Event: Sendable, Hashable {
    /// The dispenser put the dose out; nobody has taken it yet.
    case dispensed
    case taken
    /// Taken with somebody's help.
    case assisted
    case missed
    case refused
  }
  public var sequence: UInt64
  public var event: Event
  /// The slot of the person's plan, 0…7.
  public var slot: UInt8
  public var occurredAt: WallTime
  /// `.unknown` when the plan has no such slot.
  public var plannedAt: WallTime
  public var patient: PatientIdentity
  public var device: DeviceIdentity?
  public var controller: String
  /// The hub's own clock was in doubt: the times may be wrong. Never of a record that was placed afterwards.
  public var isTimeUncertain = false

  public init(
    sequence: UInt64, event: Event, slot: UInt8, occurredAt: WallTime, plannedAt: WallTime = .unknown, patient: PatientIdentity,
    device: DeviceIdentity?, controller: String
  ) {
    self.sequence = sequence
    self.event = event
    self.slot = slot
    self.occurredAt = occurredAt
    self.plannedAt = plannedAt
    self.patient = patient
    self.device = device
    self.controller = controller
  }

  public var key: DeliveryKey { .dose(sequence: sequence) }
}

/// One thing to deliver.
public enum DeliveryRecord: Sendable {
  case observation(ObservationRecord)
  case score(ScoreRecord)
  case alert(AlertRecord)
  case dose(DoseRecord)

  public var key: DeliveryKey {
    switch self {
    case .observation(let record): record.key
    case .score(let record): record.key
    case .alert(let record): record.key
    case .dose(let record): record.key
    }
  }
}
