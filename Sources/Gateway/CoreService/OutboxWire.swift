// Outbox rows, receipts and the audit's verdict between the journal's values and the local API's.

import Forwarding
import Journal
import VitalSigns

extension API.OutboxRow {
  init(_ item: OutboxItem, destination: String) {
    self.init(
      id: Int64(clamping: item.row), destination: destination, lane: item.lane.key, kind: item.kind.key, reference: "row \(item.row)",
      state: "pending", attempts: item.attempts, lastError: nil, createdAt: item.created.description)
  }

  init(_ letter: DeadLetterRow, destination: String) {
    self.init(
      id: Int64(clamping: letter.row), destination: destination, lane: letter.lane.key, kind: letter.kind.key,
      reference: "sequence \(letter.sequence)", state: "dead", attempts: letter.attempts, lastError: letter.reason,
      createdAt: letter.created.description)
  }
}

extension API.Receipt {
  /// What `state` may be.
  enum State: String, Sendable {
    case delivered, dead, failing
  }

  init(
    destination: String, _ lane: OutboxLane, _ row: UInt64?, key: String, _ state: State, error: String? = nil, remoteID: String? = nil
  ) {
    self.init(
      destination: destination, lane: lane.key, row: row, key: key, state: state.rawValue, error: error, remoteID: remoteID)
  }

  /// The alert that an alarm's key names.
  var alertID: AlertID? {
    let parts = key.split(separator: "/")
    return parts.count >= 2 && parts[0] == "a" ? AlertID(text: parts[1]) : nil
  }
}

extension DeliveryReceipt {
  /// Nil when the receipt names nothing, or uses a word that is not known.
  init?(_ receipt: API.Receipt) {
    guard let lane = OutboxLane.allCases.first(where: { $0.key == receipt.lane }) else { return nil }
    let item: Item
    if let row = receipt.row {
      item = .row(row)
    } else if let parsed = DeliveryKey(rawValue: receipt.key).parsedTransition {
      item = .transition(parsed.alert, parsed.kind, at: parsed.instant, revision: parsed.revision)
    } else {
      return nil
    }
    let result: Result
    switch API.Receipt.State(rawValue: receipt.state) {
    case .delivered: result = .delivered(remoteID: receipt.remoteID)
    case .dead: result = .refused(reason: receipt.error ?? "")
    case .failing: result = .failed(error: receipt.error ?? "")
    case nil: return nil
    }
    self.init(destination: stableNumber(of: receipt.destination), lane: lane, item: item, result: result)
  }
}

extension API.AuditResult {
  init(_ verification: AccessLogVerification) {
    self.init(
      intact: verification.isIntact, rows: Int64(clamping: verification.rows),
      firstBroken: verification.firstBroken.map { Int64(clamping: $0) },
      lastHash: Hexadecimal.text(verification.head))
  }
}
