// `profile`: for those who write device profiles. Needs no running hub and no configuration.

import ArgumentParser
import DeviceProfile
import Foundation
import ProfileCatalogue

struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile", abstract: "Device profiles: list, check, and decode a frame with one.",
    subcommands: [List.self, CheckFolder.self, Decode.self], defaultSubcommand: List.self)

  /// Where a checkout has the profiles, and where a package puts them.
  static let folders = ["DeviceProfiles", "/usr/share/knutepunkt/DeviceProfiles"]

  /// The folder given, or the first that exists.
  static func folder(_ given: String?) throws -> URL {
    for path in given.map({ [$0] }) ?? folders {
      var isFolder = ObjCBool(false)
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { return URL(fileURLWithPath: path) }
    }
    throw CommandFailure(
      code: ExitCodes.noInput, given.map { "there is no folder \($0)" } ?? "there is no folder \(folders.joined(separator: " or "))",
      hint: "name the folder that holds <vendor>/<model>.yaml")
  }

  static func catalogue(_ folder: URL) throws -> ProfileCatalogue {
    do {
      return try ProfileCatalogue(folders: [folder], trust: .lab)
    } catch {
      throw CommandFailure(code: ExitCodes.data, error.description, hint: "DeviceProfiles/README.md explains the grammar")
    }
  }

  /// One profile from its file.
  static func profile(_ path: String) throws -> DeviceProfile {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandFailure(code: ExitCodes.noInput, "there is no file \(path)", hint: "knutepunkt profile list shows the profiles")
    }
    do {
      return try ProfileCatalogue.load(file: URL(fileURLWithPath: path))
    } catch {
      throw CommandFailure(code: ExitCodes.data, error.description, hint: "DeviceProfiles/README.md explains the grammar")
    }
  }

  /// One profile from its file, also while its self-tests are not complete. What they lack goes to standard error.
  static func draft(_ path: String) throws -> DeviceProfile {
    guard FileManager.default.fileExists(atPath: path) else { return try profile(path) }
    do {
      let (draft, unproved) = try ProfileCatalogue.loadDraft(file: URL(fileURLWithPath: path))
      if let first = unproved.first {
        let count = unproved.count == 1 ? "one thing" : "\(unproved.count) things"
        Terminal.error(
          "a draft: its self-tests lack \(count), so no hub loads it yet (knutepunkt profile check \(path)). The first: \(first)")
      }
      return draft
    } catch {
      throw CommandFailure(code: ExitCodes.data, error.description, hint: "DeviceProfiles/README.md explains the grammar")
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the profiles of a folder.")
    @Argument(help: "The folder; default DeviceProfiles here, else the installed one.") var folder: String?
    @OptionGroup var output: OutputOptions

    private struct Row: Encodable {
      var id: String
      var version: String
      var vendor: String
      var model: String
      var transport: String
      var address: String?
      var tier: String
    }

    func run() throws {
      let rows = try ProfileCommand.catalogue(try ProfileCommand.folder(folder)).profiles.map {
        Row(
          id: $0.id, version: "\($0.version)", vendor: $0.vendor, model: $0.model, transport: $0.transport.rawValue,
          address: $0.addressForm,
          tier: $0.identity.tier.rawValue)
      }
      if output.json { return try Terminal.printJSON(rows) }
      var table = Table(["Profile", "Version", "Vendor", "Model", "Transport", "Address", "Tier"], whenEmpty: "There are no profiles.")
      for row in rows {
        table.rows.append([
          Cell(row.id), Cell(row.version), Cell(row.vendor), Cell(row.model), Cell(row.transport), Cell(row.address), Cell(row.tier),
        ])
      }
      table.print()
    }
  }

  struct CheckFolder: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Compile a profile, or every profile of a folder, and run the self-tests.",
      discussion: "One line for each problem: file:line:column: what is wrong, and what is allowed. Exit code 65 when there is one.")
    @Argument(help: "A file or a folder; default DeviceProfiles here, else the installed one.") var place: String?

    func run() throws {
      let profiles = try profiles()
      let tests = profiles.reduce(0) { $0 + $1.selfTests.count }
      Terminal.print("\(profiles.count) \(profiles.count == 1 ? "profile" : "profiles"), \(tests) self-tests: all good.")
    }

    private func profiles() throws -> [DeviceProfile] {
      if let place, place.hasSuffix(".yaml") { return [try ProfileCommand.profile(place)] }
      return try ProfileCommand.catalogue(try ProfileCommand.folder(place)).profiles
    }
  }

  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "decode", abstract: "Decode one frame with a profile.",
      discussion: """
        Prints one JSON object a line for each observation (loinc mdc value unit quality time) and event, exactly as the hub \
        would record them. Exit code 65 with the reason on standard error when the frame is rejected. A profile whose self-tests \
        are not complete yet decodes too, and a note on standard error says what they lack.
        """)
    @Argument(help: ArgumentHelp("The profile's file.", valueName: "file")) var profile: String
    @Option(help: ArgumentHelp("Which characteristic the bytes came from, short or long.", valueName: "uuid")) var characteristic: String?
    @Option(help: "Which topic they came from.") var topic: String?
    @Option(help: ArgumentHelp("The frame as hexadecimal digits; spaces, colons, - and a 0x in front are ignored.", valueName: "digits"))
    var hex: String?
    @Option(help: ArgumentHelp("A file with the frame's bytes.", valueName: "path")) var file: String?
    @Flag(help: "As if the broker had stored the message.") var retained = false

    func validate() throws {
      if (hex == nil) == (file == nil) { throw ValidationError("give the frame with --hex or --file, one of the two") }
      if characteristic != nil && topic != nil { throw ValidationError("give --characteristic or --topic, not both") }
    }

    func run() throws {
      let loaded = try ProfileCommand.draft(profile)
      let report = ProfileDecodeReport(profile: loaded, frame: try frame(), frameName: characteristic ?? topic, retained: retained)
      switch report.outcome {
      case .lines(let lines): for line in lines { Terminal.print(line) }
      case .rejected(let reason): throw CommandFailure(code: ExitCodes.data, reason)
      }
    }

    private func frame() throws -> [UInt8] {
      if let file {
        guard let data = FileManager.default.contents(atPath: file) else {
          throw CommandFailure(code: ExitCodes.noInput, "the file \(file) cannot be read")
        }
        return Array(data)
      }
      guard let bytes = ProfileDecodeReport.bytes(hex: hex ?? "") else {
        throw CommandFailure(code: ExitCodes.usage, "--hex holds something that is not an even number of hexadecimal digits")
      }
      return bytes
    }
  }
}
