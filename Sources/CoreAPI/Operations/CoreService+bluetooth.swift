// Bluetooth for the command line: how the adapter and the devices are, and the steps of pairing. What is read here is of
// devices, not of people; readings are a person's, and looking at them is logged.

import BlueZ
import BluetoothLink
import DeviceIntake
import DeviceProfile
import Foundation
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
package import LocalAPI
import Synchronization
package import VitalSigns

extension CoreService {
  private func bluetooth() throws(LocalAPIFailure) -> RunningBluetooth {
    guard let bluetooth = parts.links.bluetooth else {
      throw .conflict(
        "this hub has no Bluetooth link", hint: "add `bluetooth: {}` below `links:` in the configuration and restart the core")
    }
    return bluetooth
  }

  // MARK: Status

  func bluetoothStatus() -> API.Bluetooth {
    let none = API.Bluetooth.Slots(used: 0, max: parts.configuration.bluetooth?.connectionsMax ?? 0)
    guard let running = parts.links.bluetooth else {
      return API.Bluetooth(
        available: false, reason: .known(.notConfigured), adapter: nil, slots: none, strangers: 0, scanRestarts: 0, matchRules: 0,
        devices: [],
        radios: nil, latency: nil)
    }
    let snapshot = running.link.snapshot
    let refused = running.frames.refused
    return API.Bluetooth(
      available: snapshot.problem == nil && snapshot.adapter?.isPowered == true, reason: snapshot.problem.map { .known(.init($0)) },
      adapter: snapshot.adapter.map {
        API.Bluetooth.Adapter(name: $0.name, address: $0.address, powered: $0.isPowered, discovering: $0.isDiscovering)
      },
      slots: API.Bluetooth.Slots(used: snapshot.connections, max: none.max), strangers: snapshot.strangers,
      scanRestarts: snapshot.scanRestarts, matchRules: snapshot.matchRules,
      devices: registry.bluetoothDevices.map { device, _ in apiDevice(device, snapshot, refused[device.id] ?? [:]) },
      radios: snapshot.radio?.adapters.map { API.Bluetooth.Radio(name: $0.name, powered: $0.isPowered, scanning: $0.isScanning) },
      latency: latency())
  }

  private func latency() -> API.Bluetooth.Latency? {
    let times = parts.pipeline.core.vitals.decisions
    guard let p50 = times.quantile(0.5), let p99 = times.quantile(0.99) else { return nil }
    return API.Bluetooth.Latency(
      p50: Double(p50) / 1_000, p99: Double(p99) / 1_000, max: Double(times.longestNanoseconds) / 1_000, count: times.counts.reduce(0, &+))
  }

  private func apiDevice(_ device: RegisteredDevice, _ snapshot: BluetoothSnapshot, _ refused: [String: UInt64]) -> API.Bluetooth.Device {
    let status = snapshot.devices.first { $0.address == device.address }
    let heard = [status?.lastHeard ?? .unknown, device.lastSeen].filter { $0 != .unknown }.max()
    return API.Bluetooth.Device(
      id: device.id.description, label: device.label, state: .known(status.map { .init($0.state) } ?? .idle),
      connected: status?.isConnected ?? false, bonded: status?.isBonded ?? false, lastSeen: heard?.description, rssi: status?.rssi,
      battery: status?.battery, firmware: status?.firmware, reconnects: status?.reconnects ?? 0,
      refused: refused, problem: status?.problem.map { .known(.init($0)) })
  }

  func bluetoothTrace() throws(LocalAPIFailure) -> API.BluetoothTrace {
    API.BluetoothTrace(lines: try bluetooth().link.trace.map { API.BluetoothTrace.Line(at: $0.at.description, who: $0.who, what: $0.what) })
  }

  // MARK: Pairing

  /// The pairing window. Where there is no Bluetooth the window is closed, and the caller learns the hub's language from the
  /// answer.
  package func pairing() -> API.Pairing {
    if let bluetooth = parts.links.bluetooth { return apiPairing(bluetooth) }
    return API.Pairing(
      state: .known(.closed), secondsLeft: 0, found: [], chosen: nil, prompt: nil, readings: [], problem: nil,
      strangers: 0, language: language.rawValue)
  }

  package func openPairing(_ request: API.OpenPairing) async throws(LocalAPIFailure) -> API.Pairing {
    let running = try bluetooth()
    let allowed = EntryLimits.pairingSeconds
    guard allowed.contains(request.seconds) else {
      throw .bad("seconds is \(request.seconds); allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
    }
    try record(request.actor, "pairingWindow", "opened for \(request.seconds) s")
    running.link.openPairing(for: .seconds(request.seconds))
    try? await Task.sleep(for: Self.linkTurn)
    return apiPairing(running)
  }

  package func closePairing(_ request: API.Reason) async throws(LocalAPIFailure) -> API.Pairing {
    let running = try bluetooth()
    try record(request.actor, "pairingWindow", "closed")
    running.link.closePairing()
    running.frames.beginPairingTest(nil)
    try? await Task.sleep(for: Self.linkTurn)
    return apiPairing(running)
  }

  func chooseDevice(_ request: API.ChooseDevice) async throws(LocalAPIFailure) -> API.Pairing {
    let running = try bluetooth()
    guard let address = BluetoothAddress(request.address)?.text else {
      throw .bad("address is \(request.address.debugDescription); allowed: six pairs of hexadecimal digits such as C0:FF:EE:00:18:22")
    }
    let snapshot = running.link.snapshot
    guard snapshot.pairing.phase != .closed else {
      throw .conflict("the pairing window is closed", hint: "knutepunkt pair opens it")
    }
    guard let found = snapshot.pairing.found.first(where: { $0.address == address }) else {
      throw .notFound("no device with this address is in range now", hint: "wake it: take a measurement or press its Bluetooth button")
    }
    let fitting = running.profiles(for: found)
    var profile = fitting.first
    if let wanted = request.profile {
      profile = registry.profile(wanted)
      guard profile?.bluetooth != nil else { throw .bad("there is no Bluetooth profile \(wanted.debugDescription)") }
    }
    if let (known, _) = registry.device(onBluetooth: address) { profile = registry.profile(known.profile) }
    guard let profile, let device = profile.bluetoothDevice(address, name: "pairing") else {
      throw .conflict("no profile fits this device", hint: "give one with --profile, or add one: DeviceProfiles/README.md")
    }
    try record(request.actor, "pairDevice", profile.id)
    running.frames.beginPairingTest(profile)
    running.link.choose(device)
    try? await Task.sleep(for: Self.linkTurn)
    return apiPairing(running)
  }

  package func answerPrompt(_ request: API.AnswerPrompt) async throws(LocalAPIFailure) -> API.Pairing {
    let running = try bluetooth()
    if let passkey = request.passkey, passkey > 999_999 { throw .bad("passkey is \(passkey); allowed: 0 to 999999") }
    try record(request.actor, "answerPairing", request.accept ? "yes" : "no")
    running.link.answer(prompt: request.number, accept: request.accept, passkey: request.passkey)
    try? await Task.sleep(for: Self.linkTurn)
    return apiPairing(running)
  }

  /// How long an answer waits for the link's loop. A turn of the loop takes microseconds. What comes later is in the next answer.
  private static let linkTurn = Duration.milliseconds(20)

  private func record(_ actor: String, _ action: String, _ detail: String) throws(LocalAPIFailure) {
    let record = AccessRecord(
      wall: parts.clock.wall(), actor: try self.actor(actor, role: "installer"), action: action, purpose: "Bluetooth pairing",
      detail: detail)
    guard parts.pipeline.requests.enqueue({ $0.access.append(record) }) else {
      throw .unavailable("the access log cannot take this now; nothing was done", hint: "try again in a moment; knutepunkt status says why")
    }
  }

  private func apiPairing(_ running: RunningBluetooth) -> API.Pairing {
    let snapshot = running.link.snapshot
    let status = snapshot.pairing
    // A caller that was killed closes nothing. The window ends when its time is over.
    if status.phase == .closed { running.frames.beginPairingTest(nil) }
    let registered = status.chosen.flatMap { registry.device(onBluetooth: $0)?.0 }
    if let registered { running.frames.pairingIsOf(registered.id) }
    let readings = status.chosen == nil ? [] : running.frames.pairingReadings.map(API.Pairing.Reading.init)
    if let registered, !readings.isEmpty, running.frames.isFirstLook() {
      logRead(of: registered.patient, what: "readings of \(registered.id) while pairing")
    }
    let candidates = status.found.compactMap { candidate($0, running) }
    return API.Pairing(
      state: .known(.init(status.phase, hasReadings: !readings.isEmpty)), secondsLeft: status.secondsLeft, found: candidates,
      chosen: status.chosen, prompt: status.prompt.map(API.Pairing.Prompt.init), readings: readings,
      problem: status.problem.map { .known(.init($0)) }, strangers: status.found.count - candidates.count, language: language.rawValue)
  }

  private func candidate(_ found: BluetoothFoundDevice, _ running: RunningBluetooth) -> API.Pairing.Candidate? {
    let profiles = running.profiles(for: found)
    guard let best = profiles.first else { return nil }
    // A name is whatever the device says, so control characters are left out: none reaches a terminal.
    let name = String(String.UnicodeScalarView(found.name.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.prefix(40)))
    return API.Pairing.Candidate(
      address: found.address, name: name, profile: best.id, profiles: profiles.map(\.id), vendor: best.vendor, model: best.model,
      rssi: found.rssi, bonded: found.isBonded, addressIsPrivate: found.addressIsPrivate && !found.isBonded,
      device: registry.device(onBluetooth: found.address)?.0.id.description)
  }

  // MARK: One device

  func deviceDetails(_ id: DeviceID) async throws(LocalAPIFailure) -> API.DeviceDetails {
    let device = try knownDevice(id)
    let profile = registry.profile(device.profile)
    let isBluetooth = profile?.bluetooth != nil
    let status = isBluetooth && parts.links.bluetooth != nil ? bluetoothStatus() : nil
    return API.DeviceDetails(
      device: try await apiDevice(id), vendor: profile?.vendor ?? "", model: profile?.model ?? "",
      transport: profile?.transport.rawValue ?? "",
      bluetooth: status?.devices.first { $0.id == id.description },
      adapterProblem: isBluetooth ? status?.reason ?? (status == nil ? .known(.notConfigured) : nil) : nil)
  }

  func testDevice(_ id: DeviceID, _ request: API.Reason) throws(LocalAPIFailure) -> API.TestStarted {
    let device = try knownDevice(id)
    try record(request.actor, "testDevice", id.description)
    let connects = registry.profile(device.profile)?.transport == .bleGatt && parts.links.bluetooth != nil
    if connects { parts.links.bluetooth?.link.connectNow(address: device.address) }
    return API.TestStarted(
      sequence: parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed), what: .known(connects ? .connects : .listens))
  }

  func deviceReadings(_ id: DeviceID, after sequence: UInt64) async throws(LocalAPIFailure) -> API.DeviceReadings {
    let device = try knownDevice(id)
    // On a busy hub thousands of others' entries lie between the device's. One look is bounded, and the next one goes on from
    // there.
    let looked = min(parts.pipeline.durable.sequence, sequence &+ UInt64(Self.readingsScanMax))
    let entries = try await read { reader throws(JournalError) in
      try reader.entries(of: id, after: sequence, limit: Self.readingsMax, scanMax: Self.readingsScanMax)
    }
    let readings = entries.compactMap(Self.reading)
    if !readings.isEmpty { logRead(of: device.patient, what: "readings of \(id)") }
    let next = entries.count < Self.readingsMax ? max(sequence, looked) : entries.last?.sequence
    return API.DeviceReadings(readings: readings, next: next)
  }

  /// Entries in one answer, and entries that one look passes over.
  private static let readingsMax = 50
  private static let readingsScanMax = 20_000

  private static func reading(_ entry: IntakeEntry) -> API.DeviceReadings.Reading? {
    let reading: API.Pairing.Reading
    switch entry.payload {
    case .observation(let observation): reading = API.Pairing.Reading(.observation(observation, at: .none))
    case .event(let event) where event.kind.isSaidByDevice: reading = API.Pairing.Reading(.event(event, at: .none))
    case .location(let fix): reading = API.Pairing.Reading(.location(fix, at: .none))
    default: return nil
    }
    return API.DeviceReadings.Reading(
      sequence: entry.sequence, at: entry.wall.description,
      measuredAt: entry.measuredAt == .unknown ? nil : entry.measuredAt.description, name: reading.name, text: reading.text)
  }

  package func identify(_ id: DeviceID, _ request: API.Reason) async throws(LocalAPIFailure) -> API.Identified {
    let device = try knownDevice(id)
    let running = try bluetooth()
    guard registry.profile(device.profile)?.bluetooth != nil else { throw .conflict("\(id) is no Bluetooth device") }
    try record(request.actor, "identifyDevice", id.description)
    let signals = await withCheckedContinuation { continuation in
      running.link.identify(address: device.address) { continuation.resume(returning: $0) }
    }
    let status = running.link.snapshot.devices.first { $0.address == device.address }
    return API.Identified(what: .known(signals ? .signals : status?.isConnected == true ? .connected : .cannot), rssi: status?.rssi)
  }
}

extension API.Pairing.Reading {
  package init(_ reading: Reading) {
    switch reading {
    case .observation(let observation, at: _):
      let unit = observation.unit.sign.isEmpty ? "" : " \(observation.unit.sign)"
      self.init(
        name: observation.code.entry?.key ?? "\(observation.code.rawValue)", text: "\(observation.value)\(unit)",
        quality: observation.quality.keys)
    case .event(let event, at: _):
      self.init(name: event.kind.key, text: event.phase == .cleared ? "\(event.kind.key) (ended)" : event.kind.key, quality: [])
    case .location: self.init(name: "location", text: "", quality: [])
    }
  }
}

extension DeviceEventKind {
  /// Whether the device said it; the hub's own words about a device do not count. A mere sign of life says nothing.
  fileprivate var isSaidByDevice: Bool {
    switch self {
    case .heartbeat, .notUnderstood, .clockWrong, .bondLost: false
    default: true
    }
  }
}
