// The folders of the configuration that the hub makes itself: for its state, and for its sockets.

import Foundation

/// Creates a folder that only the service's user may enter.
package func makeFolder(_ path: String, mode: Int = 0o700) throws(StartError) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
  } catch {
    throw .folder(path: path, reason: error.localizedDescription)
  }
  if access(path, W_OK | X_OK) != 0 { throw .folder(path: path, reason: String(cString: strerror(errno))) }
}

extension KnutepunktConfiguration.HubSettings {
  /// A link to the journal in use, made by the core. In an emergency that is another file than `journalPath`.
  package var journalPointer: String { runtimePath + "/journal" }
}
