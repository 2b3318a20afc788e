// The core's own value of an alert's change, from what travelled: for roles that act on it, not for people.

package import VitalSigns

extension API.Transition {
  /// Nil when there is none, or when a newer core names a rule that this role does not know.
  package var alsoReason: AlertReason? {
    guard let also, let rule = AlertRule(rawValue: also.rule) else { return nil }
    return AlertReason(rule: rule, value: also.value, limit: also.limit, upper: also.upper, subject: also.subject)
  }
}

extension API.Alert {
  /// The core's own value of an `alert` event; nil when a newer core sent a word that this role does not know.
  package var alertTransition: AlertTransition? {
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
