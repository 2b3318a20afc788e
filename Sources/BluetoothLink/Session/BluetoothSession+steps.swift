// The steps of a session, one after the other, and the notifications that come meanwhile. Stored records have a machine
// of their own, `RecordAccess`; what it asks for is carried out here like any step's operation.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Begins the step with this index, passing over optional ones that cannot be done.
  mutating func runStep(_ first: Int, on link: Link) {
    for (index, step) in link.steps.enumerated().dropFirst(first) {
      let isPossible = step.needed.allSatisfy { facts.has($0, in: step.service) } && !setbacks.avoidedSteps.contains(index)
      if !step.isOptional || isPossible { return begin(step, index, on: link) }
    }
    var link = link
    complete(&link)
    state = .linked(link, .quiet(until: plan.stay == .held ? .never : quietUntil))
  }

  private var quietUntil: MonotonicInstant { now.adding(seconds: plan.quietSeconds) }

  private mutating func begin(_ step: BluetoothSessionStep, _ index: Int, on link: Link) {
    let service = step.service
    switch (step.action, step.characteristic) {
    case (.wait(let quietSeconds, let limitSeconds), _):
      let limit = now.adding(seconds: limitSeconds)
      state = .linked(link, .running(step: index, .silence(since: now, quietSeconds: quietSeconds, limit: limit)))
    case (.disconnect, _):
      var link = link
      complete(&link)
      leave(link, awaiting: nil, Departure(next: .rest(hasBrought: link.hasBrought)))
    case (.read, let characteristic?): operate(.read(characteristic, service: service), index, on: link)
    case (.write(let bytes, let awaitsResponse), let characteristic?):
      operate(.write(characteristic, service: service, bytes: bytes, awaitsResponse: awaitsResponse), index, on: link)
    case (.setClock(let form), let characteristic?): operate(.setClock(characteristic, service: service, form), index, on: link)
    case (.subscribe(let mode), let characteristic?):
      if link.subscribed.contains(characteristic) { return runStep(index + 1, on: link) }
      operate(.subscribe(characteristic, service: service, mode ?? plan.notifications), index, on: link)
    case (.fetchRecords(let fetch), let control?):
      var access = RecordAccess(
        fetch, control: control, service: service, mode: plan.notifications, isContextPresent: facts.characteristics.contains,
        subscribed: link.subscribed)
      let answer = access.begin(at: now)
      carryOut(answer, access, index, on: link)
    case (.read, nil), (.write, nil), (.setClock, nil), (.subscribe, nil), (.fetchRecords, nil):
      // The profile's compiler lets no such step through; one that is there all the same does nothing.
      runStep(index + 1, on: link)
    }
  }

  private mutating func operate(_ operation: SessionOperation, _ index: Int, on link: Link) {
    state = .linked(link, .running(step: index, .operation(operation, until: now.adding(Self.stepTimeout))))
    perform(operation)
  }

  mutating func complete(_ link: inout Link) {
    setbacks = Setbacks()
    request = nil
    link.reached(.completed)
    setProblem(link.warning)
    actions.append(.report(.completed))
  }

  // MARK: Replies

  mutating func stepReplied(
    _ link: Link, _ index: Int, _ activity: Activity, _ operation: SessionOperation, _ failure: BluezFailure?
  ) {
    var link = link
    let step = link.steps[index]
    if let failure {
      if let other = operation.otherSubscription(after: failure) { return subscribeAgain(other, activity, index, on: link) }
      switch trouble(failure, isOptional: step.isOptional, on: link) {
      case .linkLost: return linkLost(link, .running(step: index, activity))
      case .noReply: return leave(link, awaiting: nil, Departure(next: .failed(nil)))
      case .bondLost: return leave(link, awaiting: nil, departWithLostBond())
      case .step: break
      }
    } else {
      worked(&link)
      if case .subscribe(let characteristic, _, _) = operation { link.subscribed.insert(characteristic) }
    }
    switch activity {
    case .records(var access):
      let answer = access.replied(failure, at: now, durable: durable)
      carryOut(answer, access, index, on: link)
    case .operation, .silence:
      if failure == nil || step.isOptional { runStep(index + 1, on: link) } else { stepRefused(failure, on: link) }
    }
  }

  private mutating func subscribeAgain(_ operation: SessionOperation, _ activity: Activity, _ index: Int, on link: Link) {
    switch activity {
    case .records(var access):
      access.subscribeAgain(.start)
      state = .linked(link, .running(step: index, .records(access)))
      perform(operation)
    case .operation, .silence: operate(operation, index, on: link)
    }
  }

  private enum Trouble { case linkLost, noReply, bondLost, step }

  /// Whose failure it is: the link's, the bond's, or the step's own.
  private func trouble(_ failure: BluezFailure, isOptional: Bool, on link: Link) -> Trouble {
    switch failure {
    case .notConnected, .notReady, .connectionAborted: return .linkLost
    case .noReply: return .noReply
    case .insufficientSecurity, .authenticationFailed:
      let isTolerable = isOptional && link.progress >= .worked
      return facts.isPaired && plan.security != .none && !isTolerable ? .bondLost : .step
    case .inProgress, .alreadyConnected, .alreadyPaired, .authenticationRejected, .authenticationCanceled, .authenticationTimeout,
      .doesNotExist, .notSupported, .notPermitted, .stackGone, .other:
      return .step
    }
  }

  private mutating func stepRefused(_ failure: BluezFailure?, on link: Link) {
    // An object or a handle that bluetoothd remembers and the device no longer has.
    if failure == .doesNotExist { return leave(link, awaiting: nil, departOutdated()) }
    setProblem(.stepRefused)
    leave(link, awaiting: nil, Departure(next: .coolDown))
  }

  /// Something succeeded that needs the bond: whatever was suspected of it is wrong.
  private mutating func worked(_ link: inout Link) {
    link.reached(.worked)
    setbacks.earlyDrops = 0
    if problem == .bondLost { setProblem(nil) }
  }

  mutating func valueRead(_ characteristic: BluetoothUUID) {
    guard case .linked(var link, .running(let index, .operation(let operation, _))) = state,
      case .read(characteristic, _) = operation
    else { return }
    link.answeredRead = operation
    worked(&link)
    runStep(index + 1, on: link)
  }

  /// The reply to a read whose value was here before it.
  mutating func forgetAnsweredRead() {
    switch state {
    case .linked(var link, let phase):
      link.answeredRead = nil
      state = .linked(link, phase)
    case .disconnecting(var leaving):
      leaving.link?.answeredRead = nil
      state = .disconnecting(leaving)
    case .idle, .waitingForSlot, .connecting, .removing, .backingOff, .coolingDown, .needsOperator, .ended: break
    }
  }

  // MARK: Notifications

  mutating func notified(_ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?) {
    guard case .linked(var link, let phase) = state else { return }
    link.lastNotification = now
    link.reached(.worked)
    if case .accepted? = outcome { link.hasBrought = true }
    switch phase {
    case .quiet(let until): state = .linked(link, .quiet(until: until == .never ? .never : quietUntil))
    case .running(let index, .records(var access)):
      let answer = access.notified(characteristic, bytes, outcome, at: now, durable: durable)
      carryOut(answer, access, index, on: link)
    case .pairing, .trusting, .resolving, .running: state = .linked(link, phase)
    }
  }

  mutating func durableMoved(to sequence: UInt64) {
    durable = max(durable, sequence)
    guard case .linked(let link, .running(let index, .records(var access))) = state else { return }
    let answer = access.durable(durable, at: now)
    carryOut(answer, access, index, on: link)
  }

  /// The device is asked to delete nothing of this fetch.
  mutating func recordsLeftOut() {
    guard case .linked(let link, .running(let index, .records(var access))) = state else { return }
    let answer = access.leftOut()
    carryOut(answer, access, index, on: link)
  }

  // MARK: Time

  mutating func stepDeadlineCame(_ link: Link, _ index: Int, _ activity: Activity) {
    switch activity {
    case .silence: runStep(index + 1, on: link)
    case .records(var access):
      let answer = access.deadlineCame(at: now, durable: durable)
      carryOut(answer, access, index, on: link)
    case .operation(let operation, _): stepHangs(operation, index, on: link)
    }
  }

  /// Only the link's end ends such an operation. A step that may be missing is not tried at the next attempt.
  private mutating func stepHangs(_ operation: SessionOperation, _ index: Int, on link: Link) {
    if link.steps[index].isOptional { setbacks.avoidedSteps.insert(index) }
    leave(link, awaiting: operation, Departure(next: .failed(nil)))
  }

  // MARK: Stored records

  private mutating func carryOut(_ answer: RecordAccess.Answer, _ access: RecordAccess, _ index: Int, on link: Link) {
    state = .linked(link, .running(step: index, .records(access)))
    switch answer {
    case .nothing: break
    case .perform(let operation): perform(operation)
    case .fetch(let characteristics, let operation):
      actions.append(.recordsBegan(characteristics))
      perform(operation)
    case .finished(let result): recordsFinished(result, index, on: link)
    }
  }

  private mutating func recordsFinished(_ result: RecordAccess.Result, _ index: Int, on link: Link) {
    var link = link
    let isOptional = link.steps[index].isOptional
    switch result {
    case .done: break
    case .deleted: actions.append(.recordsDeleted)
    case .kept:
      // What came is safe; the device keeps it, and somebody should know why.
      if !isOptional { link.warning = .recordAccess }
    case .failed:
      if !isOptional {
        setProblem(.recordAccess)
        return leave(link, awaiting: nil, Departure(next: .coolDown))
      }
    case .refused(let failure):
      if !isOptional { return stepRefused(failure, on: link) }
    case .hung(let operation): return stepHangs(operation, index, on: link)
    }
    // Where the link ends here what is still on its way belongs to the fetch, which ends with the link.
    if link.leaveBy != .never { return leave(link, awaiting: nil, Departure(next: link.yielding)) }
    actions.append(.recordsEnded)
    runStep(index + 1, on: link)
  }
}

extension SessionOperation {
  /// The other way of asking for notifications, for a device that misreports its properties, or a bluetoothd that does.
  fileprivate func otherSubscription(after failure: BluezFailure) -> Self? {
    guard case .subscribe(let characteristic, let service, .acquire) = self else { return nil }
    switch failure {
    case .notSupported, .notPermitted, .inProgress, .other: return .subscribe(characteristic, service: service, .start)
    case .alreadyConnected, .alreadyPaired, .connectionAborted, .notConnected, .notReady, .authenticationFailed, .authenticationRejected,
      .authenticationCanceled, .authenticationTimeout, .insufficientSecurity, .doesNotExist, .noReply, .stackGone:
      return nil
    }
  }
}
