// What the link and the gateway say to each other: frames and details of devices go up, verdicts come back. The link
// knows devices by their address and by a name for its log; what a frame means is the gateway's business.

public import DeviceProfile

/// A device that the hub looks after, or that an installer is pairing.
public struct BluetoothDevice: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// Connected, and read as its plan says.
    case gatt(BluetoothSessionPlan)
    /// Only listened to.
    case advertisement(BluetoothSessionPlan.Priority)
  }

  /// Canonical: `AA:BB:CC:DD:EE:FF`. The identity address of a bonded device whose address changes.
  public var address: String
  /// For the log and the trace, which hold no addresses: `D7`.
  public var name: String
  public var kind: Kind
  /// Characteristics that the device's profile has a program for.
  public var frames: Set<BluetoothUUID>
  /// What lets it beep or blink, as its profile says. Without one the SIG's Immediate Alert service is tried.
  public var signal: Signal?

  public struct Signal: Sendable, Hashable {
    public var characteristic: BluetoothUUID
    public var bytes: [UInt8]

    public init(characteristic: BluetoothUUID, bytes: [UInt8]) {
      self.characteristic = characteristic
      self.bytes = bytes
    }
  }

  public init(address: String, name: String, kind: Kind, frames: Set<BluetoothUUID>, signal: Signal? = nil) {
    self.signal = signal
    self.address = address
    self.name = name
    self.kind = kind
    self.frames = frames
  }

  var plan: BluetoothSessionPlan? { if case .gatt(let plan) = kind { plan } else { nil } }

  var priority: BluetoothSessionPlan.Priority {
    switch kind {
    case .gatt(let plan): plan.priority
    case .advertisement(let priority): priority
    }
  }
}

/// One message of a device.
public struct BluetoothFrame: Sendable, Hashable {
  public enum Source: Sendable, Hashable {
    /// A notification, an indication, or the value of a read.
    case characteristic(BluetoothUUID)
    case serviceData(BluetoothUUID)
    /// Bluetooth company identifier.
    case manufacturerData(UInt16)
  }

  public var address: String
  public var source: Source
  /// 0…4 096 bytes.
  public var bytes: [UInt8]

  public init(address: String, source: Source, bytes: [UInt8]) {
    self.address = address
    self.source = source
    self.bytes = bytes
  }
}

/// Something that a device says of itself beside its measurements.
public enum BluetoothDetail: Sendable, Hashable {
  /// Percent, 0…100.
  case battery(Int)
  case firmware(String)
}

/// Who gets what devices send. All methods are called on the link's thread, one at a time; each must return quickly (no
/// disk, no network): while one runs, nothing else is read.
public protocol BluetoothHandler: AnyObject, Sendable {
  /// `.busy`: the link keeps the frame, stops reading from that device, and offers it again in a few milliseconds.
  func frame(_ frame: BluetoothFrame) -> BluetoothFrameOutcome
  /// A frame that bluetoothd had confirmed was thrown away: the gateway had no room for too long.
  func frameLost(address: String)
  /// Everything up to the sequence is in a committed transaction. False: part of what came since the last call was left out
  /// there (a full disk), so devices go on keeping what they have.
  func noteRecorded(upTo sequence: UInt64) -> Bool
  /// From now until `recordsEnded`, equal frames of these characteristics without a time of their own are told apart by
  /// counting.
  func recordsBegan(address: String, from characteristics: [BluetoothUUID])
  /// All frames of the fetch were given to `frame` before this.
  func recordsEnded(address: String)
  /// The device confirmed that it holds nothing of what it sent: an equal frame is a new measurement from now on.
  func recordsDeleted(address: String)
  func connected(address: String)
  /// All frames of the connection were given to `frame` before this. A fetch that was under way is over.
  func disconnected(address: String)
  func detail(_ detail: BluetoothDetail, address: String)
  /// A registered device and the hub do not know each other any more, or do again: after each attempt that showed it.
  func bond(isLost: Bool, address: String)
  /// It is there: its advertisement was heard, or its connection lives. At most once in ten seconds for each device.
  func heard(address: String)
}

/// The hub's local time, for devices with a clock.
public struct BluetoothLocalTime: Sendable, Hashable {
  public var year: UInt16
  public var month: UInt8
  public var day: UInt8
  public var hour: UInt8
  public var minute: UInt8
  public var second: UInt8
  /// 1 Monday … 7 Sunday.
  public var weekday: UInt8

  public init(year: UInt16, month: UInt8, day: UInt8, hour: UInt8, minute: UInt8, second: UInt8, weekday: UInt8) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
    self.weekday = weekday
  }

  /// The characteristic's bytes (GATT Specification Supplement: Date Time 7 bytes, Current Time 10 bytes).
  func bytes(_ form: BluetoothSessionStep.ClockForm) -> [UInt8] {
    let dateTime = [UInt8(truncatingIfNeeded: year), UInt8(truncatingIfNeeded: year >> 8), month, day, hour, minute, second]
    switch form {
    case .dateTime: return dateTime
    // No fractions of a second; reason: set from an external reference.
    case .currentTime: return dateTime + [weekday, 0, 0b10]
    }
  }
}
