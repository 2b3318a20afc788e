// What the core remembers of one condition of the hub itself. Plain integers without padding, like PatientState.

import VitalSigns

/// A condition of the hub itself: it holds, or its alert is still open.
struct HubConditionState {
  /// When a resolved alert of a condition that still holds is told again; 0: nothing was resolved.
  var speaksAgain: Int64
  var subject: UInt32
  /// Its open alert.
  var alert: AlertSlot
  var rule: AlertRule
  var isUsed: Bool
  var holds: Bool
  var unused: InlineArray<5, UInt8>

  /// Places: every link, destination and role that a configuration may name, twice over. What finds none is told all the same.
  static var countMax: Int { @_noLocks get { 256 } }
}
