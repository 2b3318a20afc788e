// The outbox of one destination as its runner sees it: rows from the journal's reading end, receipts to the core.

package import Forwarding
import Journal
import JournalValues
import LocalAPI
import Logging
import NIOPosix
import VitalSigns

/// Reads rows, sends receipts. Any task.
struct OutboxBook: DeliveryBook {
  /// People whose calls are read first after a start; the others follow in their order.
  private static let urgentMax = 256
  /// Rows without a form in one answer; the rest follows when these are settled.
  private static let unsendableMax = 1_024

  let rules: SharingDestination
  let reader: JournalReader
  let records: RecordBuilder
  let client: LocalAPIClient
  let logger: Logger

  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int, scope: OutboxScope) async -> OutboxPage? {
    let (reader, records, rules) = (reader, records, rules)
    do {
      return try await NIOThreadPool.singleton.runIfActive {
        var page = OutboxPage()
        var after = row
        // The lane's cursor moves with items: rows that give none are passed over here.
        repeat {
          let rows = try reader.outboxPage(
            destination: rules.number, lane: OutboxLane(lane), after: after, limit: limit, scope: scope)
          for row in rows.items {
            if let item = records.item(row, for: rules) {
              page.items.append(item)
            } else {
              page.unsendable.append(Self.unsendable(row, lane, rules))
            }
          }
          page.reachedEnd = rows.reachedEnd
          page.through = rows.through
          after = rows.lastRow ?? after
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

  func urgent() async -> [PatientID] {
    let (reader, number) = (reader, rules.number)
    // What cannot be read now is met in its order later.
    return (try? await NIOThreadPool.singleton.runIfActive { try reader.outboxUrgent(destination: number, limit: Self.urgentMax) }) ?? []
  }

  /// Rows that this kind of destination has no form for would wait for ever: they are refused by us, visibly.
  private static func unsendable(_ row: OutboxItem, _ lane: DeliveryLane.Kind, _ rules: SharingDestination) -> API.Receipt {
    API.Receipt(
      destination: rules.name, lane: .init(lane), row: row.row, key: "",
      result: .refused(reason: "the agreement no longer covers this record, or the destination has no form for it"))
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

  func tell(_ state: API.DestinationState) async -> Bool {
    do {
      let _: API.Done = try await client.post("/v1/destinations", [state])
      return true
    } catch .refused(let status, let failure) {
      logger.error(
        "the core refuses to hear of a destination",
        metadata: ["destination": "\(rules.name)", "status": "\(status)", "reason": "\(failure.error)"])
      return true
    } catch {
      return false
    }
  }
}

extension OutboxLane {
  package init(_ kind: DeliveryLane.Kind) {
    switch kind {
    case .alarms: self = .alarm
    case .routine: self = .routine
    }
  }
}

extension API.Receipt.Lane {
  init(_ kind: DeliveryLane.Kind) {
    switch kind {
    case .alarms: self = .alarm
    case .routine: self = .routine
    }
  }
}
