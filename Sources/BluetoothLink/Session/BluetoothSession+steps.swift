// The steps of a session, one after the other, and the notifications that come meanwhile. Stored records have a machine
// of their own, `RecordAccess`; what it asks for is carried out here like any step's operation.

import BlueZ
import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Begins the step with this index, passing over optional ones that cannot be done.
  mutating func runStep(_ first: Int, on link: Link) -> StepAction {
    for (index, step) in link.steps.enumerated().dropFirst(first) {
      let isPossible = step.needed.allSatisfy { facts.has($0, in: step.service) } && !setbacks.avoidedSteps.contains(index)
      if !step.isOptional || isPossible { return begin(step, index, on: link) }
    }
    var link = link
    let completed = complete(&link)
    state = .linked(link, .quiet(until: plan.stay == .held ? .never : quietUntil))
    return .completed(completed)
  }

  private var quietUntil: MonotonicInstant { now.adding(seconds: plan.quietSeconds) }

  private mutating func begin(_ step: BluetoothSessionStep, _ index: Int, on link: Link) -> StepAction {
    let service = step.service
    switch (step.action, step.characteristic) {
    case (.wait(let quietSeconds, let limitSeconds), _):
      let limit = now.adding(seconds: limitSeconds)
      state = .linked(link, .running(step: index, .silence(since: now, quietSeconds: quietSeconds, limit: limit)))
      return .wait
    case (.disconnect, _):
      var link = link
      let completed = complete(&link)
      return .completedByLeaving(completed, leave(link, awaiting: nil, Departure(next: .rest(hasBrought: link.hasBrought))))
    case (.read, let characteristic?): return operate(.read(characteristic, service: service), index, on: link)
    case (.write(let bytes, let awaitsResponse), let characteristic?):
      return operate(.write(characteristic, service: service, bytes: bytes, awaitsResponse: awaitsResponse), index, on: link)
    case (.setClock(let form), let characteristic?):
      return operate(.setClock(characteristic, service: service, form), index, on: link)
    case (.subscribe(let mode), let characteristic?):
      if link.subscribed.contains(characteristic) { return runStep(index + 1, on: link) }
      return operate(.subscribe(characteristic, service: service, mode ?? plan.notifications), index, on: link)
    case (.fetchRecords(let fetch), let control?):
      var access = RecordAccess(
        fetch, control: control, service: service, mode: plan.notifications, isContextPresent: facts.characteristics.contains,
        subscribed: link.subscribed)
      let asking = access.begin(at: now)
      state = .linked(link, .running(step: index, .records(access)))
      return .records(asking)
    case (.read, nil), (.write, nil), (.setClock, nil), (.subscribe, nil), (.fetchRecords, nil):
      // The profile's compiler lets no such step through; one that is there all the same does nothing.
      return runStep(index + 1, on: link)
    }
  }

  private mutating func operate(_ operation: SessionOperation, _ index: Int, on link: Link) -> StepAction {
    state = .linked(link, .running(step: index, .operation(operation, until: now.adding(Self.stepTimeout))))
    return .perform(operation)
  }

  mutating func complete(_ link: inout Link) -> CompletedAction {
    setbacks = Setbacks()
    request = nil
    link.reached(.completed)
    return CompletedAction(problem: setProblem(link.warning))
  }

  // MARK: Replies

  mutating func stepReplied(
    _ link: Link, _ index: Int, _ activity: Activity, _ operation: SessionOperation, _ failure: BluezFailure?
  ) -> StepRepliedAction {
    var link = link
    let step = link.steps[index]
    var proved: ProblemChange?
    if let failure {
      if let other = operation.otherSubscription(after: failure) {
        subscribeAgain(other, activity, index, on: link)
        return .subscribeAgain(other)
      }
      switch trouble(failure, isOptional: step.isOptional, on: link) {
      case .linkLost: return .lost(linkLost(link, runningStep: index, activity))
      case .noReply: return .disconnect(leave(link, awaiting: nil, Departure(next: .failed(nil))))
      case .bondLost: return .disconnect(leave(link, awaiting: nil, departWithLostBond()))
      case .step: break
      }
    } else {
      proved = worked(&link)
      if case .subscribe(let characteristic, _, _) = operation { link.subscribed.insert(characteristic) }
    }
    switch activity {
    case .records(var access):
      let answer = access.replied(failure, at: now, durable: durable)
      return .fetch(proved, follow(answer, access, index, on: link))
    case .operation, .silence:
      if failure == nil || step.isOptional { return .step(proved, runStep(index + 1, on: link)) }
      return .disconnect(stepRefused(failure, on: link))
    }
  }

  private mutating func subscribeAgain(_ operation: SessionOperation, _ activity: Activity, _ index: Int, on link: Link) {
    switch activity {
    case .records(var access):
      access.subscribeAgain(.start)
      state = .linked(link, .running(step: index, .records(access)))
    case .operation, .silence:
      state = .linked(link, .running(step: index, .operation(operation, until: now.adding(Self.stepTimeout))))
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

  private mutating func stepRefused(_ failure: BluezFailure?, on link: Link) -> DisconnectAction {
    // An object or a handle that bluetoothd remembers and the device no longer has.
    if failure == .doesNotExist { return leave(link, awaiting: nil, departOutdated()) }
    return leave(link, awaiting: nil, Parting(next: .coolDown, problem: setProblem(.stepRefused)))
  }

  /// Something succeeded that needs the bond: whatever was suspected of it is wrong.
  private mutating func worked(_ link: inout Link) -> ProblemChange? {
    link.reached(.worked)
    setbacks.earlyDrops = 0
    return problem == .bondLost ? setProblem(nil) : nil
  }

  /// The value of a `read`. Nil: nobody waits for it.
  mutating func valueRead(_ characteristic: BluetoothUUID, at instant: MonotonicInstant) -> ValueAction? {
    advance(to: instant)
    guard case .linked(var link, .running(let index, .operation(let operation, _))) = state,
      case .read(characteristic, _) = operation
    else { return nil }
    link.answeredRead = operation
    let proved = worked(&link)
    return ValueAction(problem: proved, then: runStep(index + 1, on: link))
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

  /// A notification or indication. `outcome` is nil for characteristics without a program (the record control point).
  mutating func notified(
    _ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?, at instant: MonotonicInstant
  ) -> FetchAction {
    advance(to: instant)
    guard case .linked(var link, let phase) = state else { return .wait }
    link.lastNotification = now
    link.reached(.worked)
    if case .accepted? = outcome { link.hasBrought = true }
    switch phase {
    case .quiet(let until): state = .linked(link, .quiet(until: until == .never ? .never : quietUntil))
    case .running(let index, .records(var access)):
      let answer = access.notified(characteristic, bytes, outcome, at: now, durable: durable)
      return follow(answer, access, index, on: link)
    case .pairing, .trusting, .resolving, .running: state = .linked(link, phase)
    }
    return .wait
  }

  /// Everything up to this sequence is in a committed transaction. What is to be performed: the records can be counted now.
  mutating func durableMoved(to sequence: UInt64, at instant: MonotonicInstant) -> SessionOperation? {
    advance(to: instant)
    durable = max(durable, sequence)
    guard case .linked(let link, .running(let index, .records(var access))) = state else { return nil }
    let count = access.durable(durable, at: now)
    state = .linked(link, .running(step: index, .records(access)))
    return count
  }

  /// Part of what was taken lately was left out of the record (a full disk): the device is asked to delete nothing of this fetch.
  mutating func recordsLeftOut(at instant: MonotonicInstant) -> FetchEndAction? {
    advance(to: instant)
    guard case .linked(let link, .running(let index, .records(var access))) = state else { return nil }
    let result = access.leftOut()
    state = .linked(link, .running(step: index, .records(access)))
    guard let result else { return nil }
    return recordsFinished(result, index, on: link)
  }

  // MARK: Time

  mutating func stepDeadlineCame(_ link: Link, _ index: Int, _ activity: Activity) -> DeadlineAction {
    switch activity {
    case .silence: return .step(runStep(index + 1, on: link))
    case .records(var access):
      let answer = access.deadlineCame(at: now, durable: durable)
      return .fetch(follow(answer, access, index, on: link))
    case .operation(let operation, _): return .disconnect(stepHangs(operation, index, on: link))
    }
  }

  /// Only the link's end ends such an operation. A step that may be missing is not tried at the next attempt.
  private mutating func stepHangs(_ operation: SessionOperation, _ index: Int, on link: Link) -> DisconnectAction {
    if link.steps[index].isOptional { setbacks.avoidedSteps.insert(index) }
    return leave(link, awaiting: operation, Departure(next: .failed(nil)))
  }

  // MARK: Stored records

  private mutating func follow(_ answer: RecordAccess.Answer, _ access: RecordAccess, _ index: Int, on link: Link) -> FetchAction {
    state = .linked(link, .running(step: index, .records(access)))
    switch answer {
    case .nothing: return .wait
    case .ask(let asking): return .ask(asking)
    case .finished(let result): return .finished(recordsFinished(result, index, on: link))
    }
  }

  private mutating func recordsFinished(_ result: RecordAccess.Result, _ index: Int, on link: Link) -> FetchEndAction {
    var link = link
    let isOptional = link.steps[index].isOptional
    let isDeleted = result == .deleted
    switch result {
    case .done, .deleted: break
    case .kept:
      // What came is safe; the device keeps it, and somebody should know why.
      if !isOptional { link.warning = .recordAccess }
    case .failed:
      if !isOptional {
        let parting = Parting(next: .coolDown, problem: setProblem(.recordAccess))
        return FetchEndAction(then: .disconnect(leave(link, awaiting: nil, parting)))
      }
    case .refused(let failure):
      if !isOptional { return FetchEndAction(then: .disconnect(stepRefused(failure, on: link))) }
    case .hung(let operation): return FetchEndAction(then: .disconnect(stepHangs(operation, index, on: link)))
    }
    // Where the link ends here what is still on its way belongs to the fetch, which ends with the link.
    if link.leaveBy != .never {
      let disconnect = leave(link, awaiting: nil, Departure(next: link.yielding))
      return FetchEndAction(isDeleted: isDeleted, then: .disconnect(disconnect))
    }
    return FetchEndAction(isDeleted: isDeleted, then: .step(runStep(index + 1, on: link)))
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
