// What became of deliveries, on its way to the core: kept until the core has it, gathered when nobody waits for it, bounded.

import Forwarding
import Foundation
import HubRuntime
import Journal
import LocalAPI
import Logging
import Synchronization
import VitalSigns

extension DestinationRunner {
  func delivered(_ receipts: [DeliveryLane.Receipt], on kind: DeliveryLane.Kind) {
    lastError = nil
    for receipt in receipts {
      if case .severalMatches(let key) = receipt.note {
        logger.warning(
          "the destination holds several records with one identifier", metadata: ["destination": "\(name)", "key": "\(key)"])
      }
      unreported.append(
        API.Receipt(
          destination: name, lane: .init(kind), row: receipt.row, key: receipt.key.rawValue,
          result: .delivered(remoteID: receipt.remoteID)))
    }
  }

  func refused(_ letters: [DeliveryLane.DeadLetter], on kind: DeliveryLane.Kind) {
    for letter in letters {
      logger.error(
        "a destination refused a record for good",
        metadata: ["destination": "\(name)", "status": "\(letter.refusal.status)", "key": "\(letter.item.key)"])
      let status = letter.refusal.status > 0 ? "HTTP \(letter.refusal.status): " : ""
      unreported.append(
        API.Receipt(
          destination: name, lane: .init(kind), row: letter.item.row, key: letter.item.key.rawValue,
          result: .refused(reason: status + letter.refusal.diagnostics)))
    }
  }

  /// Sends receipts beside the deliveries, so that they never hold one up: while the store is stuck the core answers none, and the
  /// next alarm must go out all the same. Receipts stay in `unreported` until the core has them. After a restart of this role their
  /// rows are sent again under the same keys, which destinations bear.
  func flushReceipts() {
    guard reporting == nil, !unreported.isEmpty else { return }
    if let rest = restBeforeReport {
      // The task is held in `gathering`, one at a time; `run` ends it.
      if gathering == nil {
        gathering = Task { [weak self] in
          try? await Task.sleep(for: rest)
          await self?.gathered()
        }
      }
      return
    }
    gathering?.cancel()
    gathering = nil
    reportedAt = now()
    let batch = Array(unreported.prefix(Self.receiptsPerReport))
    unreported.removeFirst(batch.count)
    let book = book
    // The task is held in `reporting`, one at a time; `run` ends it.
    reporting = Task { [weak self] in
      let stored = await book.report(batch)
      if !stored { try? await Task.sleep(for: Self.reportPause) }
      await self?.reported(batch, stored: stored)
    }
  }

  func gathered() {
    gathering = nil
    if !Task.isCancelled { flushReceipts() }
  }

  /// How long receipts may wait for company; nil: they go now. Only receipts of delivered routine records can wait.
  var restBeforeReport: Duration? {
    guard let reportedAt, unreported.count < Self.receiptsPerReport,
      unreported.allSatisfy({ if $0.lane == .known(.routine), case .delivered = $0.result { true } else { false } })
    else { return nil }
    let left = reportedAt.adding(Self.reportGathering).rawValue &- now().rawValue
    return left > 0 ? .nanoseconds(left) : nil
  }

  func reported(_ batch: [API.Receipt], stored: Bool) {
    reporting = nil
    if !stored { unreported = batch + unreported }
    // Notes of failures are for people and may go. What is settled must be told.
    if unreported.count > Self.unreportedMax { unreported.removeAll { if case .failing = $0.result { true } else { false } } }
    if !Task.isCancelled { flushReceipts() }
  }

  var reportsAreBehind: Bool { unreported.count >= Self.unreportedMax }
}
