// The board as it is shown: order, texts and classes for the templates, made from a snapshot. Pure: same snapshot, same
// moment, same view. The fields are read by name from `Resources/templates`; a name lives in one view only, because a
// template that finds nothing looks in the view around it.

import AlertTexts
import Foundation
import VitalSigns

/// Everything that the board's fragment shows. The same for every screen: nothing of a session is in it.
struct BoardView {
  /// Most full cards on one page. What is beyond it has a line for each person: nobody with an open alert is left out.
  static let cardsMax = 100
  static let closedMax = 30

  let cards: [AlertCard]
  /// What concerns the hub and devices, apart from what concerns people.
  let apart: [AlertCard]
  let rest: [RestRow]
  let closed: [ClosedRow]
  let hasCards: Bool
  let hasApart: Bool
  let hasAny: Bool
  let hasRest: Bool
  let hasClosed: Bool
  let isEmpty: Bool
  /// Empty because nothing can be seen: never shown as all well.
  let isBlind: Bool
  let countText: String
  let tally: [TallyItem]
  let countOpen: Int

  init(_ snapshot: BoardSnapshot, isBlind: Bool, catalogue: Catalogue, zone: TimeZone) {
    let groups = AlertGroup.all(snapshot.open)
    let (people, others) = (groups.filter { !$0.shown.isApart }, groups.filter(\.shown.isApart))
    let card = { (group: AlertGroup) in AlertCard(group, now: snapshot.takenAt, catalogue: catalogue, zone: zone) }
    cards = people.prefix(Self.cardsMax).map(card)
    apart = others.prefix(max(0, Self.cardsMax - cards.count)).map(card)
    rest = RestRow.all(
      Array(people.dropFirst(cards.count)) + Array(others.dropFirst(apart.count)), catalogue: catalogue, zone: zone)
    let done = snapshot.closed.sorted {
      Self.closedAt($0) == Self.closedAt($1) ? Self.idPrecedes($0, $1) : Self.closedAt($0) > Self.closedAt($1)
    }
    closed = done.prefix(Self.closedMax).map { ClosedRow($0, catalogue: catalogue, zone: zone) }
    hasCards = !cards.isEmpty
    hasApart = !apart.isEmpty
    hasAny = !groups.isEmpty
    hasRest = !rest.isEmpty
    hasClosed = !closed.isEmpty
    isEmpty = groups.isEmpty && !isBlind
    self.isBlind = groups.isEmpty && isBlind
    let count = groups.reduce(0) { $0 + 1 + $1.more }
    countText = catalogue.text("count", count == 1 ? "one" : "many", ["n": "\(count)"])
    tally = [AlertPriority.high, .medium, .low].map { priority in
      TallyItem(priority, count: groups.filter { $0.shown.priority == priority }.reduce(0) { $0 + 1 + $1.more }, catalogue: catalogue)
    }
    countOpen = count
  }

  private static func idPrecedes(_ a: BoardAlert, _ b: BoardAlert) -> Bool {
    (a.id.high, a.id.low) < (b.id.high, b.id.low)
  }

  private static func closedAt(_ alert: BoardAlert) -> WallTime { alert.closure?.at ?? .unknown }
}

/// One person beyond the full cards: what is most urgent, and how much more there is.
struct RestRow {
  let restID: String
  let restWho: String
  let restWhat: String
  let restPlace: String
  let restMark: String
  let restClock: String
  let restMore: String

  /// One row a person (and one for the hub), in the order of the board.
  static func all(_ groups: [AlertGroup], catalogue: Catalogue, zone: TimeZone) -> [RestRow] {
    var order: [PatientID] = []
    var byPerson: [PatientID: [AlertGroup]] = [:]
    for group in groups {
      let person = group.shown.person?.id ?? .none
      if byPerson[person] == nil { order.append(person) }
      byPerson[person, default: []].append(group)
    }
    return order.compactMap { person in
      guard let groups = byPerson[person], let first = groups.first?.shown else { return nil }
      let more = groups.reduce(0) { $0 + 1 + $1.more } - 1
      return RestRow(
        restID: first.id.description, restWho: first.person?.displayName ?? catalogue.text("card", "hub"),
        restWhat: first.presentSentence(catalogue, in: zone), restPlace: first.person?.placeText(catalogue) ?? "",
        restMark: first.priority.mark, restClock: clockText(first.raisedAt, in: zone),
        restMore: more > 0 ? catalogue.text("count", "more", ["n": "\(more)"]) : "")
    }
  }
}

/// How many of one priority are open.
struct TallyItem {
  let tallyMark: String
  let tallyText: String
  let tallyCount: Int
  let isAny: Bool

  init(_ priority: AlertPriority, count: Int, catalogue: Catalogue) {
    tallyMark = priority.mark
    tallyText = catalogue.text("priority", priority.key).lowercased()
    tallyCount = count
    isAny = count > 0
  }
}

extension AlertPriority {
  /// IEC 60601-1-8: `***` high, `**` medium, `*` low.
  var mark: String { String(repeating: "*", count: Int(rawValue)) }
}

/// NEWS2 beside an alert: the RCP's colours, always with digit and text.
struct ScoreBadge {
  /// "8", or "4–10" when something is missing.
  let total: String
  let bandKey: String
  let bandText: String
  let missingText: String
  let isIncomplete: Bool
  let trendArrow: String
  let trendText: String
  let hasTrend: Bool
  let scoredAt: String
  let items: [ScoreItem]
  let hasItems: Bool

  init(_ score: BoardNEWS2, catalogue: Catalogue, zone: TimeZone) {
    total = score.low == score.high ? "\(score.low)" : "\(score.low)–\(score.high)"
    // An interval over several bands has none: 0–20 shown as "no points" would be lost data shown as good news.
    bandKey = score.isBandKnown ? score.band.key : "incomplete"
    bandText = score.isBandKnown ? catalogue.text("band", score.band.key) : catalogue.text("news2", "incomplete", ["range": total])
    isIncomplete = score.low != score.high || !score.missing.isEmpty
    // The day's change says more than the last step, which may be one reading apart. Neither: the scores were made from different
    // inputs, and an arrow between them would tell of what is missing, not of the person.
    let change = score.changeOver24Hours ?? score.changeSinceLast
    hasTrend = change != nil
    missingText = catalogue.text(
      "news2", hasTrend ? "missing" : "notComparable",
      ["list": score.missing.map { catalogue.text("parameter", $0.key) }.joined(separator: ", ")])
    let value = change ?? 0
    trendArrow = value > 0 ? "▲" : value < 0 ? "▼" : "▶"
    let direction = catalogue.text("trend", value > 0 ? "rising" : value < 0 ? "falling" : "steady")
    let amount = value == 0 ? "" : " \(value > 0 ? "+" : "−")\(value.magnitude)"
    trendText = "\(direction)\(amount) \(catalogue.text("trend", score.changeOver24Hours == nil ? "sinceLast" : "over24Hours"))"
    scoredAt = catalogue.text("news2", "at", ["time": clockText(score.at, in: zone)])
    items = score.points.filter { (1...3).contains($0.points) }.sorted { $0.points > $1.points }.map {
      ScoreItem(name: catalogue.text("parameter", $0.parameter.key), points: $0.points)
    }
    hasItems = !items.isEmpty
  }
}

/// One parameter with points, 1 yellow, 2 orange, 3 red.
struct ScoreItem {
  let name: String
  let points: Int
}

/// One line of what was closed.
struct ClosedRow {
  let closedClock: String
  let closedWho: String
  let closedWhat: String
  let closedHow: String

  init(_ alert: BoardAlert, catalogue: Catalogue, zone: TimeZone) {
    closedClock = clockText(alert.closure?.at ?? .unknown, in: zone)
    closedWho = alert.person?.displayName ?? catalogue.text("card", "hub")
    closedWhat = alert.sentence(catalogue, in: zone)
    if let by = alert.closure?.by {
      closedHow = catalogue.text("card", "resolved", ["who": by])
    } else {
      closedHow = catalogue.text("card", "cleared")
    }
  }
}

extension BoardAlert {
  /// What was told, in plain words: the sentence of every channel.
  func sentence(_ catalogue: Catalogue, in zone: TimeZone) -> String {
    let reason = AlertReason(rule: rule, value: value, limit: limit, upper: upper, subject: subject)
    return catalogue.sentence(
      AlertFact(reason: reason, also: also, raisedAt: raisedAt, subjectName: subjectName, subjectFiles: subjectFiles), in: zone)
  }

  /// The sentence from the present score where that is another than the one told: one number on a card, the old one in brackets.
  func presentSentence(_ catalogue: Catalogue, in zone: TimeZone) -> String {
    let reason = AlertReason(rule: rule, value: value, limit: limit, upper: upper, subject: subject)
    let first = presentWords(reason, catalogue, zone)
    guard let also else { return first }
    return catalogue.text("rule", "both", ["first": first, "second": catalogue.inSentence(presentWords(also, catalogue, zone))])
  }

  /// One reason by itself, a NEWS2 sum by the present score.
  private func presentWords(_ reason: AlertReason, _ catalogue: Catalogue, _ zone: TimeZone) -> String {
    var reason = reason
    let said = {
      catalogue.sentence(
        AlertFact(reason: $0, also: nil, raisedAt: raisedAt, subjectName: subjectName, subjectFiles: subjectFiles), in: zone)
    }
    guard reason.rule == .news2High || reason.rule == .news2Medium, let news2 else { return said(reason) }
    if news2.low == Int(reason.value) {
      // The same least as was told; what is missing may have changed since.
      reason.upper = Int32(clamping: news2.high)
      return said(reason)
    }
    let places = [
      "value": "\(news2.low)", "range": "\(news2.low)–\(news2.high)", "band": catalogue.text("band", news2.band.key),
      "then": reason.upper > reason.value ? catalogue.text("news2", "atLeast", ["value": "\(reason.value)"]) : "\(reason.value)",
      "time": clockText(valueAt == .unknown ? raisedAt : valueAt, in: zone),
    ]
    let form = !news2.isBandKnown ? "now.unknown" : news2.low == news2.high ? "now" : "now.atLeast"
    return catalogue.text("news2", form, places)
  }
}
