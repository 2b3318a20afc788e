// What the state of a device says of its conditions: which hold, how urgent they are, and when one has something to do.

package import VitalSigns

extension DeviceState {
  /// How long a condition that came back must be quiet before it counts as over, and how soon a return is "coming back". Seconds.
  package static var settleSeconds: UInt32 { @_noLocks get { 900 } }
  /// Between two tellings of one open alert because it was reported anew; and after which a resolved call for help that is
  /// reported anew is told again. Seconds.
  package static var retellSeconds: UInt32 { @_noLocks get { 300 } }
  /// Before this a resolved condition of low priority does not speak again, whatever the re-trigger time is. Seconds.
  package static var lowAgainSeconds: UInt32 { @_noLocks get { 86_400 } }
  /// A state that is reported again within this is being repeated; later it is news. Seconds.
  package static var repeatSeconds: UInt32 { @_noLocks get { 60 } }

  @_noLocks package func holds(_ condition: DeviceCondition) -> Bool { holding & condition.bit != 0 }

  /// When condition `index` has something to say by itself.
  @_noLocks package func conditionDeadline(_ index: Int) -> MonotonicInstant {
    let isHeld = holding & DeviceCondition(index: index).bit != 0
    if alerts[index] == .none { return isHeld && again[index] != 0 ? MonotonicInstant(rawValue: again[index]) : .never }
    return !isHeld && settles[index] != 0 ? MonotonicInstant(rawValue: settles[index]) : .never
  }

  /// Of the condition at this device.
  @_noLocks package func priority(of condition: DeviceCondition) -> AlertPriority {
    switch condition {
    case .signalLoss, .bondLost, .notUnderstood: isSafetyAlarm ? .high : .medium
    default: condition.rule.priority
    }
  }
}
