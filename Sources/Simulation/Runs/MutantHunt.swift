// Each checker is seen to fail: a world with one defect in its wiring breaks the promise that the defect is about. A hunt says in which
// worlds a mutant is looked for, and which checkers may find it.

import VitalSigns

/// How one mutant is looked for.
package struct MutantHunt: Sendable {
  package var mutant: Mutant
  /// Whoever else finds it first has found something else.
  package var finders: Set<Checker>
  var minutes: Int64 = 60
  var homes = 2
  var profile = SimulationProfile.storm
  /// Faults that only take time here.
  var without: Set<FaultKind> = [.lyingSync, .resize]
  /// Promises that the mutant breaks beside the one that it is about.
  var ignoring: Set<Checker> = []

  package static let all: [MutantHunt] = [
    MutantHunt(mutant: .acknowledgesEarly, finders: [.acknowledgedIsKept]),
    MutantHunt(mutant: .acknowledgesBeforeCommit, finders: [.acknowledgedIsKept]),
    MutantHunt(mutant: .skipsFlush, finders: [.acknowledgedIsKept, .hubStarts, .replayIsEqual]),
    MutantHunt(mutant: .dropsAlerts, finders: [.pressIsTold]),
    MutantHunt(mutant: .dropsOneInThousand, finders: [.pressIsTold], minutes: 120, homes: 6, profile: .calm),
    MutantHunt(mutant: .repeatsIdentity, finders: [.identityIsUnique, .pressHasItsId]),
    MutantHunt(
      mutant: .countsWhatIsRemoved, finders: [.identityIsUnique, .pressHasItsId],
      ignoring: [.replayIsEqual, .acknowledgedIsKept, .silenceIsTold]),
    MutantHunt(mutant: .forgetsDeadlines, finders: [.silenceIsTold, .replayIsEqual]),
    MutantHunt(mutant: .forgetsDeadlinesAtStart, finders: [.silenceIsTold]),
    MutantHunt(mutant: .deliversWithoutName, finders: [.deliveryHasOneName]),
    MutantHunt(mutant: .laneBlocks, finders: [.destinationsAreApart]),
    MutantHunt(mutant: .reordersRecords, finders: [.orderIsKept], profile: .calm),
    MutantHunt(mutant: .raisesOld, finders: [.oldRaisesNothing], minutes: 180),
    MutantHunt(mutant: .cutsAccessLog, finders: [.accessLogIsWhole]),
    MutantHunt(mutant: .losesJournal, finders: [.hubStarts]),
    MutantHunt(mutant: .hidesFullTable, finders: [.lackOfRoomIsTold]),
    MutantHunt(mutant: .holdsLog, finders: [.boundsHold], minutes: 90, homes: 24, profile: .calm),
    MutantHunt(mutant: .keepsEpoch, finders: [.pressHasItsId]),
    MutantHunt(mutant: .movesInListsOnly, finders: [.belongsToItsPerson]),
    MutantHunt(
      mutant: .restoresBare, finders: [.deliveryHasOneName, .orderIsKept, .identityIsUnique, .pressHasItsId],
      ignoring: [.copyGoesOn, .accessLogIsWhole]),
    MutantHunt(mutant: .losesFromCopy, finders: [.copyGoesOn]),
    MutantHunt(mutant: .losesAlertsAtEnd, finders: [.toldIsStored]),
    MutantHunt(mutant: .losesEntry, finders: [.replayIsEqual], profile: .calm),
  ]

  package func settings(_ seed: UInt64) -> SimulationSettings {
    var settings = SimulationSettings(
      seed: seed, milliseconds: minutes * 60_000, homes: homes, profile: profile, without: without, mutant: mutant)
    settings.ignoring = ignoring
    return settings
  }

  /// The same hunt with the checkers switched off that find the mutant.
  package var blind: Self {
    var hunt = self
    hunt.ignoring.formUnion(finders)
    return hunt
  }

  /// The first world in which a promise is broken; nil: none of them.
  package func firstFind(from seed: UInt64, seeds: Int) throws -> SimulationRun? {
    for number in 0..<UInt64(max(0, seeds)) {
      let run = try SimulationRun.run(settings(seed &+ number))
      if run.violation != nil { return run }
    }
    return nil
  }
}
