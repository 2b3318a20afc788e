// What the core remembers of one condition of the hub itself. Plain integers without padding, like PatientState.

package import VitalSigns

/// A condition of the hub itself: it holds, or its alert is still open.
package struct HubConditionState {
  /// When a resolved alert of a condition that still holds is told again; 0: nothing was resolved.
  package var speaksAgain: Int64
  package var subject: UInt32
  /// Its open alert.
  package var alert: AlertSlot
  package var rule: AlertRule
  package var isUsed: Bool
  package var holds: Bool
  package var unused: InlineArray<5, UInt8>

  /// Places: every link, destination and role that a configuration may name, twice over. What finds none is told all the same.
  package static var countMax: Int { @_noLocks get { 256 } }
}
