// The world's bluetoothd and its radio: what each call does, how it fails, and what the signals say of it. Faults are those
// of the failure table: silence, late and missing signals, drops at any point, aborts, stuck attempts, lost bonds.

import DeviceProfile
import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

extension World {
  mutating func fault() {
    plan(.fault, 2000...60_000)
    let number = Int.random(in: devices.indices, using: &dice)
    switch Int.random(in: 0..<10, using: &dice) {
    case 0: if isStackUp { stackGoes() }
    case 1: devices[number].key += 1  // The device has forgotten the bond.
    case 2: give(number, .slotWithdrawn)
    case 3:
      // The device connects by itself.
      if isStackUp, !devices[number].isLinked, devices[number].facts.exists {
        devices[number].attempt += 1
        linkBegins(number, devices[number].attempt, nil)
      }
    case 4: give(number, .connectNow(mayPair: dice.chance(50)))
    case 5: give(number, .notificationsEnded(Fixture.glucose))
    default: if devices[number].isLinked { linkEnds(number, signal: true) }
    }
  }

  // MARK: Signals

  /// bluetoothd's view reaches the session in order, and sometimes late.
  mutating func signal(_ number: Int) {
    var view = devices[number].facts
    if devices[number].isUnsignalled { view.isConnected = false }
    let delay = isFaulty && dice.chance(10) ? dice.milliseconds(100...1500) : dice.milliseconds(0...5)
    let at = max(devices[number].factsAt, now.adding(nanoseconds: delay * 1_000_000))
    devices[number].factsAt = at
    plan(.input(number, .facts(view)), at: at)
  }

  private mutating func reply(_ number: Int, _ operation: SessionOperation, _ failure: BluezFailure?, _ range: ClosedRange<Int64>) {
    let generation = devices[number].session.generation
    if isFaulty, dice.chance(1) {
      plan(.reply(number, generation: generation, operation, .noReply), 25_000...30_000)
    } else {
      plan(.reply(number, generation: generation, operation, failure), range)
    }
  }

  // MARK: Links

  mutating func linkBegins(_ number: Int, _ attempt: Int, _ generation: UInt32?) {
    guard devices[number].attempt == attempt, isStackUp, devices[number].facts.exists else { return }
    if !devices[number].isLinked {
      devices[number].isLinked = true
      devices[number].isAnswering = false
      devices[number].facts.isConnected = true
      devices[number].isUnsignalled = isFaulty && dice.chance(15)
      signal(number)
      let epoch = devices[number].epoch
      let late = isFaulty && dice.chance(5)
      plan(.resolves(number, epoch: epoch, withObjects: false), late ? 20_000...40_000 : 50...2000)
      if isFaulty, dice.chance(15) { plan(.drops(number, epoch: epoch), 0...20_000) }
    }
    if let generation { plan(.reply(number, generation: generation, .connect, nil), 0...20) }
  }

  mutating func resolves(_ number: Int, _ epoch: Int, _ withObjects: Bool) {
    guard devices[number].epoch == epoch, devices[number].isLinked else { return }
    devices[number].facts.servicesResolved = true
    if !withObjects, isFaulty, dice.chance(10) {
      plan(.resolves(number, epoch: epoch, withObjects: true), 100...6000)
    } else {
      devices[number].facts.characteristics = Fixture.all
    }
    signal(number)
    plan(.frame(number, epoch: epoch), 100...2000)
  }

  mutating func linkEnds(_ number: Int, signal isSignalled: Bool) {
    guard devices[number].isLinked else { return }
    devices[number].isLinked = false
    devices[number].epoch += 1
    devices[number].facts.isConnected = false
    devices[number].facts.servicesResolved = false
    if isSignalled {
      let subscribed = devices[number].session.link?.subscribed ?? []
      if let uuid = [Fixture.glucose, Fixture.measurement].first(where: subscribed.contains) {
        plan(.input(number, .notificationsEnded(uuid)), 0...5)
      }
      signal(number)
    }
    devices[number].isUnsignalled = false
  }

  /// The keys of both sides fit.
  private func isBondGood(_ number: Int) -> Bool {
    devices[number].session.plan.security == .none || devices[number].hubKey == devices[number].key
  }

  // MARK: Calls

  mutating func call(_ number: Int, _ operation: SessionOperation) {
    guard isStackUp else { return reply(number, operation, .stackGone, 0...5) }
    switch operation {
    case .connect: connect(number)
    case .disconnect: disconnect(number)
    case .pair: pair(number)
    case .cancelPairing: break
    case .trust:
      devices[number].facts.isTrusted = true
      reply(number, operation, nil, 1...20)
      signal(number)
    case .remove:
      linkEnds(number, signal: true)
      devices[number].facts = SessionFacts()
      devices[number].hubKey = nil
      reply(number, operation, nil, 1...500)
      signal(number)
    case .read(let uuid, _):
      if let failure = refusal(number) { return reply(number, operation, failure, 10...200) }
      plan(.value(number, generation: devices[number].session.generation, operation, uuid), 10...200)
    case .setClock: reply(number, operation, refusal(number), 10...300)
    case .subscribe(_, _, let mode):
      let isMisreported = mode == .acquire && isFaulty && dice.chance(10)
      reply(number, operation, refusal(number) ?? (isMisreported ? .notSupported : nil), 10...300)
    case .write(_, _, let bytes, _):
      let failure = refusal(number)
      reply(number, operation, failure, 10...200)
      if failure == nil { control(number, bytes) }
    }
  }

  private mutating func refusal(_ number: Int) -> BluezFailure? {
    guard devices[number].isLinked else { return .notConnected }
    if !isBondGood(number) { return dice.chance(50) ? .insufficientSecurity : .authenticationFailed }
    return isFaulty && dice.chance(1) ? .other(name: "org.bluez.Error.Failed", message: "Operation failed") : nil
  }

  private mutating func connect(_ number: Int) {
    guard devices[number].facts.exists else { return reply(number, .connect, .doesNotExist, 1...5) }
    if devices[number].isLinked { return reply(number, .connect, .alreadyConnected, 1...5) }
    devices[number].attempt += 1
    let generation = devices[number].session.generation
    if isFaulty, dice.chance(25) {
      let failures: [BluezFailure] = [
        .inProgress, .connectionAborted, .other(name: "org.bluez.Error.Failed", message: ""), .notReady, .noReply, .authenticationFailed,
      ]
      if let failure = failures.randomElement(using: &dice) {
        reply(number, .connect, failure, failure == .noReply ? 15_000...40_000 : 10...5000)
      }
      return
    }
    plan(.connects(number, attempt: devices[number].attempt, generation: generation), 50...2500)
  }

  private mutating func disconnect(_ number: Int) {
    devices[number].attempt += 1  // An attempt under way is called off.
    let wasLinked = devices[number].isLinked
    linkEnds(number, signal: true)
    reply(number, .disconnect, wasLinked ? nil : .notConnected, 5...300)
  }

  private mutating func pair(_ number: Int) {
    guard devices[number].isLinked else { return reply(number, .pair, .notConnected, 1...10) }
    if devices[number].facts.isPaired { return reply(number, .pair, .alreadyPaired, 1...10) }
    if isFaulty, dice.chance(15) { return reply(number, .pair, dice.chance(50) ? .authenticationFailed : .noReply, 100...30_000) }
    devices[number].key += 1
    devices[number].hubKey = devices[number].key
    devices[number].facts.isPaired = true
    signal(number)
    reply(number, .pair, nil, 100...2000)
    if devices[number].session.plan.leavesAfterBonding {
      plan(.drops(number, epoch: devices[number].epoch), 100...3000)
    }
  }

  // MARK: The record access control point

  private mutating func control(_ number: Int, _ bytes: [UInt8]) {
    let epoch = devices[number].epoch
    guard let opcode = bytes.first else { return }
    if isFaulty, dice.chance(2) { return }  // It never answers.
    if isFaulty, dice.chance(2) {
      return plan(.indicates(number, epoch: epoch, [6, 0, opcode, UInt8.random(in: 0...9, using: &dice)].filter { $0 != 1 }), 10...100)
    }
    let limit = bytes.count == 5 ? UInt16(bytes[3]) | UInt16(bytes[4]) << 8 : 0
    let matching = devices[number].records.filter { record in
      let sequence = UInt16(record.bytes[1]) | UInt16(record.bytes[2]) << 8
      return switch bytes.dropFirst().first {
      case 1: true  // All records.
      case 2: sequence <= limit
      case 3: sequence >= limit
      default: false
      }
    }
    switch opcode {
    case 1: report(number, epoch)
    case 2:
      for record in matching where !record.isRefused {
        let sequence = devices[number].known[record.bytes]
        if sequence == nil || sequence ?? 0 > durable { violations.append("record \(record.id) was deleted before it was durable") }
      }
      devices[number].records.removeAll(where: matching.contains)
      // The link may go between the deletion and its confirmation.
      if isFaulty, dice.chance(10) { return plan(.drops(number, epoch: epoch), 0...50) }
      plan(.indicates(number, epoch: epoch, [6, 0, 2, 1]), 5...100)
    case 4: plan(.indicates(number, epoch: epoch, [5, 0, UInt8(matching.count & 0xFF), UInt8(matching.count >> 8)]), 5...100)
    default: plan(.indicates(number, epoch: epoch, [6, 0, opcode, 1]), 5...100)
    }
  }

  private mutating func report(_ number: Int, _ epoch: Int) {
    let records = devices[number].records
    guard !records.isEmpty else { return plan(.indicates(number, epoch: epoch, [6, 0, 1, 6]), 5...50) }
    var at = now
    for record in records {
      at = at.adding(nanoseconds: dice.milliseconds(5...60) * 1_000_000)
      if isFaulty, dice.chance(1) { continue }  // bluetoothd's socket was full.
      plan(.arrives(number, epoch: epoch, record), at: at.adding(nanoseconds: dice.milliseconds(0...3) * 1_000_000))
    }
    // The answer has a socket of its own: it may be read before the last records.
    let early = dice.milliseconds(0...300) * 1_000_000
    plan(.indicates(number, epoch: epoch, [6, 0, 1, 1]), at: max(now, at.adding(nanoseconds: 10_000_000 - early)))
  }
}
