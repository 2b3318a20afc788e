// The trace of a world: one number over everything that happened in it, in order, and the last of it in words.

import VitalSigns

/// The hash and a tail for people. A value.
struct SimulationTrace {
  enum Step: UInt8 { case start, connect, frame, acknowledged, told, durable, death, fault, nurse, copied, restored, aged }

  /// Steps that a failure prints.
  static let tailMax = 40

  private var hash = StableHash()
  private var tail: [(step: Step, first: UInt64, second: UInt64)] = []

  var value: UInt64 { hash.value }

  mutating func note(_ step: Step, _ first: UInt64, _ second: UInt64) {
    hash.add(step.rawValue)
    hash.add(first)
    hash.add(second)
    tail.append((step, first, second))
    if tail.count >= 2 * Self.tailMax { tail.removeFirst(tail.count - Self.tailMax) }
  }

  var lines: [String] { tail.suffix(Self.tailMax).map { "\($0.step) \($0.first) \($0.second)" } }
}

/// How much happened.
package struct SimulationCounts: Sendable, Hashable {
  package var starts = 0
  package var deaths = 0
  package var published = 0
  package var frames = 0
  package var acknowledged = 0
  package var told = 0
  package var faults: [FaultKind: Int] = [:]
  /// Commits of this run at the last look.
  var lastCommits: UInt64 = 0
}
