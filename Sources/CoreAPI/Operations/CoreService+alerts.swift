// Alerts as people handle them: list, acknowledge, respond, resolve, explain; and the values that a person enters.

import Foundation
import HubCore
import HubRegistry
import Journal
import JournalValues
package import LocalAPI
import Synchronization
import VitalSigns

extension CoreService {
  // MARK: Acting

  /// For an action's answer. A commit takes milliseconds; a screen asks no longer than 8 s, and a person looks away before that.
  package static let actionPatience = Duration.seconds(4)

  /// Takes an action, waits until it is durable, and answers with the alert as it then stands.
  package func act(on text: String, _ action: API.AlertAction, _ request: API.ActOnAlert) async throws(LocalAPIFailure) -> API.Alert {
    let id = try await alertID(text)
    let actor = try actor(request.actor)
    let before = try await stored(id, text)
    guard before.transition.state.isOpen else {
      throw .conflict("the alert is closed already (\(before.transition.state.key))")
    }
    guard [request.comment, request.cause, request.measure].allSatisfy({ ($0 ?? "").count <= EntryLimits.commentCharactersMax }) else {
      throw .bad("comment, cause and measure may have at most \(EntryLimits.commentCharactersMax) characters each")
    }
    var note = AlertNote(comment: request.comment ?? "", cause: request.cause ?? "", action: request.measure ?? "")
    if action == .resolve {
      note.comment = try self.text(
        request.comment ?? "", "comment: what you found, in a few words; it", most: EntryLimits.commentCharactersMax)
    }
    if action == .acknowledge && before.transition.state != .raised && before.transition.state != .notified {
      throw .conflict("the alert is acknowledged already" + by(before))
    }
    let command = AlertCommand(
      alert: id, action: action.alertAction, actor: actor,
      usefulness: request.useful.map { $0 ? .actionable : .notActionable } ?? .notStated,
      // The core may have had no room to follow it; then it acts by what the journal knows.
      standing: AlertStanding(before.transition, row: before.outcome))
    let sequence = try await store(
      .command(command), device: before.device, patient: before.patient, actor: actor, reason: note.comment, .note(note),
      within: Self.actionPatience)
    guard let after = try await read({ reader throws(JournalError) in try reader.alert(id) }) else { throw unknownAlert(text) }
    if try await read({ reader throws(JournalError) in try reader.remarks(on: sequence).contains(.refused) }) {
      throw .conflict("somebody was first: the alert is \(after.transition.state.key)" + by(after))
    }
    return try await withComment(after)
  }

  /// The alert with who has it and what was said last about it.
  private func withComment(_ row: AlertRow) async throws(LocalAPIFailure) -> API.Alert {
    let history = try await read { reader throws(JournalError) in try reader.alertHistory(row.id) }
    return apiAlert(row, history)
  }

  private func apiAlert(_ row: AlertRow, _ history: [AlertTransitionRow]) -> API.Alert {
    var answer = apiAlert(row)
    answer.comment = history.last { $0.note?.comment.isEmpty == false }?.note?.comment
    // Who has it, also when what happened last (an escalation, an upgrade) was the hub's doing.
    answer.actor = history.last { $0.transition.actor != .hub }.flatMap { parts.actors.name(of: $0.transition.actor) }
    return answer
  }

  private func by(_ alert: AlertRow) -> String {
    parts.actors.name(of: alert.transition.actor).map { ", by \($0)" } ?? ""
  }

  /// An alert is told before it is stored: one that people see may not be in the journal yet, and then it is waited for.
  private func stored(_ id: AlertID, _ text: String) async throws(LocalAPIFailure) -> AlertRow {
    if let row = try await read({ reader throws(JournalError) in try reader.alert(id) }) { return row }
    let told = parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed)
    if await parts.pipeline.durable.wait(for: told, within: Self.actionPatience) != .durable {
      throw .unavailable("the store fails; alerts cannot be acted on until it is well", hint: "journalctl -u knutepunkt-core tells more")
    }
    guard let row = try await read({ reader throws(JournalError) in try reader.alert(id) }) else { throw unknownAlert(text) }
    return row
  }

  private func unknownAlert(_ text: String) -> LocalAPIFailure {
    .notFound("there is no alert \(text)", hint: "knutepunkt alerts list --all shows them")
  }

  /// An id, or the beginning of exactly one alert's id.
  func alertID(_ text: String) async throws(LocalAPIFailure) -> AlertID {
    if let id = AlertID(text: text) { return id }
    let prefix = text.lowercased()
    guard prefix.count >= EntryLimits.alertPrefixCharactersMin, prefix.utf8.allSatisfy({ ("0123456789abcdef-").utf8.contains($0) }) else {
      throw .bad(
        "\(text.debugDescription) is no alert; give its id or at least its first \(EntryLimits.alertPrefixCharactersMin) characters")
    }
    let matches = try await read { reader throws(JournalError) in try reader.alerts(AlertFilter(limit: EntryLimits.rows.upperBound)) }
      .filter {
        $0.transition.id.description.hasPrefix(prefix)
      }
    switch matches.count {
    case 0: throw unknownAlert(text)
    case 1: return matches[0].transition.id
    default: throw .bad("\(matches.count) alerts begin with \(text); give more characters")
    }
  }

  // MARK: Reading

  package func alerts(onlyOpen: Bool, limit: Int) async throws(LocalAPIFailure) -> [API.Alert] {
    logRead(of: .none, what: onlyOpen ? "open alerts" : "alerts")
    let rows = try await read { reader throws(JournalError) in
      let rows = onlyOpen ? try reader.openAlerts(limit: limit) : try reader.alerts(AlertFilter(limit: limit))
      var joined: [(alert: AlertRow, history: [AlertTransitionRow])] = []
      // Only what a person did has a name and words to it.
      for row in rows {
        let isTouched = [.acknowledged, .responding, .resolved].contains(row.transition.state)
        joined.append((row, isTouched ? try reader.alertHistory(row.id) : []))
      }
      return joined
    }
    return rows.map { apiAlert($0.alert, $0.history) }
  }

  package func alert(_ text: String) async throws(LocalAPIFailure) -> API.Alert {
    let id = try await alertID(text)
    guard let alert = try await read({ reader throws(JournalError) in try reader.alert(id) }) else { throw unknownAlert(text) }
    logRead(of: alert.patient, what: "alert")
    return try await withComment(alert)
  }

  // MARK: Values that a person enters

  package func enter(_ request: API.EnterObservations) async throws(LocalAPIFailure) -> API.Entered {
    let patient = try knownPatient(request.patient)
    let actor = try actor(request.actor)
    let origin: ObservationOrigin
    switch request.origin {
    case .known(.staff): origin = .staff
    case .known(.selfReported): origin = .selfReported
    case .unknown(let word): throw .bad("origin is \(word.debugDescription); allowed: staff, self")
    }
    guard (1...16).contains(request.values.count) else { throw .bad("values must hold 1 to 16 values") }
    var observations: [Observation] = []
    for key in request.values.keys.sorted() {
      guard let text = request.values[key] else { continue }
      do throws(EnteredValue.Refusal) { observations.append(try EnteredValue.observation(key, text, origin: origin)) } catch {
        throw .bad(error.text)
      }
    }
    var sequences: [UInt64] = []
    // Entered together, judged together: one score, and one alert with all its reasons.
    let stamp = parts.intake.stamp()
    for (index, observation) in observations.enumerated() {
      let companion = Companion(attachment: Attachment(actor: actor, reason: "entered by hand"), mark: nil)
      guard
        let sequence = parts.intake.submit(
          .observation(observation), patient: patient.id, companion: companion, stamp: stamp, moreFollows: index < observations.count - 1)
      else {
        throw .unavailable(
          "the intake is full; \(sequences.count) of \(observations.count) values were taken", hint: "enter the rest again")
      }
      sequences.append(sequence)
    }
    if let last = sequences.last { try await durable(last) }
    let score = try await read { reader throws(JournalError) in try reader.currentScore(of: patient.id) }
    return API.Entered(sequences: sequences, score: score.map { API.Score($0.score, at: $0.wall) })
  }
}

extension API.AlertAction {
  var alertAction: AlertAction {
    switch self {
    case .acknowledge: .acknowledge
    case .respond: .respond
    case .resolve: .resolve
    }
  }
}
