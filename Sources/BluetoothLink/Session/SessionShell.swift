// How the actions of a session are carried out, and in which order. Two do it: the loop for each of its devices, and the
// recorder of the tests. Both by what stands here, so the order that tests see is the loop's.

import DeviceProfile

/// Does what a session says, and decides nothing. The session gets its next event when its action is carried out, not before.
protocol SessionShell {
  /// Joins the queue for a connection.
  func requestSlot()
  /// The connecting phase is over: the next device may begin.
  func established()
  /// Leaves the queue, or gives the connection back.
  func releaseSlot()
  func perform(_ operation: SessionOperation)
  /// Closes every notification socket of the device and forgets its pending replies.
  func closeNotifications()
  /// A fetch of stored records begins, which come from these characteristics: the gateway starts counting equal ones anew.
  func recordsBegan(from characteristics: [BluetoothUUID])
  /// The fetch is over, however: whatever comes from now on is live.
  func recordsEnded()
  /// The device confirmed that it deleted what it had sent: an equal record is a new one from now on.
  func recordsDeleted()
  /// The adapter should be switched off and on when nobody of importance is connected.
  func resetAdapter()
  func report(_ report: SessionReport)
}

// MARK: Events

extension SessionShell {
  func carryOut(_ action: BluetoothSession.SlotGrantedAction) {
    switch action {
    case .nothing: break
    case .releaseSlot: releaseSlot()
    case .connect: perform(.connect)
    case .linkUp(let linkUp): carryOut(linkUp)
    }
  }

  func carryOut(_ action: BluetoothSession.FactsAction) {
    switch action {
    case .nothing: break
    case .onward(let onward): carryOut(onward)
    case .linkUp(let linkUp): carryOut(linkUp)
    case .step(let step): carryOut(step)
    case .lost(let lost): carryOut(lost)
    case .ended(let end): carryOut(end)
    }
  }

  func carryOut(_ action: BluetoothSession.RepliedAction) {
    switch action {
    case .nothing: break
    case .connect(let connect): carryOut(connect)
    case .pair(let pair): carryOut(pair)
    case .trust(let trusted): carryOut(trusted)
    case .step(let step): carryOut(step)
    case .disconnected(let end): carryOut(end)
    case .removed(let onward): carryOut(onward)
    case .stackLost(let lost): carryOut(lost)
    }
  }

  private func carryOut(_ action: BluetoothSession.ConnectRepliedAction) {
    switch action {
    case .nothing: break
    case .linkUp(let linkUp): carryOut(linkUp)
    case .failed(let failed):
      carryOut(failed.problem)
      if failed.resetsAdapter { resetAdapter() }
      switch failed.then {
      case .disconnect(let disconnect): carryOut(disconnect)
      case .ended(let end): carryOut(end)
      }
    }
  }

  private func carryOut(_ action: BluetoothSession.PairRepliedAction) {
    switch action {
    case .nothing: break
    case .bonded(let bonded): carryOut(bonded)
    case .disconnect(let disconnect): carryOut(disconnect)
    case .ended(let end): carryOut(end)
    }
  }

  private func carryOut(_ action: BluetoothSession.StepRepliedAction) {
    switch action {
    case .subscribeAgain(let operation): perform(operation)
    case .lost(let lost): carryOut(lost)
    case .disconnect(let disconnect): carryOut(disconnect)
    case .step(let problem, let step):
      carryOut(problem)
      carryOut(step)
    case .fetch(let problem, let fetch):
      carryOut(problem)
      carryOut(fetch)
    }
  }

  func carryOut(_ action: BluetoothSession.ValueAction) {
    carryOut(action.problem)
    carryOut(action.then)
  }

  func carryOut(_ action: BluetoothSession.LeaveAction) {
    switch action {
    case .nothing: break
    case .disconnect(let disconnect): carryOut(disconnect)
    case .ended(let end): carryOut(end)
    }
  }

  func carryOut(_ action: BluetoothSession.DeadlineAction) {
    switch action {
    case .nothing: break
    case .onward(let onward): carryOut(onward)
    case .disconnect(let disconnect): carryOut(disconnect)
    case .ended(let end): carryOut(end)
    case .bonded(let bonded): carryOut(bonded)
    case .step(let step): carryOut(step)
    case .fetch(let fetch): carryOut(fetch)
    }
  }
}

// MARK: Parts

extension SessionShell {
  private func carryOut(_ change: BluetoothSession.ProblemChange?) {
    if let change { report(.problem(change.problem)) }
  }

  func carryOut(_ action: BluetoothSession.StartAction) {
    switch action {
    case .nothing: break
    case .requestSlot: requestSlot()
    }
  }

  func carryOut(_ action: BluetoothSession.OnwardAction) {
    carryOut(action.problem)
    carryOut(action.then)
  }

  func carryOut(_ then: BluetoothSession.OnwardAction.Then) {
    switch then {
    case .nothing: break
    case .requestSlot: requestSlot()
    case .remove: perform(.remove)
    }
  }

  private func giveBack(_ holding: BluetoothSession.Holding) {
    switch holding {
    case .nothing: break
    case .slot: releaseSlot()
    case .link:
      closeNotifications()
      releaseSlot()
      report(.disconnected)
    }
  }

  private func carryOut(_ action: BluetoothSession.EndAction) {
    giveBack(action.givesBack)
    carryOut(action.onward)
  }

  func carryOut(_ action: BluetoothSession.StackLostAction) {
    giveBack(action.givesBack)
    carryOut(action.problem)
  }

  func carryOut(_ action: BluetoothSession.DisconnectAction) {
    carryOut(action.problem)
    if action.cancelsPairing { perform(.cancelPairing) }
    perform(.disconnect)
  }

  private func carryOut(_ action: BluetoothSession.CompletedAction) {
    carryOut(action.problem)
    report(.completed)
  }

  func carryOut(_ action: BluetoothSession.LostAction) {
    if let completed = action.completed { carryOut(completed) }
    carryOut(action.end)
  }

  private func carryOut(_ action: BluetoothSession.LinkUpAction) {
    established()
    report(.connected)
    switch action.then {
    case .pair: perform(.pair)
    case .trust: perform(.trust)
    case .disconnect(let disconnect): carryOut(disconnect)
    case .step(let step): carryOut(step)
    }
  }

  private func carryOut(_ action: BluetoothSession.BondedAction) {
    report(.paired)
    carryOut(action.problem)
    switch action.then {
    case .trust: perform(.trust)
    case .trusted(let trusted): carryOut(trusted)
    }
  }

  private func carryOut(_ action: BluetoothSession.TrustedAction) {
    switch action {
    case .ended(let end): carryOut(end)
    case .disconnect(let disconnect): carryOut(disconnect)
    case .step(let step): carryOut(step)
    }
  }

  private func carryOut(_ action: BluetoothSession.StepAction) {
    switch action {
    case .wait: break
    case .perform(let operation): perform(operation)
    case .records(let asking): carryOut(asking)
    case .completed(let completed): carryOut(completed)
    case .completedByLeaving(let completed, let disconnect):
      carryOut(completed)
      carryOut(disconnect)
    }
  }

  // MARK: Stored records

  private func carryOut(_ asking: RecordAccess.Asking) {
    switch asking {
    case .perform(let operation): perform(operation)
    case .fetch(let characteristics, let operation):
      recordsBegan(from: characteristics)
      perform(operation)
    }
  }

  func carryOut(_ action: BluetoothSession.FetchAction) {
    switch action {
    case .wait: break
    case .ask(let asking): carryOut(asking)
    case .finished(let end): carryOut(end)
    }
  }

  func carryOut(_ action: BluetoothSession.FetchEndAction) {
    if action.isDeleted { recordsDeleted() }
    switch action.then {
    case .disconnect(let disconnect): carryOut(disconnect)
    case .step(let step):
      recordsEnded()
      carryOut(step)
    }
  }
}
