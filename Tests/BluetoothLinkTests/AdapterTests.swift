// The adapter's own story: from bluetoothd's start to a scan that is watched over, with each failure in between.

import BlueZ
import DeviceProfile
import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct AdapterTests {
  @Test("bluetoothd appears: objects, agent, ready, filter, scan")
  func starts() {
    var bench = AdapterBench()
    bench.give(.need(.continuous, uuids: ["a"]))
    #expect(bench.give(.service(isPresent: true)) == [.perform(.loadObjects)])
    #expect(bench.reply(.loadObjects) == [.perform(.registerAgent)])
    bench.give(.facts(AdapterBench.facts()))
    #expect(bench.reply(.registerAgent) == [.ready(true), .perform(.setFilter(uuids: ["a"]))])
    #expect(bench.reply(.setFilter(uuids: ["a"])) == [.perform(.startDiscovery)])
    #expect(bench.reply(.startDiscovery).isEmpty && bench.adapter.isScanning)
    #expect(bench.violations == [])
  }

  @Test("No bluetoothd, and no adapter, are said")
  func absent() {
    var bench = AdapterBench()
    #expect(bench.give(.service(isPresent: false)) == [.report(.noService)])
    bench.give(.service(isPresent: true))
    bench.reply(.loadObjects)
    #expect(bench.reply(.registerAgent) == [.report(.noAdapter)])
    #expect(bench.give(.facts(AdapterBench.facts())) == [.report(nil), .ready(true)])
    #expect(bench.give(.facts(nil)) == [.ready(false), .report(.noAdapter)])
  }

  @Test("Loading fails: again with growing waits; an agent that exists is registered")
  func loadRetries() {
    var bench = AdapterBench()
    bench.give(.service(isPresent: true))
    for wait: UInt32 in [1, 2, 4, 8, 16, 32, 60, 60] {
      let actions = bench.reply(.loadObjects, .noReply)
      #expect(actions == (wait == 1 ? [.report(.noAnswer)] : []), "said once")
      #expect(bench.adapter.deadline == bench.now.adding(seconds: wait))
      #expect(bench.expire() == [.perform(.loadObjects)])
    }
    bench.give(.facts(AdapterBench.facts()))
    #expect(bench.reply(.loadObjects) == [.report(nil), .perform(.registerAgent)])
    #expect(bench.reply(.registerAgent, .alreadyPaired) == [.ready(true)])
    #expect(bench.violations == [])
  }

  @Test("Without an agent nothing is begun, and that is said though the adapter is powered")
  func noAgent() {
    var bench = AdapterBench()
    bench.give(.service(isPresent: true))
    bench.give(.facts(AdapterBench.facts()))
    bench.reply(.loadObjects)
    #expect(bench.reply(.registerAgent, .notPermitted) == [.report(.noAnswer)])
    #expect(bench.expire() == [.perform(.registerAgent)])
    #expect(bench.reply(.registerAgent) == [.report(nil), .ready(true)])
    #expect(bench.violations == [])
  }

  @Test("Switched on when it is off; after three refusals that is a problem, and it goes on trying")
  func powersOn() {
    var bench = AdapterBench()
    bench.give(.service(isPresent: true))
    bench.reply(.loadObjects)
    bench.give(.facts(AdapterBench.facts(powered: false)))
    #expect(bench.reply(.registerAgent) == [.perform(.setPowered(true))])
    for (count, wait) in [1, 2, 4, 8].enumerated() {
      let actions = bench.reply(.setPowered(true), .other(name: "org.bluez.Error.Blocked", message: ""))
      #expect(actions.contains(.report(.cannotPowerOn)) == (count == 2))
      #expect(bench.adapter.deadline == bench.now.adding(seconds: UInt32(wait)))
      #expect(bench.expire() == [.perform(.setPowered(true))])
    }
    // The reply was good and the signal never came: tried again, and still a problem.
    #expect(bench.reply(.setPowered(true)) == [.ready(true)])
    #expect(bench.expire() == [.ready(false)])
    #expect(bench.expire() == [.perform(.setPowered(true))])
    bench.reply(.setPowered(true))
    #expect(bench.give(.facts(AdapterBench.facts(powered: true))).contains(.report(nil)))
    #expect(bench.violations == [])
  }

  @Test("Somebody else switches it off: on again after 2 s")
  func poweredOff() {
    var bench = AdapterBench()
    bench.scanning()
    #expect(bench.give(.facts(AdapterBench.facts(powered: false))) == [.ready(false)])
    #expect(bench.adapter.deadline == bench.now.adding(seconds: 2))
    #expect(bench.expire() == [.perform(.setPowered(true))])
    #expect(bench.reply(.setPowered(true)) == [.ready(true), .perform(.setFilter(uuids: ["a"]))])
  }

  @Test("The cycle scans 10 s and rests 5 s, and pauses while connecting")
  func cycle() {
    var bench = AdapterBench()
    bench.scanning(.cycle)
    #expect(bench.adapter.deadline == bench.now.adding(seconds: 10))
    #expect(bench.expire() == [.perform(.stopDiscovery)])
    bench.reply(.stopDiscovery)
    #expect(bench.adapter.deadline == bench.now.adding(seconds: 5))
    #expect(bench.expire() == [.perform(.startDiscovery)])
    bench.reply(.startDiscovery)
    #expect(bench.give(.connecting(true)) == [.perform(.stopDiscovery)])
    #expect(bench.reply(.stopDiscovery).isEmpty)
    #expect(bench.give(.connecting(false)) == [.perform(.startDiscovery)])
    #expect(bench.violations == [])
  }

  @Test("A continuous scan does not pause for a connection but begins anew, and nobody waited for stops it")
  func continuous() {
    var bench = AdapterBench()
    bench.scanning(.continuous)
    #expect(bench.give(.connecting(true)) == [.perform(.stopDiscovery)])
    #expect(bench.reply(.stopDiscovery) == [.perform(.startDiscovery)])
    bench.reply(.startDiscovery)
    #expect(bench.give(.connecting(true)).isEmpty && bench.give(.connecting(false)).isEmpty)
    #expect(bench.give(.need(.none, uuids: [])) == [.perform(.stopDiscovery)])
    #expect(bench.reply(.stopDiscovery).isEmpty && !bench.adapter.isScanning)
  }

  @Test("Another filter: stop, set, start")
  func filterChanges() {
    var bench = AdapterBench()
    bench.scanning()
    #expect(bench.give(.need(.continuous, uuids: ["a", "b"])) == [.perform(.stopDiscovery)])
    #expect(bench.reply(.stopDiscovery) == [.perform(.setFilter(uuids: ["a", "b"]))])
    #expect(bench.reply(.setFilter(uuids: ["a", "b"])) == [.perform(.startDiscovery)])
  }

  @Test("StartDiscovery InProgress: stop, then start, with growing waits, then a problem and a try a minute")
  func inProgress() {
    var bench = AdapterBench()
    bench.loaded()
    bench.give(.need(.continuous, uuids: []))
    bench.reply(.setFilter(uuids: []))
    for wait in [0.1, 0.4, 1.6, 4.0, 4.0, 4.0, 60.0] {
      let actions = bench.reply(.startDiscovery, .inProgress)
      #expect(actions.contains(.report(.cannotScan)) == (wait == 60))
      let due = bench.now.adding(nanoseconds: Int64(wait * 1e9))
      #expect(bench.adapter.deadline == due)
      #expect(bench.expire() == [.perform(.stopDiscovery)])
      #expect(
        bench.reply(.stopDiscovery, .other(name: "org.bluez.Error.Failed", message: "No discovery started")) == [.perform(.startDiscovery)])
    }
    #expect(bench.reply(.startDiscovery) == [.report(nil)])
    #expect(bench.violations == [])
  }

  @Test("Discovering=false for longer than bluetoothd's own rest: started anew; a short rest is left alone")
  func deaf() {
    var bench = AdapterBench()
    bench.scanning()
    #expect(bench.give(.facts(AdapterBench.facts(discovering: false))).isEmpty)
    bench.give(.facts(AdapterBench.facts(discovering: true)), after: 5.1)
    #expect(bench.give(.deadline, after: 20).isEmpty)
    bench.give(.facts(AdapterBench.facts(discovering: false)))
    #expect(bench.adapter.deadline == bench.now.adding(seconds: 8))
    #expect(bench.expire() == [.perform(.stopDiscovery)])
    #expect(bench.reply(.stopDiscovery) == [.perform(.startDiscovery)])
    #expect(bench.adapter.scanRestarts == 1)
  }

  @Test("A scan that hears nothing: restart, power cycle, restart, restart, then a problem; being heard clears it")
  func watchdog() {
    var bench = AdapterBench()
    bench.scanning()
    bench.give(.heard)
    var remedies: [AdapterOperation] = []
    remedies += bench.obey(until: bench.now.adding(seconds: 89))
    #expect(remedies.isEmpty)
    remedies += bench.obey(until: bench.now.adding(seconds: 4 * 90))
    let stop = AdapterOperation.stopDiscovery
    let start = AdapterOperation.startDiscovery
    #expect(
      remedies == [stop, start, .setPowered(false), .setPowered(true), .setFilter(uuids: ["a"]), start, stop, start, stop, start])
    #expect(bench.adapter.problem == nil && bench.adapter.powerCycles == 1 && bench.adapter.scanRestarts == 3)
    #expect(bench.obey(until: bench.now.adding(seconds: 601)) == [stop, start])
    #expect(bench.adapter.problem == .scanStalled)
    #expect(bench.give(.heard) == [.report(nil)])
    #expect(bench.violations == [])
  }

  @Test("In an empty house silence is no problem, and an alarm's connection is not cut")
  func emptyHouse() {
    var bench = AdapterBench()
    bench.adapter.links = .alarm
    bench.scanning()
    let operations = bench.obey(until: bench.now.adding(seconds: 7200))
    #expect(!operations.contains(.setPowered(false)) && operations.contains(.stopDiscovery))
    #expect(bench.adapter.problem == nil && bench.adapter.powerCycles == 0 && bench.adapter.scanRestarts > 5)
  }

  @Test("The watchdog counts scanning time only")
  func watchdogPauses() {
    var bench = AdapterBench()
    bench.scanning(.cycle)
    bench.give(.heard)
    _ = bench.obey(until: bench.now.adding(seconds: 125))
    #expect(bench.adapter.scanRestarts == 0, "some 85 s of 125 were scanned")
    _ = bench.obey(until: bench.now.adding(seconds: 20))
    #expect(bench.adapter.scanRestarts == 1)
  }

  @Test("A reset that a session wants: only when it is safe, and once in 10 min")
  func reset() {
    var bench = AdapterBench()
    bench.scanning()
    bench.give(.heard)
    #expect(bench.give(.resetWanted(beside: .alarm)).isEmpty)
    #expect(bench.give(.resetWanted(beside: .none)) == [.ready(false), .perform(.setPowered(false))])
    bench.give(.facts(AdapterBench.facts(powered: false)))
    bench.reply(.setPowered(false))
    #expect(bench.adapter.deadline == bench.now.adding(seconds: 1))
    #expect(bench.expire() == [.perform(.setPowered(true))])
    bench.give(.facts(AdapterBench.facts()))
    #expect(bench.reply(.setPowered(true)).first == .ready(true))
    _ = bench.obey(until: bench.now.adding(seconds: 5))
    #expect(bench.give(.resetWanted(beside: .none)).isEmpty)
    #expect(bench.violations == [])
  }

  @Test("bluetoothd vanishes: nothing is pending, and its return starts from the beginning")
  func vanishes() {
    var bench = AdapterBench()
    bench.scanning()
    #expect(bench.give(.service(isPresent: false)) == [.ready(false), .report(.noService)])
    #expect(bench.adapter.pending == nil && bench.adapter.deadline == .never)
    #expect(bench.give(.service(isPresent: true)) == [.report(nil), .perform(.loadObjects)])
  }

  @Test("A call without a reply is given up after 30 s")
  func stuckCall() {
    var bench = AdapterBench()
    bench.give(.service(isPresent: true))
    #expect(bench.adapter.deadline == bench.now.adding(seconds: 30))
    bench.expire()
    #expect(bench.adapter.state == .loading(.objects, failures: 1, .pausing(until: bench.now.adding(seconds: 1))))
  }

  @Test("Stopping ends the scan")
  func stops() {
    var bench = AdapterBench()
    bench.scanning()
    #expect(bench.give(.stop) == [.ready(false), .perform(.stopDiscovery)])
    bench.reply(.stopDiscovery)
    #expect(bench.adapter.state == .stopped)
    #expect(bench.give(.need(.continuous, uuids: [])).isEmpty)
  }

  @Test("Any inputs in any order keep the promises", arguments: 0..<UInt64(60))
  func random(seed: UInt64) {
    var dice = Dice(state: seed)
    var bench = AdapterBench()
    for _ in 0..<1500 {
      let failure = SessionTableTests.failures.randomElement(using: &dice)
      switch Int.random(in: 0..<16, using: &dice) {
      case 0: bench.give(.service(isPresent: dice.chance(85)))
      case 1: bench.give(.facts(dice.chance(10) ? nil : AdapterBench.facts(powered: dice.chance(80), discovering: dice.chance(60))))
      case 2: bench.give(.facts(AdapterBench.facts(path: dice.chance(90) ? "/org/bluez/hci0" : "/org/bluez/hci1")))
      case 3: bench.give(.heard)
      case 4: bench.give(.need([.none, .cycle, .continuous].randomElement(using: &dice) ?? .none, uuids: dice.chance(50) ? ["a"] : []))
      case 5: bench.give(.connecting(dice.chance(50)))
      case 6: bench.give(.resetWanted(beside: dice.chance(50) ? .none : .alarm))
      case 7...11: if let pending = bench.adapter.pending?.operation { bench.reply(pending, dice.chance(30) ? failure : nil) }
      default: bench.expire()
      }
      // A deadline that is due and changes nothing would keep the loop busy for ever.
      bench.give(.deadline)
      #expect(bench.adapter.deadline > bench.now, "seed \(seed) in \(bench.adapter.state)")
    }
    #expect(bench.violations == [], "seed \(seed)")
    // With a bluetoothd that obeys it scans again.
    bench.give(.service(isPresent: true))
    bench.give(.need(.continuous, uuids: ["z"]))
    bench.reply(.loadObjects)
    bench.give(.facts(AdapterBench.facts()))
    _ = bench.obey(until: bench.now.adding(seconds: 70))
    #expect(bench.adapter.isScanning, "seed \(seed) in \(bench.adapter.state)")
  }
}
