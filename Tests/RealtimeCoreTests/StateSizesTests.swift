// A state that is read into a core of another size goes on as it would have in the old one, outcome for outcome; and what does not fit
// is refused with the number that is needed.

import CoreState
import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct StateSizesTests {
  private static let sizes = CoreConfiguration(patientsMax: 64, devicesMax: 96, alertsMax: 16_000, hubSalt: 42)

  private static func other(_ patients: Int, _ devices: Int, _ alerts: Int) -> CoreConfiguration {
    CoreConfiguration(patientsMax: patients, devicesMax: devices, alertsMax: alerts, hubSalt: 42)
  }

  /// Numbers above those that `Life` uses come and go first, so that the places in use have holes, and the free ones no order.
  private func moves(_ life: inout Life) -> [IntakeEntry] {
    var entries: [IntakeEntry] = []
    for number in UInt32(100)..<140 {
      entries.append(life.make(.registry(.patientAdded), 0, number))
      entries.append(life.make(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 600))), number, 0))
    }
    entries += life.settlers()
    var leaving = Array(UInt32(100)..<140)
    while leaving.count > 1 {
      let number = leaving.remove(at: life.number(0...leaving.count - 1))
      entries.append(life.make(.registry(.patientEnded), 0, number))
      entries.append(life.make(.registry(.deviceRemoved), number, 0))
    }
    return entries
  }

  @Test(arguments: [11, 12] as [UInt64])
  func anotherSizeDecidesAsTheSame(seed: UInt64) throws {
    var life = Life(seed: seed)
    var listener = Listener(RealtimeCore(Self.sizes))
    var pending = moves(&life)
    var (snapshot, saidBefore, later): ([UInt8], Int, [IntakeEntry]) = ([], 0, [])
    for number in 1...3_000 {
      var entry = pending.isEmpty ? life.next() : pending.removeFirst()
      entry.sequence = UInt64(number)
      if number > 1_500 { later.append(entry) }
      listener.take(&entry)
      life.alerts = listener.raised
      if number == 1_500 {
        snapshot = try listener.snapshot()
        saidBefore = listener.said.count
        let header = listener.core.arena.header.pointee
        #expect(header.patients.highWater > 14 && header.devices.highWater > 34, "seed \(seed): the small sizes below close places up")
      }
    }
    let said = Array(listener.said[saidBefore...])
    #expect(said.count > 400, "seed \(seed)")
    // The same, larger, smaller, and each size the other way round. A street has at most 10 people and 21 devices, and one of each stays.
    for sizes in [
      Self.sizes, Self.other(640, 960, 40_000), Self.other(11, 22, 13_000), Self.other(640, 22, 13_000), Self.other(11, 96, 40_000),
    ] {
      var resumed = Listener(try RealtimeCore(sizes, snapshot: snapshot))
      #expect(resumed.core.lastSequence == 1_500)
      for var entry in later { resumed.take(&entry) }
      let name = "seed \(seed), \(sizes.patientsMax) \(sizes.devicesMax) \(sizes.alertsMax)"
      #expect(firstDifference(resumed.said, said) == nil, "\(name)")
      #expect(resumed.core.counters == listener.core.counters, "\(name)")
      if sizes.patientsMax >= 64, sizes.devicesMax >= 96 { #expect(try resumed.snapshot() == listener.snapshot(), "\(name)") }
    }
  }

  /// The smallest sizes hold everybody, and grown again there is room for others.
  @Test func shrunkAndGrownIsTheSameStreet() throws {
    var life = Life(seed: 5)
    var listener = Listener(RealtimeCore(Self.sizes))
    for (index, entry) in moves(&life).enumerated() {
      var entry = entry
      entry.sequence = UInt64(index + 1)
      listener.take(&entry)
    }
    let counters = listener.core.counters
    let small = try RealtimeCore(Self.other(counters.patients, counters.devices, 16), snapshot: try listener.snapshot())
    let grown = try RealtimeCore(Self.sizes, snapshot: try small.snapshot())
    let found = [small.counters, grown.counters]
    #expect(found == [counters, counters])
  }

  @Test func whatDoesNotFitIsRefusedWithTheNumberNeeded() throws {
    var life = Life(seed: 6)
    var listener = Listener(RealtimeCore(Self.sizes))
    var pending = moves(&life)
    for number in 1...2_000 {
      var entry = pending.isEmpty ? life.next() : pending.removeFirst()
      entry.sequence = UInt64(number)
      listener.take(&entry)
      life.alerts = listener.raised
    }
    let counters = listener.core.counters
    let snapshot = try listener.snapshot()
    func refusal(_ sizes: CoreConfiguration) -> SnapshotError? {
      do {
        _ = try RealtimeCore(sizes, snapshot: snapshot)
        return nil
      } catch {
        return error
      }
    }
    let (people, devices, alerts) = (counters.patients, counters.devices, counters.openAlerts)
    #expect(refusal(Self.other(people - 1, 96, 4_000)) == .doesNotFit(.patientsMax, needed: people, configured: people - 1))
    #expect(refusal(Self.other(people, devices - 1, 4_000)) == .doesNotFit(.devicesMax, needed: devices, configured: devices - 1))
    // Beyond `alertsMax` there is a place for each person and 64 more.
    let least = alerts - people - 64
    #expect(least > 16)
    #expect(refusal(Self.other(people, devices, least - 1)) == .doesNotFit(.alertsMax, needed: least, configured: least - 1))
    #expect(refusal(Self.other(people, devices, least)) == nil)
  }
}
