// Why an alert was raised or a score is what it is: the observations, the rule with its limit, and every step with its
// time. Everything comes from the journal; nothing is computed anew, so it tells what was decided and not what would be.

import AlertTexts
import Foundation
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
package import LocalAPI
import People
import VitalSigns

extension CoreService {
  /// Explains an alert (its id or the beginning of it) or a person's score (`P7`).
  package func explain(_ text: String) async throws(LocalAPIFailure) -> API.Explanation {
    if text.uppercased().hasPrefix("P"), let patient = PatientID(text: text) { return try await explainScore(of: patient) }
    let id = try await alertID(text)
    guard let explanation = try await read({ reader throws(JournalError) in try reader.explainAlert(id) }) else {
      throw .notFound("there is no alert \(text)", hint: "knutepunkt alerts list --all shows them")
    }
    logRead(of: explanation.alert.patient, what: "explain alert")
    // The step that made the alert as urgent as it is: the last upgrade, else the raise.
    let decisive = explanation.history.last { $0.transition.kind == .upgraded } ?? explanation.history.first
    var score = explanation.score
    if score != nil, let cause = decisive?.cause,
      let upgraded = try await read({ reader throws(JournalError) in try reader.explainScore(sequence: cause) })
    {
      score = upgraded
    }
    var evidence: [API.Explanation.Evidence] = []
    if let score {
      evidence = self.evidence(score)
    } else if let cause = explanation.firstCause {
      evidence = [self.evidence(cause)]
      // The value that the alert was told anew for, beside the one that it began with.
      if let later = decisive?.cause, later != explanation.alert.transition.firstCause,
        let entry = try await read({ reader throws(JournalError) in try reader.entry(later) }), case .observation = entry.payload
      {
        evidence.append(self.evidence(entry))
      }
    }
    return API.Explanation(
      subject: explanation.alert.id.description, rule: .known(explanation.alert.transition.rule),
      reason: reason(explanation),
      score: score.map { API.Score($0.score.score, at: $0.score.wall) }, evidence: evidence,
      history: explanation.history.map(step), help: try await help(explanation.alert))
  }

  /// What whoever goes there must know. A record that cannot be read hides no explanation.
  private func help(_ alert: AlertRow) async throws(LocalAPIFailure) -> [String: String]? {
    guard alert.patient != .none, let version = try await read({ reader throws(JournalError) in try reader.record(of: alert.patient) })
    else { return nil }
    let record = version.record
    let said = [
      "address": record.address, "entry": record[.entry], "critical": record[.critical],
      "instruction": record.instruction(for: alert.transition.rule),
    ].compactMapValues(\.self)
    return said.isEmpty ? nil : said
  }

  private func explainScore(of patient: PatientID) async throws(LocalAPIFailure) -> API.Explanation {
    guard registry.patient(patient) != nil else {
      throw .notFound("there is no person \(patient)", hint: "knutepunkt patient list shows them")
    }
    if let hindrance = hindrance(of: patient) {
      throw .notFound(
        "NEWS2 is not made for \(patient): \(Self.words(hindrance))", hint: "limits of a plan work: knutepunkt plan show \(patient)")
    }
    guard let explanation = try await read({ reader throws(JournalError) in try reader.explainScore(patient: patient) }) else {
      throw .notFound("\(patient) has no score yet", hint: "it comes with the first measurement")
    }
    logRead(of: patient, what: "explain score")
    let score = explanation.score.score
    let missing = NEWS2Parameter.allCases.filter { score.missing & (1 << $0.rawValue) != 0 }.map(\.key)
    let total = score.low == score.high ? "\(score.low)" : "between \(score.low) and \(score.high)"
    let reason =
      "NEWS2 is \(total) (\(score.isBandKnown ? score.band.key : "incomplete")) on SpO₂ scale \(score.scale.rawValue)"
      + (missing.isEmpty ? "" : "; missing or too old: \(missing.joined(separator: ", "))")
    return API.Explanation(
      subject: patient.description, rule: nil, reason: reason, score: API.Score(score, at: explanation.score.wall),
      evidence: evidence(explanation), history: [])
  }

  private func evidence(_ explanation: ScoreExplanation) -> [API.Explanation.Evidence] {
    var result: [API.Explanation.Evidence] = []
    for parameter in NEWS2Parameter.allCases {
      let index = Int(parameter.rawValue)
      let points = explanation.score.score.points[index]
      if let source = explanation.sources[index] {
        result.append(evidence(source, points: points < 0 ? nil : Int(points)))
      } else if let prescription = explanation.prescriptions[index] {
        result.append(evidence(prescription, points: points < 0 ? nil : Int(points)))
      }
    }
    return result
  }

  private func step(_ row: AlertTransitionRow) -> API.Explanation.Step {
    API.Explanation.Step(
      at: row.wall.description, change: .known(row.transition.kind), state: .known(row.transition.state),
      priority: .known(row.transition.priority), level: Int(row.transition.level),
      actor: row.transition.actor == .hub ? nil : parts.actors.name(of: row.transition.actor),
      comment: row.note?.comment.isEmpty == false ? row.note?.comment : nil)
  }

  /// The rule in words, with what passed it: the alert's own sentence, from its present numbers, and what the rule is.
  private func reason(_ explanation: AlertExplanation) -> String {
    let present = explanation.alert.transition
    let said = sentences.sentence(present, raisedAt: explanation.alert.raisedWall ?? explanation.alert.firstWall, language: .en)
    var rules = [rule(present.rule, explanation)]
    if let also = present.also { rules.append(rule(also.rule, explanation)) }
    let known = rules.compactMap { $0 }
    return known.isEmpty ? said : "\(said); \(known.joined(separator: "; "))"
  }

  private func rule(_ rule: AlertRule, _ explanation: AlertExplanation) -> String? {
    switch rule {
    case .news2High: return "7 or more is an emergency (RCP)"
    case .news2Medium: return "5 or 6 is urgent (RCP)"
    case .news2SingleThree: return "with a total below 5 that is the RCP's own category"
    case .planRed, .planYellow:
      return explanation.plan.flatMap { parts.actors.name(of: $0.author) }.map { "the person's own limit, set by \($0)" }
    case .geofenceExit: return "confirmed by consecutive fixes"
    default: return nil
    }
  }
}
