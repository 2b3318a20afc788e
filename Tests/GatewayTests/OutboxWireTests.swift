// Receipts of the forward role as the journal takes them.

import Forwarding
import Journal
import Testing
import VitalSigns

@testable import Gateway

@Suite struct OutboxWireTests {
  private static let alert = AlertID(high: 0xABCD_EF01_2345_6789, low: 1)

  private func receipt(
    row: UInt64? = nil, key: String, lane: String = "alarm", state: String = "delivered", error: String? = nil, remoteID: String? = nil
  ) -> API.Receipt {
    API.Receipt(destination: "nurses", lane: lane, row: row, key: key, state: state, error: error, remoteID: remoteID)
  }

  @Test(
    arguments: [
      ("delivered", nil, "r1", .delivered(remoteID: "r1")), ("delivered", nil, nil, .delivered(remoteID: nil)),
      ("dead", "HTTP 422: no", nil, .refused(reason: "HTTP 422: no")), ("dead", nil, nil, .refused(reason: "")),
      ("failing", "timedOut", nil, .failed(error: "timedOut")),
    ] as [(String, String?, String?, DeliveryReceipt.Result)])
  func states(state: String, error: String?, remoteID: String?, expected: DeliveryReceipt.Result) {
    for (lane, stored) in [("alarm", OutboxLane.alarm), ("routine", .routine)] {
      let row = DeliveryReceipt(receipt(row: 7, key: "o/3", lane: lane, state: state, error: error, remoteID: remoteID))
      #expect(row == DeliveryReceipt(destination: stableNumber(of: "nurses"), lane: stored, item: .row(7), result: expected))
    }
  }

  @Test(arguments: [
    (AlertTransitionKind.raised, Int64(0)), (.resolved, 0), (.cleared, 0), (.escalated, 44), (.acknowledged, 45), (.retriggered, 46),
  ])
  func anAlarmWithoutARowIsNamedByItsKey(kind: AlertTransitionKind, instant: Int64) {
    let key = DeliveryKey.transition(Self.alert, kind, at: MonotonicInstant(rawValue: instant))
    let sent = receipt(key: key.rawValue)
    #expect(sent.alertID == Self.alert)
    #expect(DeliveryReceipt(sent)?.item == .transition(Self.alert, kind, at: MonotonicInstant(rawValue: instant)))
  }

  @Test func aRowIsStrongerThanTheKey() {
    let key = DeliveryKey.transition(Self.alert, .raised, at: .zero)
    #expect(DeliveryReceipt(receipt(row: 7, key: key.rawValue))?.item == .row(7))
  }

  @Test(arguments: ["", "o/3", "a/", "a/not-an-alert/raised", "a/abcdef01-2345-6789-0000-000000000001/unknown", "n/1/2/3"])
  func whatNamesNothingIsRefused(key: String) { #expect(DeliveryReceipt(receipt(key: key)) == nil) }

  @Test func unknownWordsAreRefused() {
    #expect(DeliveryReceipt(receipt(row: 1, key: "o/1", lane: "alarms")) == nil)
    #expect(DeliveryReceipt(receipt(row: 1, key: "o/1", state: "sent")) == nil)
  }

  @Test func onlyAnAlarmsKeyNamesAnAlert() {
    #expect(receipt(key: "o/3").alertID == nil)
    #expect(receipt(key: DeliveryKey.alert(Self.alert).rawValue).alertID == Self.alert)
  }
}
