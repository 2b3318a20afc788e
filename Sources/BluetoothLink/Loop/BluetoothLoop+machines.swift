// Between the loop and its machines: an event goes to its machine, and what the machine answers is carried out before the next event.
// What an action causes is queued behind, so that no machine is entered twice.

import DeviceProfile
import Logging
import VitalSigns

extension BluetoothLoop {
  func give(_ input: SessionInput, to number: Int) {
    guard entries[number]?.session != nil else { return }
    sessionInputs.append((number, input))
    drain()
  }

  func tell(_ input: AdapterInput) {
    adapterInputs.append(input)
    drain()
  }

  /// The adapter's events come first: they may take away what a session is about to use.
  private func drain() {
    guard !isDraining else { return }
    isDraining = true
    defer { isDraining = false }
    var sessionsDone = 0
    var adapterDone = 0
    while sessionsDone < sessionInputs.count || adapterDone < adapterInputs.count {
      if adapterDone < adapterInputs.count {
        adapterDone += 1
        pass(adapterInputs[adapterDone - 1], by: LoopAdapterShell(loop: self))
      } else {
        sessionsDone += 1
        let (number, input) = sessionInputs[sessionsDone - 1]
        pass(input, number, by: LoopDeviceShell(loop: self, number: number))
      }
    }
    sessionInputs.removeAll(keepingCapacity: true)
    adapterInputs.removeAll(keepingCapacity: true)
  }

  /// The session is left before its action is carried out, which may read it. A device that has gone meanwhile has no action.
  private func pass(_ input: SessionInput, _ number: Int, by shell: LoopDeviceShell) {
    switch input {
    case .heard: if let action = entries[number]?.session?.heard(at: now) { shell.carryOut(action) }
    case .facts(let facts): if let action = entries[number]?.session?.factsChanged(to: facts, at: now) { shell.carryOut(action) }
    case .slotGranted: if let action = entries[number]?.session?.slotGranted(at: now) { shell.carryOut(action) }
    case .slotWithdrawn: if let action = entries[number]?.session?.slotWithdrawn(at: now) { shell.carryOut(action) }
    case .replied(let operation, let failure):
      if let action = entries[number]?.session?.replied(operation, failure, at: now) { shell.carryOut(action) }
    case .value(let characteristic, _):
      if let action = entries[number]?.session?.valueRead(characteristic, at: now) { shell.carryOut(action) }
    case .notification(let characteristic, let bytes, let outcome):
      if let action = entries[number]?.session?.notified(characteristic, bytes, outcome, at: now) { shell.carryOut(action) }
    case .notificationsEnded(let characteristic):
      if let action = entries[number]?.session?.notificationsEnded(characteristic, at: now) { shell.carryOut(action) }
    case .durable(let sequence):
      if let operation = entries[number]?.session?.durableMoved(to: sequence, at: now) { shell.perform(operation) }
    case .leftOut: if let action = entries[number]?.session?.recordsLeftOut(at: now) { shell.carryOut(action) }
    case .stackGone: if let action = entries[number]?.session?.stackGone(at: now) { shell.carryOut(action) }
    case .stackReady: if let action = entries[number]?.session?.stackReady(at: now) { shell.carryOut(action) }
    case .connectNow(let mayPair):
      if let action = entries[number]?.session?.connectNow(mayPair: mayPair, at: now) { shell.carryOut(action) }
    case .bondTooWeak: if let action = entries[number]?.session?.bondTooWeak(at: now) { shell.carryOut(action) }
    case .forget: if let action = entries[number]?.session?.forget(at: now) { shell.carryOut(action) }
    case .stop: if let action = entries[number]?.session?.stop(at: now) { shell.carryOut(action) }
    case .deadline: if let action = entries[number]?.session?.deadlineCame(at: now) { shell.carryOut(action) }
    }
  }

  private func pass(_ input: AdapterInput, by shell: LoopAdapterShell) {
    switch input {
    case .service(let isPresent): shell.carryOut(adapter.serviceChanged(isPresent: isPresent, at: now))
    case .facts(let facts): shell.carryOut(adapter.factsChanged(to: facts, at: now))
    case .replied(let operation, let failure): shell.carryOut(adapter.replied(operation, failure, at: now))
    case .heard: shell.carryOut(adapter.heard(at: now))
    case .need(let need, let uuids): shell.carryOut(adapter.needChanged(to: need, uuids: uuids, at: now))
    case .connecting(let isUnderWay): shell.carryOut(adapter.connectingChanged(to: isUnderWay, at: now))
    case .resetWanted(let links): shell.carryOut(adapter.resetWanted(beside: links, at: now))
    case .stop: shell.carryOut(adapter.stop(at: now))
    case .deadline: shell.carryOut(adapter.deadlineCame(at: now))
    }
  }
}

/// Carries out what the session of one device says. An entry that was dropped meanwhile has nothing to be carried out.
private struct LoopDeviceShell: SessionShell {
  let loop: BluetoothLoop
  let number: Int

  private var entry: DeviceEntry? { loop.entries[number] }

  func requestSlot() {
    guard let device = entry?.device else { return }
    loop.slots.request(key: String(number), priority: device.priority, isHeld: device.plan?.stay == .held, at: loop.now)
  }

  func established() { loop.slots.established(key: String(number)) }

  func releaseSlot() { loop.slots.release(key: String(number)) }

  func perform(_ operation: SessionOperation) {
    if let entry { loop.perform(operation, number, entry) }
  }

  func closeNotifications() {
    loop.emptySockets(number)
    loop.closeSockets(number)
  }

  func recordsBegan(from characteristics: [BluetoothUUID]) { loop.notice(.recordsBegan(characteristics), number) }

  func recordsEnded() { loop.notice(.recordsEnded, number) }

  func recordsDeleted() {
    guard let device = entry?.device else { return }
    loop.trace(device.name, "records deleted")
    loop.link.handler.recordsDeleted(address: device.address)
  }

  func resetAdapter() { loop.tell(.resetWanted(beside: loop.links)) }

  func report(_ report: SessionReport) {
    if let entry { loop.note(report, number, entry) }
  }
}

private struct LoopAdapterShell: AdapterShell {
  let loop: BluetoothLoop

  func perform(_ operation: AdapterOperation) { loop.perform(operation) }

  func readinessChanged(to isReady: Bool) {
    loop.trace("adapter", isReady ? "ready" : "not ready")
    if isReady {
      for number in loop.entries.keys.sorted() { loop.give(.stackReady, to: number) }
    } else {
      loop.stackGone()
    }
  }

  func report(_ problem: AdapterProblem?) {
    loop.trace("adapter", problem.map { "problem: \($0.rawValue)" } ?? "well")
    if let problem {
      loop.link.logger.warning("the Bluetooth adapter cannot be used", metadata: ["reason": "\(problem.rawValue)"])
    } else {
      loop.link.logger.notice("the Bluetooth adapter works")
    }
  }
}
