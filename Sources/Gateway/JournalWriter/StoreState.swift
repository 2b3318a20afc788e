// How the store is doing, as a state machine without clock or I/O: what the journal writer does after each commit or
// failure, and what people are told.

import Journal

/// The store's health.
enum StoreState: Sendable, Equatable {
  case writing
  /// The disk is full: alarms, commands and registry changes are written from the reserve, routine values are shed.
  case shedding
  /// Nothing is written and nothing is acknowledged; the same group is tried again.
  case failing(reason: String)

  /// The key in status and metrics.
  var key: String {
    switch self {
    case .writing: "writing"
    case .shedding: "shedding"
    case .failing: "failing"
    }
  }

  var reason: String? {
    switch self {
    case .writing: nil
    case .shedding: "the disk is full: alarms are stored, routine values are only counted"
    case .failing(let reason): reason
    }
  }

  /// What the writer does next with the group that it holds.
  enum Action: Equatable {
    /// Go on with the next group.
    case proceed
    /// Commit the same group again after this long. Nobody hears "stored" meanwhile.
    case retry(milliseconds: Int)
    /// No later attempt is known to succeed: try seldom, until a person has looked. The alarm lane goes on without a disk.
    case giveUp
  }

  /// Pause after a failure: short enough that a disk which comes back is used within a quarter of a second.
  static let retryMilliseconds = 250

  mutating func committed(isShedding: Bool) -> Action {
    self = isShedding ? .shedding : .writing
    return .proceed
  }

  mutating func failed(_ error: JournalError) -> Action {
    self = .failing(reason: "\(error)")
    switch error.retry {
    case .later, .whenThereIsRoom: return .retry(milliseconds: Self.retryMilliseconds)
    case .never: return .giveUp
    }
  }
}
