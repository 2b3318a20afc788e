// The texts of the commands that installers use, in the language that they read: one JSON file a language beside the
// executable, groups of names ("pair" → "timeUp" → "Tiden er ute."). A text may hold `{name}` places. `--help` and the
// commands for operations stay in English. Not here: how spans, signals and readings are said (InstallerWords.swift).

public import ArgumentParser
import Foundation
public import HubRuntime
import LocalAPI
import VitalSigns

/// The languages that installers can choose. Norwegian bokmål is the default.
extension TextLanguage: ExpressibleByArgument {
  /// The language that the environment asks for. Nil when it names none of the three: `C` is no wish for English.
  init?(environment: [String: String]) {
    let value = ["LC_ALL", "LC_MESSAGES", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    switch value.prefix(while: { $0.isLetter }).lowercased() {
    case "nb", "no": self = .nb
    case "nn": self = .nn
    case "en": self = .en
    default: return nil
    }
  }

  /// The first language that is known of: what was asked for, the hub's own, the environment's, bokmål.
  static func choose(asked: TextLanguage?, hub: String?, environment: [String: String]) -> TextLanguage {
    asked ?? hub.flatMap(TextLanguage.init(rawValue:)) ?? TextLanguage(environment: environment) ?? .nb
  }
}

/// The texts of one language.
struct InstallerTexts: Sendable {
  let language: TextLanguage
  let groups: [String: [String: String]]

  init(language: TextLanguage, json: Data, path: String) throws(CommandFailure) {
    guard let groups = try? JSONDecoder().decode([String: [String: String]].self, from: json) else {
      throw Self.broken(path, "is no object of objects of texts")
    }
    self.language = language
    self.groups = groups
  }

  /// Reads the language's file beside the executable.
  static func load(_ language: TextLanguage) throws(CommandFailure) -> InstallerTexts {
    let path = folder() + "/\(language.rawValue).json"
    guard let json = FileManager.default.contents(atPath: path) else { throw broken(path, "cannot be read") }
    return try InstallerTexts(language: language, json: json, path: path)
  }

  /// The folder of the texts. The generated accessor of a bundle ends the process when the bundle is missing, so the folder is
  /// sought here: beside the executable itself, also when it was called through a symbolic link.
  private static func folder() -> String {
    let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: executable).deletingLastPathComponent().path + "/knutepunkt_knutepunkt.resources/Resources/installer"
  }

  private static func broken(_ path: String, _ what: String) -> CommandFailure {
    CommandFailure(
      code: ExitCodes.fault, "the texts of this command are not usable: \(path) \(what)",
      hint: "install knutepunkt again: the folder knutepunkt_knutepunkt.resources belongs beside the executable")
  }

  /// Whether there is a text `group.name`.
  func has(_ group: String, _ name: String) -> Bool { groups[group]?[name] != nil }

  /// The text `group.name` with its places filled in one pass, so that a value is never read as a place. A test holds that
  /// every key that the code names is there; one that is missing all the same is shown as its key.
  func callAsFunction(_ group: String, _ name: String, _ values: [String: String] = [:]) -> String {
    guard let pattern = groups[group]?[name] else { return "\(group).\(name)" }
    return TextPlaces.filled(pattern, values)
  }
}

/// The language option of the commands that installers use.
struct InstallerOptions: ParsableArguments {
  @Option(help: "nb, nn or en (default: the hub's language).") var language: TextLanguage?

  /// The texts to speak with. Asks the hub for its language unless one was asked for; a hub that does not answer is
  /// reported by the request that follows.
  func texts(_ client: LocalAPIClient) async throws -> InstallerTexts {
    var hub: String?
    if language == nil {
      let pairing: API.Pairing? = try? await client.get("/v1/bluetooth/pairing", timeoutSeconds: 3)
      hub = pairing?.language
    }
    return try InstallerTexts.load(.choose(asked: language, hub: hub, environment: ProcessInfo.processInfo.environment))
  }
}

extension InstallerTexts {
  /// A request that failed, in the installer's language. The exit code is the same as in other commands.
  func failure(_ error: LocalAPIError) -> CommandFailure {
    var failure = CommandFailure(error)
    switch error {
    case .notRunning(let socket):
      failure.message = self("hub", "notRunning")
      failure.hint = self("hub", "notRunningNext", ["socket": socket])
    case .notPermitted:
      failure.message = self("hub", "notPermitted")
      failure.hint = self("hub", "notPermittedNext")
    case .noAnswer:
      failure.message = self("hub", "noAnswer")
      failure.hint = self("hub", "noAnswerNext")
    case .refused(_, let answer):
      failure.message = self("hub", "refused", ["text": answer.error])
      failure.hint = answer.hint
    case .unexpectedAnswer(let text):
      failure.message = self("hub", "unexpected")
      failure.hint = self("hub", "unexpectedNext", ["text": text])
    }
    return failure
  }

  /// Runs `body`; what the hub refuses comes out in the installer's language.
  func speaking<Result>(_ body: () async throws -> Result) async throws -> Result {
    do { return try await body() } catch let error as LocalAPIError { throw failure(error) }
  }
}
