// The link's state as others see it: a copy, made at the end of each turn of the loop.

public import BlueZ
public import DeviceProfile
public import VitalSigns

/// What one device is doing.
public enum BluetoothDeviceState: String, Sendable, Hashable {
  /// Not connected; the hub waits until it is heard.
  case idle
  /// Heard, and waits for a free connection.
  case waiting
  case connecting
  case pairing
  /// Its session's steps are under way.
  case reading
  /// Stored records wait until they are durable.
  case settling
  /// The steps are done; measurements are waited for.
  case connected
  /// Only its advertisements are listened to.
  case listening
  /// A person must do something; see the problem.
  case problem
}

public struct BluetoothDeviceStatus: Sendable, Hashable {
  public var address: String
  public var state: BluetoothDeviceState
  public var isConnected: Bool
  public var isBonded: Bool
  public var problem: BluetoothProblem?
  /// dBm.
  public var rssi: Int?
  public var battery: Int?
  public var firmware: String?
  public var connections: UInt64
  /// Connections after the first.
  public var reconnects: UInt64 { connections > 0 ? connections - 1 : 0 }
  /// Wall clock of its last advertisement or notification.
  public var lastHeard: WallTime
}

/// A device that was found while the pairing window is open. Never stored.
public struct BluetoothFoundDevice: Sendable, Hashable {
  public var address: String
  /// It may change at any time, and only a bond tells whose it is.
  public var addressIsPrivate: Bool
  public var name: String
  public var services: [BluetoothUUID]
  public var manufacturerData: [UInt16: [UInt8]]
  public var serviceData: [BluetoothUUID: [UInt8]]
  public var rssi: Int?
  public var isBonded: Bool
}

/// What the installer is asked, or told, during pairing.
public struct BluetoothPrompt: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    /// The device's user types this number.
    case display
    /// Do both sides show this number?
    case confirm
    /// The device shows a number; the installer types it.
    case enter
  }
  public var kind: Kind
  /// 0…999 999; nil for `enter`.
  public var passkey: UInt32?
  public var number: UInt64
}

public struct BluetoothPairingStatus: Sendable, Hashable {
  public enum Phase: String, Sendable, Hashable {
    case closed, searching, connecting, pairing, prompt, testing, failed
  }
  public var phase = Phase.closed
  public var secondsLeft = 0
  public var found: [BluetoothFoundDevice] = []
  public var chosen: String?
  public var prompt: BluetoothPrompt?
  public var problem: BluetoothProblem?

  public init() {}
}

public struct BluetoothSnapshot: Sendable {
  public struct Adapter: Sendable, Hashable {
    public var name: String
    public var address: String
    public var isPowered: Bool
    public var isDiscovering: Bool
  }

  public var adapter: Adapter?
  public var problem: AdapterProblem? = .noService
  /// Of this hub and of other programs.
  public var connections = 0
  public var strangers = 0
  public var scanRestarts: UInt64 = 0
  public var powerCycles: UInt64 = 0
  public var matchRules = 0
  public var malformed: UInt64 = 0
  /// What the kernel says of its radios, whatever bluetoothd says; nil where it tells nothing, then `radioAbsence` says why.
  public var radio: RadioHealth?
  public var radioAbsence: RadioAbsence?
  public var devices: [BluetoothDeviceStatus] = []
  public var pairing = BluetoothPairingStatus()

  public init() {}
}

/// One step of the link, for support cases. Holds no address and no value.
public struct BluetoothTraceLine: Sendable, Hashable {
  public var at: WallTime
  /// A device's name, `adapter` or `pairing`.
  public var who: String
  public var what: String
}
