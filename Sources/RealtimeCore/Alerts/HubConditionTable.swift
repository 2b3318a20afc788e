// The conditions of the hub, in a table of 256 places that is searched from the front: there are few of them at a time. Not here: what
// they mean (HubRule.swift).

import VitalSigns

/// The hub's conditions and their alerts. Realtime-safe.
struct HubConditionTable {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The open alert of a condition.
  @_noLocks func findHubAlert(of rule: AlertRule, subject: UInt32) -> AlertSlot? {
    guard let place = findHubCondition(rule, subject) else { return nil }
    let slot = arena.hubCondition(place).pointee.alert
    return slot == .none ? nil : slot
  }

  @_noLocks func findHubCondition(_ rule: AlertRule, _ subject: UInt32) -> HubPlace? {
    var number: UInt32 = 0
    while number < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(HubPlace(number: number))
      if state.pointee.isUsed, state.pointee.rule == rule, state.pointee.subject == subject { return HubPlace(number: number) }
      number += 1
    }
    return nil
  }

  @_noLocks func takeHubCondition(_ condition: HubCondition) -> HubPlace? {
    var number: UInt32 = 0
    while number < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(HubPlace(number: number))
      if !state.pointee.isUsed {
        state.pointee.isUsed = true
        state.pointee.rule = condition.rule
        state.pointee.subject = condition.subject
        state.pointee.holds = condition.holds
        return HubPlace(number: number)
      }
      number += 1
    }
    return nil
  }

  @_noLocks func releaseHubCondition(_ place: HubPlace) {
    let state = arena.hubCondition(place)
    state.pointee.isUsed = false
    state.pointee.holds = false
    state.pointee.alert = .none
    state.pointee.subject = 0
    state.pointee.speaksAgain = 0
  }

  /// The alert of a condition is closed: it cleared itself, or a person resolved it while the condition still holds.
  @_noLocks func noteHubAlertClosed(_ place: HubPlace, at instant: MonotonicInstant) {
    let state = arena.hubCondition(place)
    state.pointee.alert = .none
    if state.pointee.holds {
      state.pointee.speaksAgain = arena.configuration.instantToSpeakAgain(after: instant, state.pointee.rule.priority)
      armHub()
    } else {
      releaseHubCondition(place)
    }
  }

  /// The first condition whose time to be told again has come.
  @_noLocks func findDue(at instant: MonotonicInstant) -> HubPlace? {
    var number: UInt32 = 0
    while number < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(HubPlace(number: number))
      if state.pointee.isUsed, state.pointee.speaksAgain != 0, state.pointee.speaksAgain <= instant.rawValue {
        return HubPlace(number: number)
      }
      number += 1
    }
    return nil
  }

  /// Arms the hub's timer for the earliest condition that is to be told again.
  @_noLocks func armHub() {
    var earliest = Int64.max
    var number: UInt32 = 0
    while number < UInt32(HubConditionState.countMax) {
      let state = arena.hubCondition(HubPlace(number: number))
      if state.pointee.isUsed, state.pointee.speaksAgain != 0 { earliest = min(earliest, state.pointee.speaksAgain) }
      number += 1
    }
    arena.heap.set(arena.timers.hub, earliest == .max ? .never : MonotonicInstant(rawValue: earliest))
  }
}
