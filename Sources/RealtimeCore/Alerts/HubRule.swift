// Alerts of the hub itself: dead letters, nobody on duty, a store that fails, a link that is down. They are technical: they clear
// themselves when the hub reports that the condition ended. Resolved by a person while the condition holds, they are told again
// after the re-trigger time.
//
// Two of them the core finds by itself: nobody receives alerts (`nobodyOnDuty`), and alerts that there is no room to follow
// (`alertRoomFull`).

import VitalSigns

/// Decides when the hub itself has an alert. Realtime-safe.
struct HubRule {
  let arena: CoreArena
  private var hubConditions: HubConditionTable { @_noLocks get { HubConditionTable(arena: arena) } }
  private var alerts: Alerts { @_noLocks get { Alerts(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How often `alertRoomFull` is told anew while it holds, seconds: often enough that somebody closes alerts, seldom enough to be read.
  private static var roomFullAgainSeconds: UInt32 { @_noLocks get { 300 } }

  /// A condition of the hub starts or ends. A repeated start changes nothing while its alert is open; after a person has resolved
  /// the alert, it is a new occurrence.
  @_noLocks func setHubCondition(
    _ condition: HubCondition, value: Int32 = 0, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let known = hubConditions.findHubCondition(condition.rule, condition.subject)
    if condition.holds {
      guard let place = known ?? hubConditions.takeHubCondition(condition) else {
        // No place to remember it: told, and never cleared by itself.
        var opening = AlertOpening(condition.rule, patient: .none, person: .none)
        opening.subject = condition.subject
        _ = alerts.open(opening, at: instant, &outcomes)
        return
      }
      arena.hubCondition(place).pointee.holds = true
      if arena.hubCondition(place).pointee.alert == .none {
        openHubAlert(place, value: value, at: instant, repeatsFrom: instant, &outcomes)
      }
    } else if let place = known {
      let state = arena.hubCondition(place)
      state.pointee.holds = false
      state.pointee.speaksAgain = 0
      if state.pointee.alert != .none {
        alerts.apply(.conditionEnded, to: state.pointee.alert, at: instant, &outcomes)
      } else {
        hubConditions.releaseHubCondition(place)
      }
    }
  }

  /// Called for each alert that rises: raises `nobodyOnDuty` beside it, once, when no level has a receiver.
  @_noLocks func checkReceivers(_ rule: AlertRule, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard rule != .nobodyOnDuty, !arena.configuration.escalation.hasReceivers,
      hubConditions.findHubAlert(of: .nobodyOnDuty, subject: 0) == nil
    else { return }
    setHubCondition(HubCondition(rule: .nobodyOnDuty, holds: true), at: instant, &outcomes)
  }

  @_noLocks private func openHubAlert(
    _ place: HubPlace, value: Int32, at instant: MonotonicInstant, repeatsFrom again: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let state = arena.hubCondition(place)
    var opening = AlertOpening(state.pointee.rule, patient: .none, person: .none)
    opening.subject = state.pointee.subject
    opening.value = value
    opening.owner = .hub
    opening.ownerSlot = OwnerSlot(place)
    let slot = alerts.open(opening, at: instant, &outcomes)
    if slot == .none {
      // The hub's own places are taken, too. It is told again after the re-trigger time.
      state.pointee.speaksAgain = arena.configuration.instantToSpeakAgain(after: again, state.pointee.rule.priority)
    } else {
      let isRoom = state.pointee.rule == .alertRoomFull
      state.pointee.speaksAgain = isRoom ? again.adding(seconds: Self.roomFullAgainSeconds).rawValue : 0
    }
    hubConditions.armHub()
  }

  /// An alert of the hub was told again by its own deadline. The next repeat by `runHubTimer` counts from now, so that nothing is
  /// told twice.
  ///
  /// - Parameter instant: later than the deadline when the hub was away. Else the two timers would call each other through all that time.
  @_noLocks func postponeHubRepeat(_ place: HubPlace, from instant: MonotonicInstant) {
    let state = arena.hubCondition(place)
    guard state.pointee.alert != .none, state.pointee.speaksAgain != 0 else { return }
    state.pointee.speaksAgain = instant.adding(seconds: Self.roomFullAgainSeconds).rawValue
    hubConditions.armHub()
  }

  /// The hub's timer fires. It handles one condition; for the others that are due it fires again at this same instant.
  ///
  /// - Parameter missedUntil: the hub was away until then, and the time to the next repeat counts from there; nil: it was not.
  @_noLocks func runHubTimer(at instant: MonotonicInstant, missedUntil: MonotonicInstant?, _ outcomes: inout OutcomeBuffer) {
    guard let place = hubConditions.findDue(at: instant) else { return hubConditions.armHub() }
    let state = arena.hubCondition(place)
    state.pointee.speaksAgain = 0
    if state.pointee.alert == .none {
      let value = state.pointee.rule == .alertRoomFull ? Int32(clamping: arena.header.pointee.untracked) : 0
      openHubAlert(place, value: value, at: instant, repeatsFrom: missedUntil ?? instant, &outcomes)
    } else {
      let event = if let missedUntil { AlertLifecycle.Event.tellAgainMissed(until: missedUntil) } else { AlertLifecycle.Event.tellAgain }
      alerts.apply(event, to: state.pointee.alert, at: instant, &outcomes)
      state.pointee.speaksAgain = (missedUntil ?? instant).adding(seconds: Self.roomFullAgainSeconds).rawValue
    }
    hubConditions.armHub()
  }

  /// Counts an alert that was told and is not followed. The hub calls until all of them are closed.
  @_noLocks func countUntracked(for rule: AlertRule, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    if arena.header.pointee.untracked < .max { arena.header.pointee.untracked += 1 }
    if rule == .alertRoomFull || rule == .nobodyOnDuty { return }
    let count = arena.header.pointee.untracked
    if let slot = hubConditions.findHubAlert(of: .alertRoomFull, subject: 0) {
      arena.alert(slot).pointee.value = Int32(clamping: count)
      arena.alert(slot).pointee.upper = Int32(clamping: count)
    } else if !isRoomFullUnfollowed {
      setHubCondition(HubCondition(rule: .alertRoomFull, holds: true), value: Int32(clamping: count), at: instant, &outcomes)
    }
  }

  /// Whether `alertRoomFull` itself found no room and was told without it. Then its timer tells it again, and the next alerts do not:
  /// one step may tell nine alerts, and its outcomes must fit into the outcome buffer.
  private var isRoomFullUnfollowed: Bool {
    @_noLocks get {
      guard arena.header.pointee.alerts.count >= arena.timers.alertPlaces, let place = hubConditions.findHubCondition(.alertRoomFull, 0)
      else {
        return false
      }
      return arena.hubCondition(place).pointee.holds
    }
  }

  /// An alert that was not followed is closed.
  @_noLocks func uncountUntracked(at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    guard arena.header.pointee.untracked != 0 else { return }
    arena.header.pointee.untracked -= 1
    if arena.header.pointee.untracked == 0 {
      setHubCondition(HubCondition(rule: .alertRoomFull, holds: false), at: instant, &outcomes)
    } else if let slot = hubConditions.findHubAlert(of: .alertRoomFull, subject: 0) {
      arena.alert(slot).pointee.value = Int32(clamping: arena.header.pointee.untracked)
      arena.alert(slot).pointee.upper = Int32(clamping: arena.header.pointee.untracked)
    }
  }
}
