// Things that happen rather than being measured: a button pressed, a dose taken, a door opened.

/// What happened. Stored: append, never renumber.
@frozen public enum DeviceEventKind: UInt8, Sendable, Hashable, CaseIterable {
  /// Somebody asks for help. Never coalesced, delayed or suppressed.
  case sos = 1
  case fall = 2
  case lowBattery = 3
  case tamper = 4
  case jam = 5
  case dosePlanned = 10
  case doseDispensed = 11
  case doseTaken = 12
  case doseMissed = 13
  case doseRefused = 14
  case doseAssisted = 15
  case dispenserEmpty = 16
  case doorOpened = 20
  case doorClosed = 21
  case locked = 22
  case unlocked = 23
  case locking = 24
  case unlocking = 25
  case lockJammed = 26
  case motion = 30
  case motionEnded = 31
  /// The device or its bridge says that it is reachable / not reachable.
  case online = 40
  case offline = 41
  /// A retained or repeated state that carries no news, but proves that the device lives.
  case heartbeat = 42
  /// The device sent something without a meaning that its profile knows. Made by the hub, never by a profile.
  case notUnderstood = 43
  /// The device's clock is wrong (raised) or right again (cleared). Made by the hub, never by a profile.
  case clockWrong = 44
  /// The device has lost its pairing (raised) or is paired again (cleared). Made by the hub, never by a profile.
  case bondLost = 45
  /// The sensor says that it measures nobody (raised: no finger, strap off) or somebody again (cleared).
  case noContact = 46
}

/// Whether an event tells of a condition that starts, one that ends, or a moment. Stored.
@frozen public enum DeviceEventPhase: UInt8, Sendable, Hashable {
  case moment = 0
  case raised = 1
  case cleared = 2
}

/// One event. Fixed size. Realtime-safe.
@frozen public struct DeviceEvent: Sendable, Hashable {
  public var kind: DeviceEventKind
  public var phase: DeviceEventPhase
  /// The meaning depends on the kind. Dose events: the dose slot (0…7) of the person's plan. Calls for help: `perhapsTold`, or 0.
  /// Other kinds: 0. The highest bit of any kind is `isRetained`.
  public var detail: UInt32

  /// A press or fall that the broker sends a second time, when the hub does not know whether it told the first. An open alert of
  /// the same device is then told again under its own id; when none is open, a new one rises.
  @inlinable public static var perhapsTold: UInt32 { 1 }

  @inlinable public init(kind: DeviceEventKind, phase: DeviceEventPhase = .moment, detail: UInt32 = 0) {
    self.kind = kind
    self.phase = phase
    self.detail = detail
  }

  /// The broker kept the message and repeats it to whoever subscribes. The state is of some time before now, and no sign of life.
  @inlinable public var isRetained: Bool {
    get { detail & 1 << 31 != 0 }
    set { detail = newValue ? detail | 1 << 31 : detail & ~(1 << 31) }
  }
}

/// Where a tracker says it is. Fixed size. Realtime-safe.
@frozen public struct LocationFix: Sendable, Hashable {
  /// Degrees × 10⁷, WGS 84; −900 000 000…900 000 000.
  public var latitudeE7: Int32
  /// Degrees × 10⁷, WGS 84; −1 800 000 000…1 800 000 000.
  public var longitudeE7: Int32
  /// Radius of uncertainty in metres; `UInt32.max` when the device does not say.
  public var accuracyMetres: UInt32

  @inlinable public init(latitudeE7: Int32, longitudeE7: Int32, accuracyMetres: UInt32) {
    self.latitudeE7 = latitudeE7
    self.longitudeE7 = longitudeE7
    self.accuracyMetres = accuracyMetres
  }
  @inlinable public static var accuracyUnknown: UInt32 { UInt32.max }
}

/// What a profile's decoder emits from a device's bytes, in the frame's own order.
@frozen public enum Reading: Sendable, Hashable {
  case observation(Observation, at: DeviceTime)
  case event(DeviceEvent, at: DeviceTime)
  case location(LocationFix, at: DeviceTime)
}
