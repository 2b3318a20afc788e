// Worlds that fail: fifty whose seeds stand here, and those that once found something. FreshWorldTests.swift and `make simulate` run worlds that
// nobody has seen before; one that breaks a promise prints the command that runs it again, and then belongs here with a name, and into
// Sources/Simulation/Found.md.
//
// They are as small as worlds with all kinds of faults can be, one home and some minutes, because they run unoptimised beside all other
// tests. The suites take a thread each.

import Testing
import VitalSigns

@testable import Simulation

/// Mostly storms, which hold the most faults a minute.
func smallWorld(_ seed: UInt64) throws -> SimulationRun {
  try seed % 4 == 0 ? world(seed, minutes: 16, homes: 1, .swarm) : world(seed, minutes: 8, homes: 1, .storm)
}

@Suite(.serialized) struct FixedWorldTests {
  @Test("Worlds whose seeds stand here", arguments: UInt64(1)...50) func fixed(seed: UInt64) throws { expectKept(try smallWorld(seed)) }
}

@Suite(.serialized) struct FoundWorldTests {
  @Test("A count of frames that are not understood is the same in core and journal") func countedFrames() throws {
    expectKept(try world(14, minutes: 23, homes: 2, .swarm))
  }

  @Test("What was told before a crash is decided again the same") func toldBeforeCrash() throws {
    expectKept(try world(20, minutes: 22, homes: 2))
    expectKept(try world(4, minutes: 30, homes: 2, without: [.diskFull]))
  }

  @Test("A full table is told once after weeks away") func fullTableAway() throws { expectKept(try world(1_585_968_486, minutes: 8)) }

  @Test("A role that comes back while the disk stands still hears what is not stored") func awayAndStandingStill() throws {
    for seed in [52_806_685, 700_344] as [UInt64] { expectKept(try world(seed, minutes: 8)) }
  }

  @Test("A press that comes again after the clock was set back is the same press") func pressAfterClockBack() throws {
    expectKept(try world(2_000_836, minutes: 8))
  }

  @Test("What fell due before the first entry of a restored hub is stored") func dueBeforeRestore() throws {
    expectKept(try world(940_043, minutes: 25))
  }

  @Test("What somebody closed while the disk stood still is not taken for what nobody follows") func closedWhileStandingStill() throws {
    expectKept(try world(700_726, minutes: 8))
  }
}
