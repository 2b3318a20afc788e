// What the core remembers of one device: whose it is, when it was last heard, and which conditions it reports. Plain
// integers without padding, like PatientState; all zero is the valid empty state. Instants are nanoseconds on the hub's
// timeline; 0 means "none".

package import VitalSigns

/// The state of one device.
package struct DeviceState {
  /// When the device last gave a sign of life.
  package var lastSeen: Int64
  /// When its newest location was measured; before the first one, since when it should have given one.
  package var lastFix: Int64
  /// The wall clock when it became its present person's: older stored values belong to whoever had it before.
  package var assignedWall: Int64
  /// When its last usable measurement arrived, late ones included; before the first one, since when it should have given one.
  package var lastMeasured: Int64
  /// When it counts as heard without measuring, unless a measurement comes first.
  package var measuringDue: Int64
  /// Since when it, or its bridge, says that it is gone. Any sign of life ends it.
  package var offlineSince: Int64
  /// When it last reported a fall as a state that lasts.
  package var lastFall: Int64
  /// When it last said something that its profile does not know.
  package var lastNotUnderstood: Int64
  /// When `callDebt` was last counted down.
  package var callsAt: Int64
  /// By condition. While it holds and no alert is open: when it rises again. While an alert is open: before this it is not
  /// told anew. Else: a return before this is unsettled.
  package var again: InlineArray<13, Int64>
  /// By condition: when an unsettled alert whose condition has ended clears itself.
  package var settles: InlineArray<13, Int64>
  package var id: UInt32
  /// Its person.
  package var patient: PatientSlot
  /// Next in the list of the same person's devices.
  package var next: DeviceSlot
  /// 0: it may be silent for ever.
  package var expectedIntervalSeconds: UInt32
  /// How long it may be heard without measuring; 0: for ever.
  package var measuringSeconds: UInt32
  /// How many alerts it has had while it was nobody's: part of their ids.
  package var episodes: UInt32
  /// How far from the fence's centre its last location outside was.
  package var fenceMetres: Int32
  /// The open alert of each `DeviceCondition`.
  package var alerts: InlineArray<13, AlertSlot>
  /// Bit n: condition n holds. Bits 13 to 15: `wasHeard`, `noContact`, `doorJudged`.
  package var holding: UInt16
  /// Bit n: the open alert of condition n came back soon after it had ended, and ends only after a quiet time.
  package var unsettled: UInt16
  /// Calls for help that were alerts of their own, less one for each second since. See CallRule.swift.
  package var callDebt: UInt16
  package var abilities: DeviceAbilities
  package var isContinuous: Bool
  package var isSafetyAlarm: Bool
  /// Has ever sent a location while it was this person's.
  package var isTracker: Bool
  package var fence: FenceState
  package var fixesOutside: UInt8
  package var fixesInside: UInt8
  /// Who says that the battery is low: `batteryByLevel`, `batteryByFlag`.
  package var batterySources: UInt8
  /// Per cent, as last said.
  package var batteryPercent: UInt8
  package var unused: InlineArray<1, UInt8>

  /// Beside the conditions' bits in `holding`: it has given a sign of life while it was this person's.
  package static var wasHeard: UInt16 { @_noLocks get { 1 << 13 } }
  /// Beside the conditions' bits in `holding`: the sensor says that it measures nobody.
  package static var noContact: UInt16 { @_noLocks get { 1 << 14 } }
  package static var batteryByLevel: UInt8 { @_noLocks get { 1 } }
  package static var batteryByFlag: UInt8 { @_noLocks get { 2 } }

  /// It can say where it is, as its profile or it itself has shown.
  package var givesLocations: Bool { @_noLocks get { isTracker || abilities.contains(.locates) } }
}

/// Where a tracker stands to its person's fence.
package enum FenceState {
  case unknown
  case inside
  case outside
}

/// Conditions that belong to a device rather than to a person, because a person may have two of a kind (two doors).
package enum DeviceCondition {
  case signalLoss
  case lowBattery
  case tamper
  case jam
  case dispenserEmpty
  case lockJammed
  case openDoor
  case fall
  case outsideFence
  case notUnderstood
  case clockWrong
  case bondLost
  case notMeasuring

  package static var count: Int { @_noLocks get { 13 } }
  /// The place in `DeviceState.alerts`, and the bit in `holding`; see `NEWS2Severity.index`.
  package var index: Int { @_noLocks get { Int(unsafeBitCast(self, to: UInt8.self)) } }
  package var bit: UInt16 { @_noLocks get { 1 << UInt16(truncatingIfNeeded: index) } }

  /// `index` is below `count`.
  @_noLocks package init(index: Int) { self = unsafeBitCast(UInt8(truncatingIfNeeded: index), to: DeviceCondition.self) }

  package var rule: AlertRule {
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
      case .notUnderstood: .notUnderstood
      case .clockWrong: .deviceClockWrong
      case .bondLost: .bondLost
      case .notMeasuring: .notMeasuring
      }
    }
  }
}
