// Which read of the journal answers whom, when there is one at a time: a read that was already under way when somebody asked may
// have begun before what they ask about was written, so theirs is the next one.

/// Reads by number, from 1. One owner; no I/O.
struct ReadTurns: Sendable, Hashable {
  private(set) var begun: UInt64 = 0
  private(set) var ended: UInt64 = 0

  /// The first read that begins after this moment. `begins`: the caller begins it now.
  mutating func ask() -> (turn: UInt64, begins: Bool) {
    if begun > ended { return (begun + 1, false) }
    begun += 1
    return (begun, true)
  }

  /// A read ended. True: somebody who still waits asked for a later one, and the caller begins it now.
  mutating func end(stillWanted turns: some Sequence<UInt64>) -> Bool {
    ended = begun
    guard turns.contains(where: { $0 > begun }) else { return false }
    begun += 1
    return true
  }
}
