// What the core remembers of one device: whose it is, when it was last heard, and which conditions it reports. Plain
// integers without padding, like PatientState; all zero is the valid empty state.

import VitalSigns

/// The state of one device.
struct DeviceState {
  /// When the device last gave a sign of life, on the hub's timeline.
  var lastSeen: Int64
  /// When its newest location was measured.
  var lastFix: Int64
  /// The wall clock when it became its present person's: older stored values belong to whoever had it before.
  var assignedWall: Int64
  var id: UInt32
  /// Slot of its person, or 0.
  var patient: UInt32
  /// Next in the list of the same person's devices.
  var next: UInt32
  /// 0: it may be silent for ever.
  var expectedIntervalSeconds: UInt32
  /// How many alerts it has had while it was nobody's: part of their ids.
  var episodes: UInt32
  /// The open alert of each `DeviceCondition`, or 0.
  var alerts: InlineArray<9, UInt32>
  /// Bit n: the device says that condition n holds.
  var holding: UInt16
  var isContinuous: Bool
  var isSafetyAlarm: Bool
  /// Has ever sent a location while it was this person's.
  var isTracker: Bool
  var fence: FenceState
  var fixesOutside: UInt8
  var fixesInside: UInt8
}

/// Where a tracker stands to its person's fence.
enum FenceState {
  case unknown
  case inside
  case outside
}

/// Conditions that belong to a device rather than to a person, because a person may have two of a kind (two doors).
enum DeviceCondition {
  case signalLoss
  case lowBattery
  case tamper
  case jam
  case dispenserEmpty
  case lockJammed
  case openDoor
  case fall
  case outsideFence

  static var count: Int { @_noLocks get { 9 } }
  /// The place in `DeviceState.alerts`, and the bit in `holding`; see `NEWS2Severity.index`.
  var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }
  var bit: UInt16 { @_noLocks get { 1 << UInt16(truncatingIfNeeded: index) } }

  var rule: AlertRule {
    @_noLocks get {
      switch self {
      case .signalLoss: .signalLoss
      case .lowBattery: .lowBattery
      case .tamper: .tamper
      case .jam: .jam
      case .dispenserEmpty: .dispenserEmpty
      case .lockJammed: .lockJammed
      case .openDoor: .doorOpenAtNight
      case .fall: .fall
      case .outsideFence: .geofenceExit
      }
    }
  }
}
