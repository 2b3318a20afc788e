// What must hold between any two inputs of a session and is not said by the types. The simulation asks after each of them;
// a broken invariant is named.

import VitalSigns

extension BluetoothSession {
  /// Nil, or the promise that is broken.
  func invariants() -> String? {
    switch state {
    case .idle, .waitingForSlot, .needsOperator, .ended, .linked(_, .quiet(.never)): break
    case .connecting, .linked, .disconnecting, .removing, .backingOff, .coolingDown:
      if deadline == .never { return "no deadline in \(state.name)" }
    }
    if case .linked(let link, .running(let step, let activity)) = state {
      if !link.steps.indices.contains(step) { return "no step \(step)" }
      if case .records(let access) = activity, access.state == .finished { return "a finished fetch goes on" }
    }
    if setbacks.failures > Self.backOff.count { return "\(setbacks.failures) failures without a pause" }
    return nil
  }
}
