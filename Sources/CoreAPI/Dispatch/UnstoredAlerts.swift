// Alert changes that were told and that the journal does not have yet. A role that connects meanwhile finds them in no outbox and on no board,
// so it hears them first. Else a call would wait for a disk that hangs because its messenger was restarted, and a later change of its alert
// would be sent before it.

import LocalAPI
import VitalSigns

/// The newest of them, in the order in which they were told. A value; the event hub's.
struct UnstoredAlerts: Sendable {
  /// Beyond it the oldest is left to the journal. A listener's stream has room for four times as many.
  static let countMax = 256

  private var changes: [(alert: API.Alert, instant: MonotonicInstant)] = []
  /// The core's instants rise from change to change, and the journal takes changes in the order of their decision.
  private var storedThrough = MonotonicInstant.zero

  var all: [API.Alert] { changes.map(\.alert) }

  /// - Parameter instant: when it was decided.
  mutating func told(_ alert: API.Alert, at instant: MonotonicInstant) {
    // The disk may have been faster than the dispatcher.
    guard instant > storedThrough else { return }
    if changes.count >= Self.countMax { changes.removeFirst() }
    changes.append((alert, instant))
  }

  /// Everything that was decided up to `instant` is in the journal.
  mutating func stored(through instant: MonotonicInstant) {
    guard instant > storedThrough else { return }
    storedThrough = instant
    if !changes.isEmpty { changes.removeAll { $0.instant <= instant } }
  }
}
