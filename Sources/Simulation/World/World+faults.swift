// What goes wrong in a world, when, and how it ends. The plan is made at the beginning from the seed, kind by kind, so that a kind which
// is switched off leaves the others where they were.

import CoreAPI
import HubConfiguration
import HubRuntime
import Synchronization
import VitalSigns

/// A fault with its moment.
struct PlannedFault {
  var kind: FaultKind
  var at: Int64
  var nanoseconds: Int64
  /// Chance of its own.
  var draw: UInt64
}

extension World {
  /// Presses of a button that is stuck: more than `alertsMax` in a storm.
  static let floodPresses = 24

  func plan(seed: UInt64) {
    for home in 0..<settings.homes { agenda.add(.startHome(home), at: Self.second + Int64(home) * 100_000_000) }
    agenda.add(.check, at: 30 * Self.second)
    for (index, kind) in FaultKind.allCases.enumerated() {
      var random = SeededRandom(seed: seed &+ UInt64(index) &* 0x9E37_79B9)
      let perHour = kind.perHour(settings.profile, homes: settings.homes)
      if perHour <= 0 || settings.without.contains(kind) { continue }
      // One after the other, so that a shorter world has the same faults up to its end. The first minute is for moving in.
      let mean = Int64(3_600 / perHour * 1_000) * 1_000_000
      var at = 60 * Self.second + random.next(in: 0...(2 * mean))
      while at < faultsEnd {
        let fault = PlannedFault(kind: kind, at: at, nanoseconds: random.next(in: kind.seconds) * Self.second, draw: random.next())
        agenda.add(.fault(fault), at: at)
        at += random.next(in: 0...(2 * mean))
      }
    }
  }

  func begin(_ fault: PlannedFault) {
    // Whatever lasts is over when the quiet time begins.
    let until = min(now + fault.nanoseconds, faultsEnd)
    counts.faults[fault.kind, default: 0] += 1
    trace.note(.fault, UInt64(FaultKind.allCases.firstIndex(of: fault.kind) ?? 0), fault.draw)
    var hasEnd = false
    switch fault.kind {
    case .duplicate, .reordered, .corrupt, .truncated, .deviceClock, .nurseTwice, .sameInstant: break
    case .deviceSilent:
      if !devices.isEmpty { devices[Int(fault.draw % UInt64(devices.count))].silentUntil = until }
    case .pressFlood:
      let buttons = devices.indices.filter { devices[$0].kind == .button }
      if !buttons.isEmpty { flood(buttons[Int(fault.draw % UInt64(buttons.count))]) }
    case .flap, .longOutage: disconnect(for: until - now)
    case .brokerRenumbers:
      broker.renumber()
      disconnect(for: until - now)
    case .forwarderDies:
      stopForwarder()
      ledger.forwarderDied(until: until)
      agenda.add(.startForwarder, at: until)
    case .lostAcknowledgements: losesAcknowledgements = true
    case .brokerRestart, .brokerAmnesia:
      brokerDownUntil = until
      if fault.kind == .brokerAmnesia { ledger.forget(broker.forget()) }
      disconnect(for: until - now)
    case .longAway:
      // Nobody and nothing was there: the time between is not played.
      isPowerCut = true
      awayMilliseconds += Int64(1 + fault.draw % 60) * 86_400_000
      ledger.mayForget = true
      disk.die()
    case .kill, .powerCut:
      isPowerCut = fault.kind == .powerCut
      // At once, or at one of the next calls to the disk.
      if fault.draw & 3 == 0 { disk.die() } else { disk.diesAt = disk.operations + 1 + (fault.draw >> 32) % 60 }
    case .wallStep:
      setWall(wrongBy: wallError + Int64(fault.draw % 7_200_000) - 3_600_000)
      hasEnd = true
    case .diskFull:
      disk.fill(leaving: Int(fault.draw % 65_536))
      hasEnd = true
    case .failingSync: disk.failingSyncs = 1 + Int(fault.draw % 4)
    case .lyingSync:
      disk.lies = true
      hasEnd = true
    case .standstill:
      diskStandsUntil = until
      hub?.standsStill(true)
      hasEnd = true
    case .destinationAway: faulty(fault).awayUntil = until
    case .destinationSlow: faulty(fault).slowUntil = until
    case .lostAnswers: faulty(fault).losesAnswersUntil = until
    case .refusals: faulty(fault).refusesUntil = until
    case .nursesAsleep: nursesSleepUntil = until
    case .newHome:
      if registered < settings.homes + 8 { register(registered) }
    case .restore, .callCutOff, .registryChange:
      beginOperation(fault, until: until)
      hasEnd = true
    case .upgrade:
      upgrading = .due(SeededRandom(seed: fault.draw))
      disk.die()
    case .resize:
      alertsMax = [32, 64, 96, 128][Int(fault.draw % 4)]
      if let changed = try? Self.configuration(in: folder, alertsMax: alertsMax, homes: settings.homes) { configuration = changed }
      (ledger.wasResized, ledger.copies.mayBeInexact) = (true, true)
      disk.die()
    }
    if hasEnd { agenda.add(.faultEnds(fault), at: until) }
    hubWake = min(hubWake, now)
  }

  private func beginOperation(_ fault: PlannedFault, until: Int64) {
    switch fault.kind {
    case .restore: takeCopy(draw: fault.draw)
    case .callCutOff: pressToCutOff(fault, until: until)
    case .registryChange: changeRegistry(fault)
    default: break
    }
  }

  func finish(_ fault: PlannedFault) {
    switch fault.kind {
    case .diskFull: disk.capacity = .max
    case .lyingSync: disk.lies = false
    case .standstill: hub?.standsStill(false)
    case .wallStep: setWall(wrongBy: 0)
    case .restore: endForRestore()
    case .registryChange: comesBack(fault)
    case .callCutOff:
      cutOff = nil
      if now >= diskStandsUntil { hub?.standsStill(false) }
    default: break
    }
    hubWake = now
  }

  /// Somebody sets the hub's wall clock; right again means that the network did.
  func setWall(wrongBy milliseconds: Int64) {
    let step = milliseconds - wallError
    wallError = milliseconds
    wallWasSet = true
    machine.isSynchronised.store(milliseconds == 0, ordering: .relaxed)
    setClocks()
    hub?.parts.clockWasSet(by: step)
    _ = hub?.parts.anchorClock()
  }

  /// A button is stuck: more calls than a small table follows.
  private func flood(_ index: Int) {
    for number in 0..<Self.floodPresses {
      agenda.add(.arrives(press(index)), at: now + Int64(number) * 3 * Self.second)
    }
  }

  /// The response centre is always well: what is late there was held up by others.
  private func faulty(_ fault: PlannedFault) -> SimulatedDestination {
    let candidates = destinations.filter { !$0.isAlwaysWell }
    return candidates[Int(fault.draw % UInt64(candidates.count))]
  }

  /// Every half minute.
  func check() {
    agenda.add(.check, at: now + 30 * Self.second)
    guard let hub else { return }
    ledger.check(hub, devices, destinations, upSince: hubSince, canHear: hub.link.isConnected, at: now)
  }
}
