// The real `knutepunkt run`: its configuration in a private folder, its process, and the moment at which it says READY to
// the service manager (we stand in for systemd's notification socket).

import Foundation

/// Where the hub's binary, its profiles and the folders for work are.
struct Surroundings {
  /// The release binary of the hub.
  var hub: String
  /// The repository's `DeviceProfiles`.
  var profiles: String
  /// Folder for journals: on the disk that is to be measured.
  var work: String
}

/// What differs between the hubs that are started here.
struct HubSettings {
  var patientsMax = 256
  var devicesMax = 1_024
  var alertsMax = 1_024
  /// Entries between two snapshots.
  var snapshotEvery = 10_000
  /// Whether alerts have a destination, so that outbox rows are written with them. Nobody listens there.
  var hasDestination = false

  static let standard = HubSettings()
}

/// One hub: a folder with its journal, and processes on it one after the other.
final class Hub {
  static let controller = "974760673"

  let state: WorkFolder
  /// Short, because a socket's path has 107 bytes at most.
  private let runtime: WorkFolder
  private let surroundings: Surroundings
  private let broker: UInt16
  private var starts = 0

  var socketPath: String { runtime.path + "/knutepunkt.sock" }
  var journalPath: String { state.path + "/journal.sqlite" }

  init(_ surroundings: Surroundings, broker: UInt16) throws {
    self.surroundings = surroundings
    self.broker = broker
    state = try WorkFolder(in: surroundings.work)
    runtime = try WorkFolder(in: "/tmp")
  }

  struct Started {
    let process: ChildProcess
    /// From before the spawn to READY, nanoseconds.
    let nanoseconds: UInt64
    /// Entries that the core took from the journal, by the hub's own log; nil when it did not say.
    let replayed: Int?
  }

  /// Starts a role (nil: all in one process) and waits until it is ready.
  func start(role: String?, _ settings: HubSettings = .standard, environment: [String: String] = [:]) throws -> Started {
    starts += 1
    let file = runtime.path + "/knutepunkt.yaml"
    try configuration(settings).write(toFile: file, atomically: true, encoding: .utf8)
    let notify = runtime.path + "/notify-\(starts)"
    let listener = try NotifySocket(notify)
    let arguments = ["run", "--config", file] + (role.map { ["--role", $0] } ?? [])
    let begin = Clock.now()
    let process = try ChildProcess(
      surroundings.hub, arguments, log: runtime.path + "/\(role ?? "all")-\(starts).log",
      environment: environment.merging(["NOTIFY_SOCKET": notify]) { $1 })
    let ready = try listener.waitForReady(of: process, seconds: 120)
    let said = process.logText.firstRange(of: "replayed=").map { process.logText[$0.upperBound...].prefix { $0.isNumber } }
    return Started(process: process, nanoseconds: ready - begin, replayed: said.flatMap { Int($0) })
  }

  private func configuration(_ settings: HubSettings) throws -> String {
    let observability = try freePort()
    let console = try freePort()
    var lines = [
      "hub: {name: bench-hub, controller: \"\(Self.controller)\", timeZone: Europe/Oslo, language: nb, state: \"\(state.path)\", runtime: \"\(runtime.path)\"}",
      "profiles: {folders: [\"\(surroundings.profiles)\"], trust: lab}",
      "realtime: {patientsMax: \(settings.patientsMax), devicesMax: \(settings.devicesMax), alertsMax: \(settings.alertsMax)}",
      "journal: {snapshotEvery: \(settings.snapshotEvery)}",
      // Nobody answers here, and an escalation in the middle of a measurement is another alert.
      "escalation: {high: [86400s, 86400s, 86400s], medium: [86400s, 86400s, 86400s]\(settings.hasDestination ? ", receivers: [{level: 0, destinations: [response]}]" : "")}",
      "links: {mqtt: [{name: bench, host: 127.0.0.1, port: \(broker)}]}",
      "console: {listen: \"127.0.0.1:\(console)\"}",
      "observability: {listen: \"127.0.0.1:\(observability)\"}",
      "logging: {level: notice}",
    ]
    if settings.hasDestination {
      let secret = runtime.path + "/response.secret"
      try "a secret of the benchmark, of no use to anybody\n".write(toFile: secret, atomically: true, encoding: .utf8)
      chmod(secret, 0o600)
      lines.append(
        "destinations: [{name: response, kind: webhook, url: \"http://127.0.0.1:9/\", secretFile: \"\(secret)\"}]")
      lines.append(
        "sharing: [{destination: response, controller: \"\(Self.controller)\", share: [alerts], patients: all, basis: benchmark}]")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// systemd's side of `sd_notify`.
private final class NotifySocket {
  private let descriptor: Int32
  private let path: String

  init(_ path: String) throws(BenchmarkError) {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw .system("socket", errno: errno) }
    var address = try LocalSocket.unixAddress(path)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    if result != 0 { throw .system("bind \(path)", errno: errno) }
  }

  deinit {
    close(descriptor)
    unlink(path)
  }

  /// The moment at which READY=1 came.
  func waitForReady(of process: ChildProcess, seconds: UInt64) throws(BenchmarkError) -> UInt64 {
    let deadline = Clock.now() + seconds * 1_000_000_000
    var bytes = [UInt8](repeating: 0, count: 4_096)
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while Clock.now() < deadline {
      if poll(&waiting, 1, 200) > 0 {
        let arrival = Clock.now()
        let count = recv(descriptor, &bytes, bytes.count, 0)
        if count > 0, String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").contains("READY=1") { return arrival }
      } else if !process.isRunning {
        throw .processEnded("knutepunkt", log: process.logText)
      }
    }
    throw .timedOut("the hub says READY\n" + process.logText)
  }
}
