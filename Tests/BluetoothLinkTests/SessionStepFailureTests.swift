// Services that are missing, late or outdated, and steps that are refused or hang.

import DeviceProfile
import Testing
import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

@Suite struct SessionStepFailureTests {
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

  @Test(
    "AcquireNotify refused: StartNotify",
    arguments: [BluezFailure.notSupported, .notPermitted, .inProgress, SessionFailureTests.other])
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
}
