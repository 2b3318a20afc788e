// From the journal's rows to the board, and the journal itself, opened when it is needed.

import AlertTexts
import Foundation
import HubConfiguration
import HubRegistry
import HubRuntime
import Journal
import JournalValues
import LocalAPI
import Logging
import NIOPosix
import Synchronization
import VitalSigns

extension BoardRows {
  /// How far the journal tells each alert.
  var marks: [AlertID: HeardAlerts.Mark] {
    let marks = (open + closed).map { ($0.id, HeardAlerts.Mark(instant: $0.changedInstant, revision: $0.transition.revision)) }
    return Dictionary(marks, uniquingKeysWith: { first, _ in first })
  }
}

/// What the rows of one board are joined with.
struct BoardContext {
  let rows: BoardRows
  let subjects: SubjectNames
  let called: [UInt32: String]
  let configuration: KnutepunktConfiguration

  func snapshot(takenAt now: WallTime) -> BoardSnapshot {
    BoardSnapshot(open: rows.open.map(alert), closed: rows.closed.map(alert), takenAt: now, core: .lost(since: nil))
  }

  private func alert(_ row: AlertRow) -> BoardAlert {
    let transition = row.transition
    let steps = rows.steps[row.id] ?? []
    let escalates = row.isOpen ? row.changedWall.moved(from: row.changedInstant, toDeadline: transition.deadline) : nil
    var alert = BoardAlert(
      id: row.id, rule: transition.rule, priority: transition.priority, state: transition.state,
      person: row.patient == .none
        ? nil : BoardPerson(id: row.patient, displayName: rows.people[row.patient]?.name ?? row.patient.description),
      raisedAt: row.raisedWall ?? row.firstWall, device: rows.devices[row.device]?.label, level: transition.level,
      escalatesAt: escalates, value: transition.value, limit: transition.limit, subject: transition.subject, upper: transition.upper,
      also: transition.also, subjectName: subjects.name(transition.rule, transition.subject), valueAt: toldAt(transition, steps),
      acknowledgement: mark(.acknowledged, steps), response: mark(.responding, steps),
      closure: row.isOpen ? nil : mark(.resolved, steps) ?? mark(.cleared, steps), receipts: receipts(row.id),
      alsoOpen: rows.alsoOpen[row.id] ?? 0,
      news2: rows.scores[row.patient].map { BoardNEWS2($0.score, at: $0.wall) })
    alert.subjectFiles = subjects.files(transition.rule, transition.subject)
    if configuration.isMeantToCall, let person = rows.people[row.patient] {
      alert.isBoardOnly = !configuration.callsSomebody(for: person.id, controller: person.controller)
    }
    return alert
  }

  /// When the alert's present value was first told.
  private func toldAt(_ now: AlertTransition, _ steps: [BoardStep]) -> WallTime {
    steps.first { $0.value == now.value && $0.upper == now.upper }?.wall ?? .unknown
  }

  private func mark(_ kind: AlertTransitionKind, _ steps: [BoardStep]) -> BoardMark? {
    steps.last { $0.kind == kind }.map { BoardMark(by: rows.actors[$0.actor], at: $0.wall) }
  }

  /// One for each receiver: what is waiting or refused counts more than what went through before it.
  private func receipts(_ alert: AlertID) -> [BoardReceipt] {
    var receipts: [BoardReceipt] = []
    for delivery in rows.deliveries[alert] ?? [] {
      guard let name = called[delivery.destination] else { continue }
      let state: BoardReceipt.State =
        switch delivery.state {
        case .delivered: .delivered
        case .waiting(let attempts): .waiting(attempts: attempts)
        case .refused: .refused
        }
      receipts.append(BoardReceipt(receiver: name, state: state, at: delivery.at))
    }
    return receipts
  }
}

/// The journal's reading end, opened when it is first needed: the console may start before the core has made the file.
final class JournalOnDemand: Sendable {
  private let path: String
  private let pointer: String
  private let opened = Mutex<JournalReader?>(nil)

  init(path: String, pointer: String) { (self.path, self.pointer) = (path, pointer) }

  func reader() throws(JournalError) -> JournalReader {
    if let reader = opened.withLock({ $0 }) { return reader }
    let reader = try JournalReader(path: path, pointer: pointer)
    opened.withLock { $0 = reader }
    return reader
  }
}
