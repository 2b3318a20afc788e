// `patient import`: people and their records out of a CSV file. The whole file is looked at first: one mistake, and nothing is imported. What
// was imported already is found again, so a file that was cut off is imported once more.

import ArgumentParser
import Foundation
import LocalAPI
import People

struct PatientImport: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Register people and fill in their records from a CSV file.",
    discussion: """
      The first line names the columns: patient (P7, for who is here already), name, nationalID, controller, and fields of the record as \
      knutepunkt patient fields lists them (street, kin.1.phone, …). Somebody is known by the patient column, else by the national identity \
      number, else by the name. An empty cell leaves what is there. Begin with --dry-run.
      """)
  @Argument(help: ArgumentHelp("The file, UTF-8; - is standard input.", valueName: "file")) var file: String
  @Flag(name: .customLong("dry-run"), help: "Say what would be done, and do nothing.") var isDryRun = false
  @Option(help: "Why, for the access log.") var reason = "import"
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func run() async throws {
    let table: CSVTable
    do { table = try CSVTable(try bytes()) } catch {
      throw CommandFailure(code: ExitCodes.data, "\(name):\(error.line): \(error.text)")
    }
    let client = try core.client()
    let people: [API.Patient] = try await client.get("/v1/patients")
    let plan = PatientImportPlan(table, people: people.filter { $0.ended == nil })
    if !plan.problems.isEmpty {
      let all = plan.problems.map { "\(name):\($0.line): \($0.text)" }
      all.dropLast().forEach(Terminal.error)
      throw CommandFailure(
        code: ExitCodes.data, all.last,
        hint: "\(all.count == 1 ? "1 mistake" : "\(all.count) mistakes"); nothing was imported. Mend the file, and begin with --dry-run")
    }
    if isDryRun {
      if output.json { return try Terminal.printJSON(plan.steps.map(\.description)) }
      plan.steps.forEach { Terminal.print("\(name):\($0.line): \($0.description.what)") }
      return Terminal.print("\(plan.summary) Nothing was done.")
    }
    var done: [PatientImportPlan.Description] = []
    for step in plan.steps {
      do { done.append(try await carryOut(step, client)) } catch {
        throw CommandFailure(
          code: ExitCodes.temporary, "\(name):\(step.line): \(error)",
          hint: "\(done.count) of \(plan.steps.count) people are imported; import the file again for the rest")
      }
      if !output.json { Terminal.print("\(name):\(step.line): \(done.last?.what ?? "")") }
    }
    if output.json { return try Terminal.printJSON(done) }
    Terminal.print(plan.summary)
  }

  private var name: String { file == "-" ? "standard input" : file }

  private func bytes() throws(CSVTable.Problem) -> [UInt8] {
    do {
      let data = file == "-" ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(fileURLWithPath: file))
      return Array(data)
    } catch {
      throw CSVTable.Problem(line: 0, text: "the file cannot be read; see that the path is right and that you may read it")
    }
  }

  private func carryOut(_ step: PatientImportPlan.Step, _ client: LocalAPIClient) async throws -> PatientImportPlan.Description {
    var description = step.description
    if step.patient == nil {
      let added: API.Patient = try await client.post(
        "/v1/patients",
        API.AddPatient(
          name: step.name ?? "", nationalID: step.nationalID, controller: step.controller, actor: actor.actor, reason: reason))
      description.patient = added.id
    } else if step.renames {
      let _: API.Patient = try await client.post(
        "/v1/patients/\(step.patient ?? "")/edit",
        API.EditPatient(name: step.name, nationalID: step.nationalID, actor: actor.actor, reason: reason))
    }
    guard let patient = description.patient, !step.fields.isEmpty else { return description }
    // Of a file that was imported before nothing is left to change, and no version comes of it.
    let _: API.PersonRecord = try await client.post(
      "/v1/patients/\(patient)/record", API.EditRecord(fields: step.fields, actor: actor.actor, reason: reason))
    return description
  }
}

/// What a file asks for: a step for each row, or what is wrong with it. Says nothing of what stands in cells.
struct PatientImportPlan {
  struct Step {
    var line: Int
    /// Nil: somebody new.
    var patient: String?
    var name: String?
    var nationalID: String?
    var controller: String?
    /// Name or number are others than what is registered.
    var renames = false
    var fields: [String: String] = [:]

    var description: Description {
      let who = patient.map { "\($0) is here already" } ?? "a new person"
      let fields = self.fields.isEmpty ? "no fields" : self.fields.count == 1 ? "1 field" : "\(self.fields.count) fields"
      return Description(line: line, patient: patient, what: "\(who); \(renames ? "name or number changes; " : "")\(fields) of the record")
    }
  }

  struct Description: Encodable {
    var line: Int
    var patient: String?
    var what: String
  }

  private(set) var steps: [Step] = []
  private(set) var problems: [CSVTable.Problem] = []

  private enum Column {
    case patient, name, nationalID, controller
    case field(PersonField)
  }

  init(_ table: CSVTable, people: [API.Patient]) {
    var columns: [Column?] = []
    for heading in table.headings { columns.append(column(heading, again: table.headings.count { $0 == heading } > 1)) }
    if !columns.contains(where: { if case .name = $0 { true } else if case .patient = $0 { true } else { false } }) {
      problems.append(CSVTable.Problem(line: 1, text: "no column names anybody; allowed: a column patient or name"))
    }
    if !problems.isEmpty { return }
    var seen: [String: Int] = [:]
    for row in table.rows {
      var step = Step(line: row.line)
      for (index, text) in row.cells.enumerated() where index < columns.count {
        if let column = columns[index] { take(text.trimmed, column, table.headings[index], row.line, &step) }
      }
      find(&step, people)
      let key = step.patient ?? step.nationalID ?? step.name ?? ""
      if let other = seen.updateValue(row.line, forKey: key) {
        problems.append(CSVTable.Problem(line: row.line, text: "the same person as in line \(other); allowed: each person once"))
      }
      steps.append(step)
    }
  }

  var summary: String {
    let new = steps.count { $0.patient == nil }
    return "\(new) new \(new == 1 ? "person" : "people"), \(steps.count - new) here already."
  }

  private mutating func column(_ heading: String, again: Bool) -> Column? {
    if again { problems.append(CSVTable.Problem(line: 1, text: "the column \(heading.debugDescription) comes twice; allowed: each once")) }
    switch heading {
    case "patient": return .patient
    case "name": return .name
    case "nationalID": return .nationalID
    case "controller": return .controller
    default:
      if let field = PersonField(key: heading) { return .field(field) }
      problems.append(
        CSVTable.Problem(
          line: 1,
          text:
            "there is no column \(heading.debugDescription); allowed: patient, name, nationalID, controller, and what knutepunkt patient fields lists"
        ))
      return nil
    }
  }

  private mutating func take(_ text: String, _ column: Column, _ heading: String, _ line: Int, _ step: inout Step) {
    if text.isEmpty { return }
    func wrong(_ allowed: String) -> CSVTable.Problem {
      CSVTable.Problem(line: line, text: "column \(heading) does not fit; allowed: \(allowed)")
    }
    switch column {
    case .patient:
      if let id = try? IdentifierArgument.patient(text) {
        step.patient = id
      } else {
        problems.append(wrong("an id such as P7, or nothing"))
      }
    case .name: step.name = text
    case .nationalID:
      let isNumber = text.utf8.count == 11 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
      if isNumber {
        step.nationalID = text
      } else {
        problems.append(wrong("exactly 11 digits; a spreadsheet drops a leading 0 unless the column is text"))
      }
    case .controller: step.controller = text
    case .field(let field):
      var record = PersonRecord()
      do {
        try record.set(field, to: text)
        step.fields[field.key] = text
      } catch { problems.append(wrong(field.form.allowed)) }
    }
  }

  /// Finds who is meant: by id, by number, by name.
  private mutating func find(_ step: inout Step, _ people: [API.Patient]) {
    func wrong(_ text: String) { problems.append(CSVTable.Problem(line: step.line, text: text)) }
    let known: API.Patient?
    if let id = step.patient {
      known = people.first { $0.id == id }
      if known == nil {
        wrong("there is no person \(id); allowed: who is registered (knutepunkt patient list), or nothing for somebody new")
      }
    } else if let number = step.nationalID {
      known = people.first { $0.nationalID == number }
    } else if let name = step.name {
      let alike = people.filter { $0.name == name }
      if alike.count > 1 { wrong("\(alike.count) people have this name; allowed: the patient column says who is meant") }
      known = alike.first
    } else {
      return wrong("nobody is named; allowed: patient, nationalID or name")
    }
    guard let known else {
      if step.patient == nil, step.name == nil { wrong("somebody new without a name; allowed: a name") }
      return
    }
    step.patient = known.id
    if let controller = step.controller, controller != known.controller {
      wrong("\(known.id) has another controller; allowed: the same, or nothing")
    }
    step.renames = step.name.map { $0 != known.name } == true || step.nationalID.map { $0 != known.nationalID } == true
  }
}
