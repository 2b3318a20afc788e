// Receipts of the forward role as the journal takes them.

import Forwarding
import Foundation
import Journal
import JournalValues
import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubRuntime
@testable import LocalAPI

@Suite struct OutboxWireTests {
  private static let alert = AlertID(high: 0xABCD_EF01_2345_6789, low: 1)

  /// As the forward role sends it.
  private func receipt(
    row: UInt64? = nil, key: String, lane: String = "alarm", state: String = "delivered", error: String? = nil, remoteID: String? = nil
  ) throws -> API.Receipt {
    var fields: [String: Any] = ["destination": "nurses", "lane": lane, "key": key, "state": state]
    fields["row"] = row
    fields["error"] = error
    fields["remoteID"] = remoteID
    return try LocalAPIJSON.decode(API.Receipt.self, from: JSONSerialization.data(withJSONObject: fields))
  }

  @Test(
    arguments: [
      ("delivered", nil, "r1", .delivered(remoteID: "r1")), ("delivered", nil, nil, .delivered(remoteID: nil)),
      ("dead", "HTTP 422: no", nil, .refused(reason: "HTTP 422: no")), ("dead", nil, nil, .refused(reason: "")),
      ("failing", "timedOut", nil, .failed(error: "timedOut")),
    ] as [(String, String?, String?, DeliveryReceipt.Result)])
  func states(state: String, error: String?, remoteID: String?, expected: DeliveryReceipt.Result) throws {
    for (lane, stored) in [("alarm", OutboxLane.alarm), ("routine", .routine)] {
      let row = try DeliveryReceipt(receipt(row: 7, key: "o/3", lane: lane, state: state, error: error, remoteID: remoteID))
      #expect(row == DeliveryReceipt(destination: stableNumber(of: "nurses"), lane: stored, item: .row(7), result: expected))
    }
  }

  @Test(arguments: [
    (AlertTransitionKind.raised, Int64(0)), (.resolved, 0), (.cleared, 0), (.escalated, 44), (.acknowledged, 45), (.retriggered, 46),
  ])
  func anAlarmWithoutARowIsNamedByItsKey(kind: AlertTransitionKind, instant: Int64) throws {
    let key = DeliveryKey.transition(Self.alert, kind, at: MonotonicInstant(rawValue: instant))
    let sent = try receipt(key: key.rawValue)
    #expect(sent.alertID == Self.alert)
    #expect(DeliveryReceipt(sent)?.item == .transition(Self.alert, kind, at: MonotonicInstant(rawValue: instant)))
  }

  @Test func aRowIsStrongerThanTheKey() throws {
    let key = DeliveryKey.transition(Self.alert, .raised, at: .zero)
    #expect(try DeliveryReceipt(receipt(row: 7, key: key.rawValue))?.item == .row(7))
  }

  @Test(arguments: ["", "o/3", "a/", "a/not-an-alert/raised", "a/abcdef01-2345-6789-0000-000000000001/unknown", "n/1/2/3"])
  func whatNamesNothingIsRefused(key: String) throws { #expect(try DeliveryReceipt(receipt(key: key)) == nil) }

  @Test func unknownWordsAreRefused() throws {
    #expect(try DeliveryReceipt(receipt(row: 1, key: "o/1", lane: "alarms")) == nil)
    #expect(try DeliveryReceipt(receipt(row: 1, key: "o/1", state: "sent")) == nil)
  }

  @Test func onlyAnAlarmsKeyNamesAnAlert() throws {
    #expect(try receipt(key: "o/3").alertID == nil)
    #expect(try receipt(key: DeliveryKey.alert(Self.alert).rawValue).alertID == Self.alert)
  }
}
