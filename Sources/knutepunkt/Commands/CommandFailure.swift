// How a command fails: one exit code of sysexits.h, one line that says what is wrong, one that says what to do next.

import Foundation
import HubConfiguration
import LocalAPI

/// The exit codes of the command line, as in sysexits.h. Documented in `knutepunkt --help`.
enum ExitCodes {
  static let usage: Int32 = 64
  static let data: Int32 = 65
  static let noInput: Int32 = 66
  static let unavailable: Int32 = 69
  static let fault: Int32 = 70
  static let temporary: Int32 = 75
  static let notPermitted: Int32 = 77
  static let configuration: Int32 = 78
}

/// The end of a command that did not do what it was asked.
struct CommandFailure: Error {
  var code: Int32
  /// What is wrong. Nil when the command has said so already.
  var message: String?
  /// What to do next, or nil.
  var hint: String?

  init(code: Int32, _ message: String?, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  init(_ error: ConfigurationError) {
    let count = error.diagnostics.count
    self.init(
      code: ExitCodes.configuration, error.description,
      hint: "\(count == 1 ? "1 error" : "\(count) errors") in the configuration. All keys with their defaults: knutepunkt check --reference"
    )
  }

  init(_ error: LocalAPIError) {
    switch error {
    case .notRunning:
      self.init(
        code: ExitCodes.unavailable, error.description,
        hint: "is it running? systemctl status knutepunkt-core; or start one here: knutepunkt run. Elsewhere: --socket PATH")
    case .notPermitted:
      self.init(
        code: ExitCodes.notPermitted, error.description,
        hint: "use sudo, or let an administrator add you to localAPI.allowedUsers in the configuration")
    case .noAnswer:
      self.init(code: ExitCodes.temporary, error.description, hint: "a change may or may not have been made: look before you repeat it")
    case .refused(let status, let failure):
      let code =
        switch status {
        case 400, 404, 409: ExitCodes.data
        case 403: ExitCodes.notPermitted
        case 503: ExitCodes.temporary
        default: ExitCodes.fault
        }
      self.init(code: code, failure.error, hint: failure.hint)
    case .unexpectedAnswer:
      self.init(
        code: ExitCodes.fault, error.description, hint: "is the daemon of the same version? knutepunkt --version; knutepunkt status --json")
    }
  }

  /// Writes to standard error and ends the process.
  func end() -> Never {
    if let message { Terminal.error(message) }
    if let hint { Terminal.error("→ " + hint) }
    exit(code)
  }
}
