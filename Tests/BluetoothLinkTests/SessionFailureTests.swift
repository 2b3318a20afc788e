// Failures of connecting, of a link that stands and of bluetoothd itself, by the row of the failure table that each test
// stands for. Bonds and steps have files of their own.

import DeviceProfile
import Testing
import VitalSigns

@testable import BlueZ
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

  @Test("A removal that bluetoothd owed is done when it is back and knows the device")
  func owedRemoval() {
    var bench = SessionTableTests.bench(.owingRemoval)
    bench.give(.facts(Fixture.facts()))
    #expect(bench.give(.stackReady) == [.perform(.remove)])
    bench.reply(.remove)
    #expect(bench.session.isEnded)
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
