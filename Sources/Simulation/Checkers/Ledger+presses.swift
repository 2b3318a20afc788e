// Which press an id belongs to. Whoever gets alarms knows them by their ids: a second press under the first one's id is dropped as known, and
// one press under two ids is two calls for help.
//
// Each simulated press carries a number, so that its bytes are no other press's. A device that sends them twice has called twice; what the broker
// brings again is the same message.

import VitalSigns

extension Ledger {
  /// A press by its device and its bytes.
  struct PressName: Hashable {
    var device: Int
    var bytes: [UInt8]
  }

  /// What is known of presses and ids.
  struct PressIDs {
    /// Which press an entry is, and its message.
    var bySequence: [UInt64: (name: PressName, message: UInt64)] = [:]
    /// Which press raised an alert first.
    var raisedBy: [AlertID: PressName] = [:]
    /// The alert that a message raised last.
    var alertOf: [UInt64: AlertID] = [:]
    /// Alerts of which this run has told, with the highest change.
    var toldInRun: [AlertID: UInt16] = [:]
    var ended: Set<AlertID> = []

    mutating func runEnded() { toldInRun = [:] }

    /// What the run before took and did not store is no entry, and its number is given again.
    mutating func runBegan(after durable: UInt64) { bySequence = bySequence.filter { $0.key <= durable } }
  }

  /// From here on its presses are another person's calls, and its silence is counted anew.
  mutating func changesOwner(_ device: SimulatedDevice, at now: Int64) {
    for message in pressIDs.alertOf.keys where taken[message]?.message.device == Int(device.id.rawValue) - 1 {
      pressIDs.alertOf[message] = nil
    }
    heard[device.id] = now
    lost.remove(device.id)
  }

  mutating func notePress(_ message: SimulatedMessage, sequence: UInt64) {
    pressIDs.bySequence[sequence] =
      message.meaning == .press ? (PressName(device: message.device, bytes: message.payload), message.number) : nil
  }

  mutating func checkPress(_ transition: AlertTransition, cause: UInt64, at now: Int64) {
    let id = transition.id
    defer { pressIDs.toldInRun[id] = max(pressIDs.toldInRun[id] ?? 0, transition.revision) }
    guard transition.rule == .sos else { return }
    if !transition.state.isOpen { pressIDs.ended.insert(id) }
    guard transition.kind == .raised, let (press, message) = pressIDs.bySequence[cause] else { return }
    if let first = pressIDs.raisedBy[id], first != press {
      report(.pressHasItsId, "\(id) was raised by \(Self.words(first)) and is raised by \(Self.words(press))", at: now)
    }
    pressIDs.raisedBy[id] = press
    if let before = pressIDs.alertOf[message], before != id, goesOn(before) {
      report(.pressHasItsId, "\(Self.words(press)) raised \(before), which goes on, and raises \(id)", at: now)
    }
    pressIDs.alertOf[message] = id
  }

  /// Whether the core follows an alert, as far as can be told from outside: it was told in this run, or stored in one before; and there
  /// was room for all.
  private func goesOn(_ alert: AlertID) -> Bool {
    !pressIDs.ended.contains(alert) && !roomWasTold && (pressIDs.toldInRun[alert] != nil || durableAlerts[alert] != nil)
  }

  private static func words(_ press: PressName) -> String { String(decoding: press.bytes, as: UTF8.self) }
}
