// The machines' states in the words that others see, and what the loop itself must know of them.

import VitalSigns

extension BluetoothSession {
  var publicState: BluetoothDeviceState {
    switch state {
    case .idle, .ended: .idle
    case .waitingForSlot: .waiting
    case .connecting, .backingOff: .connecting
    case .pairing, .trusting: .pairing
    case .resolving, .running: .reading
    case .settling: .settling
    case .quiet: .connected
    case .disconnecting, .removing: .connected
    case .coolingDown: problem == nil ? .idle : .problem
    case .needsOperator: .problem
    }
  }

  /// An attempt is under way, for which a scan may have to pause.
  var isConnecting: Bool { if case .connecting = state { true } else { false } }

  /// Stored records are on their way.
  var isFetching: Bool { if case .running(_, .records) = state { true } else { false } }

  /// Nothing is under way and nothing will be.
  var isAtRest: Bool {
    guard case .ended(let owesRemoval) = state else { return false }
    return pending == nil && !owesRemoval
  }
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
