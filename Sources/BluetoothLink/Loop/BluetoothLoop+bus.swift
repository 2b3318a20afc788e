// What the bus brings: bluetoothd's coming and going, changes of its objects, replies to calls. Each goes to the machine
// that it concerns, and to no other.

import BlueZ
import DeviceProfile
import Glibc
import HubRuntime
import Logging
import VitalSigns

extension BluetoothLoop {
  /// BlueZ gives up an absent device after 40 s; the session's own, shorter time-outs come first.
  static let callTimeout = Duration.seconds(45)
  /// Longer than a session waits for Pair, in which time an installer types a passkey.
  static let pairTimeout = Duration.seconds(75)

  func handle(_ event: BusEvent) {
    switch event {
    case .serviceOwner(let isPresent):
      trace("adapter", isPresent ? "bluetoothd is there" : "bluetoothd is gone")
      if !isPresent {
        _ = tree.apply(event)
        stackGone()
        for number in entries.keys { entries[number]?.startedNotify.removeAll() }
      }
      service.service(isPresent: isPresent, at: now)
      tell(.service(isPresent: isPresent))
    case .replied(let ticket, let result): replied(ticket, result)
    case .agent(let request): asked(request)
    case .malformed: malformed += 1
    case .added, .removed, .changed:
      for change in tree.apply(event) { handle(change) }
    }
  }

  private func handle(_ change: TreeChange) {
    switch change {
    case .adapter: adapterChanged()
    case .device(let path): deviceChanged(path)
    case .deviceRemoved(let path):
      for number in entries.filter({ $0.value.path == path }).keys.sorted() {
        entries[number]?.path = nil
        entries[number]?.startedNotify.removeAll()
        give(.facts(SessionFacts()), to: number)
      }
    case .advertisement(let path, let data):
      heardAnybody()
      advertised(path, data)
    case .heardStranger: heardAnybody()
    case .value(let device, let uuid, let bytes):
      // A value that was read comes this way too, and again as the reply.
      guard let number = number(ofPath: device), entries[number]?.startedNotify.contains(uuid) == true else { return }
      // bluetoothd wrote what came before this to the sockets before it sent this.
      readAllSockets(of: number)
      take(.characteristic(uuid), bytes, from: number)
    }
  }

  private func heardAnybody() { tell(.heard) }

  private func adapterChanged() {
    let facts = tree.adapter(named: link.configuration.adapter)
    tree.adapterPath = facts?.path
    tell(.facts(facts))
  }

  func number(ofPath path: String) -> Int? {
    // Two entries have one path while a device leaves and is registered anew: the address is the newer one's.
    tree.device(path: path).flatMap { numberByAddress[$0.address] }
      ?? entries.filter { $0.value.path == path }.keys.min()
  }

  /// Keeps an entry and its object together, and gives the session its facts.
  func deviceChanged(_ path: String) {
    guard let object = tree.device(path: path) else { return }
    // The same object under another address: its identity became known.
    if let known = entries.first(where: { $0.value.path == path && $0.value.device.address != object.address })?.key {
      identityKnown(known, object)
    }
    guard let number = numberByAddress[object.address] else { return }
    entries[number]?.path = path
    // With two adapters and none configured, the bonds decide; they may show up after the adapter.
    if object.isPaired, object.adapterPath != tree.adapterPath { adapterChanged() }
    if let battery = object.battery, battery != entries[number]?.battery { noteDetail(.battery(battery), of: number) }
    give(.facts(tree.sessionFacts(address: object.address)), to: number)
  }

  /// Bonding told whose changing address it is: from now on the device goes by its identity.
  private func identityKnown(_ number: Int, _ object: DeviceObject) {
    guard let entry = entries[number], !entry.isRegistered else { return }
    trace(entry.device.name, "goes by its identity address now")
    if let owner = numberByAddress[object.address], owner != number {
      pairedAnew(number, entry.device, object, owner: owner)
    } else {
      if numberByAddress[entry.device.address] == number { numberByAddress[entry.device.address] = nil }
      numberByAddress[object.address] = number
      entries[number]?.device.address = object.address
    }
    updateInterest()
  }

  /// A device of the house, chosen under a stranger's address: what was chosen is what is registered.
  private func pairedAnew(_ number: Int, _ device: BluetoothDevice, _ object: DeviceObject, owner: Int) {
    let isChosen = pairing.entry == number
    let twins = tree.paths(address: object.address)
    // The entry is dropped, and its session not ended: the link under way is the owner's from now on.
    drop(number)
    guard isChosen else { return }
    if twins.count > 1, pairing.choice?.hasClearedTwins == false {
      // BlueZ 5.66 keeps the old object beside this one, gives later links to the old and keys to neither. Both go, and the device
      // is paired once more under the address that it has now.
      trace(device.name, "is known to bluetoothd twice: forgotten, and paired once more")
      for twin in twins { call(.removeDevice(adapter: object.adapterPath, device: twin), for: .nobody) }
      let again = add(device, isRegistered: false)
      pairing.change { choice in
        choice.hasClearedTwins = true
        choice.entry = again
      }
      give(.connectNow(mayPair: true), to: again)
    } else if device.plan?.security == .passkey, pairing.choice?.wasAsked == false {
      // Its identity is known, so it has bonded, and nobody was asked for a number.
      trace(device.name, "the bond is too weak for the profile")
      call(.removeDevice(adapter: object.adapterPath, device: object.path), for: .nobody)
      pairing.change { choice in
        choice.entry = owner
        choice.problem = .pairingRefused
      }
    } else {
      pairing.change { choice in
        choice.entry = owner
        choice.isUsable = object.isPaired
      }
      entries[owner]?.path = object.path
      give(.connectNow(mayPair: true), to: owner)
    }
  }

  private func advertised(_ path: String, _ data: AdvertisedData) {
    guard let object = tree.device(path: path), let number = numberByAddress[object.address] else { return }
    if let rssi = object.rssi { entries[number]?.rssi = rssi }
    noteHeard(number)
    give(.heard, to: number)
    guard case .advertisement = entries[number]?.device.kind else { return }
    if data.contains(.serviceData) {
      for (uuid, bytes) in object.serviceData.sorted(by: { $0.key.description < $1.key.description }) {
        take(.serviceData(uuid), bytes, from: number)
      }
    }
    if data.contains(.manufacturerData) {
      for (company, bytes) in object.manufacturerData.sorted(by: { $0.key < $1.key }) {
        take(.manufacturerData(company), bytes, from: number)
      }
    }
  }

  func noteHeard(_ number: Int) {
    guard let entry = entries[number] else { return }
    entries[number]?.lastHeard = SystemClock.wall()
    if let told = entry.toldHeard, now < told.adding(seconds: Self.heardIntervalSeconds) { return }
    entries[number]?.toldHeard = now
    if entry.isRegistered { link.handler.heard(address: entry.device.address) }
  }

  // MARK: Calls

  /// Makes a call; its reply comes back to `owner`. Without a bus it is answered at once.
  func call(_ call: BusCall, timeout: Duration = BluetoothLoop.callTimeout, for owner: Pending) {
    guard let bus else {
      finish(owner, .failure(.stackGone))
      return
    }
    let ticket = nextTicket
    nextTicket += 1
    pending[ticket] = owner
    bus.call(call, ticket: ticket, timeout: timeout)
  }

  private func replied(_ ticket: UInt64, _ result: Result<BusReply, BluezFailure>) {
    guard let owner = pending.removeValue(forKey: ticket) else {
      if case .success(.notifications(let descriptor, _)) = result { close(descriptor) }
      return
    }
    finish(owner, result)
  }

  private func finish(_ owner: Pending, _ result: Result<BusReply, BluezFailure>) {
    switch owner {
    case .adapter(let operation): adapterReplied(operation, result)
    case .session(let number, let generation, let operation): sessionReplied(number, generation, operation, result)
    case .detail(let number, let read): detailReplied(number, read, result)
    case .identify(let answer):
      if case .success = result { answer(true) } else { answer(false) }
    case .reload:
      if case .success(.objects(let objects)) = result {
        reload.end()
        replaceTree(objects)
      } else {
        reload.fail(at: now)
      }
    case .ping:
      let wasSilent = service.isSilent
      if case .success = result { service.answered(true, at: now) } else { service.answered(false, at: now) }
      if service.isSilent != wasSilent { serviceChanged() }
    case .nobody: break
    }
  }

  private func serviceChanged() {
    trace("adapter", service.isSilent ? "bluetoothd does not answer" : "bluetoothd answers")
    if service.isSilent {
      link.logger.warning("the Bluetooth service does not answer", metadata: ["within": "\(ServiceWatch.answerWithin)"])
    } else {
      link.logger.notice("the Bluetooth service answers again")
    }
  }

  private func adapterReplied(_ operation: AdapterOperation, _ result: Result<BusReply, BluezFailure>) {
    switch result {
    case .success(let reply):
      if case .objects(let objects) = reply { replaceTree(objects) }
      tell(.replied(operation, nil))
    case .failure(let failure):
      trace("adapter", "\(operation): \(failure.key)")
      tell(.replied(operation, failure))
    }
    if case .loadObjects = operation { adapterChanged() }
  }

  func replaceTree(_ objects: [BluezObject]) {
    tree.replace(with: objects)
    adapterChanged()
    for number in entries.keys.sorted() {
      guard let entry = entries[number] else { continue }
      entries[number]?.path = tree.device(address: entry.device.address)?.path ?? entry.path
      give(.facts(tree.sessionFacts(address: entry.device.address)), to: number)
    }
  }

  // MARK: The adapter

  func perform(_ operation: AdapterOperation) {
    if case .loadObjects = operation { return call(.managedObjects, for: .adapter(operation)) }
    if case .registerAgent = operation { return call(.registerAgent, for: .adapter(operation)) }
    guard let path = tree.adapter(named: link.configuration.adapter)?.path else {
      return tell(.replied(operation, .doesNotExist))
    }
    trace("adapter", "\(operation)")
    switch operation {
    case .loadObjects, .registerAgent: break
    case .setPowered(let isOn): call(.setPowered(adapter: path, isOn), for: .adapter(operation))
    case .setFilter(let uuids): call(.setDiscoveryFilter(adapter: path, uuids: uuids), for: .adapter(operation))
    case .startDiscovery: call(.startDiscovery(adapter: path), for: .adapter(operation))
    case .stopDiscovery: call(.stopDiscovery(adapter: path), for: .adapter(operation))
    }
  }

  /// bluetoothd or the adapter went away: whatever answers come to what was under way mean nothing.
  func stackGone() {
    for number in entries.keys.sorted() {
      emptySockets(number)
      closeSockets(number)
      give(.stackGone, to: number)
    }
  }

  /// How much must be heard now. Nothing is filtered by service: a bonded cuff need not advertise its service to reconnect.
  func considerDiscovery() {
    let registered = entries.values.filter { $0.isRegistered || $0.dropAt == nil }
    // An alarm button advertises for some seconds after it was pressed: a rest would miss it.
    let listens = registered.contains { $0.session == nil || $0.device.priority == .alarm && !$0.isUp }
    let awaits = registered.contains { $0.session != nil && !$0.isUp }
    let need: DiscoveryNeed = pairing.isOpen || listens || listensUntil != .zero ? .continuous : awaits ? .cycle : .none
    if need != adapter.need { tell(.need(need, uuids: [])) }
    let connecting = entries.values.contains { $0.session?.isConnecting == true }
    if connecting != adapter.isConnecting { tell(.connecting(connecting)) }
    adapter.links = links
  }

  /// Whose connections a power cycle would end.
  var links: AdapterSession.Links {
    let connected = entries.values.filter { $0.isUp }
    if connected.contains(where: { $0.device.priority == .alarm }) { return .alarm }
    return connected.isEmpty ? .none : .some
  }

  /// Who is of interest has changed: bluetoothd is asked again for what the tree did not keep.
  func updateInterest() {
    let addresses = Set(entries.values.map(\.device.address))
    guard addresses != tree.interest || tree.keepsStrangers != pairing.isOpen else { return }
    tree.interest = addresses
    tree.keepsStrangers = pairing.isOpen
    if !tree.keepsStrangers { tree.forgetStrangers() }
    reload.want()
  }

  func reloadIfNeeded() {
    guard reload.isWanted || tree.isIncomplete, adapter.isReady, let notBefore = reload.notBefore, now >= notBefore else { return }
    reload = .underWay(again: false)
    call(.managedObjects, for: .reload)
  }
}
