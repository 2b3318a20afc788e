// What is wrong with a configuration file, and where. A diagnostic always names file, line and column, says what is
// wrong in words that the person with the editor open understands, and says what is allowed instead.

/// One finding in a configuration file.
public struct ConfigurationDiagnostic: Sendable, Hashable, CustomStringConvertible {
  public enum Severity: Sendable, Hashable {
    /// The hub does not start.
    case error
    /// The hub starts; somebody should know.
    case warning
  }

  public var severity: Severity
  /// The file's name as given on the command line.
  public var file: String
  /// Counts from 1. It is 1 where the whole file is meant.
  public var line: Int
  /// Counts from 1, in Unicode scalars.
  public var column: Int
  /// What is wrong, and what is allowed.
  public var message: String

  public init(severity: Severity, file: String, line: Int, column: Int, message: String) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  /// `file:line:column: message`, the form that editors jump to. A warning says that it is one.
  public var description: String {
    "\(file):\(line):\(column): \(severity == .warning ? "warning: " : "")\(message)"
  }
}

/// A configuration file that cannot be used. Trying again helps only after the file has changed.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  /// All errors of the file in its own order, at least one. Warnings are left out.
  public var diagnostics: [ConfigurationDiagnostic]

  public init(diagnostics: [ConfigurationDiagnostic]) { self.diagnostics = diagnostics }

  /// One diagnostic a line.
  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
