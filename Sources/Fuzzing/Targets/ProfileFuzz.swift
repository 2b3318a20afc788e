// A vendor's profile: YAML from anybody, compiled as a catalogue compiles it.

import Foundation
import ProfileCatalogue

enum ProfileFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "profile", summary: "a device profile's YAML",
      seeds: { repository in
        let root = URL(fileURLWithPath: repository + "/DeviceProfiles").resolvingSymlinksInPath()
        let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return try files.filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
      },
      prepare: { _ in attempt })
  }

  /// What is refused says where and why.
  private static func attempt(_ bytes: [UInt8]) {
    do throws(CatalogueError) {
      _ = try ProfileCatalogue.compile(bytes: bytes, path: "input.yaml")
    } catch {
      precondition(!error.diagnostics.isEmpty, "a refused profile has no reason")
      for diagnostic in error.diagnostics { precondition(!diagnostic.message.isEmpty, "a reason is empty") }
    }
  }
}
