// `patient` and `device`: who is here, and which device is whose. Each change is an event in the journal with its author
// and reason. Looking at one device is in DeviceShowCommand.swift, trying and finding it in DeviceTestCommand.swift.

import ArgumentParser
import HubConfiguration
import LocalAPI

struct PatientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "patient", abstract: "The people whom this hub looks after.",
    subcommands: [Add.self, List.self, PatientShow.self, PatientEdit.self, PatientImport.self, PatientFields.self, End.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Register a person.")
    @Argument(help: "The name that nurses see.") var name: String
    @Option(
      name: .customLong("national-id"),
      help: ArgumentHelp(
        "National identity number of 11 digits, or - to read it from standard input.",
        discussion: "With - it stays out of the shell's history and the process list. Sent only where an agreement lets it go.",
        valueName: "number|-"))
    var nationalID: String?
    @Option(help: "Organisation number of the data controller (default: the hub's own).") var controller: String?
    @Option(help: "Why, for the access log.") var reason = "registration"
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func validate() throws {
      if let controller, let complaint = OrganisationNumber.complaint(about: controller) {
        throw ValidationError("--controller: \"\(controller)\" \(complaint); allowed: a Norwegian organisation number of 9 digits.")
      }
      if let nationalID, nationalID != "-", !Self.isNationalID(nationalID) {
        throw ValidationError("--national-id: allowed are exactly 11 digits, or -.")
      }
    }

    private static func isNationalID(_ text: String) -> Bool { text.utf8.count == 11 && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }

    private func readNationalID() throws -> String? {
      guard nationalID == "-" else { return nationalID }
      guard let line = readLine(), Self.isNationalID(line) else {
        throw CommandFailure(
          code: ExitCodes.data, "standard input holds no national identity number; allowed: one line of exactly 11 digits")
      }
      return line
    }

    func run() async throws {
      let number = try readNationalID()
      let patient: API.Patient = try await core.client().post(
        "/v1/patients", API.AddPatient(name: name, nationalID: number, controller: controller, actor: actor.actor, reason: reason))
      if output.json { return try Terminal.printJSON(patient) }
      Terminal.print(
        "\(patient.id) is registered: \(patient.name). Next: knutepunkt device add … --patient \(patient.id); knutepunkt plan set \(patient.id) …"
      )
      if patient.nobodyCalled == true {
        Terminal.print(
          "NOBODY IS CALLED for \(patient.id): no agreement lets a receiver of alarms have alerts about them. Alarms are on the board only."
            + " Next: name \(patient.id) and the controller \(patient.controller) under `sharing`, and restart the core and forward roles")
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List people with their latest score.")
    @Flag(help: "Also those who no longer belong to this hub.") var all = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let everybody: [API.Patient] = try await core.client().get("/v1/patients")
      let patients = everybody.filter { all || $0.ended == nil }
      if output.json { return try Terminal.printJSON(patients) }
      var table = Table(
        ["Id", "Name", "NEWS2", "Scored", "Devices", "Since"], whenEmpty: "Nobody is registered. Next: knutepunkt patient add NAME")
      for patient in patients {
        let name = patient.ended == nil ? Cell(patient.name) : Cell("\(patient.name) (ended)", .faint)
        table.rows.append([
          Cell(patient.id), name, patient.notScored.map { Cell("not made: \($0.key)") } ?? ScoreText.cell(patient.score),
          TimeDisplay.cell(patient.score?.at),
          Cell(patient.devices.joined(separator: " ")),
          TimeDisplay.cell(patient.since),
        ])
      }
      table.print()
    }
  }

  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "end", abstract: "End a person's time at this hub.",
      discussion: "Devices are released and open alerts stay for somebody to resolve. The record is kept as long as the configuration says."
    )
    @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
    @Option(help: "Why, for the access log.") var reason: String
    @OptionGroup var actor: ActorOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let done: API.Done = try await core.client().post("/v1/patients/\(patient)/end", API.Reason(actor: actor.actor, reason: reason))
      Terminal.print("\(patient) has ended (entry \(done.sequence)).")
    }
  }
}

struct DeviceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "device", abstract: "The devices and whose they are.",
    subcommands: [Add.self, List.self, Show.self, DeviceEdit.self, Test.self, Identify.self, Assign.self, Release.self, Remove.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Register a device.",
      discussion:
        "Profiles: knutepunkt profile list. Example: knutepunkt device add --profile zigbee2mqtt/sos-button --address sos-hall --patient P3 \"SOS button, hall\""
    )
    @Argument(help: "What people call it, e.g. \"SOS button, hall\".") var label: String
    @Option(help: "The device profile, e.g. zigbee2mqtt/sos-button.") var profile: String
    @Option(help: "What the profile's topic or advertisement names the device with.") var address: String
    @Option(help: "The person whose it is from now on, e.g. P7.", transform: IdentifierArgument.patient) var patient: String?
    @Option(
      name: .customLong("expected-interval"),
      help: ArgumentHelp(
        "Longest silence before an alert, e.g. 30m; 0s: it may be silent for ever (default: what is usual for such a device).",
        valueName: "duration"),
      transform: PlanFlagText.seconds) var expectedInterval: UInt32?
    @Option(help: "Why, for the access log.") var reason = "registration"
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let device: API.Device = try await core.client().post(
        "/v1/devices",
        API.AddDevice(
          label: label, profile: profile, address: address, expectedIntervalSeconds: expectedInterval, patient: patient, actor: actor.actor,
          reason: reason))
      if output.json { return try Terminal.printJSON(device) }
      let next = device.patient.map { ", assigned to \($0)" } ?? ". Next: knutepunkt device assign \(device.id) P…"
      Terminal.print("\(device.id) is registered: \(device.label)\(next)")
      Terminal.error(SilenceText.sentence(device))
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List devices, whose they are and when they were last heard.")
    @Flag(help: "Also those that were removed.") var all = false
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let client = try core.client()
      let devices: [API.Device] = try await client.get(all ? "/v1/devices?all=true" : "/v1/devices")
      if output.json { return try Terminal.printJSON(devices) }
      let texts = try await installer.texts(client)
      // A hub without Bluetooth has no columns for it. The same table is shown when the hub does not answer this request.
      let bluetooth: API.Bluetooth? = try? await client.get("/v1/bluetooth", timeoutSeconds: 5)
      DeviceListText(texts: texts, bluetooth: bluetooth.flatMap { $0.available ? $0 : nil }).table(devices).print()
    }
  }

  struct Assign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "assign", abstract: "Let a device be a person's from now on.")
    @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
    @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
    @Option(help: "Why, for the access log.") var reason = "assignment"
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let answer: API.Device = try await core.client().post(
        "/v1/devices/\(device)/assign", API.AssignDevice(patient: patient, actor: actor.actor, reason: reason))
      if output.json { return try Terminal.printJSON(answer) }
      Terminal.print("\(answer.id) (\(answer.label)) is \(answer.patient ?? patient)'s from now on.")
    }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "release", abstract: "Let a device be nobody's from now on; it stays registered.")
    @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
    @Option(help: "Why, for the access log.") var reason: String
    @OptionGroup var actor: ActorOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let done: API.Done = try await core.client().post("/v1/devices/\(device)/release", API.Reason(actor: actor.actor, reason: reason))
      Terminal.print("\(device) is nobody's from now on (entry \(done.sequence)).")
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Remove a device from this hub; Bluetooth forgets its pairing.", aliases: ["end"])
    @Argument(help: "The device, e.g. D12.", transform: IdentifierArgument.device) var device: String
    @Option(help: "Why, for the access log.") var reason: String
    @OptionGroup var installer: InstallerOptions
    @OptionGroup var actor: ActorOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let client = try core.client()
      let texts = try await installer.texts(client)
      let done: API.Done = try await texts.speaking {
        try await client.post("/v1/devices/\(device)/remove", API.Reason(actor: actor.actor, reason: reason))
      }
      Terminal.print(texts("device", "removed", ["device": device, "sequence": "\(done.sequence)"]))
      Terminal.print(texts("device", "forgotten"))
    }
  }
}
