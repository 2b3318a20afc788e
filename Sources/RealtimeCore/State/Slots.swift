// Places in the core's arenas. Each kind has a type of its own, so that a person's slot is never taken for a device's. All are
// 32-bit numbers, as they stand in a snapshot; 0 is "none" where a type has it.

package import VitalSigns

/// A person's place, counted from 1. Realtime-safe.
package struct PatientSlot {
  package let number: UInt32

  @_noLocks package init(number: UInt32) { self.number = number }

  package static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks package static func == (a: Self, b: Self) -> Bool { a.number == b.number }
  @_noLocks package static func != (a: Self, b: Self) -> Bool { a.number != b.number }
}

/// A device's place, counted from 1. Realtime-safe.
package struct DeviceSlot {
  package let number: UInt32

  @_noLocks package init(number: UInt32) { self.number = number }

  package static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks package static func == (a: Self, b: Self) -> Bool { a.number == b.number }
  @_noLocks package static func != (a: Self, b: Self) -> Bool { a.number != b.number }
}

/// An open alert's place, counted from 1. Realtime-safe.
package struct AlertSlot {
  package let number: UInt32

  @_noLocks package init(number: UInt32) { self.number = number }

  package static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks package static func == (a: Self, b: Self) -> Bool { a.number == b.number }
  @_noLocks package static func != (a: Self, b: Self) -> Bool { a.number != b.number }
}

/// A place in the table of the hub's conditions, counted from 0. Realtime-safe.
package struct HubPlace {
  package let number: UInt32

  @_noLocks package init(number: UInt32) { self.number = number }
}

/// A timer in the heap of deadlines, counted from 0; what it stands for: `TimerLayout`. Realtime-safe.
package struct TimerID {
  package let number: UInt32

  @_noLocks package init(number: UInt32) { self.number = number }

  @_noLocks package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// Whose condition stands behind an alert: a slot whose kind `AlertOwner` says. Realtime-safe.
package struct OwnerSlot {
  package let number: UInt32

  package static var none: Self { @_noLocks get { Self(number: 0) } }
  @_noLocks package init(_ patient: PatientSlot) { number = patient.number }
  @_noLocks package init(_ device: DeviceSlot) { number = device.number }
  @_noLocks package init(_ place: HubPlace) { number = place.number }
  @_noLocks private init(number: UInt32) { self.number = number }

  /// Of the owners `patientNEWS2` and `patientSignal`.
  package var patient: PatientSlot { @_noLocks get { PatientSlot(number: number) } }
  /// Of the owner `device`.
  package var device: DeviceSlot { @_noLocks get { DeviceSlot(number: number) } }
  /// Of the owner `hub`.
  package var place: HubPlace { @_noLocks get { HubPlace(number: number) } }
}

/// One person's alerts of one rule, or one device's when it is nobody's, or the hub's. Realtime-safe.
package struct AlertGroup {
  package let key: UInt64

  @_noLocks package init(_ rule: AlertRule, person: PatientID, device: DeviceID) {
    let holder: UInt64 = person != .none ? 1 : device != .none ? 2 : 3
    key = holder << 40 | UInt64(rule.rawValue) << 32 | UInt64(person != .none ? person.rawValue : device.rawValue)
  }
}
