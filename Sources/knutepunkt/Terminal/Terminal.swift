// How commands print: tables with colour for a person at a terminal, tab-separated lines for a pipe, JSON when asked.
// NO_COLOR (https://no-color.org) and TERM=dumb switch colour off. Not here: what is printed.

import Foundation
import LocalAPI
import VitalSigns

enum Terminal {
  static let isInteractive = isatty(STDOUT_FILENO) == 1

  static let usesColour: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isInteractive && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }()

  static func print(_ text: String) { write(clean(text) + "\n", to: STDOUT_FILENO) }

  static func error(_ text: String) { write(clean(text) + "\n", to: STDERR_FILENO) }

  /// Text in which nothing but our own colours steers a terminal: a name may come from a device, a broker or a neighbour.
  static func clean(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isSteering) else { return text }
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while let scalar = rest.first {
      if scalar == "\u{1B}", let own = TextStyle.sequences.first(where: { rest.starts(with: $0.unicodeScalars) }) {
        result.append(contentsOf: own.unicodeScalars)
        rest = rest.dropFirst(own.unicodeScalars.count)
        continue
      }
      result.append(isSteering(scalar) ? "\u{FFFD}" : scalar)
      rest = rest.dropFirst()
    }
    return String(result)
  }

  /// The same for one field of one line: no line end or tab of its own either.
  static func field(_ text: String) -> String {
    let spaced = text.replacing("\t", with: " ")
    guard spaced.unicodeScalars.contains(where: { isSteering($0) || $0 == "\n" }) else { return spaced }
    return String(String.UnicodeScalarView(spaced.unicodeScalars.map { isSteering($0) || $0 == "\n" ? "\u{FFFD}" : $0 }))
  }

  /// Whether the scalar steers a terminal: control characters of both sets but line feed and tab, line and paragraph separators,
  /// and marks that turn the direction of writing.
  private static func isSteering(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0x00...0x1F, 0x7F...0x9F, 0x2028...0x2029, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// Writes everything. Ends the process when the reader has closed the pipe.
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes = bytes.dropFirst(count)
      } else if errno != EINTR {
        exit(errno == EPIPE ? 0 : ExitCodes.fault)
      }
    }
  }

  /// Shows these lines as the whole screen: from its first line, each cleared to its end, what is below cleared; so nothing flickers.
  static func redraw(_ lines: [String]) {
    write("\u{1B}[H" + lines.map { clean($0) + "\u{1B}[K\n" }.joined() + "\u{1B}[J", to: STDOUT_FILENO)
  }

  /// `value` as JSON: sorted keys, indented for a person, one line for a pipe.
  static func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      isInteractive ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
    write(escaped(String(decoding: try encoder.encode(value), as: UTF8.self)) + "\n", to: STDOUT_FILENO)
  }

  /// One line of JSON, for tests.
  static func json(_ value: some Encodable) throws -> String {
    escaped(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
  }

  /// The JSON with escapes for what JSON lets stand raw and a terminal obeys. The text stays the same for whoever reads it.
  static func escaped(_ json: String) -> String {
    guard json.unicodeScalars.contains(where: isSteering) else { return json }
    return json.unicodeScalars.reduce(into: "") { text, scalar in
      guard isSteering(scalar) else { return text.unicodeScalars.append(scalar) }
      text += JSONString.escape(scalar)
    }
  }
}

/// How a piece of text stands out.
enum TextStyle {
  case plain, heading, faint, good, low, medium, high

  /// Every sequence that `applied` makes.
  static let sequences =
    ["\u{1B}[0m"] + [TextStyle.heading, .faint, .good, .low, .medium, .high].compactMap(\.code).map { "\u{1B}[\($0)m" }

  private var code: String? {
    switch self {
    case .plain: nil
    case .heading: "1"
    case .faint: "2"
    case .good: "32"
    case .low: "36"
    case .medium: "33"
    case .high: "1;31"
    }
  }

  func applied(to text: String) -> String {
    guard Terminal.usesColour, let code else { return text }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }

  /// The style of an alert priority: red, yellow, cyan as in IEC 60601-1-8.
  static func priority(_ priority: API.Word<AlertPriority>) -> TextStyle {
    switch priority {
    case .known(.high): .high
    case .known(.medium): .medium
    case .known(.low), .unknown: .low
    }
  }

  /// IEC 60601-1-8's marks stand beside the colour, so that colour is never the only sign.
  static func marked(_ priority: API.Word<AlertPriority>) -> String {
    switch priority {
    case .known(.high): "*** high"
    case .known(.medium): "**  medium"
    case .known(.low): "*   low"
    // Of a newer core: it may mean more than high.
    case .unknown: "*** \(priority.key)"
    }
  }
}

/// One cell of a table.
struct Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  var text: String
  var style: TextStyle
  /// What a pipe gets when that is something else: a full id, an exact time.
  var plain: String

  init(_ text: String?, _ style: TextStyle = .plain, plain: String? = nil) {
    self.text = text.map { $0.isEmpty ? "–" : Terminal.field($0) } ?? "–"
    self.style = style
    self.plain = Terminal.field(plain ?? (text ?? "-"))
  }

  init(stringLiteral value: String) { self.init(value) }
}

/// A table: aligned columns under headings at a terminal, tab-separated lines without headings elsewhere.
struct Table {
  var headings: [String]
  var rows: [[Cell]] = []
  /// What a person reads when there are no rows; a pipe gets nothing.
  var whenEmpty: String

  init(_ headings: [String], whenEmpty: String) {
    self.headings = headings
    self.whenEmpty = whenEmpty
  }

  func print() {
    for line in lines(interactive: Terminal.isInteractive) { Terminal.print(line) }
  }

  func lines(interactive: Bool, indent: String = "") -> [String] {
    guard interactive else { return rows.map { row in row.map { $0.plain.replacing("\t", with: " ") }.joined(separator: "\t") } }
    if rows.isEmpty { return [indent + whenEmpty] }
    let widths = headings.indices.map { column in
      max(headings[column].count, rows.map { column < $0.count ? $0[column].text.count : 0 }.max() ?? 0)
    }
    func line(_ cells: [Cell]) -> String {
      var text = indent
      for (column, cell) in cells.enumerated() {
        let isLast = column == cells.count - 1
        text += cell.style.applied(to: cell.text)
        if !isLast { text += String(repeating: " ", count: max(0, widths[column] - cell.text.count) + 2) }
      }
      return text
    }
    return [line(headings.map { Cell($0, .heading) })] + rows.map(line)
  }
}
