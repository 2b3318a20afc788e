// What a role beside the core tells it of itself: that it works. An open connection shows only that its process once did.

extension API {
  /// `POST /v1/roles` → Done. Sent every few seconds while the role's own work goes on.
  public struct RoleBeat: Codable, Sendable {
    /// `forward` or `console`.
    public var role: String

    /// The roles that the core waits for.
    public static let roles = ["forward", "console"]

    public init(role: String) { self.role = role }
  }
}
