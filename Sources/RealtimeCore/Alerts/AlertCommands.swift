// What people do to alerts: acknowledge, respond, resolve; and the receipts of receivers. An alert that there is no room to follow is
// acted on with what the journal knows of it, which comes with the command.

import VitalSigns

/// Carries out commands on alerts. Realtime-safe.
struct AlertCommands {
  let arena: CoreArena
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }
  private var room: AlertRoom { @_noLocks get { AlertRoom(arena: arena) } }
  private var hub: HubRule { @_noLocks get { HubRule(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// A person's action, or a receipt.
  @_noLocks func carryOut(_ command: AlertCommand, _ entry: inout IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    let slot = arena.slot(of: command.alert)
    var isAllowed = false
    if slot != .none {
      if arena.alert(slot).pointee.id.high == command.alert.high {
        entry.patient = arena.alert(slot).pointee.person
        entry.device = arena.alert(slot).pointee.device
        isAllowed = alerts.apply(.action(command.action), to: slot, actor: command.actor, at: entry.instant, &outcomes)
      }
    } else if let standing = command.standing, !room.wasClosed(command.alert) {
      isAllowed = carryOutUntracked(command, standing, entry, &outcomes)
    }
    if !isAllowed {
      arena.header.pointee.refused &+= 1
      arena.remark(.refused, entry, &outcomes)
    }
  }

  /// An action on an alert that there was no room to follow: what the journal knows of it comes with the command.
  @_noLocks private func carryOutUntracked(
    _ command: AlertCommand, _ standing: AlertStanding, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer
  ) -> Bool {
    var lifecycle = AlertLifecycle(standing)
    guard standing.state.isOpen,
      case .transition(let kind, let from) = lifecycle.event(
        .action(command.action), at: entry.instant, policy: arena.configuration.escalation)
    else { return false }
    lifecycle.abandon()
    var opening = AlertOpening(standing.rule, patient: .none, person: entry.patient)
    opening.device = entry.device
    opening.value = standing.value
    opening.limit = standing.limit
    opening.upper = standing.upper
    opening.subject = standing.subject
    var record = OpenAlert(
      id: command.alert, firstCause: standing.firstCause, raisedAt: standing.raisedAt, lifecycle: lifecycle, opening)
    record.revision = standing.revision &+ 1
    alerts.announce(record, kind, from: from, actor: command.actor, at: entry.instant, &outcomes)
    if !lifecycle.state.isOpen {
      room.noteClosed(command.alert)
      hub.uncountUntracked(at: entry.instant, &outcomes)
    }
    return true
  }
}
