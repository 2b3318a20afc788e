// Care plans: what is watched for somebody, and within which limits. Each kind of item has its own fields; in JSON they stand side by side,
// and `kind` says which of them are read. Numbers that are measured are decimal text, as people wrote it: what cannot be meant is said by
// PlanItemCoding.swift and PlanSafety.swift, and so a field may hold anything here.

public import VitalSigns

extension API {
  /// One item of a plan. A field that is nil was left out.
  public enum PlanItem: Sendable, Hashable {
    /// 1 or 2.
    case spo2Scale(Int?)
    case oxygen(Word<PrescribedOxygen>?)
    case limits(Limits)
    case validity(Validity)
    case dose(Dose)
    case nightWatch(NightHours)
    case geofence(Circle)
    /// Whether NEWS2 raises alerts.
    case news2Alerts(Bool?)
    /// A kind of another version, with those of its fields that this one has. The core refuses it; the command line shows its word.
    case unknown(Fields)

    public enum Kind: String, WireWord, CaseIterable {
      case spo2Scale, oxygen, limits, validity, dose, nightWatch, geofence, news2Alerts
    }

    /// Limits of one signal, as decimal text in its unit. A value on a limit is inside its colour.
    public struct Limits: Sendable, Hashable {
      public var signal: Word<PlanSignal>?
      public var redLow: String?
      public var yellowLow: String?
      public var yellowHigh: String?
      public var redHigh: String?
      public var hysteresis: String?
      public var delaySeconds: UInt32?
      public init(signal: Word<PlanSignal>?) { self.signal = signal }
    }

    /// How long an input of NEWS2 stays valid.
    public struct Validity: Sendable, Hashable {
      public var parameter: Word<NEWS2Parameter>?
      /// 0 or nil: the default time.
      public var seconds: UInt32?
      public init(parameter: Word<NEWS2Parameter>?, seconds: UInt32? = nil) {
        self.parameter = parameter
        self.seconds = seconds
      }
    }

    public struct Dose: Sendable, Hashable {
      /// 0…7.
      public var slot: Int?
      /// `HH:MM`; nil empties the slot.
      public var time: String?
      public var graceSeconds: UInt32?
      public init(slot: Int?, time: String? = nil, graceSeconds: UInt32? = nil) {
        self.slot = slot
        self.time = time
        self.graceSeconds = graceSeconds
      }
    }

    /// When an open door is worth a visit.
    public struct NightHours: Sendable, Hashable {
      /// `HH:MM`.
      public var from: String?
      public var to: String?
      public var openDelaySeconds: UInt32?
      public init(from: String?, to: String?, openDelaySeconds: UInt32? = nil) {
        self.from = from
        self.to = to
        self.openDelaySeconds = openDelaySeconds
      }
    }

    /// Where the person is expected to stay.
    public struct Circle: Sendable, Hashable {
      /// Decimal degrees.
      public var latitude: String?
      public var longitude: String?
      /// 0 or nil: no geofence.
      public var radiusMetres: UInt32?
      public var confirmingFixes: Int?
      public var staleAfterSeconds: UInt32?
      public init(latitude: String?, longitude: String?, radiusMetres: UInt32?) {
        self.latitude = latitude
        self.longitude = longitude
        self.radiusMetres = radiusMetres
      }
    }

    public var kind: Word<Kind> {
      switch self {
      case .spo2Scale: .known(.spo2Scale)
      case .oxygen: .known(.oxygen)
      case .limits: .known(.limits)
      case .validity: .known(.validity)
      case .dose: .known(.dose)
      case .nightWatch: .known(.nightWatch)
      case .geofence: .known(.geofence)
      case .news2Alerts: .known(.news2Alerts)
      case .unknown(let fields): fields.kind
      }
    }
  }

  public struct Plan: Codable, Sendable {
    public var patient: String
    public var items: [PlanItemInForce]

    package init(patient: String, items: [PlanItemInForce]) {
      self.patient = patient
      self.items = items
    }
  }

  public struct PlanItemInForce: Codable, Sendable {
    public var item: PlanItem
    public var author: String
    public var reason: String
    public var since: String

    package init(item: PlanItem, author: String, reason: String, since: String) {
      self.item = item
      self.author = author
      self.reason = reason
      self.since = since
    }
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
}
