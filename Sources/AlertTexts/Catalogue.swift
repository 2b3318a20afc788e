// The texts that people read, one JSON file a language: groups of names ("rule" → "sos" → "Har trykket på …"). A text may
// hold `{name}` places. A catalogue without a text that the code can ask for is refused at start, not found out by a nurse.

package import Foundation
package import HubRuntime
package import VitalSigns

/// Why the texts cannot be used. Trying again does not help without a change.
public enum TextCatalogueError: Error, Sendable, Hashable {
  case missing(path: String)
  case invalid(path: String, reason: String)
  /// A catalogue lacks a text; `key` is `group.name`.
  case textMissing(language: String, key: String)
}

/// The texts of one language.
package struct Catalogue: Sendable {
  package let language: TextLanguage
  package let groups: [String: [String: String]]

  /// One language's texts.
  ///
  /// - Parameter folder: holds `catalogue/`; nil: the texts beside the executable.
  package init(_ language: TextLanguage, folder: String? = nil) throws(TextCatalogueError) {
    let path = (folder ?? Bundle.module.bundlePath + "/Resources") + "/catalogue/\(language.rawValue).json"
    guard let json = FileManager.default.contents(atPath: path) else { throw .missing(path: path) }
    try self.init(language: language, json: json, path: path)
  }

  package init(language: TextLanguage, json: Data, path: String) throws(TextCatalogueError) {
    do {
      groups = try JSONDecoder().decode([String: [String: String]].self, from: json)
    } catch {
      throw .invalid(path: path, reason: "not an object of objects of texts")
    }
    self.language = language
    for (group, names) in Self.required {
      for name in names where groups[group]?[name] == nil {
        throw .textMissing(language: language.rawValue, key: "\(group).\(name)")
      }
    }
  }

  /// The text with its places filled in one pass, so that a value is never read as a place.
  package func text(_ group: String, _ name: String, _ values: [String: String] = [:]) -> String {
    let pattern = groups[group]?[name] ?? ""
    // The place is sought as a character. Sought as text it would go through the platform's search, which took a third of the time
    // of a sentence.
    return pattern.contains("{" as Character) ? TextPlaces.filled(pattern, values) : pattern
  }

  /// Whether the language has this text; for texts that only some rules have.
  package func has(_ group: String, _ name: String) -> Bool { groups[group]?[name] != nil }

  /// The names that code asks for, by group. The group `page` is asked for by the templates; a test holds it.
  package static let required: [String: [String]] = [
    "rule": AlertRule.allCases.map(\.key) + [
      "both", "news2High.atLeast", "news2Medium.atLeast", "news2SingleThree.named", "planRed.told", "planYellow.told", "planRed.under",
      "planRed.over", "planYellow.under",
      "planYellow.over", "doseMissed.time", "doseMissed.slot", "doseRefused.time", "doseRefused.slot", "geofenceExit.value",
      "signalLoss.since", "signalLoss.expected", "lowBattery.value", "deadLetter.named", "linkDown.named", "destinationDown.named",
      "destinationDown.files", "roleDown.named",
    ],
    "role": ["core", "forward", "console"],
    "state": [AlertState.raised, .notified, .acknowledged, .responding, .resolved, .cleared].map(\.key),
    "priority": [AlertPriority.low, .medium, .high].map(\.key),
    "signal": PlanSignal.allCases.map(\.key),
    "parameter": NEWS2Parameter.allCases.map(\.key),
    "band": [NEWS2Band.none, .low, .lowMedium, .medium, .high].map(\.key),
    "cause": ResolutionCause.allCases.map(\.rawValue),
    "measure": ResolutionMeasure.allCases.map(\.rawValue),
    // A span's rest is said where the language has words for it. The board ticks once a second: its ages and waits have none for the
    // seconds of a minute, so that a card does not flicker.
    "age": ["now", "hoursMinutes", "daysHours"] + TimeSpan.Unit.allCases.map(\.rawValue),
    "wait": ["due", "hoursMinutes", "daysHours"] + TimeSpan.Unit.allCases.map(\.rawValue),
    "span": ["minutesSeconds", "hoursMinutes", "daysHours"] + TimeSpan.Unit.allCases.map(\.rawValue),
    "trend": ["rising", "falling", "steady", "over24Hours", "sinceLast"],
    "news2": [
      "missing", "at", "none", "atLeast", "plain", "plain.unknown", "now", "now.atLeast", "now.unknown", "incomplete", "notComparable",
    ],
    "card": [
      "escalated", "escalatedTo", "acknowledged", "responding", "resolved", "cleared", "hub", "announce", "notPerson", "sent",
      "notDelivered", "lastNotDelivered", "boardOnly", "nextLevel", "toldAgain",
    ],
    "person": [
      "placeNone", "placeUnread", "kinTitle", "kinUnnamed", "kinNoPhone", "kinDeclined", "kinUnasked", "language", "interpreter", "yes",
      "no", "unreadable", "unknown", "editTitle", "accessTitle", "accessReasonMissing", "reasonTooLong", "accessNotLogged", "accessFailed",
      "accessAlertClosed", "accessHidden", "accessNothing", "accessGone", "accessLogged", "accessUnlogged", "unfit", "reasonMissing",
      "unchanged", "saved", "busy", "notSaved", "savedUnknown", "notTaken", "conflict", "written", "version", "changed", "unknownAuthor",
      "hiddenChange", "emptied",
    ] + NEWS2Hindrance.allCases.map { "notScored.\($0.key)" },
    "short": ["sos", "fall"],
    "unseen": ["one", "many"],
    "done": ["acknowledge", "respond", "resolve"],
    "problem": [
      "alreadyAcknowledged", "alreadyResponding", "alreadyClosed", "notOpen", "unknownAlert", "coreUnavailable", "outcomeUnknown",
      "notAllowed", "commentMissing", "commentTooLong", "choiceMissing", "formExpired", "otherSite", "notFound", "tooLarge", "tooMany",
      "internal", "boardUnreadable",
    ],
    "link": ["malformed", "badSignature", "notYetValid", "expired", "used", "beforeStart", "noRoom"],
    "count": ["one", "many", "more", "moreSince"],
    "banner": ["since", "sessionEnds", "more", "heard"],
    "title": ["board", "resolve", "signIn", "signedOut", "problem"],
    "hub": [
      "linkDown", "bluetoothDown", "bondLost", "bondLost.alarm", "bondsLost", "destinationDown", "roleDown", "storeFailing", "storeFull",
      "journalBehind", "coreStill", "callRefused", "nobodyCalled", "portClosed", "backupOverdue",
      "hubDoubled", "hubDoubled.replaced", "hubDoubled.original",
    ],
  ]
}

/// Spans and times as people say them. The page's script ticks with the same texts.
extension Catalogue {
  /// "for 2 min siden"; below 5 s "akkurat nå", and so when a clock was set and the age would be below zero.
  package func age(from: WallTime, to now: WallTime) -> String {
    let seconds = now.seconds(since: from)
    return seconds < 5 ? text("age", "now") : text("age", TimeSpan(seconds: seconds))
  }

  /// "om 45 s"; below 1 s "nå".
  package func wait(from now: WallTime, until: WallTime) -> String {
    let seconds = until.seconds(since: now)
    return seconds < 1 ? text("wait", "due") : text("wait", TimeSpan(seconds: seconds))
  }

  /// "12 min": a length of time alone.
  package func length(seconds: Int32) -> String { text("span", TimeSpan(seconds: Int64(seconds))) }

  private func text(_ group: String, _ span: TimeSpan) -> String {
    let words = span.words { has(group, $0) }
    return text(group, words.name, words.values)
  }

  /// A whole count of `10^exponent` with the language's decimal mark: 385 and −1 give "38,5".
  package func number(_ steps: Int32, exponent: Int8) -> String {
    guard exponent == -1 else { return "\(steps)" }
    let mark = language == .en ? "." : ","
    return "\(steps < 0 ? "−" : "")\(steps.magnitude / 10)\(mark)\(steps.magnitude % 10)"
  }
}

/// "03:12" or "03:12:45" in the hub's zone.
package func clockText(_ time: WallTime, in zone: TimeZone, seconds: Bool = false) -> String {
  guard time != .unknown else { return "–" }
  return String(localText(time, in: zone).dropFirst(11).prefix(seconds ? 8 : 5))
}
