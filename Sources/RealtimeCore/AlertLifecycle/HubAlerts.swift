// Alerts of the hub itself: dead letters, nobody on duty, a store that fails, a link that is down. Few at a time, so a small table
// is enough. They are technical: they clear themselves when the gateway says that the condition ended. Resolved by a person
// while the condition holds, they are told again after the re-trigger time.

import VitalSigns

extension RealtimeCore {
  /// How often "there is no room" is told anew while it is so: often enough that somebody tidies up, seldom enough to be read.
  private static var roomFullAgainSeconds: UInt32 { @_noLocks get { 300 } }

  /// The gateway tells that a condition of the hub starts or ends. Repeats change nothing while the alert is open; after a person
  /// has resolved it, a repeat is a new occurrence.
  @_noLocks func hubReports(
    _ condition: HubCondition, value: Int32 = 0, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let known = findHubCondition(condition.rule, condition.subject)
    if condition.holds {
      guard let place = known ?? takeHubCondition(condition) else {
        // No place to remember it: told, and never cleared by itself.
        var opening = AlertOpening(condition.rule, patient: 0, person: .none)
        opening.subject = condition.subject
        _ = open(opening, at: instant, &outcomes)
        return
      }
      arena.hubCondition(place).pointee.holds = true
      if arena.hubCondition(place).pointee.alert == 0 { openHubAlert(place, value: value, at: instant, &outcomes) }
    } else if let place = known {
      let state = arena.hubCondition(place)
      state.pointee.holds = false
      state.pointee.speaksAgain = 0
      if state.pointee.alert != 0 {
        apply(.conditionEnded, to: state.pointee.alert, at: instant, &outcomes)
      } else {
        releaseHubCondition(place)
      }
    }
  }

  /// Called for each alert that rises: when nobody receives at any level, the hub says so beside it, once.
  @_noLocks func checkReceivers(_ rule: AlertRule, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard rule != .nobodyOnDuty, !configuration.escalation.hasReceivers, openHubAlert(of: .nobodyOnDuty, subject: 0) == nil else { return }
    hubReports(HubCondition(rule: .nobodyOnDuty, holds: true), at: instant, &outcomes)
  }

  @_noLocks private func openHubAlert(
    _ place: UInt32, value: Int32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let state = arena.hubCondition(place)
    var opening = AlertOpening(state.pointee.rule, patient: 0, person: .none)
    opening.subject = state.pointee.subject
    opening.value = value
    opening.owner = .hub
    opening.ownerSlot = place
    let slot = open(opening, at: instant, &outcomes)
    if slot == 0 {
      // Even the hub's own places are taken: told again after its time.
      state.pointee.speaksAgain = speakingAgain(after: instant, state.pointee.rule.priority)
    } else {
      let isRoom = state.pointee.rule == .alertRoomFull
      state.pointee.speaksAgain = isRoom ? instant.adding(seconds: Self.roomFullAgainSeconds).rawValue : 0
    }
    armHub()
  }

  /// Its alert was told again by its own deadline: what the hub tells again by itself counts from now, so that nothing is told twice.
  @_noLocks func hubAlertTold(_ place: UInt32, at instant: MonotonicInstant) {
    let state = arena.hubCondition(place)
    guard state.pointee.alert != 0, state.pointee.speaksAgain != 0 else { return }
    state.pointee.speaksAgain = instant.adding(seconds: Self.roomFullAgainSeconds).rawValue
    armHub()
  }

  /// Its alert is closed: cleared, or resolved by a person while it still holds.
  @_noLocks func hubAlertClosed(_ place: UInt32, at instant: MonotonicInstant) {
    let state = arena.hubCondition(place)
    state.pointee.alert = 0
    if state.pointee.holds {
      state.pointee.speaksAgain = speakingAgain(after: instant, state.pointee.rule.priority)
      armHub()
    } else {
      releaseHubCondition(place)
    }
  }

  /// The hub's timer. One condition a time: the timer fires for the others at this same instant.
  @_noLocks func hubIsDue(at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    var place: UInt32 = 0
    while place < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(place)
      if state.pointee.isUsed, state.pointee.speaksAgain != 0, state.pointee.speaksAgain <= instant.rawValue { break }
      place += 1
    }
    guard place < UInt32(HubConditionState.countMax) else { return armHub() }
    let state = arena.hubCondition(place)
    state.pointee.speaksAgain = 0
    if state.pointee.alert == 0 {
      let value = state.pointee.rule == .alertRoomFull ? Int32(clamping: arena.header.pointee.untracked) : 0
      openHubAlert(place, value: value, at: instant, &outcomes)
    } else {
      apply(.tellAgain, to: state.pointee.alert, at: instant, &outcomes)
      state.pointee.speaksAgain = instant.adding(seconds: Self.roomFullAgainSeconds).rawValue
    }
    armHub()
  }

  @_noLocks private func armHub() {
    var earliest = Int64.max
    var place: UInt32 = 0
    while place < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(place)
      if state.pointee.isUsed, state.pointee.speaksAgain != 0 { earliest = min(earliest, state.pointee.speaksAgain) }
      place += 1
    }
    arena.heap.set(arena.timers.hub, earliest == .max ? .never : MonotonicInstant(rawValue: earliest))
  }

  // MARK: The table

  /// The open alert of a condition.
  @_noLocks func openHubAlert(of rule: AlertRule, subject: UInt32) -> UInt32? {
    guard let place = findHubCondition(rule, subject) else { return nil }
    let slot = arena.hubCondition(place).pointee.alert
    return slot == 0 ? nil : slot
  }

  @_noLocks func findHubCondition(_ rule: AlertRule, _ subject: UInt32) -> UInt32? {
    var place: UInt32 = 0
    while place < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(place)
      if state.pointee.isUsed, state.pointee.rule == rule, state.pointee.subject == subject { return place }
      place += 1
    }
    return nil
  }

  @_noLocks func takeHubCondition(_ condition: HubCondition) -> UInt32? {
    var place: UInt32 = 0
    while place < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(place)
      if !state.pointee.isUsed {
        state.pointee.isUsed = true
        state.pointee.rule = condition.rule
        state.pointee.subject = condition.subject
        state.pointee.holds = condition.holds
        return place
      }
      place += 1
    }
    return nil
  }

  @_noLocks private func releaseHubCondition(_ place: UInt32) {
    let state = arena.hubCondition(place)
    state.pointee.isUsed = false
    state.pointee.holds = false
    state.pointee.alert = 0
    state.pointee.subject = 0
    state.pointee.speaksAgain = 0
  }
}
