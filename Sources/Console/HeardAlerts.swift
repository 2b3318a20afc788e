// What the core has told and the journal does not show yet: an alarm is on the board at once, whatever the store does, and stays
// there with its newest state until the journal shows that state too. A value: no clock, no I/O.

import VitalSigns

/// Alerts by what was heard last of each.
struct HeardAlerts: Sendable {
  /// Alerts of one person, rule and device that are kept while the journal has none of them. Beyond it only their number is: a stuck
  /// button takes no other person's room, and the number of persons is the registry's.
  static let perGroupMax = 64

  /// How far an alert's story has been told.
  struct Mark: Sendable, Hashable, Comparable {
    var instant: MonotonicInstant
    var revision: UInt16

    init(instant: MonotonicInstant, revision: UInt16) {
      self.instant = instant
      self.revision = revision
    }
    static func < (a: Self, b: Self) -> Bool { (a.instant, a.revision) < (b.instant, b.revision) }
  }

  private struct Group: Hashable {
    let person: PatientID?
    let rule: AlertRule
    let device: String?
  }
  private struct Heard {
    var card: BoardAlert
    var mark: Mark
  }
  private var alerts: [AlertID: Heard] = [:]
  private var members: [Group: [AlertID]] = [:]
  /// How many of a group were let go.
  private var dropped: [Group: Int] = [:]

  /// Something was told of an alert. What is older than what is known changes nothing.
  mutating func hear(_ card: BoardAlert, _ mark: Mark) {
    if let known = alerts[card.id] {
      if known.mark <= mark { alerts[card.id] = Heard(card: card, mark: mark) }
      return
    }
    alerts[card.id] = Heard(card: card, mark: mark)
    let group = Group(person: card.person?.id, rule: card.rule, device: card.device)
    members[group, default: []].append(card.id)
    guard members[group, default: []].count > Self.perGroupMax else { return }
    let oldest = members[group, default: []].removeFirst()
    alerts[oldest] = nil
    dropped[group, default: 0] += 1
  }

  var count: Int { alerts.count }
  /// Whom the alerts concern.
  var people: Set<PatientID> { Set(alerts.values.compactMap(\.card.person?.id)) }

  /// Puts what was heard over what the journal has, and forgets what the journal shows as far as it was told.
  ///
  /// - Parameter stored: how far the journal tells each alert that it has.
  mutating func merge(into snapshot: inout BoardSnapshot, stored: [AlertID: Mark]) {
    let done = alerts.filter { id, heard in stored[id].map { heard.mark <= $0 } ?? false }
    if !done.isEmpty { forget(Set(done.keys)) }
    guard !alerts.isEmpty else { return }
    var over: Set<AlertID> = []
    for index in snapshot.open.indices {
      guard let heard = alerts[snapshot.open[index].id] else { continue }
      if heard.card.state.isOpen { snapshot.open[index].follow(heard.card) } else { over.insert(heard.card.id) }
    }
    snapshot.open.removeAll { over.contains($0.id) }
    for (group, ids) in members {
      var more = dropped[group, default: 0]
      for id in ids {
        guard let heard = alerts[id], heard.card.state.isOpen, stored[id] == nil else { continue }
        var card = heard.card
        card.alsoOpen = more
        more = 0
        snapshot.open.append(card)
      }
    }
  }

  private mutating func forget(_ ids: Set<AlertID>) {
    for (group, known) in members {
      let left = known.filter { !ids.contains($0) }
      guard left.count < known.count else { continue }
      members[group] = left.isEmpty ? nil : left
      // The journal has caught up with these, so it has those before them too.
      dropped[group] = nil
    }
    for id in ids { alerts[id] = nil }
  }
}

extension BoardAlert {
  /// Takes the state and numbers over from a newer word on the same alert; who did what stays as the journal has it.
  fileprivate mutating func follow(_ newer: BoardAlert) {
    rule = newer.rule
    priority = newer.priority
    state = newer.state
    level = newer.level
    escalatesAt = newer.escalatesAt
    if (value, upper) != (newer.value, newer.upper) { valueAt = newer.valueAt }
    (value, limit, upper, subject, also) = (newer.value, newer.limit, newer.upper, newer.subject, newer.also)
  }
}
