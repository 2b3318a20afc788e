// What the loop itself is in the middle of: the bus that is there or away, a reload of bluetoothd's objects, the end.

import BlueZ
import VitalSigns

/// The system bus.
enum BusState {
  /// `told`: the log knows that it is away.
  case down(retryAt: MonotonicInstant, retrySeconds: UInt32, told: Bool)
  case up(BusConnection)

  /// Between two attempts to open a bus that is away: 1 s … 30 s.
  static let retrySecondsMax: UInt32 = 30

  /// Before the first attempt.
  static var initial: BusState { .down(retryAt: .zero, retrySeconds: 1, told: false) }

  var connection: BusConnection? { if case .up(let connection) = self { connection } else { nil } }
}

/// GetManagedObjects once more, because other devices are of interest now.
enum ReloadState {
  /// Nothing is asked for. `notBefore`: when it may be asked again.
  case none(notBefore: MonotonicInstant)
  case wanted(notBefore: MonotonicInstant)
  /// `again`: what is of interest has changed since it was asked.
  case underWay(again: Bool)

  /// After a failure.
  static let pause = Duration.seconds(5)

  /// When it may be asked; nil while it is under way.
  var notBefore: MonotonicInstant? {
    switch self {
    case .none(let notBefore), .wanted(let notBefore): notBefore
    case .underWay: nil
    }
  }

  var isWanted: Bool { if case .wanted = self { true } else { false } }

  mutating func want() {
    switch self {
    case .none(let notBefore): self = .wanted(notBefore: notBefore)
    case .wanted: break
    case .underWay: self = .underWay(again: true)
    }
  }

  /// It is answered, or no answer will come.
  mutating func end() {
    if case .underWay(let again) = self { self = again ? .wanted(notBefore: .zero) : .none(notBefore: .zero) }
  }

  mutating func fail(at now: MonotonicInstant) { self = .wanted(notBefore: now.adding(Self.pause)) }
}

/// How far the loop has come in ending.
enum Ending: Comparable {
  case notBegun
  /// Sessions leave their devices.
  case sessions
  /// Nobody is connected: the adapter stops scanning.
  case adapter
}
