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

  let rules: SharingDestination
  let reader: JournalReader
  let records: RecordBuilder
  let core: any CoreConnection
  let logger: Logger

  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int, scope: OutboxScope) async -> OutboxPage? {
    let pages = OutboxPages(rules: rules, reader: reader, records: records)
    do {
      return try await NIOThreadPool.singleton.runIfActive { try pages.page(lane, after: row, limit: limit, scope: scope) }
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
