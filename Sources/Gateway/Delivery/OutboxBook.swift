// The outbox of one destination as its runner sees it: rows from the journal's reading end, receipts to the core.

import Forwarding
import Journal
import Logging
import NIOPosix

/// Reads rows, sends receipts. Any task.
struct OutboxBook: DeliveryBook {
  /// Rows without a form in one answer; the rest follows when these are settled.
  private static let unsendableMax = 1_024

  let rules: SharingDestination
  let reader: JournalReader
  let records: RecordBuilder
  let client: LocalAPIClient
  let logger: Logger

  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int) async -> OutboxPage? {
    let (reader, records, rules) = (reader, records, rules)
    do {
      return try await NIOThreadPool.singleton.runIfActive {
        var page = OutboxPage()
        var after = row
        // The lane's cursor moves with items: rows that give none are passed over here.
        repeat {
          let rows = try reader.outboxPending(
            destination: rules.number, lane: lane == .alarms ? .alarm : .routine, after: after, limit: limit)
          for row in rows {
            if let item = records.item(row, for: rules) {
              page.items.append(item)
            } else {
              page.unsendable.append(Self.unsendable(row, lane, rules))
            }
          }
          page.reachedEnd = rows.count < limit
          after = rows.last?.row ?? after
        } while page.items.isEmpty && !page.reachedEnd && page.unsendable.count < Self.unsendableMax
        return page
      }
    } catch {
      if !Task.isCancelled {
        logger.warning("the outbox cannot be read", metadata: ["destination": "\(rules.name)", "reason": "\(error)"])
      }
      return nil
    }
  }

  /// Rows that this kind of destination has no form for would wait for ever: they are refused by us, visibly.
  private static func unsendable(_ row: OutboxItem, _ lane: DeliveryLane.Kind, _ rules: SharingDestination) -> API.Receipt {
    API.Receipt(
      destination: rules.name, lane: lane == .alarms ? "alarm" : "routine", row: row.row, key: "", state: "dead",
      error: "the agreement no longer covers this record, or the destination has no form for it", remoteID: nil)
  }

  func report(_ receipts: [API.Receipt]) async -> Bool {
    do {
      let _: API.Done = try await client.post("/v1/receipts", receipts)
      return true
    } catch .refused(let status, let failure) where status == 400 || status == 413 {
      // Sent again it would be refused again, and every receipt behind it would wait for ever.
      logger.error("the core refuses receipts", metadata: ["destination": "\(rules.name)", "reason": "\(failure.error)"])
      return true
    } catch {
      // Kept by the runner and reported when the core is back; until then the rows stand as unsettled.
      return false
    }
  }
}
