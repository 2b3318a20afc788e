// Which alerts share a card. Forty presses of one button are one person who needs help: one card, with how many more there are, so
// that no flood of one person can take the room of another on the board.

import VitalSigns

/// Alerts of one person, rule, device and subject that are all taken or all not taken.
struct AlertGroup {
  /// The newest: what is happening now.
  let shown: BoardAlert
  /// The others, in no order.
  let others: [BoardAlert]
  /// Others that are known only by their number.
  let uncounted: Int

  var more: Int { others.count + uncounted }
  var firstRaisedAt: WallTime { others.map(\.raisedAt).min().map { min($0, shown.raisedAt) } ?? shown.raisedAt }

  private struct Key: Hashable {
    let person: PatientID?
    let rule: AlertRule
    let subject: UInt32
    let device: String?
    let isTaken: Bool

    init(_ alert: BoardAlert) {
      person = alert.person?.id
      rule = alert.rule
      subject = alert.subject
      device = alert.device
      isTaken = alert.isTaken
    }
  }

  /// The groups of those alerts that somebody is to see, in the order of the board.
  static func all(_ alerts: [BoardAlert]) -> [AlertGroup] {
    var members: [Key: [BoardAlert]] = [:]
    for alert in alerts where alert.state.isOpen && alert.state != .suspected { members[Key(alert), default: []].append(alert) }
    return members.values.compactMap { alerts in
      guard let shown = alerts.max(by: { ($0.raisedAt, $0.id.high, $0.id.low) < ($1.raisedAt, $1.id.high, $1.id.low) }) else { return nil }
      return AlertGroup(
        shown: shown, others: alerts.filter { $0.id != shown.id }, uncounted: alerts.reduce(0) { $0 + $1.alsoOpen })
    }.sorted { precedes($0.shown, $1.shown) }
  }

  /// What a person who acts on this card has seen: the alert and those of its group that are not newer.
  static func members(of id: AlertID, in alerts: [BoardAlert]) -> [BoardAlert] {
    guard let alert = alerts.first(where: { $0.id == id }) else { return [] }
    let key = Key(alert)
    return alerts.filter {
      $0.id != id && $0.state.isOpen && $0.state != .suspected && Key($0) == key && $0.raisedAt <= alert.raisedAt
    }
  }

  /// Most urgent first; of those the ones that nobody has taken; then the newest, because what has just happened is what nobody has
  /// seen. The id makes the order total.
  private static func precedes(_ a: BoardAlert, _ b: BoardAlert) -> Bool {
    if a.priority != b.priority { return a.priority > b.priority }
    if a.isTaken != b.isTaken { return b.isTaken }
    if a.raisedAt != b.raisedAt { return a.raisedAt > b.raisedAt }
    return (a.id.high, a.id.low) < (b.id.high, b.id.low)
  }
}

extension BoardAlert {
  var isTaken: Bool { state == .acknowledged || state == .responding }
  /// Of the hub, or of a device in an ordinary way: apart from what concerns a person's life. A safety alarm that is silent or not
  /// understood has high priority and stands among the people.
  var isApart: Bool { person == nil || (rule.isTechnical && priority < .high) }
}
