// Places in the core's arenas. Each kind has a type of its own, so that a person's slot is never taken for a device's. All are
// 32-bit numbers, as they stand in a snapshot; 0 is "none" where a type has it.

import VitalSigns

/// A person's place, counted from 1. Realtime-safe.
struct PatientSlot {
  let number: UInt32

  @_noLocks init(number: UInt32) { self.number = number }

  static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks static func == (a: Self, b: Self) -> Bool { a.number == b.number }
  @_noLocks static func != (a: Self, b: Self) -> Bool { a.number != b.number }
}

/// A device's place, counted from 1. Realtime-safe.
struct DeviceSlot {
  let number: UInt32

  @_noLocks init(number: UInt32) { self.number = number }

  static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks static func == (a: Self, b: Self) -> Bool { a.number == b.number }
  @_noLocks static func != (a: Self, b: Self) -> Bool { a.number != b.number }
}

/// An open alert's place, counted from 1. Realtime-safe.
struct AlertSlot {
  let number: UInt32

  @_noLocks init(number: UInt32) { self.number = number }

  static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks static func == (a: Self, b: Self) -> Bool { a.number == b.number }
  @_noLocks static func != (a: Self, b: Self) -> Bool { a.number != b.number }
}

/// A place in the table of the hub's conditions, counted from 0. Realtime-safe.
struct HubPlace {
  let number: UInt32

  @_noLocks init(number: UInt32) { self.number = number }
}

/// A timer in the heap of deadlines, counted from 0; what it stands for: `TimerLayout`. Realtime-safe.
struct TimerID {
  let number: UInt32

  @_noLocks init(number: UInt32) { self.number = number }

  @_noLocks static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// Whose condition stands behind an alert: a slot whose kind `AlertOwner` says. Realtime-safe.
struct OwnerSlot {
  let number: UInt32

  static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks init(_ patient: PatientSlot) { number = patient.number }
  @_noLocks init(_ device: DeviceSlot) { number = device.number }
  @_noLocks init(_ place: HubPlace) { number = place.number }
  @_noLocks private init(number: UInt32) { self.number = number }

  /// Of the owners `patientNEWS2` and `patientSignal`.
  var patient: PatientSlot { @_noLocks get { PatientSlot(number: number) } }
  /// Of the owner `device`.
  var device: DeviceSlot { @_noLocks get { DeviceSlot(number: number) } }
  /// Of the owner `hub`.
  var place: HubPlace { @_noLocks get { HubPlace(number: number) } }
}

/// One person's alerts of one rule, or one device's when it is nobody's, or the hub's. Realtime-safe.
struct AlertGroup {
  let key: UInt64

  @_noLocks init(_ rule: AlertRule, person: PatientID, device: DeviceID) {
    let holder: UInt64 = person != .none ? 1 : device != .none ? 2 : 3
    key = holder << 40 | UInt64(rule.rawValue) << 32 | UInt64(person != .none ? person.rawValue : device.rawValue)
  }
}
