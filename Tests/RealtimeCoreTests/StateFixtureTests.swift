// States as released versions stored them: each is read by this version, into any size, for ever.
//
// `memory-2.state`: a copy of memory by version 0.3, of `Life` with seed 20 after 4 000 entries in 8, 16 and 48 places. When it is refused
// as `otherLayout`, a struct of the core's block was changed: see MemoryCopy.swift.
// `format-1.state`: the same state in format 1, every section in version 1. Each new version of a section brings another file.
// `counters-2.state`: the same with the epoch 77, section "counters" in version 2.
// `plans-2.state`: the same with one person who is pregnant and is scored from local day 30 000 on, section "plans" in version 2.

import Foundation
import Testing
import VitalSigns

@testable import CoreState
@testable import RealtimeCore

@Suite struct StateFixtureTests {
  private static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)")))
  }

  private static func sizes(_ patients: Int, _ devices: Int, _ alerts: Int) -> CoreConfiguration {
    CoreConfiguration(patientsMax: patients, devicesMax: devices, alertsMax: alerts, hubSalt: 7)
  }

  @Test(arguments: [("memory-2.state", 0), ("format-1.state", 0), ("counters-2.state", 77), ("plans-2.state", 77)] as [(String, UInt64)])
  func olderStatesAreReadIntoAnySize(name: String, epoch: UInt64) throws {
    let bytes = try Self.bytes(name)
    for sizes in [Self.sizes(8, 16, 48), Self.sizes(800, 900, 1_000), Self.sizes(2, 10, 16)] {
      let core = try RealtimeCore(sizes, snapshot: bytes)
      let (counters, times) = (core.counters, [core.now.rawValue, core.nextDeadline.rawValue])
      #expect(
        counters
          == CoreCounters(patients: 2, devices: 10, openAlerts: 59, untrackedAlerts: 1_510, processed: 4_000, late: 254, refused: 232))
      #expect(core.arena.header.pointee.idEpoch == epoch)
      #expect(times == [1_990_351_724_000_000, 1_990_353_448_000_000])
    }
  }

  @Test func whoIsNotScoredIsKept() throws {
    for name in ["counters-2.state", "plans-2.state"] {
      let core = try RealtimeCore(Self.sizes(8, 16, 48), snapshot: try Self.bytes(name))
      let plans = (1...8).map { core.arena.plan(PatientSlot(number: $0)) }
      let expected = name == "plans-2.state" ? [30_000] : []
      #expect(plans.compactMap { $0.pointee.isPregnant == 1 ? Int($0.pointee.scoredFromDay) : nil } == expected)
    }
  }

  /// What a state holds beyond its counters: both hold the same.
  @Test func bothHoldTheSame() throws {
    let sizes = Self.sizes(8, 16, 48)
    let old = try RealtimeCore(sizes, snapshot: try Self.bytes("memory-2.state"))
    let new = try RealtimeCore(sizes, snapshot: try Self.bytes("format-1.state"))
    #expect(try old.snapshot() == new.snapshot())
  }

  @Test func aDamagedCopyIsRefused() throws {
    let good = try Self.bytes("memory-2.state")
    func refusal(_ bytes: [UInt8]) -> SnapshotError? {
      do {
        _ = try RealtimeCore(Self.sizes(8, 16, 48), snapshot: bytes)
        return nil
      } catch {
        return error
      }
    }
    for length in [8, 71, 72, 100, good.count - 1] { #expect(refusal(Array(good[..<length])) == .malformed) }
    #expect(refusal(good + [0]) == .malformed)
    var layout = good
    layout[8] ^= 1
    #expect(refusal(layout) == .otherLayout)
    var random = SeededRandom(seed: 3)
    for _ in 0..<200 {
      var bad = good
      bad[Int.random(in: 0..<bad.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      // The salt is not looked at: it is no state.
      if bad[40..<48] != good[40..<48] { continue }
      #expect(refusal(bad) != nil)
    }
  }
}
