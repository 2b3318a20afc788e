// One finding of `knutepunkt doctor`, as a value that text and JSON are made from.

/// What was found in one place.
public struct DoctorLine: Sendable, Hashable, Codable {
  public enum State: String, Sendable, Hashable, Codable, CaseIterable {
    /// As it should be.
    case ok
    /// The hub works; somebody should know.
    case note
    /// Something that was asked for does not work.
    case problem
  }

  /// What was looked at: `configuration`, `state folder`, `bluetooth`, …
  public var area: String
  public var state: State
  /// What was found, without a full stop. No personal data, no secret.
  public var text: String
  /// What to do next; nil where nothing is to be done.
  public var next: String?

  public init(area: String, _ state: State, _ text: String, next: String? = nil) {
    self.area = area
    self.state = state
    self.text = text
    self.next = next
  }
}
