// A table out of a CSV file, as spreadsheets write it: RFC 4180, with `;`, `,` or tabs between cells, whichever the first line has most of.
// Each cell knows its line and column, so that what is wrong can be named there.

/// A CSV file, read whole.
struct CSVTable {
  struct Row {
    /// The line in the file where the row begins, from 1.
    var line: Int
    var cells: [String]
  }

  /// The headings, without spaces at their ends.
  var headings: [String]
  var rows: [Row]

  /// What is wrong with the file, and where.
  struct Problem: Error, Equatable {
    var line: Int
    var text: String
  }

  init(_ bytes: [UInt8]) throws(Problem) {
    let text = try Self.text(bytes)
    var rows = try Self.rows(text, separator: Self.separator(text))
    rows.removeAll { $0.cells.allSatisfy { $0.allSatisfy(\.isWhitespace) } }
    guard !rows.isEmpty else { throw Problem(line: 1, text: "the file is empty; allowed: a line of headings, and a line for each person") }
    headings = rows.removeFirst().cells.map { $0.trimmed }
    self.rows = rows
    for row in rows where row.cells.count != headings.count {
      throw Problem(line: row.line, text: "\(row.cells.count) cells; allowed: as many as there are headings, \(headings.count)")
    }
  }

  private static func text(_ bytes: [UInt8]) throws(Problem) -> String {
    let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    if let text = String(validating: content, as: UTF8.self) { return text }
    // The first line that is none.
    var line = 1
    for part in content.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if String(validating: part, as: UTF8.self) == nil { break }
      line += 1
    }
    throw Problem(line: line, text: "the file is not UTF-8; save it as \"CSV UTF-8\"")
  }

  private static func separator(_ text: String) -> Character {
    let first = text.prefix { !$0.isNewline }
    let counts = ([";", ",", "\t"] as [Character]).map { mark in (mark, first.count { $0 == mark }) }
    return counts.max { $0.1 < $1.1 }?.0 ?? ";"
  }

  private static func rows(_ text: String, separator: Character) throws(Problem) -> [Row] {
    var rows: [Row] = []
    var row = Row(line: 1, cells: [])
    var cell = ""
    var (line, quotedSince) = (1, Int?.none)
    var wasQuoted = false
    func problem(_ text: String) -> Problem { Problem(line: line, text: text) }
    var rest = text[...]
    while let character = rest.popFirst() {
      if quotedSince != nil {
        if character.isNewline { line += 1 }
        if character != "\"" {
          cell.append(character)
        } else if rest.first == "\"" {
          cell.append("\"")
          rest.removeFirst()
        } else {
          quotedSince = nil
          wasQuoted = true
        }
      } else if character == "\"" {
        guard cell.isEmpty, !wasQuoted else {
          throw problem("a quotation mark within a cell; allowed: around a whole cell, doubled within it")
        }
        quotedSince = line
      } else if character == separator || character.isNewline {
        row.cells.append(cell)
        (cell, wasQuoted) = ("", false)
        guard character.isNewline else { continue }
        line += 1
        rows.append(row)
        row = Row(line: line, cells: [])
      } else {
        guard !wasQuoted else { throw problem("text after a quotation mark; allowed: the next cell") }
        cell.append(character)
      }
    }
    if let quotedSince { throw Problem(line: quotedSince, text: "a quotation mark that nothing closes") }
    if !cell.isEmpty || wasQuoted || !row.cells.isEmpty {
      row.cells.append(cell)
      rows.append(row)
    }
    return rows
  }
}

extension String {
  /// Without spaces at its ends.
  var trimmed: String {
    guard let last = lastIndex(where: { !$0.isWhitespace }), let first = firstIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(self[first...last])
  }
}
