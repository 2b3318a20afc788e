// The machines' states in the words that others see, and what the loop itself must know of them.

import BlueZ
import VitalSigns

extension BluetoothSession {
  var publicState: BluetoothDeviceState {
    switch state {
    case .idle, .ended: .idle
    case .waitingForSlot: .waiting
    case .connecting, .backingOff: .connecting
    case .linked(_, .pairing), .linked(_, .trusting): .pairing
    case .linked(_, .running(_, .records(let access))): access.isSettling ? .settling : .reading
    case .linked(_, .resolving), .linked(_, .running): .reading
    case .linked(_, .quiet), .disconnecting, .removing: .connected
    case .coolingDown: problem == nil ? .idle : .problem
    case .needsOperator: .problem
    }
  }

  /// An attempt is under way, for which a scan may have to pause.
  var isConnecting: Bool { if case .connecting = state { true } else { false } }

  /// Stored records are on their way.
  var isFetching: Bool { if case .linked(_, .running(_, .records(let access))) = state { !access.isSettling } else { false } }

  /// Nothing is under way and nothing will be.
  var isAtRest: Bool { if case .ended(owesRemoval: false) = state { true } else { false } }
}

extension BluezFailure {
  /// For the trace. BlueZ's own texts for what has no case here; they name operations, never devices.
  var key: String {
    switch self {
    case .other(let name, _): "other (\(name))"
    default: "\(self)"
    }
  }
}

extension SessionReport {
  var traceText: String {
    switch self {
    case .connected: "connected"
    case .disconnected: "disconnected"
    case .paired: "paired"
    case .completed: "completed"
    case .problem(let problem): problem.map { "problem: \($0.rawValue)" } ?? "well"
    }
  }
}
