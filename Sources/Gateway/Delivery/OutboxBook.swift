// The outbox of one destination as its runner sees it: rows from the journal's reading end, receipts to the core.

import Forwarding
import Journal
import Logging
import NIOPosix

/// Reads rows, sends receipts. Any task.
struct OutboxBook: DeliveryBook {
  let rules: SharingDestination
  let reader: JournalReader
  let records: RecordBuilder
  let client: LocalAPIClient
  let logger: Logger

  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int) async -> (items: [DeliveryItem], reachedEnd: Bool) {
    let (reader, records, rules) = (reader, records, rules)
    do {
      let rows = try await NIOThreadPool.singleton.runIfActive {
        try reader.outboxPending(
          destination: rules.number, lane: lane == .alarms ? .alarm : .routine, after: row, limit: limit)
      }
      let items = rows.compactMap { records.item($0, for: rules) }
      await settleFormless(rows.filter { row in !items.contains { $0.row == row.row } }, lane)
      return (items, rows.count < limit)
    } catch {
      logger.warning("the outbox cannot be read", metadata: ["destination": "\(rules.name)", "reason": "\(error)"])
      return ([], true)
    }
  }

  /// Rows that this kind of destination has no form for would wait for ever: they are refused by us, visibly.
  private func settleFormless(_ rows: [OutboxItem], _ lane: DeliveryLane.Kind) async {
    if rows.isEmpty { return }
    let receipts = rows.map { row in
      API.Receipt(
        destination: rules.name, lane: lane == .alarms ? "alarm" : "routine", row: row.row, key: "", state: "dead",
        error: "the agreement no longer covers this record, or the destination has no form for it", remoteID: nil)
    }
    _ = await report(receipts)
  }

  func report(_ receipts: [API.Receipt]) async -> Bool {
    do {
      let _: API.Done = try await client.post("/v1/receipts", receipts)
      return true
    } catch {
      // Kept by the runner and reported when the core is back; until then the rows stand as unsettled.
      return false
    }
  }
}
