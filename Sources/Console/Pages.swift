// Renders the pages: what the templates are given, by name. Nothing here decides what may be seen or done.

import AlertTexts
import Foundation
import HubRuntime
import Mustache
import VitalSigns

/// The board as last read, and what is known about how far it can be trusted.
struct BoardState: Sendable {
  var snapshot: BoardSnapshot
  /// Rises with every change of what is shown.
  var revision: UInt64
  var core: CoreLiveness
  /// Whether the last attempt to read the board succeeded.
  var isReadable: Bool
  /// Nil: the hub has not said yet.
  var health: BoardHealth?

  /// Whether an empty board may be believed: everything that must work does, and says so.
  var isTrusted: Bool { core == .live && isReadable && health?.problems.isEmpty == true }

  /// Whose alerts are shown.
  var people: [PatientID] { Array(Set((snapshot.open + snapshot.closed).compactMap(\.person?.id))).sorted() }
}

/// The page maker.
struct Pages: Sendable {
  let resources: ConsoleResources
  let zone: TimeZone
  var catalogue: Catalogue { resources.catalogue }

  /// The part of the board that changes; the same for every screen.
  func fragment(_ state: BoardState) -> String {
    render("fragment", frame("board").merging(["board": view(state)]) { $1 })
  }

  func board(_ state: BoardState, session: Session, notice: Notice?, now: WallTime) -> String {
    var page = livePage("board", state, session: session, now: now)
    page["board"] = view(state)
    if let notice { page["notice"] = ["kind": notice.kind.rawValue, "text": notice.text] }
    return render("board", page)
  }

  /// The form that closes an alert, filled with what was already written when it was refused.
  func resolve(
    _ alert: BoardAlert, form: ResolveForm, problem: String?, state: BoardState, session: Session, now: WallTime
  ) -> String {
    var page = livePage("resolve", state, session: session, now: now)
    let card = AlertCard(alert, now: now, catalogue: catalogue, zone: zone)
    page["subjectID"] = card.id
    page["subjectWho"] = card.who
    page["subjectWhat"] = card.what
    page["subjectPriorityKey"] = card.priorityKey
    page["subjectPriorityMark"] = card.priorityMark
    page["subjectPriorityText"] = card.priorityText
    page["subjectRaised"] = card.raisedMilliseconds
    page["subjectAge"] = card.ageText
    page["hasProblem"] = problem != nil
    page["problem"] = problem ?? ""
    page["comment"] = form.comment
    page["commentMax"] = BoardResolution.commentCharactersMax
    page["usefulYes"] = form.usefulness == .actionable
    page["usefulNo"] = form.usefulness == .notActionable
    page["causes"] = ResolutionCause.allCases.map {
      ["key": $0.rawValue, "label": catalogue.text("cause", $0.rawValue), "isChosen": $0 == form.cause] as [String: Any]
    }
    page["measures"] = ResolutionMeasure.allCases.map {
      ["key": $0.rawValue, "label": catalogue.text("measure", $0.rawValue), "isChosen": $0 == form.measure] as [String: Any]
    }
    return render("resolve", page)
  }

  func signIn(actor: String, token: String) -> String {
    render("signin", frame("signIn").merging(["actor": actor, "token": token]) { $1 })
  }

  func signedOut(problem: String? = nil) -> String {
    render("signedout", frame("signedOut").merging(["hasProblem": problem != nil, "problem": problem ?? ""]) { $1 })
  }

  func problem(_ text: String) -> String { render("problem", frame("problem").merging(["problem": text]) { $1 }) }

  private func view(_ state: BoardState) -> BoardView {
    BoardView(state.snapshot, isBlind: !state.isTrusted, catalogue: catalogue, zone: zone)
  }

  /// "Sist kontakt kl. 03:12." or nothing.
  func sinceText(_ core: CoreLiveness) -> String {
    guard case .lost(let since?) = core else { return "" }
    return catalogue.text("banner", "since", ["time": clockText(since, in: zone, seconds: true)])
  }

  /// What does not work, gravest first; never cut without a word.
  func problems(_ state: BoardState) -> [BoardProblem] {
    let all = state.health?.problems ?? []
    guard all.count > BoardFeed.problemsMax else { return all }
    let rest = all.count - BoardFeed.problemsMax + 1
    return all.prefix(BoardFeed.problemsMax - 1)
      + [BoardProblem(text: catalogue.text("banner", "more", ["n": "\(rest)"]), isGrave: all[BoardFeed.problemsMax - 1].isGrave)]
  }

  /// "Siste melding fra utstyr kl. 03:12:45."
  func heardText(_ health: BoardHealth?, now: WallTime) -> String {
    guard let heard = health?.lastHeard, heard != .unknown else { return "" }
    return catalogue.text("banner", "heard", ["time": momentText(heard, seenFrom: now, in: zone)])
  }

  func zoneOffset(at now: WallTime) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(now.rawValue) / 1_000))
  }

  func frame(_ title: String) -> [String: Any] {
    [
      "lang": catalogue.language.rawValue, "t": catalogue.groups["page"] ?? [:],
      "p": catalogue.groups["personPage"] ?? [:], "title": catalogue.text("title", title),
      "style": ["path": resources.style.path, "integrity": resources.style.integrity],
      "script": ["path": resources.script.path, "integrity": resources.script.integrity], "icon": ["path": resources.icon.path],
    ]
  }

  func livePage(_ title: String, _ state: BoardState, session: Session, now: WallTime) -> [String: Any] {
    var page = frame(title)
    page["actor"] = session.actor
    page["csrf"] = session.csrf
    page["coreIsLive"] = state.core == .live
    page["coreIsLost"] = state.core != .live
    let problems = problems(state)
    // What the hub last said of itself is old once it is lost.
    page["grave"] = state.core == .live ? problems.filter(\.isGrave).map(\.text) : []
    page["partial"] = state.core == .live ? problems.filter { !$0.isGrave }.map(\.text) : []
    page["hasGrave"] = state.core == .live && problems.contains(where: \.isGrave)
    page["hasPartial"] = state.core == .live && problems.contains { !$0.isGrave }
    page["isPart"] = state.core == .live && state.health?.problems.isEmpty != true
    page["isKnown"] = state.health != nil
    page["heard"] = heardText(state.health, now: now)
    page["coreSince"] = sinceText(state.core)
    page["boardIsUnreadable"] = !state.isReadable && state.core == .live
    page["updatedClock"] = clockText(state.snapshot.takenAt, in: zone, seconds: true)
    page["nowMilliseconds"] = "\(now.rawValue)"
    page["revision"] = "\(state.revision)"
    page["zoneOffset"] = "\(zoneOffset(at: now))"
    page["scriptTexts"] = scriptTexts
    return page
  }

  /// What the page's script says by itself, as JSON for a data attribute.
  private var scriptTexts: String {
    let age = catalogue.groups["age"] ?? [:]
    let wait = catalogue.groups["wait"] ?? [:]
    struct Texts: Encodable {
      let units: [SpanUnit]
      let age: [String: String]
      let wait: [String: String]
      let actionFailed: String
      let outcomeUnknown: String
      let accessFailed: String
      let accessHidden: String
      let announce: String
      let unseen: [String: String]
      let sessionEnds: String
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let texts = Texts(
      units: TimeSpan.Unit.allCases.map(SpanUnit.init), age: age, wait: wait, actionFailed: catalogue.text("page", "actionFailed"),
      outcomeUnknown: catalogue.text("problem", "outcomeUnknown"), accessFailed: catalogue.text("person", "accessFailed"),
      accessHidden: catalogue.text("person", "accessHidden"), announce: catalogue.groups["card"]?["announce"] ?? "",
      unseen: catalogue.groups["unseen"] ?? [:],
      sessionEnds: catalogue.groups["banner"]?["sessionEnds"] ?? "")
    guard let json = try? encoder.encode(texts) else { preconditionFailure("texts are strings, which JSON can hold") }
    return String(decoding: json, as: UTF8.self)
  }

  func render(_ template: String, _ values: [String: Any]) -> String {
    guard let page = resources.templates.render(values, withTemplate: template) else {
      preconditionFailure("\(template) is read at start")
    }
    return page
  }
}

/// One unit of `TimeSpan`'s rule as the page's script needs it.
private struct SpanUnit: Encodable {
  let name: String
  /// The name of the text that also says the rest.
  let withRest: String
  let seconds: Int64
  /// The unit is used for spans of so many seconds and more.
  let from: Int64
  let restSeconds: Int64
  /// The rest is said below so many of the unit.
  let restBelow: Int64

  init(_ unit: TimeSpan.Unit) {
    name = unit.rawValue
    withRest = unit.nameWithRest ?? unit.rawValue
    seconds = unit.seconds
    from = unit.firstSeconds
    restSeconds = (unit.smaller ?? unit).seconds
    restBelow = unit.restMattersBelow
  }
}
