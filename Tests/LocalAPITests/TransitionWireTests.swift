// An alert's change from the core's value to JSON and back: the same for whoever acts on it, and nothing for a number that only a newer core
// knows.

import Foundation
import LocalAPI
import Testing
import VitalSigns

@Suite("An alert's change on the wire") struct TransitionWireTests {
  private static let id = AlertID(high: 0xABCD_EF01_2345_6789, low: 1)

  private func transition(
    _ rule: AlertRule = .planRed, _ priority: AlertPriority = .high, _ state: AlertState = .raised, _ kind: AlertTransitionKind = .raised,
    upper: Int32? = nil, also: AlertReason? = nil
  ) -> AlertTransition {
    AlertTransition(
      id: Self.id, rule: rule, priority: priority, state: state, previous: .suspected, kind: kind, level: 2,
      deadline: MonotonicInstant(rawValue: 90_000_000_000), firstCause: 7, raisedAt: MonotonicInstant(rawValue: 30_000_000_000), value: -4,
      limit: 3, subject: 5, actor: ActorID(rawValue: 6), revision: 8, upper: upper, also: also)
  }

  /// As an `alert` event: read back from its JSON.
  private func told(_ transition: AlertTransition) throws -> API.Alert {
    let outcome = Outcome(
      cause: 1, instant: MonotonicInstant(rawValue: 40_000_000_000), wall: WallTime(rawValue: 1_700_000_000_000),
      patient: PatientID(rawValue: 1), device: DeviceID(rawValue: 2), payload: .alert(transition))
    let alert = API.Alert(
      id: transition.id.description, rule: .known(transition.rule), priority: .known(transition.priority), state: .known(transition.state),
      change: .known(transition.kind), value: Int(transition.value), limit: Int(transition.limit), subject: transition.subject,
      level: Int(transition.level), raisedAt: "", changedAt: "", text: "", firstCause: transition.firstCause, changeID: "",
      transition: API.Transition(transition, outcome, raisedWall: WallTime(rawValue: 1_699_999_990_000)))
    return try LocalAPIJSON.decode(API.Alert.self, from: LocalAPIJSON.encode(alert))
  }

  private func expectSame(_ transition: AlertTransition) throws { #expect(try told(transition).alertTransition == transition) }

  @Test("Every rule, priority, state and kind comes back")
  func roundTrip() throws {
    for rule in AlertRule.allCases { try expectSame(transition(rule)) }
    for priority in AlertPriority.allCases { try expectSame(transition(.sos, priority)) }
    for state in AlertState.allCases { try expectSame(transition(.sos, .low, state)) }
    for kind in AlertTransitionKind.allCases { try expectSame(transition(.sos, .low, .raised, kind)) }
    try expectSame(transition(upper: 20))
    try expectSame(transition(also: AlertReason(rule: .news2High, value: 7, limit: 7, upper: 12, subject: 0)))
  }

  @Test("Where and when it was travels with it")
  func outcome() throws {
    let change = try #require(try told(transition()).transition)
    #expect(change.patient == PatientID(rawValue: 1) && change.device == DeviceID(rawValue: 2) && change.actor == ActorID(rawValue: 6))
    #expect(change.instant == MonotonicInstant(rawValue: 40_000_000_000) && change.wall == WallTime(rawValue: 1_700_000_000_000))
    #expect(change.raisedWall == WallTime(rawValue: 1_699_999_990_000))
  }

  @Test("A number of a newer core makes no change that this role acts on", arguments: ["rule", "priority", "state", "previous", "kind"])
  func unknownNumbers(_ field: String) throws {
    #expect(try with(250, in: field, alert: told(transition())).alertTransition == nil)
  }

  @Test("A second rule that only a newer core knows is left out, and the first is told")
  func unknownSecondRule() throws {
    let one = transition()
    let two = transition(also: AlertReason(rule: .planYellow, value: 1, limit: 2, upper: 3, subject: 4))
    let read = try with(250, in: "also", "rule", alert: told(two))
    #expect(read.alertTransition == one)
  }

  /// The alert with another number in its transition.
  private func with(_ number: Int, in path: String..., alert: API.Alert) throws -> API.Alert {
    func set(_ value: Any, _ path: ArraySlice<String>) -> Any {
      guard let key = path.first, var object = value as? [String: Any], let old = object[key] else { return number }
      object[key] = set(old, path.dropFirst())
      return object
    }
    let json = try JSONSerialization.jsonObject(with: LocalAPIJSON.encode(alert))
    return try LocalAPIJSON.decode(
      API.Alert.self, from: JSONSerialization.data(withJSONObject: set(json, ["transition"] + path)))
  }
}
