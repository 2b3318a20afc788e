// What must hold between any two inputs of a session. The simulation asks after each of them; a broken invariant is named.

import VitalSigns

extension BluetoothSession {
  /// Nil, or the promise that is broken.
  func invariants() -> String? {
    let needsSlot: Slot? =
      switch state {
      case .idle, .removing, .backingOff, .coolingDown, .needsOperator, .ended: Slot.none
      case .waitingForSlot: .requested
      case .connecting, .pairing, .trusting, .resolving, .running, .settling, .quiet, .disconnecting: .granted
      }
    if slot != needsSlot { return "slot \(slot) in \(state.name)" }
    let hasLink: Bool? =
      switch state {
      case .idle, .waitingForSlot, .connecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: false
      case .pairing, .trusting, .resolving, .running, .settling, .quiet: true
      // A cancelled attempt has none.
      case .disconnecting: nil
      }
    if let hasLink, hasLink != (link != nil) { return "link \(link != nil) in \(state.name)" }
    let expectsReply: Bool? =
      switch state {
      case .pairing, .trusting, .removing: true
      case .running(_, .operation): true
      case .running(_, .silence): false
      case .idle, .waitingForSlot, .resolving, .quiet, .backingOff, .coolingDown, .needsOperator, .ended: false
      case .connecting, .running, .settling, .disconnecting: nil
      }
    if let expectsReply, expectsReply != (pending != nil) { return "pending \(String(describing: pending)) in \(state.name)" }
    switch state {
    case .idle, .waitingForSlot, .needsOperator, .ended: break
    case .quiet(.never): break
    default: if deadline == .never { return "no deadline in \(state.name)" }
    }
    if case .settling(_, let access) = state, !access.isSettling { return "settling without records" }
    if case .running(_, .records(let access)) = state, access.state == .finished { return "a finished fetch goes on" }
    if failures > Self.backOff.count { return "\(failures) failures without a pause" }
    return nil
  }
}
