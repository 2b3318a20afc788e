// Alerts of the hub itself: dead letters, nobody on duty, a store that fails. Few at a time, so a list is enough. They are
// technical: they clear themselves when the gateway says that the condition ended.

import VitalSigns

extension RealtimeCore {
  /// The gateway tells that a condition of the hub starts or ends. Repeats change nothing while the alert is open.
  @_noLocks func hubReports(_ condition: HubCondition, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let slot = findHubAlert(condition.rule, condition.subject)
    if condition.holds {
      if slot == 0 { openHubAlert(condition.rule, condition.subject, at: instant, &outcomes) }
    } else if slot != 0 {
      apply(.conditionEnded, to: slot, at: instant, &outcomes)
    }
  }

  /// Called for each alert that rises: when nobody receives at any level, the hub says so beside it, once.
  @_noLocks func checkReceivers(_ rule: AlertRule, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard rule != .nobodyOnDuty, !configuration.escalation.hasReceivers, findHubAlert(.nobodyOnDuty, 0) == 0 else { return }
    openHubAlert(.nobodyOnDuty, 0, at: instant, &outcomes)
  }

  @_noLocks private func openHubAlert(
    _ rule: AlertRule, _ subject: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    var opening = AlertOpening(rule, patient: 0, person: .none)
    opening.subject = subject
    opening.owner = .hub
    _ = open(opening, at: instant, &outcomes)
  }

  @_noLocks private func findHubAlert(_ rule: AlertRule, _ subject: UInt32) -> UInt32 {
    var slot = arena.header.pointee.firstHubAlert
    while slot != 0 {
      let record = arena.alert(slot)
      if record.pointee.rule == rule, record.pointee.subject == subject { return slot }
      slot = record.pointee.next
    }
    return 0
  }

  @_noLocks func linkHubAlert(_ slot: UInt32) {
    arena.alert(slot).pointee.next = arena.header.pointee.firstHubAlert
    arena.header.pointee.firstHubAlert = slot
  }

  @_noLocks func unlinkHubAlert(_ slot: UInt32) {
    let next = arena.alert(slot).pointee.next
    var previous = arena.header.pointee.firstHubAlert
    guard previous != slot else {
      arena.header.pointee.firstHubAlert = next
      return
    }
    while previous != 0 {
      let record = arena.alert(previous)
      if record.pointee.next == slot {
        record.pointee.next = next
        return
      }
      previous = record.pointee.next
    }
  }
}
