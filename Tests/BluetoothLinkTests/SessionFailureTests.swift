// One test for each way in which BlueZ or a device fails, by the row of the failure table that it stands for.

import DeviceProfile
import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct SessionFailureTests {
  static let other = BluezFailure.other(name: "org.bluez.Error.Failed", message: "")

  @Test("An absent device: our own time-out calls the attempt off and counts a failure")
  func absent() {
    var bench = Bench()
    bench.connecting()
    #expect(bench.session.deadline == bench.now.adding(seconds: 20))
    #expect(bench.expire() == [.perform(.disconnect)])
    // The cancelled call answers too, and means nothing.
    #expect(bench.reply(.connect, Self.other).isEmpty)
    #expect(bench.reply(.disconnect, .notConnected) == [.releaseSlot])
    #expect(bench.session.state.name == "backingOff" && bench.session.setbacks.failures == 1)
    #expect(bench.ledger.violations == [])
  }

  @Test("Four retries with growing waits, then a pause and a problem; a success clears it")
  func backOff() {
    var bench = Bench()
    bench.connecting()
    for wait in [0.1, 0.4, 1.6, 4.0] {
      bench.reply(.connect, Self.other)
      #expect(bench.session.deadline == bench.now.adding(nanoseconds: Int64(wait * 1e9)))
      #expect(bench.session.problem == nil)
      #expect(bench.expire() == [.requestSlot])
      bench.give(.slotGranted)
    }
    #expect(bench.reply(.connect, Self.other) == [.releaseSlot, .report(.problem(.cannotConnect))])
    #expect(bench.session.deadline == bench.now.adding(seconds: 60))
    bench.expire()
    bench.completed()
    #expect(bench.session.problem == nil && bench.session.setbacks.failures == 0)
    #expect(bench.ledger.violations == [])
  }

  @Test("An alarm device pauses for 10 s")
  func alarmPause() {
    var bench = Bench(Fixture.cuff(priority: .alarm))
    bench.connecting()
    for _ in 0..<4 {
      bench.reply(.connect, Self.other)
      bench.expire()
      bench.give(.slotGranted)
    }
    bench.reply(.connect, Self.other)
    #expect(bench.session.deadline == bench.now.adding(seconds: 10))
  }

  @Test("A retry needs a device that was heard in the last 30 s")
  func unheardRetry() {
    var bench = Bench()
    bench.connecting()
    bench.expire()
    bench.reply(.disconnect, .notConnected, after: 9.95)
    #expect(bench.expire().isEmpty)
    #expect(bench.session.state.name == "idle")
    #expect(bench.give(.heard) == [.requestSlot])
  }

  @Test("Connect succeeds without Connected ever being signalled; Connected=false then means nothing")
  func connectedNotSignalled() {
    var bench = Bench()
    bench.connected(Fixture.facts())
    bench.give(.facts(Fixture.facts()))
    #expect(bench.session.state.name == "resolving")
    bench.give(.facts(Fixture.facts(resolved: true, characteristics: Fixture.all)))
    #expect(bench.session.state.name == "running")
    // Services that are not resolved any more are the sign that is left.
    #expect(bench.give(.facts(Fixture.facts())) == [.closeNotifications, .releaseSlot, .report(.disconnected)])
  }

  @Test("AlreadyConnected is a success")
  func alreadyConnected() {
    var bench = Bench()
    bench.connecting()
    #expect(bench.reply(.connect, .alreadyConnected) == [.established, .report(.connected)])
    #expect(bench.session.connections == 1)
  }

  @Test("A link that outlived its program is taken over without connecting")
  func adopts() {
    var bench = Bench()
    #expect(bench.give(.facts(Fixture.resolved)) == [.requestSlot])
    let actions = bench.give(.slotGranted)
    #expect(actions.prefix(2) == [.established, .report(.connected)] && !actions.contains(.perform(.connect)))
    #expect(bench.session.state.name == "running" && bench.session.generation == 1)
  }

  @Test("InProgress: waits for the other attempt; the second time a bonded device asks for a reset, once")
  func inProgressBonded() {
    var bench = Bench()
    bench.connecting()
    #expect(bench.reply(.connect, .inProgress).isEmpty)
    bench.expire()
    bench.reply(.disconnect)
    bench.expire()
    bench.give(.heard)
    bench.give(.slotGranted)
    #expect(bench.reply(.connect, .inProgress) == [.report(.problem(.stuck)), .resetAdapter, .releaseSlot])
    bench.give(.heard, after: 59)
    bench.expire()
    bench.give(.slotGranted)
    #expect(!bench.reply(.connect, .inProgress).contains(.resetAdapter))
    bench.give(.facts(Fixture.facts(connected: true)))
    #expect(bench.session.state.name == "resolving", "the other attempt brought the link")
  }

  @Test("InProgress twice: an unbonded device is removed once")
  func inProgressUnbonded() {
    var bench = Bench(Fixture.cuff(security: .none))
    bench.connecting(Fixture.facts(paired: false))
    bench.reply(.connect, .inProgress)
    bench.expire()
    bench.reply(.disconnect)
    bench.expire()
    if bench.session.state.name == "idle" { bench.give(.heard) }
    bench.give(.slotGranted)
    #expect(bench.reply(.connect, .inProgress) == [.releaseSlot, .perform(.remove)])
    bench.reply(.remove)
    #expect(bench.session.state.name == "idle" && bench.session.problem == nil)
  }

  @Test("le-connection-abort-by-local: not again before Connected=false, or 2 s")
  func aborted() {
    var bench = Bench()
    bench.connecting()
    bench.give(.facts(Fixture.facts(connected: true)))
    bench.reply(.connect, .connectionAborted)
    #expect(bench.session.deadline == bench.now.adding(seconds: 2))
    bench.give(.facts(Fixture.facts()))
    #expect(bench.session.deadline == bench.now.adding(nanoseconds: 100_000_000))
  }

  @Test("The adapter is off, or the object is gone: idle, and nobody's failure", arguments: [BluezFailure.notReady, .doesNotExist])
  func quietly(failure: BluezFailure) {
    var bench = Bench()
    bench.connecting()
    #expect(bench.reply(.connect, failure) == [.releaseSlot])
    #expect(bench.session.state.name == "idle" && bench.session.setbacks.failures == 0 && bench.session.problem == nil)
    #expect(bench.give(.heard, after: 1) == [.requestSlot])
  }

  @Test("bluetoothd vanishes in the middle: everything is given back once, and being heard later goes on")
  func stackGone() {
    var bench = Bench()
    bench.completed()
    let before = bench.session.generation
    #expect(bench.give(.stackGone) == [.closeNotifications, .releaseSlot, .report(.disconnected)])
    #expect(bench.session.generation == before + 1)
    #expect(bench.give(.heard).isEmpty, "nothing can be done without it")
    bench.give(.stackReady)
    #expect(bench.give(.heard) == [.requestSlot])
    #expect(bench.ledger.violations == [])
  }

  @Test("A request outlives bluetoothd")
  func requestSurvives() {
    var bench = Bench(isRegistered: false)
    #expect(bench.give(.connectNow(mayPair: true)) == [.requestSlot])
    #expect(bench.give(.stackGone) == [.releaseSlot])
    #expect(bench.give(.stackReady, after: 5) == [.requestSlot])
  }

  @Test("No reply: called off and counted")
  func noReply() {
    var bench = Bench()
    bench.connecting()
    #expect(bench.reply(.connect, .noReply) == [.perform(.disconnect)])
    bench.reply(.disconnect)
    #expect(bench.session.setbacks.failures == 1)
  }

  @Test("A device without a bond is left alone until somebody pairs it")
  func notPaired() {
    var bench = Bench()
    bench.connecting(Fixture.facts(paired: false))
    #expect(bench.reply(.connect).suffix(1) == [.perform(.disconnect)])
    #expect(bench.disconnected().contains(.report(.problem(.notPaired))))
    #expect(bench.give(.heard, after: 7200).isEmpty, "it must not make the hub connect for ever")
    #expect(bench.give(.facts(Fixture.facts())) == [.report(.problem(nil))])
    #expect(bench.give(.heard) == [.requestSlot])
  }

  @Test("Pairing comes before everything, then trust, then the services")
  func pairsFirst() {
    var bench = Bench(isRegistered: false)
    bench.give(.facts(Fixture.facts(paired: false, trusted: false)))
    #expect(bench.give(.heard).isEmpty, "a stranger")
    bench.give(.connectNow(mayPair: true))
    bench.give(.slotGranted)
    #expect(bench.reply(.connect) == [.established, .report(.connected), .perform(.pair)])
    bench.give(.facts(Fixture.facts(connected: true, paired: false, trusted: false, resolved: true, characteristics: Fixture.all)))
    #expect(bench.session.state.name == "pairing")
    #expect(bench.session.deadline == bench.now.adding(seconds: 60))
    #expect(bench.reply(.pair) == [.report(.paired), .perform(.trust)])
    #expect(bench.reply(.trust) == [.perform(.setClock(Fixture.clock, service: nil, .currentTime))])
  }

  @Test(
    "Pairing refused: a person decides",
    arguments: [BluezFailure.authenticationFailed, .authenticationCanceled, .authenticationRejected, .authenticationTimeout])
  func pairingRefused(failure: BluezFailure) {
    var bench = SessionTableTests.bench(.pairing)
    #expect(bench.reply(.pair, failure) == [.perform(.disconnect)])
    bench.disconnected()
    #expect(bench.session.state == .needsOperator(.pairingRefused, retryAt: .never))
  }

  @Test("Nobody types: pairing is cancelled before the link is given up")
  func pairingTimesOut() {
    var bench = SessionTableTests.bench(.pairing)
    #expect(bench.expire() == [.perform(.cancelPairing), .perform(.disconnect)])
    #expect(bench.ledger.violations == [])
  }

  @Test("A device that renews its key: refused once is removed, twice is a problem")
  func renewRefused() {
    var bench = Bench(Fixture.cuff(staleBond: .renew))
    bench.connected(Fixture.facts(paired: false))
    bench.reply(.pair, .authenticationFailed)
    #expect(bench.disconnected().contains(.perform(.remove)))
    bench.reply(.remove)
    bench.connected(Fixture.facts(paired: false))
    bench.reply(.pair, .authenticationFailed)
    bench.disconnected()
    #expect(bench.session.state.name == "coolingDown" && bench.session.problem == .pairingRefused)
  }

  @Test("The device has lost the bond: a person decides, and a wrong guess mends itself after 10 min")
  func bondLost() {
    var bench = Bench()
    bench.connecting()
    #expect(bench.reply(.connect, .authenticationFailed) == [.releaseSlot, .report(.problem(.bondLost))])
    #expect(bench.give(.heard, after: 599).isEmpty)
    #expect(bench.give(.heard, after: 1) == [.requestSlot])
    bench.give(.slotGranted)
    bench.reply(.connect)
    bench.give(.facts(Fixture.resolved))
    #expect(bench.reply(.setClock(Fixture.clock, service: nil, .currentTime)).contains(.report(.problem(nil))))
  }

  @Test("A lost bond under operator control: unbond, and pair when it is heard")
  func operatorRepairs() {
    var bench = SessionTableTests.bench(.bondLost)
    #expect(bench.give(.connectNow(mayPair: true)) == [.report(.problem(nil)), .perform(.remove)])
    bench.reply(.remove)
    bench.connecting(Fixture.facts(paired: false, trusted: false))
    #expect(bench.reply(.connect).contains(.perform(.pair)))
    #expect(bench.reply(.pair).contains(.report(.paired)) && bench.session.problem == nil)
  }

  @Test("Insufficient security on an operation of a bonded device is a lost bond; of an unbonded one a refused step")
  func insufficientSecurity() {
    var bench = Bench(Fixture.meter(staleBond: .renew))
    bench.connected()
    bench.give(.facts(Fixture.resolved))
    #expect(bench.reply(.read(Fixture.battery, service: nil), .insufficientSecurity) == [.perform(.disconnect)])
    #expect(bench.disconnected().suffix(1) == [.perform(.remove)])
    bench.reply(.remove)
    // At most one renewal in 60 s.
    bench.connected()
    bench.give(.facts(Fixture.resolved))
    bench.reply(.read(Fixture.battery, service: nil), .insufficientSecurity)
    #expect(!bench.disconnected().contains(.perform(.remove)))
    #expect(bench.session.problem == .bondLost && bench.session.state.name == "coolingDown")

    var open = Bench(Fixture.cuff(security: .none))
    open.connected(Fixture.facts(paired: false))
    open.give(.facts(Fixture.facts(connected: true, paired: false, resolved: true, characteristics: [Fixture.measurement])))
    open.reply(Fixture.subscribe(Fixture.measurement), .insufficientSecurity)
    #expect(open.session.problem == .stepRefused)
  }

  @Test("Three links in a row that end before anything worked are a lost bond")
  func earlyDrops() {
    var bench = Bench()
    for drop in 1...3 {
      bench.connected()
      bench.give(.facts(Fixture.facts(connected: true)))
      bench.give(.facts(Fixture.facts()))
      #expect((bench.session.problem == .bondLost) == (drop == 3))
      if drop < 3 { bench.expire() }
    }
    #expect(bench.session.state.name == "needsOperator")
    #expect(bench.ledger.violations == [])
  }

  @Test("Pair that bluetoothd never answers: the bond counts, 2 s after it shows", arguments: [false, true])
  func pairUnanswered(isLinkLost: Bool) {
    var bench = SessionTableTests.bench(.pairing)
    bench.give(.facts(Fixture.facts(connected: true, paired: false, trusted: false)))
    bench.give(.facts(Fixture.facts(connected: true, trusted: false)))
    if isLinkLost { bench.give(.facts(Fixture.facts(trusted: false))) }
    #expect(bench.session.deadline == bench.now.adding(seconds: 2))
    #expect(bench.expire() == [.report(.paired), .perform(.trust)])
    #expect(bench.reply(.pair, .noReply).isEmpty, "an answer that comes after all changes nothing")
    #expect(bench.session.state.name == "trusting" && bench.ledger.violations == [])
  }

  @Test("Pair that fails though the device has bonded: it left at once, and the bond counts")
  func pairFailsBonded() {
    var bench = SessionTableTests.bench(.pairing)
    bench.give(.facts(Fixture.facts(connected: true, trusted: false)))
    #expect(bench.reply(.pair, .connectionAborted) == [.report(.paired), .perform(.trust)])
  }

  @Test("A bond known to be lost is given up as soon as an operator asks for pairing")
  func bondLostAndAsked() {
    var bench = SessionTableTests.bench(.bondLost)
    #expect(bench.give(.connectNow(mayPair: false)) == [.requestSlot])
    bench = SessionTableTests.bench(.bondLost)
    #expect(bench.give(.connectNow(mayPair: true)) == [.report(.problem(nil)), .perform(.remove)])
    bench.reply(.remove)
    bench.give(.facts(Fixture.facts(paired: false, trusted: false)))
    #expect(bench.give(.heard) == [.requestSlot])
  }

  @Test("Aborted attempts whose link came up: a lost bond only where a new one is allowed", arguments: [true, false])
  func abortedAttempts(isRenewing: Bool) {
    var bench = Bench(Fixture.cuff(staleBond: isRenewing ? .renew : .operator))
    for attempt in 1...3 {
      bench.give(.facts(Fixture.facts()))
      bench.give(.heard)
      bench.give(.slotGranted)
      bench.give(.facts(Fixture.facts(connected: true)))
      bench.give(.facts(Fixture.facts()))
      let actions = bench.reply(.connect, .connectionAborted)
      #expect(actions.contains(.perform(.remove)) == (isRenewing && attempt == 3))
      if bench.session.state.name == "backingOff" { bench.expire() }
    }
    #expect(bench.session.problem == nil && bench.ledger.violations == [])
  }

  @Test("A handle that the device no longer has: what bluetoothd remembers is outdated, told at the second time")
  func outdatedHandle() {
    var bench = Bench(Fixture.cuff(staleBond: .renew))
    for time in 1...2 {
      bench.connected()
      bench.give(.facts(Fixture.resolved))
      bench.reply(.setClock(Fixture.clock, service: nil, .currentTime))
      bench.reply(Fixture.subscribe(Fixture.measurement, .acquire), .doesNotExist)
      #expect(bench.disconnected().contains(.perform(.remove)))
      #expect(bench.session.problem == (time == 1 ? nil : .missingCharacteristic))
      bench.reply(.remove)
      bench.expire()
    }
    #expect(bench.ledger.violations == [])
  }

  @Test("A removal that bluetoothd owed is done when it is back and knows the device")
  func owedRemoval() {
    var bench = SessionTableTests.bench(.owingRemoval)
    bench.give(.facts(Fixture.facts()))
    #expect(bench.give(.stackReady) == [.perform(.remove)])
    bench.reply(.remove)
    #expect(bench.session.isEnded)
  }

  @Test("A bond without the comparison that the profile demands is given up")
  func bondTooWeak() {
    var bench = SessionTableTests.bench(.pairing)
    bench.give(.bondTooWeak)
    #expect(bench.disconnected().contains(.perform(.remove)))
    bench.reply(.remove)
    #expect(bench.session.problem == .pairingRefused && bench.session.state.name == "needsOperator")
  }

  @Test("Sessions that bring nothing come ever more seldom, until one brings something or the device has slept")
  func barrenSessions() {
    var bench = Bench()
    var waits: [Double] = []
    for turn in 0..<9 {
      bench.completed()
      if turn == 7 { bench.give(.notification(Fixture.measurement, bytes: [1], .accepted(sequence: 1))) }
      bench.expire()
      bench.disconnected()
      waits.append(Double(bench.session.rested.until.rawValue - bench.now.rawValue) / 1e9)
      // Heard all the time.
      while bench.now < bench.session.rested.until {
        bench.give(.facts(Fixture.facts()), after: 10); if bench.session.state.name == "idle" { bench.give(.heard) }
      }
    }
    #expect(waits == [10, 20, 40, 80, 160, 300, 300, 10, 10])
  }

  @Test("An alarm device whose bond seems lost is tried again at once")
  func alarmBondLost() {
    var bench = Bench(Fixture.cuff(priority: .alarm))
    bench.connecting()
    bench.reply(.connect, .authenticationFailed)
    #expect(bench.session.problem == .bondLost)
    #expect(bench.give(.heard, after: 9).isEmpty)
    #expect(bench.give(.heard, after: 2) == [.requestSlot])
  }

  @Test("A characteristic of another service is not the one that the profile means")
  func otherService() {
    var plan = Fixture.cuff()
    plan.steps = [
      BluetoothSessionStep(.setClock(.dateTime), characteristic: Fixture.clock, service: BluetoothUUID(short: 0x1810), isOptional: true),
      BluetoothSessionStep(.subscribe(mode: nil), characteristic: Fixture.measurement, service: BluetoothUUID(short: 0x1810)),
    ]
    var bench = Bench(plan)
    bench.connected()
    var facts = Fixture.resolved
    facts.holders = [Fixture.clock: [BluetoothUUID(short: 0x1805)], Fixture.measurement: [BluetoothUUID(short: 0x1810)]]
    #expect(
      bench.give(.facts(facts))
        == [.perform(.subscribe(Fixture.measurement, service: BluetoothUUID(short: 0x1810), .acquire))])
  }

  @Test("Given up for a new bond and not heard again: its addresses are private, and the installer must choose it anew")
  func notHeardAgain() {
    var bench = SessionTableTests.bench(.bondLost)
    bench.give(.connectNow(mayPair: true))
    bench.reply(.remove)
    #expect(bench.session.deadline == bench.now.adding(seconds: 30))
    #expect(bench.expire() == [.report(.problem(.notPaired))])
    #expect(bench.session.state.name == "needsOperator")
  }

  @Test("A link that worked breaks the row of suspicious ones")
  func workedBetween() {
    var bench = Bench()
    for worked in [false, false, true, false, false] {
      bench.connected()
      bench.give(.facts(Fixture.resolved))
      if worked { bench.reply(.setClock(Fixture.clock, service: nil, .currentTime)) }
      bench.give(.facts(Fixture.facts()))
      #expect(bench.session.problem != .bondLost)
      bench.expire()
    }
    #expect(bench.session.setbacks.earlyDrops == 2)
  }

  @Test("A link that Disconnect did not end is taken over after the hold-off, without waiting for a signal")
  func linkStays() {
    var bench = Bench()
    bench.completed()
    bench.expire()
    bench.reply(.disconnect)
    bench.expire()
    #expect(bench.session.state.name == "idle" && bench.session.deadline == bench.now.adding(seconds: 10))
    #expect(bench.expire() == [.requestSlot])
  }

  @Test("ServicesResolved before the objects: waits 5 s for those that are needed")
  func lateObjects() {
    var bench = SessionTableTests.bench(.waitingForObjects)
    #expect(bench.session.deadline == bench.now.adding(seconds: 5))
    bench.give(.facts(Fixture.facts(connected: true, resolved: true, characteristics: [Fixture.battery])))
    #expect(bench.session.state.name == "resolving")
    #expect(
      bench.give(.facts(Fixture.facts(connected: true, resolved: true, characteristics: [Fixture.measurement])))
        == [.perform(Fixture.subscribe(Fixture.measurement))], "the clock is optional and not there")
  }

  @Test("A missing characteristic: a bonded device keeps its bond, and the second time it is said")
  func missing() {
    var bench = SessionTableTests.bench(.waitingForObjects)
    bench.expire()
    #expect(!bench.disconnected().contains(.perform(.remove)) && bench.session.problem == nil)
    bench.give(.heard)
    bench.expire()
    bench.give(.slotGranted)
    bench.reply(.connect)
    bench.give(.facts(Fixture.facts(connected: true, resolved: true)))
    bench.expire()
    bench.disconnected()
    #expect(bench.session.problem == .missingCharacteristic && bench.session.state.name == "coolingDown")
  }

  @Test("A stale cache of an unbonded device is mended by forgetting it")
  func staleCache() {
    var bench = Bench(Fixture.cuff(security: .none))
    bench.connected(Fixture.facts(paired: false))
    bench.give(.facts(Fixture.facts(connected: true, paired: false, resolved: true)))
    bench.expire()
    #expect(bench.disconnected().suffix(1) == [.perform(.remove)])
  }

  @Test("Services that are never resolved")
  func noServices() {
    var bench = SessionTableTests.bench(.resolving)
    #expect(bench.session.deadline == bench.now.adding(seconds: 30))
    bench.expire()
    bench.disconnected()
    #expect(bench.session.problem == .noServices && bench.session.state.name == "backingOff")
  }

  @Test("An unbonded device is removed after each link, a bonded one never", arguments: [true, false])
  func removesUnbonded(isBonded: Bool) {
    var bench = Bench(Fixture.cuff(security: isBonded ? .bond : .none))
    bench.connected(Fixture.facts(paired: isBonded))
    bench.give(.facts(Fixture.facts(connected: true, paired: isBonded, resolved: true, characteristics: Fixture.all)))
    bench.reply(.setClock(Fixture.clock, service: nil, .currentTime))
    bench.reply(Fixture.subscribe(Fixture.measurement))
    bench.expire()
    #expect(bench.disconnected().contains(.perform(.remove)) == !isBonded)
  }

  @Test("AcquireNotify refused: StartNotify", arguments: [BluezFailure.notSupported, .notPermitted, .inProgress, other])
  func fallsBack(failure: BluezFailure) {
    var bench = SessionTableTests.bench(.running)
    bench.reply(.setClock(Fixture.clock, service: nil, .currentTime))
    #expect(bench.reply(Fixture.subscribe(Fixture.measurement), failure) == [.perform(Fixture.subscribe(Fixture.measurement, .start))])
    #expect(bench.reply(Fixture.subscribe(Fixture.measurement, .start), failure).contains(.report(.problem(.stepRefused))))
  }

  @Test("A step without a reply ends the link; an optional one is left out at the next attempt")
  func hangingStep() {
    var bench = SessionTableTests.bench(.running)
    #expect(bench.session.deadline == bench.now.adding(seconds: 15))
    #expect(bench.expire() == [.perform(.disconnect)])
    bench.disconnected()
    bench.give(.heard)
    bench.expire()
    bench.give(.slotGranted)
    bench.reply(.connect)
    #expect(bench.give(.facts(Fixture.resolved)) == [.perform(Fixture.subscribe(Fixture.measurement))])
  }

  @Test("The socket's end is the link's end")
  func socketEnds() {
    var bench = Bench(Fixture.cuff(stay: .held))
    bench.completed()
    #expect(bench.give(.notificationsEnded(Fixture.control)).isEmpty, "not ours")
    #expect(
      bench.give(.notificationsEnded(Fixture.measurement)) == [.closeNotifications, .releaseSlot, .report(.disconnected)])
    #expect(bench.session.setbacks.failures == 0, "a held connection that ends is no failure")
    bench.give(.facts(Fixture.facts()))
    #expect(bench.give(.heard, after: 2) == [.requestSlot])
  }
}
