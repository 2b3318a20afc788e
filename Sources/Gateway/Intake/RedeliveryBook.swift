// Knows a frame again that the broker sends a second time because our acknowledgement did not leave: after a crash, a
// power cut or a lost connection. Without it a committed observation would be recorded twice, under two identities.
//
// A broker with a persistent session resends what was in flight first, in its old order and under the same packet
// identifiers, before anything new. So a frame right after a connect whose identifier and content are marked is a
// redelivery; the first frame that is not ends the search, and from then on nothing is ever taken for one. A session
// that the broker has lost starts its identifiers again: then the marks mean nothing and are forgotten.

import Journal

/// Redeliveries of one link. Owned by the link's thread. Bound: `marksMax` newest marks; more cannot be in flight.
struct RedeliveryBook {
  /// What a mark leads to.
  struct Mark: Hashable {
    var message: UInt16
    var hash: UInt64
  }

  let marksMax: Int
  /// In order of arrival, with the last sequence of the frame's entries; 0 for a frame that gave none.
  private var marks: [(mark: Mark, sequence: UInt64)] = []
  private var expected: [Mark: UInt64] = [:]

  init(marksMax: Int, known: [(mark: Mark, sequence: UInt64)] = []) {
    self.marksMax = marksMax
    marks = known.suffix(marksMax)
  }

  /// A connection was accepted; `sessionPresent` says whether the broker still has our session.
  mutating func connected(sessionPresent: Bool) {
    expected = [:]
    if sessionPresent {
      for known in marks { expected[known.mark] = known.sequence }
    } else {
      marks = []
    }
  }

  /// The sequence that a redelivered frame waits for, or nil when the frame is new.
  mutating func redelivery(_ mark: Mark) -> UInt64? {
    if expected.isEmpty { return nil }
    if let sequence = expected.removeValue(forKey: mark) { return sequence }
    expected = [:]
    return nil
  }

  /// A frame was taken in.
  mutating func took(_ mark: Mark, sequence: UInt64) {
    marks.append((mark, sequence))
    // Trimmed in large steps, so that an ordinary frame costs nothing.
    if marks.count >= 2 * marksMax { marks.removeFirst(marks.count - marksMax) }
  }
}
