// Five devices, two connections, every fault of the table, one seed for all of it. A failure prints its seed.
//
// Checked for every seed: no record is deleted before it is durable; none is lost, none counted twice; slots and connections
// are given back exactly once; and when the faults stop, every device works again within an hour.

import DeviceProfile
import Testing
import VitalSigns

@testable import BluetoothLink

@Suite struct SimulationTests {
  static let seedsPerGroup: UInt64 = 21

  @Test("Records survive every fault, and work goes on", arguments: 0..<UInt64(10))
  func survives(group: UInt64) {
    for seed in group * Self.seedsPerGroup..<(group + 1) * Self.seedsPerGroup {
      var world = World(seed: seed)
      world.run(for: 1200)
      world.isFaulty = false
      let healed = world.now
      while !world.isWell(since: healed), world.now < healed.adding(seconds: 3600) { world.run(for: 60) }
      guard world.violations.isEmpty else {
        Issue.record("seed \(seed): \(world.violations)")
        continue
      }
      #expect(world.isWell(since: healed), "seed \(seed): \(world.ills(since: healed))")
      #expect(world.steps > 2000, "seed \(seed): \(world.steps) steps")
      #expect(world.devices.allSatisfy { $0.ledger.connections > 2 }, "seed \(seed)")
      let lost = (0..<world.produced).filter { world.counted[$0] == nil }
      let refused = world.refusedRecords
      #expect(lost.allSatisfy(refused.contains), "seed \(seed): lost \(lost.filter { !refused.contains($0) })")
      #expect(world.produced > 50, "seed \(seed)")
    }
  }

  @Test("The same seed gives the same world")
  func isDeterministic() {
    var (a, b) = (World(seed: 7), World(seed: 7))
    a.run(for: 600)
    b.run(for: 600)
    #expect(a.steps == b.steps && a.journal == b.journal)
    #expect(a.devices.map(\.session.state) == b.devices.map(\.session.state))
  }
}
