// Each mutant is found by a checker that is about it, within a few worlds; and with those checkers off the same worlds find nothing, so a hunt
// can fail. `make mutants` hunts through up to a thousand worlds, and prints after how many each was found.

import Testing
import VitalSigns

@testable import Simulation

extension MutantHunt: CustomTestStringConvertible {
  public var testDescription: String { mutant.rawValue }
}

@Suite(.serialized) struct MutantTests {
  /// One alert in a thousand takes hours, and so does what was measured long ago; `make mutants` has the time.
  private static let hunts = MutantHunt.all.filter { $0.minutes <= 60 }

  @Test("Each mutant has a hunt") func everyMutant() { #expect(Set(MutantHunt.all.map(\.mutant)) == Set(Mutant.allCases)) }

  @Test("Each mutant is found by its checker", arguments: hunts) func found(hunt: MutantHunt) throws {
    let run = try #require(try hunt.firstFind(from: 1, seeds: 12), "\(hunt.mutant) was found in none of 12 worlds")
    let violation = try #require(run.violation)
    #expect(hunt.finders.contains(violation.checker), "\(violation)\nagain: \(run.settings.command)")
  }

  @Test("A checker that is off finds nothing") func blind() throws {
    let hunt = try #require(MutantHunt.all.first { $0.mutant == .reordersRecords })
    #expect(try hunt.firstFind(from: 1, seeds: 1) != nil)
    #expect(try hunt.blind.firstFind(from: 1, seeds: 1) == nil)
  }
}
