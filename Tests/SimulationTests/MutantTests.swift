// Each checker is seen to fail: a world with one defect in its wiring breaks the promise that the defect is about, and no other.

import Testing
import VitalSigns

@testable import Simulation

@Suite(.serialized) struct MutantTests {
  /// A mutant, the checkers that may find it, and in which world.
  struct Hunt: Sendable, CustomTestStringConvertible {
    var mutant: Mutant
    var finders: Set<Checker>
    var minutes: Int64 = 60
    var homes = 2
    var profile = SimulationProfile.storm
    /// Faults that only take time here.
    var without: Set<FaultKind> = [.lyingSync, .resize]
    var testDescription: String { mutant.rawValue }
  }

  private static let hunts: [Hunt] = [
    Hunt(mutant: .acknowledgesEarly, finders: [.acknowledgedIsKept]),
    Hunt(mutant: .dropsAlerts, finders: [.pressIsTold]),
    Hunt(mutant: .repeatsIdentity, finders: [.identityIsUnique], minutes: 120),
    Hunt(mutant: .forgetsDeadlines, finders: [.silenceIsTold, .replayIsEqual, .hubStarts]),
    Hunt(mutant: .laneBlocks, finders: [.destinationsAreApart]),
    Hunt(mutant: .reordersRecords, finders: [.orderIsKept], profile: .calm),
    Hunt(mutant: .raisesOld, finders: [.oldRaisesNothing, .replayIsEqual], minutes: 180),
    Hunt(mutant: .cutsAccessLog, finders: [.accessLogIsWhole]),
    Hunt(mutant: .losesJournal, finders: [.hubStarts]),
    Hunt(mutant: .hidesFullTable, finders: [.lackOfRoomIsTold], minutes: 120),
    Hunt(mutant: .losesEntry, finders: [.replayIsEqual], profile: .calm),
  ]

  @Test("Each mutant is found by its checker", arguments: hunts) func found(hunt: Hunt) throws {
    for seed in UInt64(1)...20 {
      let run = try SimulationRun.run(
        SimulationSettings(
          seed: seed, milliseconds: hunt.minutes * 60_000, homes: hunt.homes, profile: hunt.profile, without: hunt.without,
          mutant: hunt.mutant))
      guard let violation = run.violation else { continue }
      #expect(hunt.finders.contains(violation.checker), "seed \(seed): \(violation)")
      return
    }
    Issue.record("\(hunt.mutant) was found in none of 20 worlds")
  }
}
