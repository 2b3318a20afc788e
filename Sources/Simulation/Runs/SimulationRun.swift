// One world, run to its end, as a value: what happened, which promise was broken, and how to see it again.

import VitalSigns

/// What became of one world.
package struct SimulationRun: Sendable {
  package var settings: SimulationSettings
  /// One number over everything that happened, in order.
  package var traceHash: UInt64
  package var violation: Violation?
  package var counts: SimulationCounts
  /// The last steps before the end, for people.
  package var tail: [String]
  /// Simulated time, milliseconds.
  package var milliseconds: Int64

  /// Runs the world. Blocks; touches nothing but a folder of its own, which it removes.
  ///
  /// - Throws: `SimulationError` or an error of the file system when the world cannot be made.
  package static func run(_ settings: SimulationSettings) throws -> Self {
    let world = try World(settings)
    world.run()
    return Self(
      settings: settings, traceHash: world.trace.value, violation: world.ledger.violation, counts: world.counts, tail: world.trace.lines,
      milliseconds: world.now / 1_000_000)
  }
}
