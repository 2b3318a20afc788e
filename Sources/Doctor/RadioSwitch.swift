// Doctor: switches that keep a radio off, read from /sys/class/rfkill: one of software (rfkill block, a desktop's flight
// mode) and one of hardware (a slider, the firmware).

import Foundation

/// One rfkill switch of a Bluetooth adapter.
struct RadioSwitch: Sendable, Hashable {
  /// `hci0`, or what its driver calls it.
  var name: String
  var isSoftBlocked: Bool
  var isHardBlocked: Bool

  /// Every Bluetooth switch below `folder`, by name. No folder: no switches.
  static func list(_ folder: String = "/sys/class/rfkill") -> [RadioSwitch] {
    let entries = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    return entries.compactMap { entry in
      func text(_ file: String) -> String {
        ((try? String(contentsOfFile: "\(folder)/\(entry)/\(file)", encoding: .utf8)) ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
      }
      guard text("type") == "bluetooth" else { return nil }
      let name = text("name")
      return RadioSwitch(name: name.isEmpty ? entry : name, isSoftBlocked: text("soft") == "1", isHardBlocked: text("hard") == "1")
    }
  }
}
