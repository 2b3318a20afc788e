// Care plans: what is watched for somebody, and within which limits.

extension API {
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
