// What one device's session hears and what it asks for. The session itself is a value without input or output: the loop
// gives it events with the time, and carries out what each leads to (`SessionActions.swift`).

import BlueZ
import DeviceProfile
import VitalSigns

/// What BlueZ says of a device now, as far as a session needs it.
struct SessionFacts: Sendable, Hashable {
  /// BlueZ has an object for the device.
  var exists = false
  var isConnected = false
  /// There is a bond on this side.
  var isPaired = false
  var isTrusted = false
  var servicesResolved = false
  /// Characteristics whose objects are exported, all services together.
  var characteristics: Set<BluetoothUUID> = []
  /// The services that hold a characteristic, for those that are in more than one.
  var holders: [BluetoothUUID: Set<BluetoothUUID>] = [:]

  func has(_ characteristic: BluetoothUUID, in service: BluetoothUUID?) -> Bool {
    guard characteristics.contains(characteristic) else { return false }
    return service.map { holders[characteristic]?.contains($0) ?? true } ?? true
  }
}

extension BluezTree {
  /// What a session needs to know; all false when there is no such device.
  func sessionFacts(address: String) -> SessionFacts {
    guard let device = device(address: address) else { return SessionFacts() }
    return SessionFacts(
      exists: true, isConnected: device.isConnected, isPaired: device.isPaired, isTrusted: device.isTrusted,
      servicesResolved: device.servicesResolved, characteristics: Set(device.characteristics.map(\.uuid)),
      holders: device.characteristics.reduce(into: [:]) { $0[$1.uuid, default: []].insert($1.service) })
  }
}

/// What became of a frame that was handed to the gateway.
public enum BluetoothFrameOutcome: Sendable, Hashable {
  /// Taken; durable when the watermark reaches the sequence.
  case accepted(sequence: UInt64)
  /// Known from an earlier session: recorded already, durable at the sequence. 0: durable long ago.
  case duplicate(sequence: UInt64)
  /// The device itself says that there is nothing in it: no value, a demonstration, a test. Counted by the gateway.
  case refused
  /// Not recorded, though there may be something in it: whoever keeps it should go on keeping it.
  case unrecorded
  /// The intake is full: the loop keeps the frame and offers it again.
  case busy
}

/// An event on its way to a session: the loop keeps it until the events before it are carried out. Each is a method of
/// `BluetoothSession`, which says what it means.
enum SessionInput: Sendable, Hashable {
  case heard
  case facts(SessionFacts)
  case slotGranted
  case slotWithdrawn
  case replied(SessionOperation, BluezFailure?)
  case value(BluetoothUUID, bytes: [UInt8])
  case notification(BluetoothUUID, bytes: [UInt8], BluetoothFrameOutcome?)
  case notificationsEnded(BluetoothUUID)
  case durable(UInt64)
  case leftOut
  case stackGone
  case stackReady
  case connectNow(mayPair: Bool)
  case bondTooWeak
  case forget
  case stop
  case deadline
}

/// One call to bluetoothd on behalf of a session.
enum SessionOperation: Sendable, Hashable {
  case connect
  case disconnect
  case pair
  case cancelPairing
  case trust
  case remove
  case read(BluetoothUUID, service: BluetoothUUID?)
  case write(BluetoothUUID, service: BluetoothUUID?, bytes: [UInt8], awaitsResponse: Bool)
  case subscribe(BluetoothUUID, service: BluetoothUUID?, BluetoothSessionPlan.Notifications)
  /// Writes the local time; the loop makes the bytes at the moment of writing.
  case setClock(BluetoothUUID, service: BluetoothUUID?, BluetoothSessionStep.ClockForm)
}

/// What a session tells the gateway; for status and the log.
enum SessionReport: Sendable, Hashable {
  case connected
  case disconnected
  case paired
  /// All steps are done.
  case completed
  case problem(BluetoothProblem?)
}

/// Why a device does not work, as an installer must know it. Texts are the gateway's.
public enum BluetoothProblem: String, Sendable, Hashable, CaseIterable {
  /// The device needs a bond and has none here: pair it.
  case notPaired
  /// The device no longer knows this hub: pair it again.
  case bondLost
  /// Pairing was refused or the numbers differed.
  case pairingRefused
  /// It is heard, but connecting fails again and again.
  case cannotConnect
  /// Connected, and its services were never resolved.
  case noServices
  /// A characteristic that its profile needs is not there.
  case missingCharacteristic
  /// A step of its session was refused.
  case stepRefused
  /// The records could not be fetched or deleted.
  case recordAccess
  /// bluetoothd holds an operation of an earlier program that does not end.
  case stuck

  /// Somebody has to pair it anew before it is heard again.
  public var isLossOfBond: Bool { self == .bondLost || self == .notPaired }
}
