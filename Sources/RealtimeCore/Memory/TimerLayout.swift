// How the timers of the core are numbered: three a person, one a device, one an alert, one of the hub. The numbers stand in snapshots,
// and timers that are due at one instant fire in the order of their numbers; so they never change.

/// Numbers of timers, given the sizes of the arenas. Realtime-safe.
package struct TimerLayout {
  package let patientsMax: UInt32
  package let devicesMax: UInt32
  /// Alerts that the configuration gives room for.
  package let alertsMax: UInt32

  /// All places: beyond `alertsMax` are those that a flood can never take.
  package var alertPlaces: UInt32 { @_noLocks get { alertsMax + patientsMax + 64 } }
  package var count: Int { Int(3 * patientsMax + devicesMax + alertPlaces + 1) }

  private var firstSchedule: UInt32 { @_noLocks get { patientsMax } }
  private var firstDevice: UInt32 { @_noLocks get { 2 * patientsMax } }
  private var firstAlert: UInt32 { @_noLocks get { 2 * patientsMax + devicesMax } }
  private var firstPerson: UInt32 { @_noLocks get { firstAlert + alertPlaces } }
  private var hubNumber: UInt32 { @_noLocks get { firstPerson + patientsMax } }

  /// The earliest moment at which an input of the score may go stale.
  @_noLocks package func staleness(_ patient: PatientSlot) -> TimerID { TimerID(number: patient.number - 1) }
  /// The next dose to judge, or the next night watch.
  @_noLocks package func schedule(_ patient: PatientSlot) -> TimerID { TimerID(number: firstSchedule + patient.number - 1) }
  /// Silence, a measurement that is overdue, and conditions that settle or rise again.
  @_noLocks package func device(_ device: DeviceSlot) -> TimerID { TimerID(number: firstDevice + device.number - 1) }
  /// The deadline of `AlertLifecycle`.
  @_noLocks package func alert(_ alert: AlertSlot) -> TimerID { TimerID(number: firstAlert + alert.number - 1) }
  /// What was resolved and still holds, and the end of a frame.
  @_noLocks package func person(_ patient: PatientSlot) -> TimerID { TimerID(number: firstPerson + patient.number - 1) }
  /// Conditions of the hub that are told again.
  package var hub: TimerID { @_noLocks get { TimerID(number: hubNumber) } }

  /// What a timer stands for.
  @_noLocks package func owner(of timer: TimerID) -> TimerOwner {
    let number = timer.number
    if number < firstSchedule { return .staleness(PatientSlot(number: number + 1)) }
    if number < firstDevice { return .schedule(PatientSlot(number: number - firstSchedule + 1)) }
    if number < firstAlert { return .device(DeviceSlot(number: number - firstDevice + 1)) }
    if number < firstPerson { return .alert(AlertSlot(number: number - firstAlert + 1)) }
    return number < hubNumber ? .person(PatientSlot(number: number - firstPerson + 1)) : .hub
  }
}

/// Whose timer it is, and which of theirs.
package enum TimerOwner {
  case staleness(PatientSlot)
  case schedule(PatientSlot)
  case device(DeviceSlot)
  case alert(AlertSlot)
  case person(PatientSlot)
  case hub
}
