// Sessions and what they ask for: calls to bluetoothd, a place among the connections, reports. How an event reaches its machine stands
// in +machines.

import BlueZ
import DeviceProfile
import Glibc
import HubRuntime
import Logging
import Synchronization
import VitalSigns

extension BluetoothLoop {
  // MARK: Which devices

  func setDevices(_ devices: [BluetoothDevice]) {
    let wanted = Dictionary(devices.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
    for (number, entry) in entries.sorted(by: { $0.key < $1.key }) where entry.isRegistered && wanted[entry.device.address] == nil {
      leave(number, .forget)
    }
    for device in devices.sorted(by: { $0.name < $1.name }) {
      if let number = numberByAddress[device.address], let entry = entries[number], entry.dropAt == nil {
        adopt(number, as: device, wasRegistered: entry.isRegistered)
      } else {
        add(device, isRegistered: true)
      }
    }
    updateInterest()
  }

  /// A device that was just paired is in the registry now, or its profile has changed. Its connection goes on.
  private func adopt(_ number: Int, as device: BluetoothDevice, wasRegistered: Bool) {
    let isSame = entries[number]?.device.kind == device.kind
    entries[number]?.device = device
    entries[number]?.isRegistered = true
    if isSame {
      if !wasRegistered { entries[number]?.session?.isRegistered = true }
    } else if let plan = device.plan, entries[number]?.session != nil {
      entries[number]?.session?.plan = plan
    } else {
      leave(number, .stop)
      add(device, isRegistered: true)
    }
    if !wasRegistered, pairing.entry == number { pairing.change { $0.entry = nil } }
  }

  @discardableResult
  func add(_ device: BluetoothDevice, isRegistered: Bool) -> Int {
    // A removal that is still owed must not take the new bond.
    if let old = numberByAddress[device.address], entries[old]?.owesRemoval == true { drop(old) }
    let number = nextEntry
    nextEntry += 1
    // An entry on its way out keeps its number and loses its address.
    var entry = DeviceEntry(device, isRegistered: isRegistered, timings: timings)
    entry.path = tree.device(address: device.address)?.path
    entries[number] = entry
    numberByAddress[device.address] = number
    updateInterest()
    if adapter.isReady {
      give(.stackReady, to: number)
      give(.facts(tree.sessionFacts(address: device.address)), to: number)
    }
    return number
  }

  /// `.forget` or `.stop`: the entry is dropped when its session has come to rest.
  func leave(_ number: Int, _ input: SessionInput) {
    guard let entry = entries[number], entry.dropAt == nil else { return }
    entries[number]?.dropAt = now.adding(seconds: 20)
    entries[number]?.isRegistered = false
    give(input, to: number)
    if entry.session == nil { drop(number) }
  }

  func dropLeavers() {
    for (number, entry) in entries {
      guard entry.dropAt != nil else { continue }
      if now >= entry.leavesAt || entry.session?.isAtRest != false && entry.waiting.isEmpty { drop(number) }
    }
  }

  func drop(_ number: Int) {
    closeSockets(number)
    slots.release(key: String(number))
    guard let entry = entries.removeValue(forKey: number) else { return }
    if numberByAddress[entry.device.address] == number { numberByAddress[entry.device.address] = nil }
    updateInterest()
  }

  // MARK: Connections

  func decideSlots() {
    slots.foreign = tree.connectedOthers
    // A slot that is given back at once goes to the next in the queue in the same turn.
    for _ in 0...entries.count {
      let decisions = slots.decide(at: now)
      if decisions.isEmpty { break }
      for decision in decisions {
        switch decision {
        case .grant(let key): if let number = Int(key) { give(.slotGranted, to: number) }
        case .withdraw(let key): if let number = Int(key) { give(.slotWithdrawn, to: number) }
        }
      }
    }
  }

  // MARK: Reports

  func note(_ report: SessionReport, _ number: Int, _ entry: DeviceEntry) {
    trace(entry.device.name, report.traceText)
    switch report {
    case .connected:
      entries[number]?.isUp = true
      entries[number]?.hasReadFirmware = entry.firmware != nil
      noteHeard(number)
      entries[number]?.afterWaiting.removeAll()
      link.handler.connected(address: entry.device.address)
      give(.durable(durable), to: number)
      link.logger.info("connected", metadata: ["device": "\(entry.device.name)"])
    case .disconnected:
      entries[number]?.isUp = false
      notice(.disconnected, number)
      link.logger.info("disconnected", metadata: ["device": "\(entry.device.name)"])
    case .paired:
      link.logger.notice("paired", metadata: ["device": "\(entry.device.name)"])
      // BlueZ accepts "just works" for whoever asked for pairing, without asking the agent.
      let isChosen = pairing.entry == number
      let wasAsked = isChosen && pairing.choice?.wasAsked == true
      if entry.device.plan?.security == .passkey, !wasAsked { return give(.bondTooWeak, to: number) }
      guard isChosen else { return }
      pairing.change { choice in
        choice.isUsable = true
        choice.closeQuestion()
      }
    case .completed:
      if entry.isRegistered { link.handler.bond(isLost: false, address: entry.device.address) }
      if pairing.entry == number { pairing.change { $0.isUsable = true } }
      readDetails(number)
    case .problem(let problem):
      if pairing.entry == number {
        pairing.change { choice in
          choice.problem = problem
          choice.closeQuestion()
        }
      }
      if let problem {
        if entry.isRegistered, problem.isLossOfBond { link.handler.bond(isLost: true, address: entry.device.address) }
        link.logger.warning(
          "a Bluetooth device needs attention", metadata: ["device": "\(entry.device.name)", "problem": "\(problem.rawValue)"])
      }
    }
  }

  // MARK: Operations

  func perform(_ operation: SessionOperation, _ number: Int, _ entry: DeviceEntry) {
    let generation = entry.session?.generation ?? 0
    let owner = Pending.session(entry: number, generation: generation, operation)
    trace(entry.device.name, operation.traceText)
    guard let path = entry.path ?? tree.device(address: entry.device.address)?.path else {
      return give(.replied(operation, .doesNotExist), to: number)
    }
    switch operation {
    case .connect: call(.connect(device: path), for: owner)
    case .disconnect: call(.disconnect(device: path), for: owner)
    case .pair: call(.pair(device: path), timeout: Self.pairTimeout, for: owner)
    case .cancelPairing: call(.cancelPairing(device: path), for: owner)
    case .trust: call(.trust(device: path), for: owner)
    case .remove:
      guard let adapter = tree.device(path: path)?.adapterPath else { return give(.replied(operation, .doesNotExist), to: number) }
      call(.removeDevice(adapter: adapter, device: path), for: owner)
    case .read(let uuid, let service):
      onCharacteristic(uuid, service, operation, number) { call(.readValue(characteristic: $0.path), for: owner) }
    case .write(let uuid, let service, let bytes, let awaitsResponse):
      onCharacteristic(uuid, service, operation, number) {
        call(.writeValue(characteristic: $0.path, bytes: bytes, awaitsResponse: awaitsResponse), for: owner)
      }
    case .setClock(let uuid, let service, let form):
      let bytes = link.configuration.localTime().bytes(form)
      onCharacteristic(uuid, service, operation, number) {
        call(.writeValue(characteristic: $0.path, bytes: bytes, awaitsResponse: true), for: owner)
      }
    case .subscribe(let uuid, let service, let mode):
      onCharacteristic(uuid, service, operation, number) {
        // BlueZ 5.66 gives a socket for notifications only; what is indicated always comes as a signal.
        let isForSocket = mode == .acquire && ($0.flags.isEmpty || $0.flags.contains("notify"))
        call(isForSocket ? .acquireNotify(characteristic: $0.path) : .startNotify(characteristic: $0.path), for: owner)
      }
    }
  }

  private func onCharacteristic(
    _ uuid: BluetoothUUID, _ service: BluetoothUUID?, _ operation: SessionOperation, _ number: Int,
    _ body: (CharacteristicObject) -> Void
  ) {
    guard let address = entries[number]?.device.address,
      let characteristic = tree.characteristic(address: address, uuid: uuid, service: service)
    else { return give(.replied(operation, .doesNotExist), to: number) }
    body(characteristic)
  }

  func sessionReplied(_ number: Int, _ generation: UInt32, _ operation: SessionOperation, _ result: Result<BusReply, BluezFailure>) {
    guard let entry = entries[number], entry.session?.generation == generation else {
      if case .success(.notifications(let descriptor, _)) = result { close(descriptor) }
      return
    }
    switch result {
    case .failure(.inProgress) where entry.hasStarted(operation):
      // The subscription is ours, from an earlier link: bluetoothd is making it again.
      give(.replied(operation, nil), to: number)
    case .failure(let failure):
      trace(entry.device.name, "\(operation.traceText): \(failure.key)")
      give(.replied(operation, failure), to: number)
    case .success(let reply):
      if case .subscribe(let uuid, _, _) = operation, case .done = reply { entries[number]?.startedNotify.insert(uuid) }
      if case .notifications(let descriptor, _) = reply {
        if case .subscribe(let uuid, _, _) = operation {
          entries[number]?.sockets.append(DeviceEntry.Socket(descriptor: descriptor, uuid: uuid))
        } else {
          close(descriptor)
        }
        if entry.session?.isConnected != true {
          // The link's end came before the reply; a value may have come before both.
          emptySockets(number)
          closeSockets(number)
        }
      }
      if case .bytes(let bytes) = reply, case .read(let uuid, _) = operation {
        // The value of a subscribed characteristic was signalled as well, before this reply.
        if entry.device.frames.contains(uuid), !entry.startedNotify.contains(uuid) { take(.characteristic(uuid), bytes, from: number) }
        give(.value(uuid, bytes: bytes), to: number)
      }
      give(.replied(operation, nil), to: number)
    }
  }

  func trace(_ who: String, _ what: String) {
    let line = BluetoothTraceLine(at: SystemClock.wall(), who: who, what: what)
    link.shared.withLock { $0.trace.append(line) }
    link.logger.debug("\(what)", metadata: ["device": "\(who)"])
  }
}

extension SessionOperation {
  /// Written bytes are left out: they may say something about a person.
  var traceText: String {
    switch self {
    case .connect: "connect"
    case .disconnect: "disconnect"
    case .pair: "pair"
    case .cancelPairing: "cancel pairing"
    case .trust: "trust"
    case .remove: "remove"
    case .read(let uuid, _): "read \(uuid)"
    case .write(let uuid, _, let bytes, _): "write \(uuid), \(bytes.count) bytes"
    case .subscribe(let uuid, _, let mode): "subscribe \(uuid) (\(mode.rawValue))"
    case .setClock(let uuid, _, _): "set the clock at \(uuid)"
    }
  }
}
