// The machines as tests drive them: an event as a value goes in, and what is carried out comes back as one list, in the order in
// which the loop does it. The order is not said here: the recorder is a shell as the loop is, and both are told by the product.

import DeviceProfile
import VitalSigns

@testable import BluetoothLink

/// One thing that the loop does for a session.
enum SessionAction: Sendable, Hashable {
  case requestSlot
  case established
  case releaseSlot
  case perform(SessionOperation)
  case closeNotifications
  case recordsBegan([BluetoothUUID])
  case recordsEnded
  case recordsDeleted
  case resetAdapter
  case report(SessionReport)
}

/// One thing that the loop does for the adapter's machine.
enum AdapterAction: Sendable, Hashable {
  case perform(AdapterOperation)
  case ready(Bool)
  case report(AdapterProblem?)
}

private final class SessionRecorder: SessionShell {
  var actions: [SessionAction] = []

  func requestSlot() { actions.append(.requestSlot) }
  func established() { actions.append(.established) }
  func releaseSlot() { actions.append(.releaseSlot) }
  func perform(_ operation: SessionOperation) { actions.append(.perform(operation)) }
  func closeNotifications() { actions.append(.closeNotifications) }
  func recordsBegan(from characteristics: [BluetoothUUID]) { actions.append(.recordsBegan(characteristics)) }
  func recordsEnded() { actions.append(.recordsEnded) }
  func recordsDeleted() { actions.append(.recordsDeleted) }
  func resetAdapter() { actions.append(.resetAdapter) }
  func report(_ report: SessionReport) { actions.append(.report(report)) }
}

private final class AdapterRecorder: AdapterShell {
  var actions: [AdapterAction] = []

  func perform(_ operation: AdapterOperation) { actions.append(.perform(operation)) }
  func readinessChanged(to isReady: Bool) { actions.append(.ready(isReady)) }
  func report(_ problem: AdapterProblem?) { actions.append(.report(problem)) }
}

extension BluetoothSession {
  /// Moves the session by one event, and says what is carried out.
  mutating func handle(_ input: SessionInput, at now: MonotonicInstant) -> [SessionAction] {
    let recorder = SessionRecorder()
    switch input {
    case .heard: recorder.carryOut(heard(at: now))
    case .facts(let facts): recorder.carryOut(factsChanged(to: facts, at: now))
    case .slotGranted: recorder.carryOut(slotGranted(at: now))
    case .slotWithdrawn: if let action = slotWithdrawn(at: now) { recorder.carryOut(action) }
    case .replied(let operation, let failure): recorder.carryOut(replied(operation, failure, at: now))
    case .value(let characteristic, _): if let action = valueRead(characteristic, at: now) { recorder.carryOut(action) }
    case .notification(let characteristic, let bytes, let outcome):
      recorder.carryOut(notified(characteristic, bytes, outcome, at: now))
    case .notificationsEnded(let characteristic):
      if let action = notificationsEnded(characteristic, at: now) { recorder.carryOut(action) }
    case .durable(let sequence): if let operation = durableMoved(to: sequence, at: now) { recorder.perform(operation) }
    case .leftOut: if let action = recordsLeftOut(at: now) { recorder.carryOut(action) }
    case .stackGone: recorder.carryOut(stackGone(at: now))
    case .stackReady: recorder.carryOut(stackReady(at: now))
    case .connectNow(let mayPair): recorder.carryOut(connectNow(mayPair: mayPair, at: now))
    case .bondTooWeak: recorder.carryOut(bondTooWeak(at: now))
    case .forget: recorder.carryOut(forget(at: now))
    case .stop: recorder.carryOut(stop(at: now))
    case .deadline: recorder.carryOut(deadlineCame(at: now))
    }
    return recorder.actions
  }
}

extension AdapterSession {
  /// Moves the adapter's machine by one event, and says what is carried out.
  mutating func handle(_ input: AdapterInput, at now: MonotonicInstant) -> [AdapterAction] {
    let recorder = AdapterRecorder()
    switch input {
    case .service(let isPresent): recorder.carryOut(serviceChanged(isPresent: isPresent, at: now))
    case .facts(let facts): recorder.carryOut(factsChanged(to: facts, at: now))
    case .replied(let operation, let failure): recorder.carryOut(replied(operation, failure, at: now))
    case .heard: recorder.carryOut(heard(at: now))
    case .need(let need, let uuids): recorder.carryOut(needChanged(to: need, uuids: uuids, at: now))
    case .connecting(let isUnderWay): recorder.carryOut(connectingChanged(to: isUnderWay, at: now))
    case .resetWanted(let links): recorder.carryOut(resetWanted(beside: links, at: now))
    case .stop: recorder.carryOut(stop(at: now))
    case .deadline: recorder.carryOut(deadlineCame(at: now))
    }
    return recorder.actions
  }
}
