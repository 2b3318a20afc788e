// The bytes of a stored state: what is refused and why, what a newer version may add, and that no damage ever traps.

import Testing
import VitalSigns

@testable import CoreState
@testable import RealtimeCore

@Suite struct StateFormatTests {
  private static let sizes = CoreConfiguration(patientsMax: 8, devicesMax: 16, alertsMax: 48, hubSalt: 42)

  private func street(_ entries: Int = 600) throws -> [UInt8] {
    var life = Life(seed: 8)
    var listener = Listener(RealtimeCore(Self.sizes))
    var pending = life.settlers()
    for number in 1...entries {
      var entry = pending.isEmpty ? life.next() : pending.removeFirst()
      entry.sequence = UInt64(number)
      listener.take(&entry)
      life.alerts = listener.raised
    }
    return try listener.snapshot()
  }

  private func refusal(_ bytes: [UInt8], _ sizes: CoreConfiguration = Self.sizes) -> SnapshotError? {
    do {
      _ = try RealtimeCore(sizes, snapshot: bytes)
      return nil
    } catch {
      return error
    }
  }

  /// The same state with other sections.
  private func rewritten(_ bytes: [UInt8], _ change: (inout [StateSection]) -> Void, mayBeSkipped: Bool = false) throws -> [UInt8] {
    let file = try StateFile(bytes)
    var sections = file.sections
    change(&sections)
    return StateFile.make(
      sequence: file.sequence, sections.map { ($0.name, $0.version, $0.records, Array(bytes[$0.content])) }, maySkip: { _ in mayBeSkipped })
  }

  @Test func aStateIsReadBackAsItWas() throws {
    let good = try street()
    let core = try RealtimeCore(Self.sizes, snapshot: good)
    #expect(try core.snapshot() == good)
    var salted = Self.sizes
    salted.hubSalt = 43
    salted.liveWindowSeconds = 60
    #expect(refusal(good, salted) == nil, "salt and rules may change between runs")
  }

  /// A copy by the core's thread and a look at the core itself give one state.
  @Test func theCopyIsTheState() throws {
    var life = Life(seed: 9)
    var listener = Listener(RealtimeCore(Self.sizes))
    for (index, entry) in life.settlers().enumerated() {
      var entry = entry
      entry.sequence = UInt64(index + 1)
      listener.take(&entry)
    }
    #expect(try listener.snapshot() == listener.core.snapshot())
  }

  @Test func damageIsRefusedAndNeverTraps() throws {
    let good = try street()
    #expect(refusal([]) == .malformed)
    for length in [1, 7, 8, 20, 28, 29, 40, 100, good.count / 2, good.count - 1] { #expect(refusal(Array(good[..<length])) != nil) }
    #expect(refusal(good + [0]) != nil)
    var random = SeededRandom(seed: 1)
    for _ in 0..<300 {
      var bad = good
      bad[Int.random(in: 0..<bad.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      #expect(refusal(bad) != nil)
    }
  }

  /// Bytes that were changed by somebody who knows the checksum: each is refused or read, and a core that was read goes on and can be
  /// stored again.
  @Test func aChangedByteUnderARightChecksumNeverTraps() throws {
    let good = try street()
    var random = SeededRandom(seed: 2)
    var refused = 0
    for round in 0..<400 {
      var bad = good
      for _ in 0...(round % 3) { bad[Int.random(in: 8..<bad.count - 8, using: &random)] = UInt8.random(in: 0...255, using: &random) }
      withUnsafeBytes(of: StateChecksum.of(bad, bad.count - 8).littleEndian) { bad.replaceSubrange((bad.count - 8)..., with: $0) }
      do {
        let core = try RealtimeCore(Self.sizes, snapshot: bad)
        _ = try core.snapshot()
      } catch {
        refused += 1
      }
    }
    #expect(refused > 30 && refused < 400, "\(refused)")
  }

  @Test func whatANewerVersionWroteIsRefusedByName() throws {
    let good = try street()
    var format = good
    format[8] = 2
    #expect(refusal(format) == .newerFormat(found: 2))
    #expect(refusal(try rewritten(good) { $0[2].version = 9 }) == .newerSection("people", found: 9, known: 1))
    #expect(refusal(try rewritten(good) { $0[6].name = "moods" }) == .unknownSection("moods"))
    #expect(refusal(try rewritten(good) { $0.removeLast() }) == .missingSection("closedAlerts"))
    #expect(refusal(try rewritten(good) { $0[2].records += 1 }) != nil)
    // One more section, which a reader may pass over.
    let more = try rewritten(
      good, { $0.append(StateSection(name: "moods", version: 1, maySkip: true, records: 0, content: $0[8].content)) }, mayBeSkipped: true)
    #expect(refusal(more) == nil)
  }

  @Test func everySectionHasAHistory() throws {
    let file = try StateFile(try street())
    #expect(
      file.sections.map { "\($0.name) \($0.version)" } == [
        "places 1", "counters 2", "people 1", "signals 1", "plans 2", "devices 1", "alerts 1", "hubConditions 1", "closedAlerts 1",
      ], "a raised version needs its line in the codec's history, and a new fixture (StateFixtureTests)")
    #expect(file.sequence == 600)
    #expect(!file.sections.contains { $0.maySkip })
  }
}
