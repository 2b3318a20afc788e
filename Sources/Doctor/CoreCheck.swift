// Doctor: does a core answer on the socket of the configuration, and how is it. That no core answers is no problem: the doctor is
// called before the first start, too.

import HubConfiguration
import HubRuntime
import LocalAPI

/// Namespace of the check.
enum CoreCheck {
  /// What a running core says of itself, as far as other checks need it.
  struct Standing: Sendable, Hashable {
    var isRealtime: Bool
    var locksMemory: Bool
  }

  struct Answer: Sendable {
    package var lines: [DoctorLine]
    /// What the core says of itself; nil: no core answered.
    package var status: Standing?
  }

  /// A core that is well answers within milliseconds.
  private static let timeoutSeconds = 5

  static func ask(_ configuration: KnutepunktConfiguration?) async -> Answer {
    guard let configuration else { return Answer(lines: [], status: nil) }
    do throws(LocalAPIError) {
      let client = LocalAPIClient(socketPath: configuration.hub.socketPath)
      return answer(try await client.get("/v1/status", as: API.Status.self, timeoutSeconds: timeoutSeconds))
    } catch {
      return Answer(lines: [line(error)], status: nil)
    }
  }

  static func answer(_ status: API.Status) -> Answer {
    // Nothing is said against a way of scheduling that only a newer core knows.
    let standing = Standing(isRealtime: status.scheduling != .known(.ordinary), locksMemory: status.memoryLocked)
    let problems = status.problems ?? []
    let line =
      status.live
      ? DoctorLine(area: "core", .ok, problems.isEmpty ? "answers: \(status.summary)" : "answers")
      : DoctorLine(area: "core", .problem, "answers and is not live: \(status.summary)", next: "journalctl -u knutepunkt-core says why")
    let other =
      status.version == KnutepunktVersion.current
      ? []
      : [
        DoctorLine(
          area: "core", .note, "is of version \(status.version), this command of \(KnutepunktVersion.current)",
          next: "sudo systemctl restart knutepunkt.target takes the new one")
      ]
    return Answer(lines: [line] + problems.filter { $0.kind != .known(.coreStill) || status.live }.map(Self.line) + other, status: standing)
  }

  /// What the core says does not work is never less than a problem here.
  static func line(_ problem: API.Problem) -> DoctorLine {
    // Whoever reads this has called the doctor already: its own look at the same thing is among the lines.
    let sendsHere = problem.next?.hasPrefix("knutepunkt doctor") == true
    return DoctorLine(
      area: "core", .problem, problem.wordsAndDetail(now: SystemClock.wall()),
      next: sendsHere ? "the doctor's own look at it stands below" : problem.next)
  }

  static func line(_ error: LocalAPIError) -> DoctorLine {
    switch error {
    case .notRunning(let socket):
      DoctorLine(area: "core", .note, "does not run (nobody listens on \(socket))", next: "sudo systemctl start knutepunkt.target")
    case .notPermitted(let socket):
      DoctorLine(area: "core", .note, "may not be asked by this user (\(socket))", next: "use sudo, or localAPI.allowedUsers")
    case .noAnswer, .refused, .unexpectedAnswer:
      DoctorLine(area: "core", .problem, error.description, next: "journalctl -u knutepunkt-core says why")
    }
  }
}
