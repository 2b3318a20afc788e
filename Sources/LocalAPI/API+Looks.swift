// Who has looked at whom through another role: what the console tells the core for the access log.

extension API {
  /// `POST /v1/access/looks` → Done. A signed-in person has seen these people's data.
  public struct Looks: Codable, Sendable {
    /// The name that the person signed in with.
    public var actor: String
    /// `P7`, … At most `patientsMax`.
    public var patients: [String]
    /// What was looked at: `board`.
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
