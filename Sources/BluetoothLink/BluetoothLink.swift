// The link as the gateway sees it: make it, run it on a thread of yours, tell it which devices are the hub's, let an
// installer pair, stop it, look at it. The work is done by `BluetoothLoop` on the thread inside `run()`; this object only
// holds what both sides share, under one lock.
//
// Machines without input or output decide, and the loop carries out: `AdapterSession` for the adapter, a `BluetoothSession` for each
// device, `ConnectionSlots` for the connections that the devices share, `ServiceWatch` for a bluetoothd that hangs.

import HubRuntime
public import Logging
import Synchronization
public import VitalSigns

/// One link to one Bluetooth adapter through bluetoothd. All methods may be called from any thread; `run()` once.
public final class BluetoothLink: Sendable {
  struct Shared {
    /// In order; at most `requestsMax`.
    var requests: [LinkRequest] = []
    /// The newest list of devices that the loop has not taken yet. Never dropped.
    var devices: [BluetoothDevice]?
    /// `run()` has returned: nobody answers any more.
    var hasEnded = false
    var stopDeadline: MonotonicInstant?
    var snapshot = BluetoothSnapshot()
    var trace = TraceRing()
  }

  /// More than an installer can cause between two turns of the loop.
  static let requestsMax = 256

  let configuration: BluetoothLinkConfiguration
  let handler: any BluetoothHandler
  let watermark: any DurableWatermark
  let logger: Logger
  let wake: WakeDescriptor
  let shared = Mutex(Shared())

  /// Opens nothing but an eventfd. Nil when the process has no descriptors left.
  public init?(
    configuration: BluetoothLinkConfiguration, handler: any BluetoothHandler, watermark: any DurableWatermark, logger: Logger
  ) {
    guard let wake = try? WakeDescriptor() else { return nil }
    self.configuration = configuration
    self.handler = handler
    self.watermark = watermark
    self.logger = logger
    self.wake = wake
  }

  /// Works until `stop(within:)`; blocks the calling thread all that time, and calls the handler on it. Never throws: a bus,
  /// a bluetoothd or an adapter that is away is a state, and is waited for.
  public func run() {
    watermark.register(wakeDescriptor: wake.descriptor)
    BluetoothLoop(self).run()
    watermark.unregister(wakeDescriptor: wake.descriptor)
    let unanswered = shared.withLock { shared in
      shared.hasEnded = true
      defer { shared.requests.removeAll() }
      return shared.requests
    }
    for case .identify(_, let answer) in unanswered { answer(false) }
  }

  /// Asks `run()` to return: connections are ended, bonds stay. Returns at once; join the thread to wait.
  public func stop(within limit: Duration) {
    let deadline = SystemClock.monotonic().adding(limit)
    shared.withLock { $0.stopDeadline = min($0.stopDeadline ?? .never, deadline) }
    wake.ring()
  }

  /// Replaces the list of the hub's devices. A device that is no longer in it is disconnected and forgotten by bluetoothd, its
  /// bond included. Two devices never share an address. Lists must come in the order of the registry's changes.
  public func setDevices(_ devices: [BluetoothDevice]) {
    shared.withLock { $0.devices = devices }
    wake.ring()
  }

  /// Opens the pairing window, or lengthens it.
  public func openPairing(for time: Duration) { ask(.openPairing(until: SystemClock.monotonic().adding(time))) }

  /// Closes it. What was paired stays bonded.
  public func closePairing() { ask(.closePairing) }

  /// Connects to a found device, pairs when its plan says so, and runs its session. Its frames reach the handler under its
  /// address; whether they are recorded is the handler's decision.
  public func choose(_ device: BluetoothDevice) { ask(.choose(device)) }

  /// Answers the prompt with this number. `passkey`: for `enter`, 0…999 999.
  public func answer(prompt number: UInt64, accept: Bool, passkey: UInt32?) {
    ask(.answer(number: number, accept: accept, passkey: passkey))
  }

  /// Connects to one of the hub's devices without waiting until it is heard.
  public func connectNow(address: String) { ask(.connectNow(address: address)) }

  /// Lets a connected device signal. The answer comes on the link's thread: false when it is not
  /// connected or has no such function.
  public func identify(address: String, answer: @escaping @Sendable (Bool) -> Void) {
    if !ask(.identify(address: address, answer: answer)) { answer(false) }
  }

  /// A consistent copy, as of the end of the loop's last turn.
  public var snapshot: BluetoothSnapshot { shared.withLock { $0.snapshot } }

  /// The link's last steps, oldest first; at most 1 024.
  public var trace: [BluetoothTraceLine] { shared.withLock { $0.trace.lines } }

  @discardableResult
  private func ask(_ request: LinkRequest) -> Bool {
    let isTaken = shared.withLock { shared in
      guard !shared.hasEnded, shared.requests.count < Self.requestsMax else { return false }
      shared.requests.append(request)
      return true
    }
    wake.ring()
    return isTaken
  }
}

/// What other threads ask of the loop.
enum LinkRequest: Sendable {
  case openPairing(until: MonotonicInstant)
  case closePairing
  case choose(BluetoothDevice)
  case answer(number: UInt64, accept: Bool, passkey: UInt32?)
  case connectNow(address: String)
  case identify(address: String, answer: @Sendable (Bool) -> Void)
}

/// The last lines of the trace, oldest overwritten first.
struct TraceRing {
  static let linesMax = 1_024
  private var ring: [BluetoothTraceLine] = []
  private var next = 0

  mutating func append(_ line: BluetoothTraceLine) {
    if ring.count < Self.linesMax {
      ring.append(line)
    } else {
      ring[next] = line
      next = (next + 1) % Self.linesMax
    }
  }

  var lines: [BluetoothTraceLine] { Array(ring[next...] + ring[..<next]) }
}
