// An alert's change as the local API shows it, straight from the core's outcome; and back again on the other side.

import Console
import Forwarding
import VitalSigns

extension API.Alert {
  /// From the core, for people and for the other roles.
  init(_ transition: AlertTransition, _ outcome: Outcome, registry: Registry, text: AlertSentences) {
    let raisedWall = outcome.wall.adding(milliseconds: (transition.raisedAt.rawValue &- outcome.instant.rawValue) / 1_000_000)
    let person = outcome.patient == .none ? nil : registry.patient(outcome.patient)
    self.init(
      id: transition.id.description, rule: transition.rule.key, priority: transition.priority.key, state: transition.state.key,
      change: transition.kind.key, patient: outcome.patient == .none ? nil : outcome.patient.description, patientName: person?.name,
      device: outcome.device == .none ? nil : outcome.device.description, value: Int(transition.value), limit: Int(transition.limit),
      subject: transition.subject, level: Int(transition.level), raisedAt: raisedWall.description, changedAt: outcome.wall.description,
      escalatesAt: transition.deadline == .never
        ? nil
        : outcome.wall.adding(milliseconds: (transition.deadline.rawValue &- outcome.instant.rawValue) / 1_000_000).description,
      actor: nil, comment: nil, text: text.sentence(transition, raisedAt: raisedWall, language: text.language),
      firstCause: transition.firstCause,
      changeID: DeliveryKey.transition(transition, at: outcome.instant).rawValue,
      transition: API.Transition(transition, outcome, raisedWall: raisedWall))
  }
}

extension API.Transition {
  init(_ transition: AlertTransition, _ outcome: Outcome, raisedWall: WallTime) {
    self.init(
      rule: transition.rule.rawValue, priority: transition.priority.rawValue, state: transition.state.rawValue,
      previous: transition.previous.rawValue, kind: transition.kind.rawValue, level: transition.level,
      deadline: transition.deadline.rawValue, raisedAt: transition.raisedAt.rawValue, instant: outcome.instant.rawValue,
      wall: outcome.wall.rawValue, raisedWall: raisedWall.rawValue, patient: outcome.patient.rawValue, device: outcome.device.rawValue,
      actor: transition.actor.rawValue, revision: transition.revision, upper: transition.isLowerBound ? transition.upper : nil,
      also: transition.also.map {
        Reason(rule: $0.rule.rawValue, value: $0.value, limit: $0.limit, upper: $0.upper, subject: $0.subject)
      })
  }

  /// Nil when there is none, or when a newer core names a rule that this role does not know.
  var alsoReason: AlertReason? {
    guard let also, let rule = AlertRule(rawValue: also.rule) else { return nil }
    return AlertReason(rule: rule, value: also.value, limit: also.limit, upper: also.upper, subject: also.subject)
  }
}

extension API.Alert {
  /// The core's own value of an `alert` event; nil when a newer core sent a word that this role does not know.
  var alertTransition: AlertTransition? {
    guard let raw = transition, let id = AlertID(text: id), let rule = AlertRule(rawValue: raw.rule),
      let priority = AlertPriority(rawValue: raw.priority), let state = AlertState(rawValue: raw.state),
      let previous = AlertState(rawValue: raw.previous), let kind = AlertTransitionKind(rawValue: raw.kind)
    else { return nil }
    return AlertTransition(
      id: id, rule: rule, priority: priority, state: state, previous: previous, kind: kind, level: raw.level,
      deadline: MonotonicInstant(rawValue: raw.deadline), firstCause: firstCause, raisedAt: MonotonicInstant(rawValue: raw.raisedAt),
      value: Int32(clamping: value), limit: Int32(clamping: limit), subject: subject, actor: ActorID(rawValue: raw.actor),
      revision: raw.revision ?? 0, upper: raw.upper, also: raw.alsoReason)
  }
}
