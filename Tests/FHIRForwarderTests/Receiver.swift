// Starts receiver.py and asks it what it got. It ends with this object, or, by its input, with the test process.
// WebhookForwarderTests has the same starter for the same script.

import Foundation

final class Receiver {
  private let process = Process()
  private let input = Pipe()
  private let records: URL
  let base: String

  /// - Parameter tls: with the certificate beside the script, for `localhost`.
  init(tls: Bool = false) throws {
    records = FileManager.default.temporaryDirectory.appending(path: "knutepunkt-receiver-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: records, withIntermediateDirectories: true)
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    process.arguments = ["python3", folder.appending(path: "FHIRForwarderTests/receiver.py").path, records.path] + (tls ? ["tls"] : [])
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    var line = Data()
    while line.last != UInt8(ascii: "\n") {
      let chunk = output.fileHandleForReading.availableData
      if chunk.isEmpty { throw CocoaError(.fileReadUnknown) }
      line += chunk
    }
    let port = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace).last ?? ""
    base = tls ? "https://localhost:\(port)" : "http://127.0.0.1:\(port)"
  }

  deinit {
    // Not by closing its input, of which another test's process may hold a copy; and not by SIGTERM, which a process that
    // was started from a concurrency thread inherits as blocked.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: records)
  }

  struct Request: Decodable {
    var method: String
    var path: String
    var headers: [String: String]
    var body: String
  }

  func log() throws -> [Request] { try read("log.json", or: []) }
  /// How often each resource was made or replaced.
  func store() throws -> [String: Int] { try read("store.json", or: [:]) }

  private func read<Value: Decodable>(_ name: String, or nothing: Value) throws -> Value {
    let file = records.appending(path: name)
    if !FileManager.default.fileExists(atPath: file.path) { return nothing }
    return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
  }
}
