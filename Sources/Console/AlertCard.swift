// One card of the board: texts and classes for `card.mustache`, made from an alert, its group and what is known of its person.

import AlertTexts
import Foundation
import VitalSigns

/// One open alert.
struct AlertCard {
  let id: String
  /// 40 bits of the id, which is mixed all through: for the names of elements, which stand a dozen times on a card. That two of a board's
  /// cards share one happens once in a hundred million boards.
  let anchor: String
  let priorityKey: String
  let priorityMark: String
  let priorityText: String
  let stateKey: String
  let stateText: String
  let who: String
  /// Nil: the hub's own.
  let person: CardPerson?
  let hasPerson: Bool
  let notPerson: String
  let what: String
  let deviceName: String
  let hasDevice: Bool
  let raisedMilliseconds: String
  let raisedClock: String
  let ageText: String
  let levelText: String
  let isEscalated: Bool
  let escalatesMilliseconds: String
  let escalatesText: String
  /// A taken alert is told again to the same people; one that nobody has taken goes to the next.
  let escalatesLabel: String
  let hasEscalation: Bool
  /// Who has taken it, most recent first step last.
  let marks: [String]
  let isTaken: Bool
  let canAcknowledge: Bool
  let canRespond: Bool
  let score: ScoreBadge?
  /// "og 99 til, den første kl. 02:10"
  let moreText: String
  let hasMore: Bool
  /// "Ikke levert til responssenteret – ring"
  let undeliveredText: String
  let isUndelivered: Bool
  /// "Bare tavlen vet om dette"
  let boardOnlyText: String
  let isBoardOnly: Bool
  /// A word for the strip at the top: "trygghetsalarm".
  let short: String

  init(_ alert: BoardAlert, now: WallTime, catalogue: Catalogue, zone: TimeZone) {
    self.init(AlertGroup(shown: alert, others: [], uncounted: alert.alsoOpen), now: now, catalogue: catalogue, zone: zone)
  }

  init(_ group: AlertGroup, now: WallTime, catalogue: Catalogue, zone: TimeZone) {
    let alert = group.shown
    id = alert.id.description
    anchor = String(alert.id.low & 0xFF_FFFF_FFFF, radix: 36)
    priorityKey = alert.priority.key
    priorityMark = alert.priority.mark
    priorityText = catalogue.text("priority", alert.priority.key)
    stateKey = alert.state.key
    let told = alert.receipts.filter { $0.state == .delivered }
    let receivers = told.map(\.receiver).joined(separator: ", ")
    stateText =
      told.isEmpty
      ? catalogue.text("state", alert.state.key)
      : catalogue.text("card", "sent", ["who": receivers, "time": clockText(told.map(\.at).max() ?? .unknown, in: zone)])
    let missing = alert.isTaken ? [] : alert.receipts.filter { $0.isMissing(at: now) }.map(\.receiver)
    isUndelivered = !missing.isEmpty
    isBoardOnly = alert.isBoardOnly && !alert.isTaken
    boardOnlyText = catalogue.text("card", "boardOnly")
    // Who has had word of it before lacks only what came last.
    let hadWord = !missing.isEmpty && Set(missing).isSubset(of: told.map(\.receiver))
    undeliveredText = catalogue.text("card", hadWord ? "lastNotDelivered" : "notDelivered", ["who": missing.joined(separator: ", ")])
    who = alert.person?.displayName ?? catalogue.text("card", "hub")
    what = alert.presentSentence(catalogue, in: zone)
    person = alert.person.map { CardPerson($0, rule: alert.rule, now: now, catalogue: catalogue, zone: zone) }
    hasPerson = person != nil
    notPerson = catalogue.text("card", "notPerson")
    deviceName = alert.device ?? ""
    hasDevice = !deviceName.isEmpty
    raisedMilliseconds = "\(alert.raisedAt.rawValue)"
    raisedClock = clockText(alert.raisedAt, in: zone)
    ageText = catalogue.age(from: alert.raisedAt, to: now)
    isEscalated = alert.level > 0
    levelText =
      receivers.isEmpty
      ? catalogue.text("card", "escalated", ["n": "\(alert.level)"]) : catalogue.text("card", "escalatedTo", ["who": receivers])
    hasEscalation = alert.escalatesAt != nil
    escalatesMilliseconds = "\(alert.escalatesAt?.rawValue ?? 0)"
    escalatesText = catalogue.wait(from: now, until: alert.escalatesAt ?? now)
    escalatesLabel = catalogue.text("card", alert.isTaken ? "toldAgain" : "nextLevel")
    hasMore = group.more > 0
    moreText = catalogue.text(
      "count", "moreSince", ["n": "\(group.more)", "time": momentText(group.firstRaisedAt, seenFrom: now, in: zone)])
    short = catalogue.has("short", alert.rule.key) ? catalogue.text("short", alert.rule.key) : alert.sentence(catalogue, in: zone)
    marks = [("acknowledged", alert.acknowledgement), ("responding", alert.response)].compactMap { name, mark in
      mark.map { catalogue.text("card", name, ["who": $0.by ?? catalogue.text("card", "hub"), "time": clockText($0.at, in: zone)]) }
    }
    isTaken = alert.isTaken
    canAcknowledge = !isTaken
    // An alert of the hub's own concerns no place that somebody could go to, so it has no "on my way".
    canRespond = alert.state != .responding && alert.person != nil
    score = person?.isNotScored == true ? nil : alert.news2.map { ScoreBadge($0, catalogue: catalogue, zone: zone) }
  }
}
