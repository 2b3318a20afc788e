// Makes a failing world smaller while the same promise is still broken in it: without faults that are not needed, with fewer homes, in
// less time. What is left is what somebody has to read.

import VitalSigns

/// The reducer. Deterministic.
package struct Reducer {
  /// Worlds that are tried. Each is a whole run.
  package static let runsMax = 60

  private var left = runsMax

  package init() {}

  /// The smallest world found in which the same checker fails.
  package mutating func reduce(_ failing: SimulationRun) throws -> SimulationRun {
    guard let checker = failing.violation?.checker else { return failing }
    var best = failing
    // No later than the failure itself is needed.
    if let at = failing.violation?.at {
      try tryOut(&best, checker) { $0.milliseconds = min($0.milliseconds, max(60_000, at / 1_000_000)) }
    }
    for kind in FaultKind.allCases where !best.settings.without.contains(kind) {
      if failing.counts.faults[kind] == nil && !kind.isOfMessages { continue }
      try tryOut(&best, checker) { $0.without.insert(kind) }
    }
    while best.settings.homes > 1 {
      let before = best.settings.homes
      try tryOut(&best, checker) { $0.homes = max(1, $0.homes / 2) }
      if best.settings.homes == before { break }
    }
    while best.settings.milliseconds > 120_000 {
      let before = best.settings.milliseconds
      try tryOut(&best, checker) { $0.milliseconds = $0.milliseconds / 4 * 3 }
      if best.settings.milliseconds == before { break }
    }
    return best
  }

  private mutating func tryOut(_ best: inout SimulationRun, _ checker: Checker, _ change: (inout SimulationSettings) -> Void) throws {
    var settings = best.settings
    change(&settings)
    guard left > 0, settings != best.settings else { return }
    left -= 1
    let run = try SimulationRun.run(settings)
    if run.violation?.checker == checker { best = run }
  }
}
