// Programs that the benchmark starts, and folders that it makes: each has an owner who ends it, by process id, and one
// book knows them all, so that an interrupted run leaves nothing behind.

import Dispatch
import Foundation
import Synchronization

/// Everything that must not outlive this process. Any thread.
final class CleanUpBook: Sendable {
  static let shared = CleanUpBook()

  private let state = Mutex((processes: Set<Int32>(), folders: Set<String>()))

  func add(process: Int32) { state.withLock { _ = $0.processes.insert(process) } }
  func remove(process: Int32) { state.withLock { _ = $0.processes.remove(process) } }
  func add(folder: String) { state.withLock { _ = $0.folders.insert(folder) } }
  func remove(folder: String) { state.withLock { _ = $0.folders.remove(folder) } }

  /// Ends what still runs, by process id, and removes the folders.
  func cleanUp() {
    let left = state.withLock { $0 }
    for process in left.processes { kill(process, SIGKILL) }
    for folder in left.folders { try? FileManager.default.removeItem(atPath: folder) }
  }

  /// Ctrl-C and SIGTERM clean up before they end the process. Call once, at start, and keep what it returns.
  func watchSignals() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        CleanUpBook.shared.cleanUp()
        exit(128 + number)
      }
      source.resume()
      return source
    }
  }
}

/// A private folder, removed with its owner.
final class WorkFolder: Sendable {
  let path: String

  /// - Parameter parent: made when it is missing.
  init(in parent: String) throws {
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    var template = Array("\(parent)/bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw BenchmarkError.system("mkdtemp in \(parent)", errno: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    CleanUpBook.shared.add(folder: path)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
    CleanUpBook.shared.remove(folder: path)
  }
}

/// One program under way. Ended with its owner.
final class ChildProcess {
  let name: String
  private let process = Process()
  private let log: String

  var id: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }
  var logText: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

  /// Starts it; what it prints goes to the file `log`.
  init(_ program: String, _ arguments: [String], log: String, environment: [String: String] = [:]) throws {
    name = (program as NSString).lastPathComponent
    self.log = log
    _ = FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600])
    guard let output = FileHandle(forWritingAtPath: log) else { throw BenchmarkError.system("open \(log)", errno: errno) }
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    var all = ProcessInfo.processInfo.environment
    for key in ["LD_PRELOAD", "NOTIFY_SOCKET", "WATCHDOG_USEC"] { all[key] = nil }
    process.environment = all.merging(environment) { $1 }
    try process.run()
    CleanUpBook.shared.add(process: id)
    try output.close()
  }

  deinit { stop() }

  /// SIGTERM, and SIGKILL when that is not obeyed in time. Waits for the end.
  func stop(within seconds: Double = 15) {
    defer { CleanUpBook.shared.remove(process: id) }
    guard isRunning else { return }
    process.terminate()
    if !wait(within: seconds) {
      kill(id, SIGKILL)
      _ = wait(within: 5)
    }
  }

  /// False when it still runs after this time.
  func wait(within seconds: Double) -> Bool {
    let deadline = Clock.now() + UInt64(seconds * 1e9)
    while isRunning {
      if Clock.now() > deadline { return false }
      Clock.sleep(milliseconds: 2)
    }
    return true
  }

  /// From `/proc/PID/status`, bytes, e.g. `VmRSS`, `RssAnon`, `RssFile`, `VmHWM`; and `Private_Dirty`, of `smaps_rollup`.
  func memory() throws -> [String: Double] {
    let text = try String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)
    var found: [String: Double] = [:]
    for line in text.split(separator: "\n") where line.hasSuffix("kB") {
      let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
      if parts.count == 3, let value = Double(parts[1]) { found[String(parts[0])] = value * 1_024 }
    }
    let pages = (try? String(contentsOfFile: "/proc/\(id)/smaps_rollup", encoding: .utf8)) ?? ""
    for line in pages.split(separator: "\n") where line.hasPrefix("Private_Dirty:") {
      let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
      if parts.count == 3, let value = Double(parts[1]) { found["Private_Dirty"] = value * 1_024 }
    }
    return found
  }

  /// The number of the thread of this name; nil when it has none.
  func thread(named name: String) -> Int32? {
    let folder = "/proc/\(id)/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let found = threads.first { (try? String(contentsOfFile: "\(folder)/\($0)/comm", encoding: .utf8)) == name + "\n" }
    return found.flatMap { Int32($0) }
  }
}

/// Where a program is; Debian keeps daemons outside an ordinary user's PATH.
func findProgram(_ name: String) throws(BenchmarkError) -> String {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  for folder in path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"] {
    let candidate = folder + "/" + name
    if access(candidate, X_OK) == 0 { return candidate }
  }
  throw .noProgram(name)
}
