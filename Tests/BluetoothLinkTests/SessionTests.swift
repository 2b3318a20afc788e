// What a session does when all goes well: steps, quiet, hold-off, slots, forgetting and stopping.

import BlueZ
import DeviceProfile
import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct SessionTests {
  @Test("From being heard to quiet, and back to idle for the hold-off")
  func wholeSession() {
    var bench = Bench()
    bench.give(.facts(Fixture.facts()))
    #expect(bench.give(.heard) == [.requestSlot])
    #expect(bench.give(.slotGranted) == [.perform(.connect)])
    #expect(bench.reply(.connect) == [.established, .report(.connected)])
    #expect(bench.give(.facts(Fixture.resolved)) == [.perform(.setClock(Fixture.clock, service: nil, .currentTime))])
    #expect(
      bench.reply(.setClock(Fixture.clock, service: nil, .currentTime), .notPermitted)
        == [.perform(Fixture.subscribe(Fixture.measurement))], "an optional step may be refused")
    #expect(bench.reply(Fixture.subscribe(Fixture.measurement)) == [.report(.completed)])
    bench.give(.notification(Fixture.measurement, bytes: [0], .accepted(sequence: 1)), after: 9)
    #expect(bench.session.deadline == bench.now.adding(seconds: 10), "each notification prolongs it")
    #expect(bench.expire() == [.perform(.disconnect)])
    #expect(bench.disconnected() == [.closeNotifications, .releaseSlot, .report(.disconnected)])
    #expect(bench.give(.heard, after: 9.5).isEmpty, "devices advertise for a while")
    #expect(bench.give(.heard, after: 0.5) == [.requestSlot])
    #expect(bench.session.connections == 1 && bench.ledger.violations == [])
  }

  @Test("An alarm device has no hold-off")
  func alarmHoldOff() {
    var bench = Bench(Fixture.cuff(priority: .alarm))
    bench.completed()
    bench.expire()
    bench.disconnected()
    #expect(bench.give(.heard) == [.requestSlot])
  }

  @Test("Wait steps end by silence or by their limit")
  func waits() {
    var bench = SessionTableTests.bench(.waiting)
    let began = bench.now
    #expect(bench.session.deadline == began.adding(seconds: 3))
    for _ in 0..<4 { bench.give(.notification(Fixture.measurement, bytes: [], .refused), after: 2) }
    #expect(bench.session.deadline == began.adding(seconds: 9))
    #expect(bench.expire() == [.report(.completed)])
  }

  @Test("A disconnect step ends the session at once")
  func disconnectStep() {
    var plan = Fixture.cuff()
    plan.steps = [BluetoothSessionStep(.disconnect)]
    var bench = Bench(plan)
    bench.connected()
    #expect(bench.give(.facts(Fixture.resolved)) == [.report(.completed), .perform(.disconnect)])
  }

  @Test("A read's value and its reply are one answer")
  func readOnce() {
    var bench = Bench(Fixture.meter())
    bench.connected()
    bench.give(.facts(Fixture.resolved))
    #expect(bench.give(.value(Fixture.battery, bytes: [50])) == [.perform(Fixture.subscribe(Fixture.glucose))])
    #expect(bench.reply(.read(Fixture.battery, service: nil)).isEmpty)
    #expect(bench.session.state.name == "running" && bench.session.awaited == Fixture.subscribe(Fixture.glucose))
  }

  @Test("A device that leaves after bonding did well, and is connected when it is heard again")
  func leavesAfterBonding() {
    var bench = Bench(Fixture.cuff(staleBond: .renew, leavesAfterBonding: true))
    bench.connecting(Fixture.facts(paired: false, trusted: true))
    bench.reply(.connect)
    bench.give(.facts(Fixture.facts(connected: true, paired: false)))
    bench.reply(.pair)
    bench.give(.facts(Fixture.facts(connected: true)), after: 1)
    bench.give(.facts(Fixture.facts()), after: 8)
    #expect(bench.session.state.name == "idle" && bench.session.setbacks.failures == 0 && bench.session.problem == nil)
    #expect(bench.give(.heard) == [.requestSlot])
  }

  @Test("Paired while the link goes: the bond counts, and trust is still asked for")
  func pairedWithoutLink() {
    var bench = SessionTableTests.bench(.pairingLinkLost)
    #expect(bench.reply(.pair) == [.report(.paired), .perform(.trust)])
    #expect(bench.reply(.trust) == [.closeNotifications, .releaseSlot, .report(.disconnected)])
    #expect(bench.ledger.violations == [])
  }

  @Test("A withdrawn slot ends the session at once, but not in the middle of pairing")
  func withdrawn() {
    var bench = SessionTableTests.bench(.running)
    #expect(bench.give(.slotWithdrawn) == [.perform(.disconnect)])
    bench.disconnected()
    #expect(bench.session.setbacks.failures == 0)

    var pairing = SessionTableTests.bench(.pairing)
    #expect(pairing.give(.slotWithdrawn).isEmpty)
    #expect(pairing.session.deadline == pairing.now.adding(seconds: 10))
    pairing.reply(.pair)
    #expect(pairing.reply(.trust) == [.perform(.disconnect)])
  }

  @Test("A withdrawn slot while records wait: they are deleted first, if the disk is quick")
  func withdrawnWhileSettling() {
    var bench = SessionTableTests.bench(.settling)
    bench.give(.slotWithdrawn)
    bench.give(.durable(50))
    bench.reply(Fixture.write([4, 1]))
    bench.answer([5, 0, 1, 0])
    bench.reply(Fixture.write([2, 1]))
    #expect(bench.answer([6, 0, 2, 1]) == [.recordsDeleted, .perform(.disconnect)])

    var slow = SessionTableTests.bench(.settling)
    slow.give(.slotWithdrawn)
    #expect(slow.expire() == [.perform(.disconnect)])
    #expect(slow.give(.durable(50)).isEmpty)
  }

  @Test("A slot that comes when the device has gone is given back unused")
  func lateSlot() {
    var bench = SessionTableTests.bench(.waitingForSlot)
    #expect(bench.give(.slotGranted, after: 31) == [.releaseSlot])
    #expect(bench.session.generation == 0)
  }

  @Test("Forgetting ends the link, the bond and the session")
  func forgets() {
    var bench = SessionTableTests.bench(.pairing)
    #expect(bench.give(.forget) == [.perform(.cancelPairing), .perform(.disconnect)])
    #expect(bench.disconnected().suffix(1) == [.perform(.remove)])
    bench.reply(.remove)
    #expect(bench.session.isEnded && bench.give(.heard).isEmpty && bench.ledger.violations == [])
  }

  @Test("Forgotten while bluetoothd is away: removed when it is back, once")
  func owesRemoval() {
    var bench = SessionTableTests.bench(.owingRemoval)
    bench.give(.stackReady)
    #expect(bench.give(.facts(Fixture.facts())) == [.perform(.remove)])
    bench.reply(.remove)
    #expect(bench.session.isEnded && bench.give(.facts(Fixture.facts())).isEmpty)
  }

  @Test("Stopping disconnects and keeps the bond")
  func stops() {
    var bench = SessionTableTests.bench(.held)
    #expect(bench.give(.stop) == [.perform(.disconnect)])
    #expect(!bench.disconnected().contains(.perform(.remove)))
    #expect(bench.session.isEnded)
  }

  @Test("A candidate connects on request only, and the request ends")
  func candidate() {
    var bench = Bench(isRegistered: false)
    bench.give(.facts(Fixture.facts(connected: true)))
    #expect(bench.give(.heard).isEmpty)
    bench.give(.facts(Fixture.facts()))
    #expect(bench.give(.connectNow(mayPair: false)) == [.requestSlot])
    bench.give(.slotGranted)
    bench.reply(.connect, .doesNotExist)
    #expect(bench.give(.heard, after: 118) == [.requestSlot], "still wanted")
    bench.give(.slotGranted)
    bench.reply(.connect, .doesNotExist)
    #expect(bench.give(.heard, after: 3).isEmpty, "120 s are over")
  }
}
