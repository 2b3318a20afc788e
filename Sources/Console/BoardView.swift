// The board as it is shown: order, texts and classes for the templates, made from a snapshot. Pure: same snapshot, same
// moment, same view. The fields are read by name from `Resources/templates`; a name lives in one view only, because a
// template that finds nothing looks in the view around it.

import Foundation
import VitalSigns

/// Everything that the board's fragment shows. The same for every screen: nothing of a session is in it.
struct BoardView {
  /// Most cards on one page. A board beyond it is a disaster, and says so instead of growing.
  static let cardsMax = 100
  static let closedMax = 30

  let cards: [AlertCard]
  let closed: [ClosedRow]
  let hasCards: Bool
  let hasClosed: Bool
  let isEmpty: Bool
  /// Empty because nothing can be seen: never shown as all well.
  let isBlind: Bool
  let countText: String
  let hiddenText: String
  let isCut: Bool
  let tally: [TallyItem]
  let countOpen: Int

  init(_ snapshot: BoardSnapshot, isBlind: Bool, catalogue: Catalogue, zone: TimeZone) {
    let shown = snapshot.open.filter { $0.state.isOpen && $0.state != .suspected }.sorted(by: Self.precedes)
    cards = shown.prefix(Self.cardsMax).map { AlertCard($0, now: snapshot.takenAt, catalogue: catalogue, zone: zone) }
    let done = snapshot.closed.sorted {
      Self.closedAt($0) == Self.closedAt($1) ? Self.idPrecedes($0, $1) : Self.closedAt($0) > Self.closedAt($1)
    }
    closed = done.prefix(Self.closedMax).map { ClosedRow($0, catalogue: catalogue, zone: zone) }
    hasCards = !cards.isEmpty
    hasClosed = !closed.isEmpty
    isEmpty = cards.isEmpty && !isBlind
    self.isBlind = cards.isEmpty && isBlind
    countText = catalogue.text("count", shown.count == 1 ? "one" : "many", ["n": "\(shown.count)"])
    isCut = shown.count > cards.count
    hiddenText = catalogue.text("count", "hidden", ["n": "\(shown.count - cards.count)"])
    tally = [AlertPriority.high, .medium, .low].map { priority in
      TallyItem(priority, count: shown.count { $0.priority == priority }, catalogue: catalogue)
    }
    countOpen = shown.count
  }

  /// Most urgent first; of those the ones that nobody has taken; then the one that has waited longest. The id makes the
  /// order total.
  private static func precedes(_ a: BoardAlert, _ b: BoardAlert) -> Bool {
    if a.priority != b.priority { return a.priority > b.priority }
    let (aIsTaken, bIsTaken) = (a.state == .acknowledged || a.state == .responding, b.state == .acknowledged || b.state == .responding)
    if aIsTaken != bIsTaken { return bIsTaken }
    if a.raisedAt != b.raisedAt { return a.raisedAt < b.raisedAt }
    return idPrecedes(a, b)
  }

  private static func idPrecedes(_ a: BoardAlert, _ b: BoardAlert) -> Bool {
    (a.id.high, a.id.low) < (b.id.high, b.id.low)
  }

  private static func closedAt(_ alert: BoardAlert) -> WallTime { alert.closure?.at ?? .unknown }
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

/// One open alert.
struct AlertCard {
  let id: String
  let priorityKey: String
  let priorityMark: String
  let priorityText: String
  let stateKey: String
  let stateText: String
  let who: String
  let place: String
  let hasPlace: Bool
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
  let hasEscalation: Bool
  /// Who has taken it, most recent first step last.
  let marks: [String]
  let isTaken: Bool
  let canAcknowledge: Bool
  let canRespond: Bool
  let score: ScoreBadge?
  /// Read aloud when the card appears.
  let announcement: String

  init(_ alert: BoardAlert, now: WallTime, catalogue: Catalogue, zone: TimeZone) {
    id = alert.id.description
    priorityKey = alert.priority.key
    priorityMark = alert.priority.mark
    priorityText = catalogue.text("priority", alert.priority.key)
    stateKey = alert.state.key
    stateText = catalogue.text("state", alert.state.key)
    let who = alert.person?.displayName ?? catalogue.text("card", "hub")
    let what = alert.presentSentence(catalogue, in: zone)
    self.who = who
    self.what = what
    place = alert.person == nil ? catalogue.text("card", "notPerson") : alert.person?.place ?? ""
    hasPlace = !place.isEmpty
    deviceName = alert.device ?? ""
    hasDevice = !deviceName.isEmpty
    raisedMilliseconds = "\(alert.raisedAt.rawValue)"
    raisedClock = clockText(alert.raisedAt, in: zone)
    ageText = catalogue.age(from: alert.raisedAt, to: now)
    isEscalated = alert.level > 0
    levelText = catalogue.text("card", "escalated", ["n": "\(alert.level)"])
    hasEscalation = alert.escalatesAt != nil
    escalatesMilliseconds = "\(alert.escalatesAt?.rawValue ?? 0)"
    escalatesText = catalogue.wait(from: now, until: alert.escalatesAt ?? now)
    marks = [("acknowledged", alert.acknowledgement), ("responding", alert.response)].compactMap { name, mark in
      mark.map { catalogue.text("card", name, ["who": $0.by ?? catalogue.text("card", "hub"), "time": clockText($0.at, in: zone)]) }
    }
    isTaken = alert.state == .acknowledged || alert.state == .responding
    canAcknowledge = !isTaken
    // Nobody drives out to the hub.
    canRespond = alert.state != .responding && alert.person != nil
    score = alert.news2.map { ScoreBadge($0, catalogue: catalogue, zone: zone) }
    announcement = catalogue.text(
      "card", "announce", ["priority": priorityText.lowercased(), "who": who, "what": what])
  }
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
    return catalogue.sentence(AlertFact(reason: reason, also: also, raisedAt: raisedAt, subjectName: subjectName), in: zone)
  }

  /// The sentence from the present score where that is another than the one told: one number on a card, the old one in brackets.
  func presentSentence(_ catalogue: Catalogue, in zone: TimeZone) -> String {
    guard rule == .news2High || rule == .news2Medium, let news2, also == nil else { return sentence(catalogue, in: zone) }
    if news2.low == Int(value) && news2.high == Int(upper) { return sentence(catalogue, in: zone) }
    let places = [
      "value": "\(news2.low)", "range": "\(news2.low)–\(news2.high)", "band": catalogue.text("band", news2.band.key),
      "then": upper > value ? catalogue.text("news2", "atLeast", ["value": "\(value)"]) : "\(value)",
      "time": clockText(valueAt == .unknown ? raisedAt : valueAt, in: zone),
    ]
    let form = !news2.isBandKnown ? "now.unknown" : news2.low == news2.high ? "now" : "now.atLeast"
    return catalogue.text("news2", form, places)
  }
}
