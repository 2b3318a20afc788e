// A real mosquitto on a free loopback port, in a folder of its own, and its command-line clients. Each test makes one and
// ends what it started. Waiting is on events with a deadline; a deadline is long, because build machines stall.

import Foundation
import Synchronization
import Testing

/// Removed with its content at the end.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "mqttlink-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }

  @discardableResult func write(_ name: String, _ content: String) throws -> String {
    try content.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }
}

struct CommandFailure: Error {
  var command: String
  var output: String
}

/// Runs a command to its end and gives its output; throws when it fails.
@discardableResult func command(_ path: String, _ arguments: [String], input: String? = nil) throws -> String {
  let process = Process()
  process.executableURL = URL(filePath: path)
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  let inputPipe = Pipe()
  process.standardInput = inputPipe
  try process.run()
  inputPipe.fileHandleForWriting.write(Data((input ?? "").utf8))
  try inputPipe.fileHandleForWriting.close()
  let data = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  let text = String(decoding: data, as: UTF8.self)
  guard process.terminationStatus == 0 else { throw CommandFailure(command: path, output: text) }
  return text
}

/// Used by one test, on one thread.
final class TestBroker {
  let folder: TemporaryFolder
  let port: Int
  private var process: Process?

  /// `options`: further lines of mosquitto.conf; `listener` replaces "listener PORT 127.0.0.1\nallow_anonymous true".
  init(options: String = "", listener: ((Int) -> String)? = nil, folder: TemporaryFolder? = nil) throws {
    self.folder = try folder ?? TemporaryFolder()
    port = try Self.freePort()
    let listen = listener?(port) ?? "listener \(port) 127.0.0.1\nallow_anonymous true"
    try self.folder.write(
      "mosquitto.conf",
      """
      user root
      per_listener_settings false
      log_type all
      log_dest stderr
      \(listen)
      \(options)

      """)
    try start()
  }

  deinit { stop() }

  func start() throws {
    let log = folder.path("log")
    if !FileManager.default.fileExists(atPath: log) { try folder.write("log", "") }
    let handle = try #require(FileHandle(forWritingAtPath: log))
    handle.seekToEndOfFile()
    let runs = count("running")
    let process = Process()
    process.executableURL = URL(filePath: "/usr/sbin/mosquitto")
    process.arguments = ["-c", folder.path("mosquitto.conf")]
    process.standardError = handle
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    self.process = process
    #expect(eventually { self.count("running") > runs }, "mosquitto did not start: \(logText)")
  }

  /// SIGKILL, and waits for the end. Not SIGTERM: the child has inherited the signal mask of a test's worker thread, which blocks it.
  func stop() {
    guard let process else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    self.process = nil
  }

  var logText: String { (try? String(contentsOfFile: folder.path("log"), encoding: .utf8)) ?? "" }

  /// How often the log holds `text`.
  func count(_ text: String) -> Int { logText.components(separatedBy: text).count - 1 }

  func logs(_ text: String, times: Int = 1) -> Bool { eventually { self.count(text) >= times } }

  func publish(_ topic: String, _ payload: String, qos: Int = 1, retain: Bool = false, extra: [String] = []) throws {
    var arguments = ["-h", "127.0.0.1", "-p", "\(port)", "-t", topic, "-q", "\(qos)", "-s"] + extra
    if retain { arguments.append("-r") }
    try command("/usr/bin/mosquitto_pub", arguments, input: payload)
  }

  /// One message a line, in one connection, in order.
  func publishLines(_ topic: String, _ lines: [String], qos: Int = 1) throws {
    try command(
      "/usr/bin/mosquitto_pub", ["-h", "127.0.0.1", "-p", "\(port)", "-t", topic, "-q", "\(qos)", "-l"],
      input: lines.joined(separator: "\n") + "\n")
  }

  /// The retained message of a topic, or an error after 5 s.
  func retained(_ topic: String) throws -> String {
    try command(
      "/usr/bin/mosquitto_sub", ["-h", "127.0.0.1", "-p", "\(port)", "-t", topic, "-C", "1", "-W", "5"]
    ).trimmingCharacters(in: .newlines)
  }

  /// From below the ports that the kernel gives to outgoing connections: one of those could be taken by any connection of the machine
  /// before mosquitto opens it, or while it is stopped. No two tests of this process are given the same.
  static func freePort() throws -> Int {
    for _ in 0..<1_000 {
      let port = 10_000 + (Int(getpid()) &* 64 + given.wrappingAdd(1, ordering: .relaxed).oldValue) % 20_000
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let result = withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
      if result == 0 { return port }
    }
    throw CommandFailure(command: "bind", output: "no port is free")
  }

  private static let given = Atomic<Int>(0)
}

/// Whether `condition` comes true before the deadline. For things outside this process (a log file, a port), which send no event.
func eventually(_ condition: () -> Bool) -> Bool {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(60)
  while clock.now < end {
    if condition() { return true }
    usleep(5_000)
  }
  return condition()
}
