// How far a journal of an older version is on its way to this one: for the log, and for whoever waits for the start.

/// After one step. In words for operations: `the journal is brought to version 4: 35 %`.
public struct UpgradeProgress: Sendable, Hashable, CustomStringConvertible {
  /// The version that is being made.
  public let version: Int
  /// The version that this program needs; others may lie between.
  public let of: Int
  /// What is being done.
  public let part: String
  /// Of this version's work, 0 to 100.
  public let percent: Int

  public init(version: Int, of: Int, part: String, percent: Int) {
    self.version = version
    self.of = of
    self.part = part
    self.percent = percent
  }

  public var description: String {
    "the journal is brought to version \(version)\(version == of ? "" : " of \(of)"): \(part), \(percent) %"
  }
}
