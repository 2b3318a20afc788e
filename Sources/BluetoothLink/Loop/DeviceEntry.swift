// What the loop holds for one device: its session, its notification sockets, frames that the gateway had no room for, and
// what was last heard of it.

import DeviceProfile
import VitalSigns

/// A GATT operation of the loop's own, beside the session's steps.
enum DetailRead: Sendable, Hashable {
  case battery
  case firmware
}

struct DeviceEntry {
  /// A notification socket, as AcquireNotify gave it.
  struct Socket {
    var descriptor: Int32
    var uuid: BluetoothUUID
  }

  enum Notice {
    case recordsBegan([BluetoothUUID])
    case recordsEnded
    case disconnected
  }

  /// A frame on its way to the gateway, or a control point's answer that must not overtake it.
  struct WaitingFrame {
    var source: BluetoothFrame.Source
    var bytes: [UInt8]
    /// The connection that it came by: what it says to the session counts for no other.
    var generation: UInt32
  }

  /// Frames that may wait for one device: those that come over D-Bus cannot be held back, and what a link leaves behind in
  /// its sockets (some 300 packets each) is taken out at once.
  static let waitingMax = 1_024

  var device: BluetoothDevice
  /// In the registry; else an installer is pairing it.
  var isRegistered: Bool
  /// Nil for a device that only advertises.
  var session: BluetoothSession?
  /// Its object, which keeps its path when an identity address becomes known.
  var path: String?
  var sockets: [Socket] = []
  /// Characteristics whose notifications come over D-Bus. bluetoothd subscribes them again by itself at each link, for as
  /// long as it runs and knows the device: a value may come before the session has asked anew.
  var startedNotify: Set<BluetoothUUID> = []
  var waiting: [WaitingFrame] = []
  /// What the gateway is to be told when it has taken the waiting frames.
  var afterWaiting: [Notice] = []
  /// No longer wanted: dropped when the session has come to rest, or at this time.
  var dropAt: MonotonicInstant?
  /// Of its last advertisement, dBm. BlueZ forgets it whenever a scan ends.
  var rssi: Int?
  var battery: Int?
  var firmware: String?
  var hasReadFirmware = false
  var lastHeard = WallTime.unknown
  /// When the gateway was last told that the device is heard.
  var toldHeard: MonotonicInstant?
  var isUp = false

  init(_ device: BluetoothDevice, isRegistered: Bool, timings: SessionTimings) {
    self.device = device
    self.isRegistered = isRegistered
    session = device.plan.map { BluetoothSession(plan: $0, isRegistered: isRegistered, timings: timings) }
  }

  /// It was removed while bluetoothd was away, which has to forget it when it is back.
  var owesRemoval: Bool { if case .ended(owesRemoval: true)? = session?.state { true } else { false } }

  /// When it is dropped at the latest.
  var leavesAt: MonotonicInstant { owesRemoval ? .never : dropAt ?? .never }

  /// The signal strength; nil when the device was last heard more than 300 s ago.
  func rssiNow(_ now: MonotonicInstant) -> Int? {
    toldHeard.flatMap { now < $0.adding(seconds: 300) ? rssi : nil }
  }

  /// The session's deadline. A fetch whose records wait for the gateway is not over because nothing more is read.
  var sessionDeadline: MonotonicInstant {
    guard let session, waiting.isEmpty || !session.isFetching else { return .never }
    return session.deadline
  }

  /// When the gateway is told anew that a connected device is there.
  var tellsAliveAt: MonotonicInstant { toldHeard?.adding(seconds: 60) ?? .zero }

  /// bluetoothd took the subscription earlier.
  func hasStarted(_ operation: SessionOperation) -> Bool {
    if case .subscribe(let uuid, _, .start) = operation { startedNotify.contains(uuid) } else { false }
  }
}
