// Whole worlds: calm ones, and that a seed repeats. Worlds that fail are in WorldTests.swift.

import Testing
import VitalSigns

@testable import Simulation

/// Some minutes of a small world: what fits into a test run.
func world(
  _ seed: UInt64, minutes: Int64, homes: Int = 1, _ profile: SimulationProfile = .storm, without: Set<FaultKind> = []
) throws -> SimulationRun {
  try SimulationRun.run(
    SimulationSettings(seed: seed, milliseconds: minutes * 60_000, homes: homes, profile: profile, without: without))
}

/// Fails with what was broken, and the command that runs it again.
func expectKept(_ run: SimulationRun, sourceLocation: SourceLocation = #_sourceLocation) {
  let story = run.violation.map { "\($0)\nagain: \(run.settings.command)" } ?? ""
  #expect(run.violation == nil, "\(story)", sourceLocation: sourceLocation)
}

@Suite struct SimulationTests {
  @Test("A calm world keeps every promise, and something happens in it") func calm() throws {
    let run = try world(1, minutes: 30, homes: 2, .calm)
    expectKept(run)
    #expect(run.counts.frames > 50 && run.counts.acknowledged == run.counts.frames)
    #expect(run.counts.told > 0 && run.counts.starts == 1)
  }

  @Test("The same seed gives the same world") func repeats() throws {
    let (first, second) = (try world(77, minutes: 10, homes: 2), try world(77, minutes: 10, homes: 2))
    #expect(first.traceHash == second.traceHash && first.counts == second.counts)
    #expect(try world(78, minutes: 10, homes: 2).traceHash != first.traceHash)
  }
}
