// Corrections of what was registered, and the access log as people may ask for it.

extension API {
  /// `POST /v1/patients/{P}/edit` → Patient. Nil: as it is.
  public struct EditPatient: Codable, Sendable {
    public var name: String?
    public var nationalID: String?
    public var actor: String
    public var reason: String
    public init(name: String?, nationalID: String?, actor: String, reason: String) {
      self.name = name
      self.nationalID = nationalID
      self.actor = actor
      self.reason = reason
    }
  }

  /// `POST /v1/devices/{D}/edit` → Device. Nil: as it is.
  public struct EditDevice: Codable, Sendable {
    public var label: String?
    /// Longest silence in seconds; 0: never told.
    public var expectedIntervalSeconds: UInt32?
    public var actor: String
    public var reason: String
    public init(label: String?, expectedIntervalSeconds: UInt32?, actor: String, reason: String) {
      self.label = label
      self.expectedIntervalSeconds = expectedIntervalSeconds
      self.actor = actor
      self.reason = reason
    }
  }

  /// A row of the access log: `GET /v1/audit?patient=P1&limit=100` → [AuditRow], newest first.
  public struct AuditRow: Codable, Sendable {
    public var id: UInt64
    public var at: String
    public var actor: String
    public var action: String
    public var patient: String?
    public var purpose: String
    public var detail: String

    package init(id: UInt64, at: String, actor: String, action: String, patient: String? = nil, purpose: String, detail: String) {
      self.id = id
      self.at = at
      self.actor = actor
      self.action = action
      self.patient = patient
      self.purpose = purpose
      self.detail = detail
    }
  }
}
