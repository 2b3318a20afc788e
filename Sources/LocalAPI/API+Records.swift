// The record of a person: read, changed, its versions, and what of it is restricted. Which fields there are, and what may stand in each:
// `PersonField`.

public import VitalSigns

extension API {
  /// One version: `GET /v1/patients/{P}/record`, with `?version=3` an older one; `GET /v1/patients/{P}/record/versions` → all, newest
  /// first.
  public struct PersonRecord: Codable, Sendable {
    public var patient: String
    /// 0: nobody has written a record yet.
    public var version: Int
    public var at: String?
    public var author: String?
    public var reason: String?
    /// Field to text, without what is restricted.
    public var fields: [String: String]
    /// Restricted fields that are set. What stands in them: `POST /v1/patients/{P}/record/restricted`.
    public var withheld: [String]
    /// Why NEWS2 is not made for the person now; nil: it is.
    public var notScored: Word<NEWS2Hindrance>?

    package init(
      patient: String, version: Int, at: String? = nil, author: String? = nil, reason: String? = nil, fields: [String: String],
      withheld: [String], notScored: Word<NEWS2Hindrance>? = nil
    ) {
      self.patient = patient
      self.version = version
      self.at = at
      self.author = author
      self.reason = reason
      self.fields = fields
      self.withheld = withheld
      self.notScored = notScored
    }
  }

  /// `POST /v1/patients/{P}/record` → PersonRecord. Fields that are not named stay as they are; an empty text removes one. What stands there already
  /// makes no new version.
  public struct EditRecord: Codable, Sendable {
    public var fields: [String: String]
    /// The version that the change was made from: another one since then is a conflict. Nil: whatever there is.
    public var basedOn: Int?
    public var actor: String
    public var reason: String

    public init(fields: [String: String], basedOn: Int? = nil, actor: String, reason: String) {
      self.fields = fields
      self.basedOn = basedOn
      self.actor = actor
      self.reason = reason
    }
  }

  /// `POST /v1/patients/{P}/record/restricted` → RestrictedFields. Under an open alert of the person no reason is needed; without one it is.
  public struct ShowRestricted: Codable, Sendable {
    public var alert: String?
    public var reason: String?
    public var actor: String

    public init(alert: String? = nil, reason: String? = nil, actor: String) {
      self.alert = alert
      self.reason = reason
      self.actor = actor
    }
  }

  public struct RestrictedFields: Codable, Sendable {
    public var patient: String
    public var version: Int
    public var fields: [String: String]
    /// False: the store stands still, and the row of the access log waits for it. Only under an open alert.
    public var isLogged: Bool

    package init(patient: String, version: Int, fields: [String: String], isLogged: Bool) {
      self.patient = patient
      self.version = version
      self.fields = fields
      self.isLogged = isLogged
    }
  }
}
