// The steps of a session, one after the other, and the notifications that come meanwhile. Stored records have a machine
// of their own, `RecordAccess`; what it asks for is carried out here like any step's operation.

import DeviceProfile
import VitalSigns

extension BluetoothSession {
  /// Begins the step with this index, passing over optional ones that cannot be done.
  mutating func runStep(_ first: Int) {
    guard let steps = link?.steps else { return }
    var index = first
    while index < steps.count {
      let step = steps[index]
      let isPossible = step.needed.allSatisfy { facts.has($0, in: step.service) } && !avoidedSteps.contains(index)
      if !step.isOptional || isPossible {
        return begin(step, index: index)
      }
      index += 1
    }
    complete()
    let until = plan.stay == .held ? MonotonicInstant.never : quietUntil
    state = .quiet(until: until)
  }

  private var quietUntil: MonotonicInstant { now.adding(seconds: plan.quietSeconds) }

  private mutating func begin(_ step: BluetoothSessionStep, index: Int) {
    let service = step.service
    switch (step.action, step.characteristic) {
    case (.wait(let quietSeconds, let limitSeconds), _):
      state = .running(
        step: index, .silence(since: now, quietSeconds: quietSeconds, limit: now.adding(seconds: limitSeconds)))
    case (.disconnect, _):
      complete()
      leave(.rest)
    case (.read, let characteristic?): operate(.read(characteristic, service: service), index)
    case (.write(let bytes, let awaitsResponse), let characteristic?):
      operate(.write(characteristic, service: service, bytes: bytes, awaitsResponse: awaitsResponse), index)
    case (.setClock(let form), let characteristic?): operate(.setClock(characteristic, service: service, form), index)
    case (.subscribe(let mode), let characteristic?):
      if link?.subscribed.contains(characteristic) == true { return runStep(index + 1) }
      operate(.subscribe(characteristic, service: service, mode ?? plan.notifications), index)
    case (.fetchRecords(let fetch), let control?):
      var access = RecordAccess(
        fetch, control: control, service: service, mode: plan.notifications, isContextPresent: facts.characteristics.contains,
        subscribed: link?.subscribed ?? [])
      let answers = access.begin(at: now)
      state = .running(step: index, .records(access))
      carryOut(answers)
    case (.read, nil), (.write, nil), (.setClock, nil), (.subscribe, nil), (.fetchRecords, nil):
      // The profile's compiler lets no such step through; one that is there all the same does nothing.
      runStep(index + 1)
    }
  }

  private mutating func operate(_ operation: SessionOperation, _ index: Int) {
    state = .running(step: index, .operation(until: now.later(by: Self.stepTimeout)))
    perform(operation)
  }

  mutating func complete() {
    failures = 0
    earlyDrops = 0
    missingInARow = 0
    inProgressInARow = 0
    pairingFailures = 0
    avoidedSteps = []
    request = nil
    link?.hasWorked = true
    link?.isCompleted = true
    setProblem(link?.warning)
    actions.append(.report(.completed))
  }

  private var currentStep: (index: Int, step: BluetoothSessionStep)? {
    let index: Int
    switch state {
    case .running(let step, _), .settling(let step, _): index = step
    default: return nil
    }
    guard let steps = link?.steps, steps.indices.contains(index) else { return nil }
    return (index, steps[index])
  }

  // MARK: Replies

  mutating func stepReplied(_ operation: SessionOperation, _ failure: BluezFailure?) {
    if let failure {
      if fallsBack(operation, failure) { return }
      if isLinkTrouble(failure) { return }
    } else {
      worked()
      if case .subscribe(let characteristic, _, _) = operation { link?.subscribed.insert(characteristic) }
    }
    guard let (index, step) = currentStep else { return }
    switch state {
    case .running(_, .records(var access)), .settling(_, var access):
      let answers = access.replied(operation, failure, at: now, durable: durable)
      keep(access, index)
      carryOut(answers)
    default:
      if failure == nil || step.isOptional { runStep(index + 1) } else { stepRefused(failure) }
    }
  }

  /// A device that misreports its properties, or a bluetoothd that does: the other way of asking for notifications.
  private mutating func fallsBack(_ operation: SessionOperation, _ failure: BluezFailure) -> Bool {
    guard case .subscribe(let characteristic, let service, .acquire) = operation else { return false }
    switch failure {
    case .notSupported, .notPermitted, .inProgress, .other: break
    default: return false
    }
    if case .running(let index, .operation) = state {
      state = .running(step: index, .operation(until: now.later(by: Self.stepTimeout)))
    }
    perform(.subscribe(characteristic, service: service, .start))
    return true
  }

  /// Failures of the link or the bond, not of the step. True: dealt with.
  private mutating func isLinkTrouble(_ failure: BluezFailure) -> Bool {
    switch failure {
    case .notConnected, .notReady, .connectionAborted: linkLost()
    case .noReply: leave(.failed(nil))
    case .insufficientSecurity, .authenticationFailed:
      let isTolerable = currentStep?.step.isOptional == true && link?.hasWorked == true
      guard facts.isPaired, plan.security != .none, !isTolerable else { return false }
      bondLost()
    default: return false
    }
    return true
  }

  private mutating func stepRefused(_ failure: BluezFailure?) {
    // An object or a handle that bluetoothd remembers and the device no longer has.
    if failure == .doesNotExist { return servicesOutdated() }
    setProblem(.stepRefused)
    leave(.coolDown)
  }

  /// Something succeeded that needs the bond: whatever was suspected of it is wrong.
  private mutating func worked() {
    link?.hasWorked = true
    earlyDrops = 0
    if problem == .bondLost { setProblem(nil) }
  }

  mutating func valueRead(_ characteristic: BluetoothUUID) {
    guard case .read(characteristic, _)? = pending, case .running(let index, .operation) = state else { return }
    answeredRead = pending
    pending = nil
    worked()
    runStep(index + 1)
  }

  // MARK: Notifications

  mutating func notified(_ characteristic: BluetoothUUID, _ bytes: [UInt8], _ outcome: BluetoothFrameOutcome?) {
    guard link != nil else { return }
    link?.lastNotification = now
    if case .disconnecting = state { return }
    link?.hasWorked = true
    if case .accepted? = outcome { hasBrought = true }
    switch state {
    case .quiet(let until): if until != .never { state = .quiet(until: quietUntil) }
    case .running(let index, .records(var access)), .settling(let index, var access):
      let answers = access.notified(characteristic, bytes, outcome, at: now, durable: durable)
      keep(access, index)
      carryOut(answers)
    default: break
    }
  }

  mutating func durableMoved(to sequence: UInt64) {
    durable = max(durable, sequence)
    if case .settling(let index, var access) = state {
      let answers = access.durable(durable, at: now)
      keep(access, index)
      carryOut(answers)
    }
  }

  /// The device is asked to delete nothing of this fetch.
  mutating func recordsLeftOut() {
    switch state {
    case .running(let index, .records(var access)), .settling(let index, var access):
      let answers = access.leftOut()
      keep(access, index)
      carryOut(answers)
    default: break
    }
  }

  // MARK: Time

  mutating func stepDeadlineCame() {
    guard let (index, step) = currentStep else { return }
    switch state {
    case .running(_, .silence): runStep(index + 1)
    case .running(_, .records(var access)), .settling(_, var access):
      let answers = access.deadlineCame(at: now, durable: durable)
      keep(access, index)
      carryOut(answers)
    default:
      // The operation hangs; only the link's end ends it. A step that may be missing is not tried at the next attempt.
      if step.isOptional { avoidedSteps.insert(index) }
      leave(.failed(nil))
    }
  }

  // MARK: Stored records

  private mutating func keep(_ access: RecordAccess, _ index: Int) {
    state = access.isSettling ? .settling(step: index, access) : .running(step: index, .records(access))
  }

  private mutating func carryOut(_ answers: [RecordAccess.Answer]) {
    for answer in answers {
      switch answer {
      case .perform(let operation): perform(operation)
      case .began(let characteristics): actions.append(.recordsBegan(characteristics))
      case .deleted: actions.append(.recordsDeleted)
      case .finished(let result): recordsFinished(result)
      }
    }
  }

  private mutating func recordsFinished(_ result: RecordAccess.Result) {
    guard let (index, step) = currentStep else { return }
    switch result {
    case .done: break
    case .kept:
      // What came is safe; the device keeps it, and somebody should know why.
      if !step.isOptional { link?.warning = .recordAccess }
    case .failed:
      if !step.isOptional {
        setProblem(.recordAccess)
        return leave(.coolDown)
      }
    case .refused(let failure):
      if !step.isOptional { return stepRefused(failure) }
    case .hung:
      if step.isOptional { avoidedSteps.insert(index) }
      return leave(.failed(nil))
    }
    // Where the link ends here what is still on its way belongs to the fetch, which ends with the link.
    if link?.leaveBy != .never { return leave(yielding) }
    actions.append(.recordsEnded)
    runStep(index + 1)
  }
}
