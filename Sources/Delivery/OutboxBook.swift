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
  /// People whose calls are read first after a start. The others' calls follow in their order.
  private static let urgentMax = 256
  /// Rows without a form in one answer. The others follow when these are settled.
  private static let unsendableMax = 1_024

  let rules: SharingDestination
  let reader: JournalReader
  let records: RecordBuilder
  let core: any CoreConnection
  let logger: Logger

  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int, scope: OutboxScope) async -> OutboxPage? {
    let (reader, records, rules) = (reader, records, rules)
    do {
      return try await NIOThreadPool.singleton.runIfActive {
        var page = OutboxPage()
        var after = row
        // The lane's cursor moves with items, so rows that give none are passed over here.
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
    // Calls that cannot be sought now are met in their order later.
    return (try? await NIOThreadPool.singleton.runIfActive { try reader.outboxUrgent(destination: number, limit: Self.urgentMax) }) ?? []
  }

  /// A refusal by ourselves. A row that this kind of destination has no form for would wait for ever; refused, it is visible.
  private static func unsendable(_ row: OutboxItem, _ lane: DeliveryLane.Kind, _ rules: SharingDestination) -> API.Receipt {
    API.Receipt(
      destination: rules.name, lane: .init(lane), row: row.row, key: "",
      result: .refused(reason: "the agreement no longer covers this record, or the destination has no form for it"))
  }

  func report(_ receipts: [API.Receipt]) async -> Bool {
    do {
      try await core.report(receipts)
      return true
    } catch .refused(let status, let failure) where status == 400 || status == 413 {
      // The core would refuse the receipts again, and every receipt behind them would wait for ever.
      logger.error("the core refuses receipts", metadata: ["destination": "\(rules.name)", "reason": "\(failure.error)"])
      return true
    } catch {
      // The runner keeps the receipts and reports them when the core is back. Until then their rows count as unsettled.
      return false
    }
  }

  func tell(_ state: API.DestinationState) async -> Bool {
    do {
      try await core.report([state])
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

extension API.Word<API.Lane> {
  init(_ kind: DeliveryLane.Kind) {
    switch kind {
    case .alarms: self = .known(.alarm)
    case .routine: self = .known(.routine)
    }
  }
}
