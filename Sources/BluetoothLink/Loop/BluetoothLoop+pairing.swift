// The installer's window: while it is open every device in range is looked at, one can be chosen, and bluetoothd's
// questions go to the person. Outside it the agent agrees to nothing that nobody asked for.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothLoop {
  /// Pairing and a first measurement take a person longer than finding the device.
  private static let afterChoosingSeconds: UInt32 = 180

  func openPairing(until: MonotonicInstant) {
    if !pairing.isOpen { trace("pairing", "window opened") }
    pairing.open(until: until)
    updateInterest()
  }

  func closePairing() {
    guard pairing.isOpen else { return }
    trace("pairing", "window closed")
    letGoOfChosen()
    pairing = .closed
    updateInterest()
  }

  /// A candidate that nobody registered is left alone; its bond stays, so that it is offered again.
  private func letGoOfChosen() {
    if let prompt = pairing.choice?.prompt { bus?.answer(prompt.number, .no) }
    if let number = pairing.entry, entries[number]?.isRegistered == false { leave(number, .stop) }
  }

  func choose(_ device: BluetoothDevice) {
    letGoOfChosen()
    let until = max(pairing.until ?? .zero, now.adding(seconds: Self.afterChoosingSeconds))
    // The window is open before an entry is added, because adding asks which devices are of interest.
    pairing = .searching(until: until)
    let number: Int
    if let known = numberByAddress[device.address], entries[known]?.dropAt == nil {
      number = known
    } else {
      number = add(device, isRegistered: false)
    }
    pairing = .chosen(PairingChoice(entry: number), until: until)
    trace("pairing", "a device was chosen")
    give(.connectNow(mayPair: true), to: number)
    updateInterest()
  }

  // MARK: The agent

  func asked(_ request: AgentRequest) {
    if case .cancel = request.question {
      pairing.change { $0.closeQuestion() }
      return
    }
    let number = number(ofPath: request.device)
    let isChosen = number != nil && number == pairing.entry
    let plan = number.flatMap { entries[$0]?.device.plan }
    trace("pairing", "agent: \(request.question.key)\(isChosen ? "" : ", not for the chosen device")")
    switch request.question {
    case .cancel: break
    case .authorizeService: bus?.answer(request.number, number.flatMap { entries[$0] }?.isRegistered == true ? .yes : .no)
    case .authorize:
      // "Just works": the installer chose this device, or its profile says that it renews its key.
      let mayAgree = (isChosen || plan?.staleBond == .renew) && plan?.security == .bond
      bus?.answer(request.number, mayAgree ? .yes : .no)
    case .display(let passkey, _):
      if isChosen { pairing.change { $0.question = .open(BluetoothPrompt(kind: .display, passkey: passkey, number: request.number)) } }
      bus?.answer(request.number, isChosen ? .yes : .no)
    case .confirm(let passkey): ask(BluetoothPrompt(kind: .confirm, passkey: passkey, number: request.number), isChosen)
    case .enterPasskey: ask(BluetoothPrompt(kind: .enter, passkey: nil, number: request.number), isChosen)
    }
  }

  private func ask(_ prompt: BluetoothPrompt, _ isChosen: Bool) {
    guard isChosen else {
      bus?.answer(prompt.number, .no)
      return
    }
    pairing.change { $0.question = .open(prompt) }
  }

  func answerPrompt(_ number: UInt64, accept: Bool, passkey: UInt32?) {
    guard let prompt = pairing.choice?.prompt, prompt.number == number else { return }
    pairing.change { $0.closeQuestion() }
    switch (prompt.kind, accept, passkey) {
    case (_, false, _): bus?.answer(number, .no)
    case (.enter, true, .some(let passkey)) where passkey <= 999_999: bus?.answer(number, .passkey(passkey))
    case (.enter, true, _): bus?.answer(number, .no)
    case (.display, true, _): break
    case (.confirm, true, _): bus?.answer(number, .yes)
    }
  }

  // MARK: What the installer sees

  var pairingStatus: BluetoothPairingStatus {
    var status = BluetoothPairingStatus()
    guard let until = pairing.until else { return status }
    status.secondsLeft = Int(max(0, (until.rawValue - now.rawValue) / 1_000_000_000))
    // Devices that are heard now, bonded ones that may be asleep, and those whose link outlived a hub. The nearest comes first.
    let present: [DeviceObject] = tree.allDevices.filter { $0.rssi != nil || $0.isPaired || $0.isConnected }
    status.found = present.sorted { (a: DeviceObject, b: DeviceObject) in (a.rssi ?? -200) > (b.rssi ?? -200) }.map(\.found)
    status.prompt = pairing.choice?.prompt
    status.problem = pairing.choice?.problem
    guard let choice = pairing.choice, let number = choice.entry, let entry = entries[number] else {
      status.phase = .searching
      return status
    }
    status.chosen = entry.device.address
    status.phase = phase(of: choice, entry)
    return status
  }

  private func phase(of choice: PairingChoice, _ entry: DeviceEntry) -> BluetoothPairingStatus.Phase {
    if choice.prompt != nil { return .prompt }
    if choice.problem != nil { return .failed }
    switch entry.session?.state {
    case .linked(_, .pairing), .linked(_, .trusting): return .pairing
    // Steps run only over a link whose bond has proved itself.
    case .linked(_, .running), .linked(_, .quiet), nil: return .testing
    case .idle, .waitingForSlot, .connecting, .linked(_, .resolving), .disconnecting, .removing, .backingOff, .coolingDown, .needsOperator,
      .ended:
      return choice.isUsable ? .testing : .connecting
    }
  }
}

extension AgentRequest.Question {
  /// For the trace: without the number.
  var key: String {
    switch self {
    case .authorize: "authorize"
    case .confirm: "confirm"
    case .display: "display"
    case .enterPasskey: "enter"
    case .authorizeService: "authorize service"
    case .cancel: "cancel"
    }
  }
}

extension DeviceObject {
  var found: BluetoothFoundDevice {
    let addressChanges = addressKind == .resolvablePrivate || addressKind == .nonResolvablePrivate
    // Once connected and not bonded a device has no UUIDs any more in BlueZ 5.66; its service objects are still there.
    let known = characteristics.map(\.service).reduce(into: services) { if !$0.contains($1) { $0.append($1) } }
    return BluetoothFoundDevice(
      address: address, addressIsPrivate: addressChanges, name: name ?? "", services: known, manufacturerData: manufacturerData,
      serviceData: serviceData, rssi: rssi, isBonded: isPaired)
  }
}
