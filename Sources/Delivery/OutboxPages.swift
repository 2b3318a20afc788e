// The outbox of one destination, read: rows of the journal become items for a lane. Blocks on the disk.

package import Forwarding
package import Journal
package import JournalValues
package import LocalAPI
import VitalSigns

/// What one read of the outbox gave.
package struct OutboxPage: Sendable {
  package var items: [DeliveryItem] = []
  /// Rows that this kind of destination has no form for, or that no agreement covers any more.
  package var unsendable: [API.Receipt] = []
  package var reachedEnd = true
  /// The highest row of the lane when it was read; 0 when that is not known.
  package var through: UInt64 = 0
}

/// Reads pages. Any thread.
package struct OutboxPages: Sendable {
  /// Rows without a form in one answer. The others follow when these are settled.
  private static let unsendableMax = 1_024

  let rules: SharingDestination
  let reader: JournalReader
  let records: RecordBuilder

  /// The destination's.
  package var number: UInt32 { rules.number }

  package init(rules: SharingDestination, reader: JournalReader, records: RecordBuilder) {
    self.rules = rules
    self.reader = reader
    self.records = records
  }

  package func page(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int, scope: OutboxScope) throws(JournalError) -> OutboxPage {
    var page = OutboxPage()
    var after = row
    // The lane's cursor moves with items, so rows that give none are passed over here.
    repeat {
      let rows = try reader.outboxPage(destination: rules.number, lane: OutboxLane(lane), after: after, limit: limit, scope: scope)
      for row in rows.items {
        if let item = records.item(row, for: rules) { page.items.append(item) } else { page.unsendable.append(unsendable(row, lane)) }
      }
      page.reachedEnd = rows.reachedEnd
      page.through = rows.through
      after = rows.lastRow ?? after
    } while page.items.isEmpty && !page.reachedEnd && page.unsendable.count < Self.unsendableMax
    return page
  }

  /// A refusal by ourselves. A row that this kind of destination has no form for would wait for ever; refused, it is visible.
  private func unsendable(_ row: OutboxItem, _ lane: DeliveryLane.Kind) -> API.Receipt {
    API.Receipt(
      destination: rules.name, lane: .init(lane), row: row.row, key: "",
      result: .refused(reason: "the agreement no longer covers this record, or the destination has no form for it"))
  }
}
