// What went wrong while profiles were loaded, in the form that editors and people understand.

/// One problem: `file:line:column: what is wrong; allowed: what is allowed`.
public struct ProfileDiagnostic: Error, Sendable, Hashable, CustomStringConvertible {
  public var file: String
  /// From 1; 0 when the problem is with the file as a whole.
  public var line: Int
  public var column: Int
  public var message: String

  public init(file: String, line: Int = 0, column: Int = 0, message: String) {
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  public var description: String { line == 0 ? "\(file): \(message)" : "\(file):\(line):\(column): \(message)" }
}

/// All problems of a catalogue. Nothing was loaded. Trying again helps only after the files were mended.
public struct CatalogueError: Error, Sendable, CustomStringConvertible {
  public var diagnostics: [ProfileDiagnostic]
  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
