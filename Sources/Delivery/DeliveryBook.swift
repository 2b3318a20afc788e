// The outbox and the core as one destination's runner needs them: rows in, receipts out. `OutboxBook` is the real one. The protocol
// is there for tests.

import Forwarding
import Foundation
import HubRuntime
import Journal
import JournalValues
import LocalAPI
import Logging
import Synchronization
import VitalSigns

/// Where a runner reads rows and leaves receipts.
protocol DeliveryBook: Sendable {
  /// Unsettled rows above `row` of the people in `scope`, in order; nil when the outbox cannot be read now.
  func fetch(_ lane: DeliveryLane.Kind, after row: UInt64, limit: Int, scope: OutboxScope) async -> OutboxPage?
  /// Journals receipts. True when the runner is done with them: the core has them durably, or will never take them.
  func report(_ receipts: [API.Receipt]) async -> Bool
  /// People for whom calls of high priority wait in the outbox.
  func urgent() async -> [PatientID]
  /// Tells the core how the destination does. True when the core has heard it.
  func tell(_ state: API.DestinationState) async -> Bool
}
