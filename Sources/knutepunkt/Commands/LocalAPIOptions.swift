// The options that several commands share: where the core is, who acts and why, JSON or text.

import ArgumentParser
import Foundation
import HubConfiguration
import LocalAPI
import VitalSigns

/// Which core a command speaks to.
struct CoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The core's socket.", discussion: "Default: KNUTEPUNKT_SOCKET, else what the configuration says.", valueName: "path")
  )
  var socket: String?

  @Option(help: ArgumentHelp("The configuration whose core is meant (default: \(KnutepunktConfiguration.defaultPath)).", valueName: "file"))
  var config: String?

  /// The client; no connection is made yet.
  func client() throws -> LocalAPIClient { LocalAPIClient(socketPath: try socketPath()) }

  private func socketPath() throws -> String {
    if let socket { return socket }
    if let config { return try KnutepunktConfiguration.load(path: config).hub.socketPath }
    if let variable = ProcessInfo.processInfo.environment["KNUTEPUNKT_SOCKET"], !variable.isEmpty { return variable }
    // A default file that is missing or wrong is not this command's matter: the default path of the socket may still be right.
    let configured = try? KnutepunktConfiguration.load(path: KnutepunktConfiguration.defaultPath)
    return configured?.hub.socketPath ?? "/run/knutepunkt/knutepunkt.sock"
  }
}

/// Text or JSON.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON as the core answers it.")
  var json = false
}

/// Who acts: written to the access log.
struct ActorOptions: ParsableArguments {
  @Option(
    name: [.customLong("as"), .customLong("author")], help: ArgumentHelp("Who does this (default: your login name).", valueName: "name"))
  var name: String?

  /// The name that goes into the access log.
  var actor: String { name ?? Self.loginName }

  func validate() throws {
    let allowed = EntryLimits.actorCharacters
    guard allowed.contains(actor.count) else {
      throw ValidationError("--as: allowed are names of \(allowed.lowerBound) to \(allowed.upperBound) characters.")
    }
  }

  /// The login name. Behind sudo it is that of the person who called sudo.
  static var loginName: String {
    let user = getuid()
    if user == 0, let caller = ProcessInfo.processInfo.environment["SUDO_USER"], !caller.isEmpty { return caller }
    guard let entry = getpwuid(user), let name = entry.pointee.pw_name else { return "uid \(user)" }
    return String(cString: name)
  }
}

/// Reads a command's words for a person or a device, so that a slip is told before the core is asked.
enum IdentifierArgument {
  static func patient(_ text: String) throws -> String { try identifier(text, letter: "P", what: "patient", list: "patient list") }
  static func device(_ text: String) throws -> String { try identifier(text, letter: "D", what: "device", list: "device list") }

  private static func identifier(_ text: String, letter: String, what: String, list: String) throws -> String {
    let digits = text.uppercased().hasPrefix(letter) ? text.dropFirst() : text[...]
    guard let number = UInt32(digits), number > 0 else {
      throw ValidationError("\"\(text)\" is no \(what); allowed: an id such as \(letter)7, see knutepunkt \(list).")
    }
    return "\(letter)\(number)"
  }
}
