// Starts FHIRForwarderTests/receiver.py and asks it what it got. It ends with this object, or, by its input, with
// the test process.

import Foundation

final class WebhookReceiver {
  private let process = Process()
  private let input = Pipe()
  private let records: URL
  let base: String

  init() throws {
    records = FileManager.default.temporaryDirectory.appending(path: "knutepunkt-receiver-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: records, withIntermediateDirectories: true)
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    process.arguments = ["python3", folder.appending(path: "FHIRForwarderTests/receiver.py").path, records.path]
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
    base = "http://127.0.0.1:\(port)"
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

  func log() throws -> [Request] {
    let file = records.appending(path: "log.json")
    if !FileManager.default.fileExists(atPath: file.path) { return [] }
    return try JSONDecoder().decode([Request].self, from: Data(contentsOf: file))
  }
}
