// Outbox rows, receipts and the audit's verdict between the journal's values and the local API's.

import Forwarding
import HubRuntime
package import Journal
import JournalValues
package import LocalAPI
package import VitalSigns

extension API.OutboxRow {
  package init(_ item: OutboxItem, destination: String) {
    self.init(
      id: Int64(clamping: item.row), destination: destination, lane: .known(.init(item.lane)), kind: .known(.init(item.kind)),
      reference: "row \(item.row)", state: .known(.pending), attempts: item.attempts, lastError: nil, createdAt: item.created.description)
  }

  package init(_ letter: DeadLetterRow, destination: String) {
    self.init(
      id: Int64(clamping: letter.row), destination: destination, lane: .known(.init(letter.lane)), kind: .known(.init(letter.kind)),
      reference: "sequence \(letter.sequence)", state: .known(.dead), attempts: letter.attempts, lastError: letter.reason,
      createdAt: letter.created.description)
  }
}

extension API.Lane {
  fileprivate init(_ lane: OutboxLane) {
    self =
      switch lane {
      case .alarm: .alarm
      case .routine: .routine
      }
  }
}

extension API.OutboxRow.Kind {
  fileprivate init(_ kind: RecordKind) {
    self =
      switch kind {
      case .observation: .observation
      case .score: .score
      case .alert: .alert
      case .dose: .dose
      case .location: .location
      }
  }
}

extension API.Receipt {
  /// The alert that an alarm's key names.
  package var alertID: AlertID? {
    let parts = key.split(separator: "/")
    return parts.count >= 2 && parts[0] == "a" ? AlertID(text: parts[1]) : nil
  }
}

extension OutboxLane {
  /// Nil for a word of another version.
  fileprivate init?(_ lane: API.Word<API.Lane>) {
    switch lane {
    case .known(.alarm): self = .alarm
    case .known(.routine): self = .routine
    case .unknown: return nil
    }
  }
}

extension DeliveryReceipt {
  /// Nil when the receipt names nothing, or has a word that is not known.
  package init?(_ receipt: API.Receipt) {
    guard let lane = OutboxLane(receipt.lane) else { return nil }
    let item: Item
    if let row = receipt.row {
      item = .row(row)
    } else if let parsed = DeliveryKey(rawValue: receipt.key).parsedTransition {
      item = .transition(parsed.alert, parsed.kind, at: parsed.instant, revision: parsed.revision)
    } else {
      return nil
    }
    let result: Result
    switch receipt.result {
    case .delivered(let remoteID): result = .delivered(remoteID: remoteID)
    case .refused(let reason): result = .refused(reason: reason)
    case .failing(let error): result = .failed(error: error)
    case .unknown: return nil
    }
    self.init(destination: stableNumber(of: receipt.destination), lane: lane, item: item, result: result)
  }
}

extension API.AuditResult {
  package init(_ verification: AccessLogVerification) {
    self.init(
      intact: verification.isIntact, rows: Int64(clamping: verification.rows),
      firstBroken: verification.firstBroken.map { Int64(clamping: $0) },
      lastHash: Hexadecimal.text(verification.head))
  }
}
