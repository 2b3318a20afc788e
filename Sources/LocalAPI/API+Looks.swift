// Who has looked at whom through another role: what the console tells the core for the access log.

extension API {
  /// `POST /v1/access/exports` → Done. Somebody is about to take records out of the journal.
  public struct RecordExport: Codable, Sendable {
    /// Whose; nil: everybody's.
    public var patient: String?
    /// What: the records, and from when to when.
    public var what: String
    public var actor: String
    public var reason: String
    public init(patient: String?, what: String, actor: String, reason: String) {
      self.patient = patient
      self.what = what
      self.actor = actor
      self.reason = reason
    }
  }

  /// `POST /v1/access/looks` → Done. A signed-in person has seen these people's data.
  public struct Looks: Codable, Sendable {
    /// The name that the person signed in with.
    public var actor: String
    /// `P7`, … At most `patientsMax`.
    public var patients: [String]
    /// What was looked at: `board`, `person page`.
    public var what: String

    /// More people than one hub can have.
    public static let patientsMax = 20_000

    public init(actor: String, patients: [String], what: String) {
      self.actor = actor
      self.patients = patients
      self.what = what
    }
  }
}
