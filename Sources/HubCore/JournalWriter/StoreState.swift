// How the store is doing, as a state machine without clock or I/O: what the journal writer does after each commit or
// failure, and what people are told.

package import Journal
import JournalValues

/// The store's health.
package enum StoreState: Sendable, Equatable {
  case writing
  /// The disk is full: alarms, commands and registry changes are written from the reserve, routine values are shed.
  case shedding
  /// The journal is lost, and another one is written instead. Alarms go out. Whether devices are answered depends on where the
  /// other one lies.
  case emergency(JournalLoss)
  /// Nothing is written and nothing is acknowledged; the same group is tried again.
  case failing(reason: String)

  /// The key in status and metrics.
  package var key: String {
    switch self {
    case .writing: "writing"
    case .shedding: "shedding"
    case .emergency: "emergency"
    case .failing: "failing"
    }
  }

  package var reason: String? {
    switch self {
    case .writing: nil
    case .shedding: "the disk is full: alarms are stored, routine values are only counted"
    case .emergency(let loss): loss.sentence
    case .failing(let reason): reason
    }
  }

  /// Whether the hub's alert about the store holds, because the store does not take everything. That the journal is lost is an
  /// alert of its own.
  var isFailing: Bool {
    switch self {
    case .writing, .emergency: false
    case .shedding, .failing: true
    }
  }

  /// What the writer does next with the group that it holds.
  package enum Action: Equatable {
    /// Go on with the next group.
    case proceed
    /// Commit the same group again after this long. Nobody hears "stored" meanwhile.
    case retry(milliseconds: Int)
    /// No later attempt is known to succeed. Try seldom, until a person has looked. The alarm lane goes on without a disk.
    case giveUp
  }

  /// Pause after a failure: short enough that a disk which comes back is used within a quarter of a second.
  static let retryMilliseconds = 250

  /// - Parameter loss: why another journal than the hub's own is written.
  mutating func committed(isShedding: Bool, loss: JournalLoss? = nil) -> Action {
    if let loss { self = .emergency(loss) } else { self = isShedding ? .shedding : .writing }
    return .proceed
  }

  /// How long one operation on the disk may take before people are told that it stands still. A flush of an SD card that tidies up
  /// takes some hundred milliseconds. Nanoseconds.
  static let standstillNanoseconds: Int64 = 2_000_000_000

  /// The state as others see it while one operation on the disk has been going on for this long.
  func seen(busyFor nanoseconds: Int64) -> StoreState {
    guard nanoseconds > Self.standstillNanoseconds else { return self }
    if case .failing = self { return self }
    return .failing(
      reason:
        "the disk has not answered for \(nanoseconds / 1_000_000_000) s: it hangs, or another program holds the journal; dmesg and fuser tell more"
    )
  }

  mutating func failed(_ error: JournalError) -> Action {
    self = .failing(reason: "\(error)")
    switch error.retry {
    case .later, .whenThereIsRoom: return .retry(milliseconds: Self.retryMilliseconds)
    case .never: return .giveUp
    }
  }
}
