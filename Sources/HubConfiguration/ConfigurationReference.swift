// The reference of all configuration keys, generated from the declarations that read them. `knutepunkt check
// --reference` prints it for docs/configuration.md.

/// Namespace of the reference.
public enum ConfigurationReference {
  /// One key.
  public struct Row: Sendable, Hashable {
    /// Full name; `[]` marks an item of a list: `links.mqtt[].host`.
    public var key: String
    public var type: String
    /// The default as written in the file, or `required`, or what an absent key means, in words.
    public var `default`: String
    public var meaning: String
  }

  /// All keys, in the order in which the file is usually written.
  public static var rows: [Row] {
    let reader = ConfigurationReader(file: "reference", checksFiles: false, isDescribing: true)
    _ = KnutepunktConfiguration(reading: ConfigurationSection(reader, nil, path: "", mark: nil))
    return reader.rows
  }

  /// The rows as a Markdown table.
  public static var markdown: String {
    let lines = rows.map { "| `\($0.key)` | \($0.type) | \(cell($0.default)) | \($0.meaning) |" }
    return (["| Key | Type | Default | Meaning |", "|---|---|---|---|"] + lines).joined(separator: "\n") + "\n"
  }

  /// Values as code, words as words.
  private static func cell(_ text: String) -> String {
    ["required", "none"].contains(text) || text.contains(" ") && !text.hasPrefix("[") ? text : "`\(text)`"
  }
}
