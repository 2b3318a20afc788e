// An alert's change as the local API shows it: one mapping, for what the core decides now and for what the journal has of it. The way back
// is LocalAPI's.

package import AlertTexts
import Forwarding
package import HubRegistry
import Journal
import LocalAPI
package import VitalSigns

/// An alert's change with where and when it was: what an outcome of the core and a row of the journal both hold.
struct ToldAlert {
  var transition: AlertTransition
  var instant: MonotonicInstant
  var wall: WallTime
  var raisedAt: WallTime
  var patient: PatientID
  var device: DeviceID

  /// - Parameter transition: the one that `outcome` holds.
  init(_ transition: AlertTransition, _ outcome: Outcome) {
    self.transition = transition
    instant = outcome.instant
    wall = outcome.wall
    raisedAt = outcome.wall.moved(from: outcome.instant, to: transition.raisedAt)
    patient = outcome.patient
    device = outcome.device
  }

  init(_ row: AlertRow) {
    transition = row.transition
    instant = row.changedInstant
    wall = row.changedWall
    raisedAt = row.raisedWall ?? row.firstWall
    patient = row.patient
    device = row.device
  }
}

extension API.Alert {
  /// From the core, for people and for the other roles.
  package init(_ transition: AlertTransition, _ outcome: Outcome, registry: Registry, text: AlertSentences) {
    let told = ToldAlert(transition, outcome)
    self.init(
      told, registry: registry, actor: nil, text: text.sentence(transition, raisedAt: told.raisedAt, language: text.language),
      change: API.Transition(transition, outcome, raisedWall: told.raisedAt))
  }

  /// - Parameters:
  ///   - actor: the name of who acted last; nil for the hub.
  ///   - text: one sentence for people.
  ///   - change: the core's own values, in events only.
  init(_ told: ToldAlert, registry: Registry, actor: String?, text: String, change: API.Transition?) {
    let transition = told.transition
    self.init(
      id: transition.id.description, rule: .known(transition.rule), priority: .known(transition.priority), state: .known(transition.state),
      change: .known(transition.kind), patient: told.patient == .none ? nil : told.patient.description,
      patientName: told.patient == .none ? nil : registry.patient(told.patient)?.name,
      device: told.device == .none ? nil : told.device.description, value: Int(transition.value), limit: Int(transition.limit),
      subject: transition.subject, level: Int(transition.level), raisedAt: told.raisedAt.description, changedAt: told.wall.description,
      escalatesAt: transition.escalation(changedAt: told.wall, told.instant)?.description, actor: actor, comment: nil, text: text,
      firstCause: transition.firstCause, changeID: DeliveryKey.transition(transition, at: told.instant).rawValue, transition: change)
  }
}
