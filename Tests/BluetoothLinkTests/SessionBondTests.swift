// Pairing, and bonds that are refused, too weak or lost: what a session does by itself, and what it leaves to a person.

import DeviceProfile
import Testing
import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

@Suite struct SessionBondTests {
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
    bench.give(.facts(Fixture.facts(paired: false, trusted: false)), after: 1)
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
    // A report from before the bond went; what is heard afterwards is the device.
    #expect(bench.give(.heard).isEmpty)
    #expect(bench.give(.heard, after: 1) == [.requestSlot])
  }

  @Test("A device that is not heard again after its bond was given up has none, though a report from before was still to come")
  func heardOnlyFromBefore() {
    var bench = SessionTableTests.bench(.bondLost)
    bench.give(.connectNow(mayPair: true))
    bench.reply(.remove)
    bench.give(.facts(Fixture.facts(paired: false, trusted: false)))
    #expect(bench.give(.heard).isEmpty)
    #expect(bench.session.deadline == bench.now.adding(seconds: 30))
    bench.expire()
    #expect(bench.session.problem == .notPaired && bench.session.state.name == "needsOperator")
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

  @Test("A bond without the comparison that the profile demands is given up")
  func bondTooWeak() {
    var bench = SessionTableTests.bench(.pairing)
    bench.give(.bondTooWeak)
    #expect(bench.disconnected().contains(.perform(.remove)))
    bench.reply(.remove)
    #expect(bench.session.problem == .pairingRefused && bench.session.state.name == "needsOperator")
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
}
