// How the actions of the adapter's machine are carried out, and in which order. Two do it: the loop, and the recorder of the tests.
// Both by what stands here, so the order that tests see is the loop's.

/// Does what the adapter's machine says, and decides nothing. The machine gets its next event when its action is carried out, not
/// before.
protocol AdapterShell {
  func perform(_ operation: AdapterOperation)
  /// Sessions may connect from now on, or must not.
  func readinessChanged(to isReady: Bool)
  /// Nil: the problem is over.
  func report(_ problem: AdapterProblem?)
}

extension AdapterShell {
  // MARK: Events

  func carryOut(_ action: AdapterSession.ServiceAction) {
    switch action {
    case .nothing: break
    case .load(let endsReadiness, let problem):
      if endsReadiness { readinessChanged(to: false) }
      carryOut(problem)
      perform(.loadObjects)
    case .absent(let endsReadiness, let problem):
      if endsReadiness { readinessChanged(to: false) }
      carryOut(problem)
    }
  }

  func carryOut(_ action: AdapterSession.FactsAction) {
    if action.endsReadiness { readinessChanged(to: false) }
    carryOut(action.found)
    carryOut(action.due)
  }

  func carryOut(_ action: AdapterSession.RepliedAction) {
    carryOut(action.reply)
    carryOut(action.due)
  }

  func carryOut(_ action: AdapterSession.HeardAction) {
    carryOut(action.problem)
    carryOut(action.due)
  }

  func carryOut(_ action: AdapterSession.StopAction) {
    if action.endsReadiness { readinessChanged(to: false) }
    if action.stopsScan { perform(.stopDiscovery) }
  }

  // MARK: Parts

  private func carryOut(_ change: AdapterSession.ProblemChange?) {
    if let change { report(change.problem) }
  }

  private func carryOut(_ action: AdapterSession.FoundAction) {
    carryOut(action.problem)
    switch action.then {
    case .nothing: break
    case .ready: readinessChanged(to: true)
    case .powerOn: perform(.setPowered(true))
    }
  }

  private func carryOut(_ action: AdapterSession.ReplyAction) {
    carryOut(action.problem)
    switch action.then {
    case .nothing: break
    case .registerAgent: perform(.registerAgent)
    case .found(let found): carryOut(found)
    }
  }

  func carryOut(_ action: AdapterSession.DueAction) {
    carryOut(action.missed)
    carryOut(action.problem)
    switch action.then {
    case .nothing: break
    case .call(let operation): perform(operation)
    case .endReadiness: readinessChanged(to: false)
    case .powerCycle:
      readinessChanged(to: false)
      perform(.setPowered(false))
    }
  }
}
