// The thread's side of the link: one turn after another, each takes what others asked for, what the bus and the
// notification sockets brought, what is durable and what is due, and sleeps in `poll`. It decides nothing that a state
// machine decides. Its parts: +bus (signals and replies), +machines (events in, actions out), +devices (what sessions ask for),
// +notifications (frames), +details (battery, firmware, finding a device), +pairing (the installer's window and the agent),
// +radio (the kernel), +snapshot (what others see).

import BlueZ
import DeviceProfile
import Glibc
import HubRuntime
import Logging
import Synchronization
import VitalSigns

/// Lives inside `BluetoothLink.run()`, on that thread only.
final class BluetoothLoop {
  /// D-Bus messages in one turn, before sockets and requests get their chance again.
  static let messagesPerTurn = 64
  /// Between two offers of a frame that the gateway had no room for: its intake empties in microseconds.
  static let busyRetryNanoseconds: Int64 = 5_000_000
  /// Between two notes to the gateway that a device is heard.
  static let heardIntervalSeconds: UInt32 = 10

  /// Who waits for a reply.
  enum Pending {
    case adapter(AdapterOperation)
    case session(entry: Int, generation: UInt32, SessionOperation)
    case detail(entry: Int, DetailRead)
    case identify(@Sendable (Bool) -> Void)
    /// GetManagedObjects once more, because other devices are of interest now.
    case reload
    /// The question whether bluetoothd answers at all.
    case ping
    /// Nobody: the outcome of the call shows in the tree.
    case nobody
  }

  let link: BluetoothLink
  let timings: SessionTimings
  /// Nil where the kernel has nothing to tell; `radioAbsence` says why.
  var radio: ManagementMonitor?
  var radioAbsence: RadioAbsence?
  var radioRetryAt = MonotonicInstant.zero
  private var busState = BusState.initial
  var tree = BluezTree()
  var adapter: AdapterSession
  var service = ServiceWatch()
  var slots: ConnectionSlots
  var pairing = PairingDesk.closed
  /// The devices, by a number of the loop's own: an address may change while a device is paired.
  var entries: [Int: DeviceEntry] = [:]
  var numberByAddress: [String: Int] = [:]
  var nextEntry = 1
  var pending: [UInt64: Pending] = [:]
  var nextTicket: UInt64 = 1
  var events: [BusEvent] = []
  /// Events that wait for their machine: taken in order, never recursively.
  var sessionInputs: [(entry: Int, input: SessionInput)] = []
  var adapterInputs: [AdapterInput] = []
  /// Events are being given: those that come meanwhile are queued.
  var isDraining = false
  /// Somebody walks about looking for a device: its signal strength must be fresh. `.zero`: nobody does.
  var listensUntil = MonotonicInstant.zero
  var reload = ReloadState.none(notBefore: .zero)
  var durable: UInt64 = 0
  var malformed: UInt64 = 0
  private var ending = Ending.notBegun
  var now = SystemClock.monotonic()
  private var polled: [pollfd] = []

  init(_ link: BluetoothLink) {
    self.link = link
    let configuration = link.configuration
    timings = SessionTimings(configuration)
    adapter = AdapterSession(timings: AdapterTimings(configuration))
    slots = ConnectionSlots(max: configuration.connectionsMax)
  }

  var bus: BusConnection? { busState.connection }

  func run() {
    while true {
      now = SystemClock.monotonic()
      takeRequests()
      let deadline = link.shared.withLock { $0.stopDeadline }
      if let deadline {
        beginStopping()
        if now >= deadline { break }
      }
      keepBusOpen()
      if !isWatchingRadio, now >= radioRetryAt { openRadio() }
      readBus()
      offerWaiting()
      takeDurable()
      passDeadlines()
      decideSlots()
      considerDiscovery()
      dropLeavers()
      reloadIfNeeded()
      publish()
      if deadline != nil { beginStopping() }
      if deadline != nil, isAtRest { break }
      sleep(until: min(nextDeadline, deadline ?? .never))
    }
    closeBus()
    publish()
  }

  // MARK: Requests of other threads

  private func takeRequests() {
    let (devices, requests) = link.shared.withLock { shared in
      defer {
        shared.requests.removeAll(keepingCapacity: true)
        shared.devices = nil
      }
      return (shared.devices, shared.requests)
    }
    if let devices { setDevices(devices) }
    for request in requests {
      switch request {
      case .openPairing(let until): openPairing(until: until)
      case .closePairing: closePairing()
      case .choose(let device): choose(device)
      case .answer(let number, let accept, let passkey): answerPrompt(number, accept: accept, passkey: passkey)
      case .connectNow(let address):
        if let number = numberByAddress[address] { give(.connectNow(mayPair: false), to: number) }
      case .identify(let address, let answer): identify(address, answer)
      }
    }
  }

  private func beginStopping() {
    if ending == .notBegun {
      ending = .sessions
      closePairing()
      for number in entries.keys.sorted() { give(.stop, to: number) }
    }
    // The adapter is stopped last: without it no session can end its connection, or pay what it owes bluetoothd.
    if ending == .sessions, areSessionsAtRest {
      ending = .adapter
      tell(.stop)
    }
  }

  private var areSessionsAtRest: Bool {
    entries.values.allSatisfy { $0.sockets.isEmpty && !$0.isUp && $0.waiting.isEmpty && $0.session?.isEnded != false }
  }

  private var isAtRest: Bool { areSessionsAtRest && (bus == nil || ending == .adapter && pending.isEmpty) }

  // MARK: The bus

  private func keepBusOpen() {
    guard case .down(let retryAt, let seconds, let told) = busState, ending == .notBegun, now >= retryAt else { return }
    do throws(BusFailure) {
      busState = .up(try BusConnection(address: link.configuration.busAddress))
      if told { link.logger.notice("the system bus is back") }
    } catch {
      if !told {
        link.logger.error("no system bus: Bluetooth devices cannot be reached", metadata: ["reason": "\(error)"])
      }
      busState = .down(
        retryAt: now.adding(seconds: seconds), retrySeconds: min(seconds * 2, BusState.retrySecondsMax), told: true)
    }
  }

  private func readBus() {
    guard let bus else { return }
    events.removeAll(keepingCapacity: true)
    var failure: BusFailure?
    do throws(BusFailure) {
      try bus.process(into: &events, most: Self.messagesPerTurn)
    } catch {
      failure = error
    }
    for event in events { handle(event) }
    if let failure {
      link.logger.error("the system bus is gone", metadata: ["reason": "\(failure)"])
      busLost()
    }
  }

  /// Every pending call is answered by the connection as it closes.
  private func busLost() {
    closeBus()
    busState = .down(retryAt: now.adding(seconds: 1), retrySeconds: 1, told: true)
    handle(.serviceOwner(isPresent: false))
  }

  private func closeBus() {
    guard let closing = bus else { return }
    events.removeAll(keepingCapacity: true)
    closing.close()
    // A failure for each reply that will never come.
    try? closing.process(into: &events, most: .max)
    busState = .initial
    for event in events { handle(event) }
    for number in entries.keys.sorted() {
      emptySockets(number)
      closeSockets(number)
    }
    pending.removeAll()
    reload.end()
  }

  // MARK: Time

  private func takeDurable() {
    let sequence = link.watermark.sequence
    guard sequence > durable else { return }
    durable = sequence
    let isWhole = link.handler.noteRecorded(upTo: sequence)
    for number in entries.keys.sorted() where entries[number]?.isUp == true {
      if !isWhole { give(.leftOut, to: number) }
      give(.durable(sequence), to: number)
    }
  }

  private func passDeadlines() {
    for _ in 0..<16 where adapter.deadline <= now { tell(.deadline) }
    for number in entries.keys.sorted() where (entries[number]?.sessionDeadline ?? .never) <= now { give(.deadline, to: number) }
    if ending == .notBegun, service.askIfDue(at: now) { call(.ping, timeout: ServiceWatch.answerWithin, for: .ping) }
    if let until = pairing.until, now >= until { closePairing() }
    if now >= listensUntil { listensUntil = .zero }
    // A connected device sends no advertisements; that its link lives is its sign of life.
    for (number, entry) in entries where entry.isUp && now >= entry.tellsAliveAt && entry.session?.facts.isUp == true { noteHeard(number) }
  }

  private var nextDeadline: MonotonicInstant {
    var next = min(adapter.deadline, slots.deadline)
    if ending == .notBegun {
      if case .down(let retryAt, _, _) = busState { next = min(next, retryAt) }
      next = min(next, service.deadline)
    }
    if case .wanted(let notBefore) = reload, adapter.isReady, notBefore > now { next = min(next, notBefore) }
    if !isWatchingRadio { next = min(next, radioRetryAt) }
    if let until = pairing.until { next = min(next, until) }
    if listensUntil != .zero { next = min(next, listensUntil) }
    for entry in entries.values {
      next = min(next, entry.sessionDeadline, entry.leavesAt)
      if entry.isUp, entry.session?.facts.isUp == true { next = min(next, entry.tellsAliveAt) }
      if !entry.waiting.isEmpty { next = min(next, now.adding(nanoseconds: Self.busyRetryNanoseconds)) }
    }
    return next
  }

  // MARK: Sleeping

  private func sleep(until deadline: MonotonicInstant) {
    var deadline = deadline
    polled.removeAll(keepingCapacity: true)
    polled.append(pollfd(fd: link.wake.descriptor, events: Int16(POLLIN), revents: 0))
    if let bus {
      polled.append(pollfd(fd: bus.descriptor, events: bus.pollEvents, revents: 0))
      if let timeout = bus.timeoutMicroseconds {
        deadline = min(deadline, MonotonicInstant(rawValue: Int64(clamping: timeout.multipliedReportingOverflow(by: 1_000).partialValue)))
      }
    }
    let monitor = radio.flatMap { $0.health.isWatching ? $0.descriptor : nil }
    if let monitor { polled.append(pollfd(fd: monitor, events: Int16(POLLIN), revents: 0)) }
    // A device whose frames wait is not read: its socket fills, and bluetoothd and the device notice.
    let reading = entries.filter { !$0.value.sockets.isEmpty && $0.value.waiting.isEmpty }
    for entry in reading.values {
      for socket in entry.sockets { polled.append(pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)) }
    }
    let left = deadline == .never ? Int64.max : deadline.rawValue &- SystemClock.monotonic().rawValue
    let milliseconds = left == .max ? Int32(-1) : left <= 0 ? 0 : Int32(clamping: (left &+ 999_999) / 1_000_000)
    guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
    now = SystemClock.monotonic()
    if polled[0].revents != 0 { link.wake.clear() }
    for ready in polled.dropFirst(bus == nil ? 1 : 2) where ready.revents != 0 {
      if ready.fd == monitor {
        readRadio()
        continue
      }
      readSocket(ready.fd, hasEnded: Int32(ready.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0)
    }
  }
}

extension SessionTimings {
  init(_ configuration: BluetoothLinkConfiguration) {
    self.init()
    connect = configuration.connectTimeout
    coolDown = configuration.retryBackoffMax
    holdOff = min(holdOff, coolDown)
  }
}

extension AdapterTimings {
  init(_ configuration: BluetoothLinkConfiguration) {
    self.init()
    scanOn = configuration.scanOn
    scanOff = configuration.scanOff
    watchdog = configuration.scanWatchdog
  }
}
