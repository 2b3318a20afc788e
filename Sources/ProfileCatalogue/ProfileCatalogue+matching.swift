// Finding profiles: by id, by topic, by what a Bluetooth device shows. Two profiles that claim the same devices with equal priority
// do not load together, because chance would decide which one wins.

public import DeviceProfile

extension ProfileCatalogue {
  /// The profile with this id (`sig/pulse-oximeter`), or nil.
  public func profile(id: String) -> DeviceProfile? { profiles.first { $0.id == id } }

  /// The profiles with a program for a topic, highest priority first; those that are only for devices registered by name come last.
  ///
  /// All zigbee2mqtt devices share `zigbee2mqtt/{device}`. There the registry says which profile a device has, and this list is
  /// what an installer may choose from.
  public func profiles(matchingTopic topic: String) -> [DeviceProfile] {
    ranked(profiles.filter { $0.transport.isMQTT && $0.address(fromTopic: topic) != nil })
  }

  /// The profiles whose description holds for a Bluetooth device, highest priority first.
  public func profiles(matching device: BluetoothAppearance) -> [DeviceProfile] {
    ranked(profiles.filter { !$0.transport.isMQTT && !$0.match.byNameOnly && $0.match.holds(for: device) })
  }

  private func ranked(_ profiles: [DeviceProfile]) -> [DeviceProfile] {
    profiles.sorted { a, b in
      if a.match.byNameOnly != b.match.byNameOnly { return b.match.byNameOnly }
      return (-a.match.priority, a.id) < (-b.match.priority, b.id)
    }
  }

  static func ambiguities(in compiled: [(profile: DeviceProfile, file: ProfileFile)]) -> [ProfileDiagnostic] {
    var diagnostics: [ProfileDiagnostic] = []
    for (index, second) in compiled.enumerated() {
      for first in compiled[..<index] where areAmbiguous(first.profile, second.profile) {
        diagnostics.append(
          second.file.diagnostic(
            "match",
            "matches the same devices as \(first.profile.id) with the same priority; allowed: another `priority`, a closer description, or `byNameOnly: true`"
          ))
      }
    }
    return diagnostics
  }

  private static func areAmbiguous(_ a: DeviceProfile, _ b: DeviceProfile) -> Bool {
    guard a.match.priority == b.match.priority, !a.match.byNameOnly, !b.match.byNameOnly else { return false }
    if a.transport.isMQTT != b.transport.isMQTT { return false }
    guard a.transport.isMQTT else { return a.match.describesBluetooth && a.match.isSameDescription(as: b.match) }
    let patterns = a.frames.compactMap(\.topicPattern)
    return b.frames.compactMap(\.topicPattern).contains { other in patterns.contains { $0.overlaps(other) } }
  }
}

extension FrameProgram {
  /// The topic by which one device is found; nil for a topic that speaks for many.
  var topicPattern: TopicPattern? { if case .topic(let pattern) = key, !isShared { pattern } else { nil } }
}
