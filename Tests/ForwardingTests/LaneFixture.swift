// Items and a lane with small numbers, so that every bound is met within a few steps.

import Forwarding
import VitalSigns

enum Fixture {
  /// 1 s to 8 s back-off, Retry-After up to 20 s, 10 s an attempt, four a batch, sixteen in memory, dead after three.
  static let policy = RetryPolicy(
    backoffMin: .seconds(1), backoffMax: .seconds(8), retryAfterMax: .seconds(20), attemptTimeout: .seconds(10), batchItemsMax: 4,
    windowItemsMax: 16, failuresUntilSuspended: 3)
  static let patient = PatientIdentity(hubPatient: PatientID(rawValue: 1))

  static func observation(_ row: UInt64, panel: PressurePanel? = nil) -> DeliveryItem {
    DeliveryItem(
      row: row,
      record: .observation(
        ObservationRecord(
          sequence: row, observation: Observation(code: .systolic, value: Quantity(mantissa: 120), unit: .millimetreOfMercury),
          patient: patient, device: nil, controller: "964338531", measuredAt: .unknown, receivedAt: WallTime(rawValue: 0), panel: panel)))
  }

  static func observations(_ rows: ClosedRange<UInt64>) -> [DeliveryItem] { rows.map { observation($0) } }

  static func alarm(_ alert: UInt64, _ kind: AlertTransitionKind = .raised, at instant: Int64 = 0, row: UInt64? = nil) -> DeliveryItem {
    let transition = AlertTransition(
      id: AlertID(high: 1, low: alert), rule: .sos, priority: .high, state: .raised, previous: .raised, kind: kind, level: 0,
      deadline: .never, firstCause: alert, raisedAt: .zero, value: 0, limit: 0, subject: 0, actor: .hub)
    return DeliveryItem(
      row: row,
      record: .alert(
        AlertRecord(
          transition: transition, instant: MonotonicInstant(rawValue: instant), occurredAt: WallTime(rawValue: 0),
          raisedAt: WallTime(rawValue: 0), patient: patient, device: nil, controller: "964338531", evidence: [],
          text: AlertRecord.Text(nb: "", nn: "", en: ""))))
  }

  static func at(_ seconds: Double) -> MonotonicInstant { MonotonicInstant(rawValue: Int64(seconds * 1_000_000_000)) }

  static func delivered(_ count: Int) -> DeliveryReport {
    DeliveryReport(.each(Array(repeating: .delivered(remoteID: nil), count: count)))
  }
  static let unreachable = DeliveryReport(.failed(.unreachable, retryAfter: nil))
  static let refusal = Refusal(status: 400, diagnostics: "invalid")

  /// A lane whose outbox is known to be empty.
  static func idleLane(_ kind: DeliveryLane.Kind = .alarms, seed: UInt64 = 1) -> DeliveryLane {
    var lane = DeliveryLane(kind, policy: policy, seed: seed)
    _ = lane.event(.tick, at: .zero)
    _ = lane.event(.fetched([], reachedEnd: true), at: .zero)
    return lane
  }

  /// A lane that holds these items, the first batch of which is under way as attempt 1.
  static func sendingLane(_ items: [DeliveryItem], kind: DeliveryLane.Kind = .routine) -> DeliveryLane {
    var lane = DeliveryLane(kind, policy: policy, seed: 1)
    _ = lane.event(.tick, at: .zero)
    _ = lane.event(.fetched(items, reachedEnd: true), at: .zero)
    return lane
  }
}

extension DeliveryLane.Action {
  /// For tables.
  var name: String {
    switch self {
    case .send(let attempt): "send \(attempt.items.count)"
    case .cancel: "cancel"
    case .fetch, .fetchOthers, .fetchOf: "fetch"
    case .wake(let instant): instant == .never ? "no wake" : "wake"
    case .delivered(let receipts): "delivered \(receipts.count)"
    case .deadLetter(let letters): "dead letter \(letters.count)"
    case .destinationDead: "destination dead"
    case .destinationRecovered: "recovered"
    case .drainSiblings: "siblings"
    }
  }
}

extension [DeliveryLane.Action] {
  var names: [String] { map(\.name) }
  var sent: DeliveryLane.Attempt? {
    for case .send(let attempt) in self { return attempt }
    return nil
  }
  var wake: MonotonicInstant? {
    for case .wake(let instant) in self { return instant }
    return nil
  }
}
