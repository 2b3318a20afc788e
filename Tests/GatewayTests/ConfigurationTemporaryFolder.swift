// A folder that lives as long as its owner, for tests that need real files.

import Foundation
import Testing

final class TemporaryFolder {
  let path: String

  init() {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("knutepunkt-\(UUID().uuidString)").path
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, readable by its owner only, and gives its path.
  func write(_ text: String, to name: String, mode: Int = 0o600) -> String {
    let file = path + "/" + name
    let isWritten = FileManager.default.createFile(atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
    if !isWritten { Issue.record("cannot write \(file)") }
    return file
  }
}
