// An alert's change as the local API shows it, straight from the core's outcome. The way back is LocalAPI's.

package import AlertTexts
import Forwarding
package import HubRegistry
import LocalAPI
package import VitalSigns

extension API.Alert {
  /// From the core, for people and for the other roles.
  package init(_ transition: AlertTransition, _ outcome: Outcome, registry: Registry, text: AlertSentences) {
    let raisedWall = outcome.wall.moved(from: outcome.instant, to: transition.raisedAt)
    let person = outcome.patient == .none ? nil : registry.patient(outcome.patient)
    self.init(
      id: transition.id.description, rule: transition.rule.key, priority: transition.priority.key, state: transition.state.key,
      change: transition.kind.key, patient: outcome.patient == .none ? nil : outcome.patient.description, patientName: person?.name,
      device: outcome.device == .none ? nil : outcome.device.description, value: Int(transition.value), limit: Int(transition.limit),
      subject: transition.subject, level: Int(transition.level), raisedAt: raisedWall.description, changedAt: outcome.wall.description,
      escalatesAt: outcome.wall.moved(from: outcome.instant, toDeadline: transition.deadline)?.description,
      actor: nil, comment: nil, text: text.sentence(transition, raisedAt: raisedWall, language: text.language),
      firstCause: transition.firstCause,
      changeID: DeliveryKey.transition(transition, at: outcome.instant).rawValue,
      transition: API.Transition(transition, outcome, raisedWall: raisedWall))
  }
}

extension API.Transition {
  package init(_ transition: AlertTransition, _ outcome: Outcome, raisedWall: WallTime) {
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
}
