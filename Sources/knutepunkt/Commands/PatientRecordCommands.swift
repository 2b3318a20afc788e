// `patient show` and `patient fields`: what staff must know of a person to help. What is restricted is shown under an open alert or for a
// stated reason only.

import ArgumentParser
import LocalAPI
import People
import VitalSigns

struct PatientShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a person's record: address, how to get in, telephones, next of kin, what to do.",
    discussion: """
      Door codes and key boxes are shown with --restricted alone, under an open alert of the person (--alert) or for a reason (--reason); \
      each time is a row of the access log.
      """)
  @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
  @Option(help: ArgumentHelp("An older version.", valueName: "number")) var version: Int?
  @Flag(help: "List the versions: who changed what, when and why.") var history = false
  @Flag(help: "Show door code, key box and the like.") var restricted = false
  @Option(help: ArgumentHelp("With --restricted: the open alert for which they are needed.", valueName: "alert")) var alert: String?
  @Option(help: "With --restricted: why.") var reason: String?
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func validate() throws {
    if restricted, alert == nil, reason == nil { throw ValidationError("--restricted needs --alert or --reason.") }
    if !restricted, alert != nil || reason != nil { throw ValidationError("--alert and --reason belong to --restricted.") }
    if restricted, history || version != nil {
      throw ValidationError("--restricted shows what holds now; leave --history and --version out.")
    }
    if history, version != nil { throw ValidationError("Give --history or --version, not both.") }
  }

  func run() async throws {
    let client = try core.client()
    let path = "/v1/patients/\(patient)/record"
    if restricted {
      let shown: API.RestrictedFields = try await client.post(
        path + "/restricted", API.ShowRestricted(alert: alert, reason: reason, actor: actor.actor))
      if output.json { return try Terminal.printJSON(shown) }
      PersonRecordText.lines(shown.fields, whenEmpty: "Nothing is set.").forEach(Terminal.print)
      if !shown.isLogged { Terminal.print("The access log cannot take the row now: the store stands still. Say on paper that you looked.") }
      return
    }
    if history {
      let versions: [API.PersonRecord] = try await client.get(path + "/versions")
      if output.json { return try Terminal.printJSON(versions) }
      return PersonRecordText.history(versions).print()
    }
    let record: API.PersonRecord = try await client.get(path + (version.map { "?version=\($0)" } ?? ""))
    if output.json { return try Terminal.printJSON(record) }
    let empty =
      "Nothing is written about \(patient) yet. Next: knutepunkt patient edit \(patient) street=\"Storgata 1\" city=Oslo --reason …"
    PersonRecordText.lines(record.fields, whenEmpty: empty).forEach(Terminal.print)
    if !record.withheld.isEmpty {
      Terminal.print(
        "Withheld: \(record.withheld.joined(separator: ", ")). Next: knutepunkt patient show \(patient) --restricted --reason …")
    }
    if let notScored = record.notScored { Terminal.print("NEWS2 is not made: \(PersonRecordText.hindrance(notScored))") }
    if record.version > 0 {
      let by = record.author.map { " by \(Terminal.field($0))" } ?? ""
      Terminal.print("Version \(record.version), \(TimeDisplay.local(record.at) ?? "?")\(by): \(Terminal.field(record.reason ?? ""))")
    }
  }
}

struct PatientFields: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fields", abstract: "List the fields of a person's record, and what may stand in each.")
  @OptionGroup var output: OutputOptions

  private struct Field: Encodable {
    var field: String
    var allowed: String
    var isRestricted: Bool
  }

  func run() throws {
    let fields = PersonField.allCases.map { Field(field: $0.key, allowed: $0.form.allowed, isRestricted: $0.isRestricted) }
    if output.json { return try Terminal.printJSON(fields) }
    var table = Table(["Field", "Allowed", "Shown"], whenEmpty: "")
    table.rows = fields.map { [Cell($0.field), Cell($0.allowed), Cell($0.isRestricted ? "under an alert or for a reason" : "always")] }
    table.print()
  }
}

enum PersonRecordText {
  /// A line for each field, in the order of the list.
  static func lines(_ fields: [String: String], whenEmpty: String) -> [String] {
    var table = Table(["Field", "Is"], whenEmpty: whenEmpty)
    let known = PersonField.allCases.map(\.key)
    // What a newer core knows comes last.
    for key in known.filter({ fields[$0] != nil }) + fields.keys.filter({ !known.contains($0) }).sorted() {
      let lines = (fields[key] ?? "").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for (index, line) in lines.enumerated() { table.rows.append([Cell(index == 0 ? key : ""), Cell(Terminal.field(line))]) }
    }
    return table.lines(interactive: Terminal.isInteractive)
  }

  static func history(_ versions: [API.PersonRecord]) -> Table {
    var table = Table(["Version", "When", "By", "Changed", "Why"], whenEmpty: "Nothing was ever written.")
    for (index, version) in versions.enumerated() {
      let before = index + 1 < versions.count ? versions[index + 1].fields : [:]
      let keys = Set(version.fields.keys).union(before.keys).filter { version.fields[$0] != before[$0] }
      let changed = PersonField.allCases.map(\.key).filter(keys.contains)
      table.rows.append([
        Cell("\(version.version)"), TimeDisplay.cell(version.at), Cell(Terminal.field(version.author ?? "")),
        Cell(changed.isEmpty ? "restricted fields" : changed.joined(separator: " ")), Cell(Terminal.field(version.reason ?? "")),
      ])
    }
    return table
  }

  static func hindrance(_ word: API.Word<NEWS2Hindrance>) -> String {
    switch word {
    case .known(.under16): "the person is under 16 years"
    case .known(.pregnant): "the person is pregnant"
    case .unknown(let word): word
    }
  }

  /// `street=Storgata 1` → field and text. `-` reads one line of standard input, for what must not stand in a shell's history.
  static func changes(_ texts: [String], line: () -> String? = { readLine() }) throws -> [String: String] {
    var changes: [String: String] = [:]
    for text in texts {
      guard let split = text.firstIndex(of: "="), let field = PersonField(key: String(text[..<split])) else {
        throw ValidationError("\"\(text)\" is not understood; allowed: FIELD=TEXT, see knutepunkt patient fields.")
      }
      var value = String(text[text.index(after: split)...])
      if value == "-" {
        guard let read = line() else { throw ValidationError("\(field.key)=- reads a line of standard input, and there is none.") }
        value = read
      }
      guard changes.updateValue(value, forKey: field.key) == nil else {
        throw ValidationError("\(field.key) is given twice; allowed: each once.")
      }
      var record = PersonRecord()
      do { try record.set(field, to: value) } catch {
        throw ValidationError("\(field.key) does not fit; allowed: \(field.form.allowed), or nothing to remove it.")
      }
    }
    return changes
  }
}
