// What a role beside the core tells it of itself: that it works. An open connection shows only that its process once did.

extension API {
  /// The roles that the core waits for.
  public enum Role: String, WireWord, CaseIterable { case forward, console }

  /// `POST /v1/roles` → Done. Sent every few seconds while the role's own work goes on.
  public struct RoleBeat: Codable, Sendable {
    public var role: Word<Role>

    public init(role: Word<Role>) { self.role = role }
  }
}
