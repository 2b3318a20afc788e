// A device profile: everything that the hub knows about one kind of device, written as data by its vendor. This file
// is the compiled model; `ProfileCompiler` makes it from YAML, `FrameDecoder` runs its programs.
//
// Vocabulary: a *frame* is one message of the device (a GATT notification, an advertisement, an MQTT payload). A
// *frame program* is what turns such bytes into readings. An *address* is how a link tells one device of the profile
// from another (`lock-1`, `anna/phone`). Not here: files, signatures and matching across profiles (ProfileCatalogue).

public import VitalSigns

/// How a device's bytes reach the hub.
public enum ProfileTransport: String, Sendable, Hashable, CaseIterable {
  case bleGatt
  case bleAdvertisement
  /// MQTT with JSON payloads. Single topics may say `payload: bytes`.
  case mqttJSON
  /// MQTT with payloads of raw bytes. Single topics may say `payload: json`.
  case mqttBinary

  public var isMQTT: Bool { self == .mqttJSON || self == .mqttBinary }
}

/// How much has been proved about a profile, from a reading of the manual to a certified device.
public enum ProfileTier: String, Sendable, Hashable, CaseIterable {
  case bronze, silver, gold, platinum
}

/// Who the profile is about and who answers for it.
public struct ProfileIdentity: Sendable {
  public var vendor: String
  public var model: String
  public var summary: String?
  /// Global Trade Item Number or UDI device identifier.
  public var gtin: String?
  /// Firmware versions that the profile was tried with, as free text.
  public var firmware: String?
  /// The MDC code of the device type (528388: pulse oximeter).
  public var deviceType: UInt32?
  public var licence: String?
  public var owner: String?
  public var tier: ProfileTier
}

/// One kind of device, compiled and checked. Immutable; any thread may decode with it at the same time.
public struct DeviceProfile: Sendable {
  /// `vendor/model`, the path of the file without `.yaml`: `sig/pulse-oximeter`.
  public let id: String
  public let version: SemanticVersion
  public let identity: ProfileIdentity
  public let transport: ProfileTransport
  public let match: ProfileMatch
  public let liveness: DeviceLiveness
  /// How long such a device is silent at most when it is used as most people use it (a cuff once a day: 26 h). Whoever registers
  /// one accepts or changes it. Nil when the profile gives none, or when the device may be silent for ever by its nature.
  public let typicalIntervalSeconds: UInt32?
  /// How the hub treats the device over Bluetooth. `bleGatt` always has a plan; of a `bleAdvertisement`'s plan the priority alone
  /// counts; MQTT has none.
  public let bluetooth: BluetoothSessionPlan?
  /// The MQTT quality of service to subscribe with. It is 1 for everything that must not be lost.
  public let subscriptionQoS: UInt8
  public let observations: [ObservationDeclaration]
  public let events: [EventDeclaration]
  public let frames: [FrameProgram]
  public let commands: [CommandDeclaration]
  public let selfTests: [SelfTestVector]

  public var vendor: String { identity.vendor }
  public var model: String { identity.model }

  /// The interval that a registration proposes: the profile's own, else the typical one. Nil when nothing can be proposed. Silence
  /// is then never told, and somebody must say that this is meant.
  public var suggestedIntervalSeconds: UInt32? {
    liveness.expectedIntervalSeconds == 0 ? typicalIntervalSeconds : liveness.expectedIntervalSeconds
  }

  /// Whether somebody may call for help with the device: it is a safety alarm, or one of its events is SOS or a fall.
  public var carriesCallsForHelp: Bool { liveness.isSafetyAlarm || events.contains { $0.kind.isCallForHelp } }

  /// Whether somebody must hear what the device says: a call for help, a dose, a jam, an open door.
  public var carriesAlarms: Bool { carriesCallsForHelp || events.contains { $0.kind.isAlarmOfItsOwn } }

  /// Whether somebody must hear that a frame held what nobody understands: it may have been a call for help, a dose, an open door.
  /// A measurement that no body can have is in another unit, and so not understood either; a battery's number is not that important.
  public func isLoudAbout(_ result: DecodeResult) -> Bool {
    guard carriesAlarms else { return false }
    return result.dropped.contains { (dropped: DroppedReading) -> Bool in
      if dropped.reason.isNotUnderstood { return true }
      guard dropped.reason == .hardRange, case .observation(let index) = dropped.subject else { return false }
      return observations.indices.contains(index) && observations[index].code != .batteryLevel
    }
  }

  /// The same for a frame that was refused as a whole. An empty message does not count: it erases what the broker had stored.
  public func isLoudAbout(_ rejection: FrameRejection) -> Bool { carriesAlarms && rejection.reason != .empty }

  /// The declaration with this key, or nil.
  public func observation(_ key: String) -> ObservationDeclaration? { observations.first { $0.key == key } }
  public func command(_ key: String) -> CommandDeclaration? { commands.first { $0.key == key } }
}

/// `major.minor.patch`, compared in that order.
public struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var major: UInt32
  public var minor: UInt32
  public var patch: UInt32

  public init(major: UInt32, minor: UInt32, patch: UInt32) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Reads exactly three numbers with points; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt32($0) }
    guard parts.count == 3, let major = parts[0], let minor = parts[1], let patch = parts[2] else { return nil }
    self.init(major: major, minor: minor, patch: patch)
  }

  public var description: String { "\(major).\(minor).\(patch)" }

  public static func < (a: Self, b: Self) -> Bool {
    (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
  }
}
