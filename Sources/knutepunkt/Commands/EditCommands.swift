// `patient edit` and `device edit`: a person's record, a misspelt name, a device whose silence should be told. What was before stays in
// the journal.

import ArgumentParser
import HubRuntime
import LocalAPI

struct PatientEdit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Change a person's record, or correct a name or national identity number; what was before stays.",
    discussion: """
      Example: knutepunkt patient edit P7 street="Storgata 1" city=Oslo kin.1.phone=22225555 --reason "flyttet inn"

      FIELD= removes a field. FIELD=- reads its text from standard input, so that a door code stays out of the shell's history. \
      knutepunkt patient fields lists the fields.
      """)
  @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
  @Argument(help: ArgumentHelp("What stands in the record from now on.", valueName: "field=text")) var fields: [String] = []
  @Option(help: "The name that nurses see from now on.") var name: String?
  @Option(
    name: .customLong("national-id"),
    help: ArgumentHelp("National identity number of 11 digits, or - to read it from standard input.", valueName: "number|-"))
  var nationalID: String?
  @Option(
    name: .customLong("based-on"),
    help: ArgumentHelp("Refuse the change when the record has another version than this by now.", valueName: "version"))
  var basedOn: Int?
  @Option(help: "Why, for the access log.") var reason: String
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func validate() throws {
    if name == nil, nationalID == nil, fields.isEmpty {
      throw ValidationError("Nothing to change. Give FIELD=TEXT, --name, --national-id, or several of them.")
    }
    if fields.isEmpty, basedOn != nil { throw ValidationError("--based-on belongs to fields of the record.") }
    if output.json, !fields.isEmpty, name != nil || nationalID != nil {
      throw ValidationError("With --json change either fields of the record or the name and number: the answer holds one of the two.")
    }
  }

  func run() async throws {
    let number = nationalID == "-" ? readLine() : nationalID
    let changes = try PersonRecordText.changes(fields)
    let client = try core.client()
    if name != nil || number != nil {
      let answer: API.Patient = try await client.post(
        "/v1/patients/\(patient)/edit", API.EditPatient(name: name, nationalID: number, actor: actor.actor, reason: reason))
      if output.json { return try Terminal.printJSON(answer) }
      Terminal.print("\(answer.id) is corrected: \(Terminal.field(answer.name))")
    }
    if changes.isEmpty { return }
    let record: API.PersonRecord = try await client.post(
      "/v1/patients/\(patient)/record", API.EditRecord(fields: changes, basedOn: basedOn, actor: actor.actor, reason: reason))
    if output.json { return try Terminal.printJSON(record) }
    Terminal.print("The record of \(patient) says so now: version \(record.version). knutepunkt patient show \(patient) shows it")
    if let notScored = record.notScored {
      Terminal.print(
        "NEWS2 is not made for \(patient): \(PersonRecordText.hindrance(notScored)). Limits of a plan work: knutepunkt plan set \(patient) …"
      )
    }
  }
}

struct DeviceEdit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Change what a device is called, or how long it may be silent.")
  @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
  @Option(help: "What people call it from now on.") var label: String?
  @Option(
    name: .customLong("expected-interval"),
    help: ArgumentHelp("Longest silence before an alert, e.g. 30h for daily use; 0s: nobody is told.", valueName: "duration"),
    transform: PlanFlagText.seconds) var expectedInterval: UInt32?
  @Option(help: "Why, for the access log.") var reason: String
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func validate() throws {
    if label == nil, expectedInterval == nil { throw ValidationError("Nothing to change. Give --label, --expected-interval, or both.") }
  }

  func run() async throws {
    let answer: API.Device = try await core.client().post(
      "/v1/devices/\(device)/edit",
      API.EditDevice(label: label, expectedIntervalSeconds: expectedInterval, actor: actor.actor, reason: reason))
    if output.json { return try Terminal.printJSON(answer) }
    Terminal.print("\(answer.id) is changed: \(Terminal.field(answer.label)). \(SilenceText.sentence(answer))")
  }
}

/// What a device's silence means.
enum SilenceText {
  static func sentence(_ device: API.Device) -> String {
    let seconds = Int64(device.expectedIntervalSeconds)
    return seconds == 0
      ? "Nobody is told when it falls silent; knutepunkt device edit \(device.id) --expected-interval 30h would tell of a day without it."
      : "An alert rises when it is silent for more than \(TimeSpan(seconds: seconds).text); knutepunkt device edit \(device.id) --expected-interval … changes that."
  }
}
