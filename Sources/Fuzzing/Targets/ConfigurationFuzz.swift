// The installer's file, as any text whatever: each refusal names its place.

import Foundation
import HubConfiguration

enum ConfigurationFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "configuration", summary: "knutepunkt.yaml",
      seeds: { repository in [Array(try Data(contentsOf: URL(fileURLWithPath: repository + "/Deploy/knutepunkt.example.yaml")))] },
      prepare: { _ in attempt })
  }

  /// What is refused says where and why.
  private static func attempt(_ bytes: [UInt8]) {
    do throws(ConfigurationError) {
      _ = try KnutepunktConfiguration.read(yaml: String(decoding: bytes, as: UTF8.self), file: "/etc/knutepunkt/knutepunkt.yaml")
    } catch {
      precondition(!error.diagnostics.isEmpty, "a refused file has no reason")
      for diagnostic in error.diagnostics {
        precondition(diagnostic.line >= 1 && diagnostic.column >= 1 && !diagnostic.message.isEmpty, "a reason names no place")
      }
    }
  }
}
