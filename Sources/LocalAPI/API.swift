// The JSON that travels over the core's Unix socket: what the command line, the forward role and the console role send
// and get. All times are ISO 8601 UTC text with milliseconds, all ids as people see them (`P7`, `D12`, an alert's
// UUID), all measured numbers decimal text, so that no binary float touches one. Adding a field is compatible;
// renaming or removing one needs a new path version.
//
// docs/local-api.md lists the routes, the meaning of each field, the events and the errors; a test compares it with these types
// and with the server. Every error is a `Failure`.

/// Namespace of the wire types.
public enum API {
  /// Any error's body.
  public struct Failure: Codable, Sendable {
    /// What is wrong, in one sentence that names the place and what is allowed.
    public var error: String
    /// What to do next, or nil.
    public var hint: String?
    public init(error: String, hint: String? = nil) {
      self.error = error
      self.hint = hint
    }
  }

  /// Something was stored durably.
  public struct Done: Codable, Sendable {
    /// The journal sequence that holds it.
    public var sequence: UInt64
    public init(sequence: UInt64) { self.sequence = sequence }
  }

  /// Who acts and why: part of every change, written to the access log.
  public struct Reason: Codable, Sendable {
    public var actor: String
    public var reason: String
    public init(actor: String, reason: String) {
      self.actor = actor
      self.reason = reason
    }
  }
}
