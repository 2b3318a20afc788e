// What happened, in plain words: one sentence from an alert's present numbers, the same on the board, on a phone, in a record
// system and on the command line. A value that is only the least that is known says "at least"; a measurement that broke two
// rules is one sentence with two reasons; what concerns a link, a receiver or a role of the hub names it.
// Not here: the person's name, and how long ago it was, which the screen counts.

package import Foundation
package import VitalSigns

/// What a sentence is made from.
package struct AlertFact: Sendable {
  package var reason: AlertReason
  /// A second reason, of a rule that the same measurement broke.
  package var also: AlertReason?
  package var raisedAt: WallTime
  /// The link, receiver or role that a hub alert concerns, as the configuration calls it.
  package var subjectName: String?
  /// Whether the receiver is a record system. A record system files alerts and calls nobody, so nobody needs a call instead.
  package var subjectFiles: Bool

  package init(reason: AlertReason, also: AlertReason? = nil, raisedAt: WallTime, subjectName: String? = nil, subjectFiles: Bool = false) {
    self.reason = reason
    self.also = also
    self.raisedAt = raisedAt
    self.subjectName = subjectName
    self.subjectFiles = subjectFiles
  }
}

extension AlertReason {
  /// The facts of a transition. Its second reason is its `also`.
  package init(_ transition: AlertTransition) {
    self.init(
      rule: transition.rule, value: transition.value, limit: transition.limit, upper: transition.upper, subject: transition.subject)
  }
}

extension Catalogue {
  /// What happened, without the person's name and without a full stop.
  package func sentence(_ fact: AlertFact, in zone: TimeZone) -> String {
    let first = words(fact.reason, fact, zone)
    guard let also = fact.also else { return first }
    return text("rule", "both", ["first": first, "second": inSentence(words(also, fact, zone))])
  }

  private func words(_ reason: AlertReason, _ fact: AlertFact, _ zone: TimeZone) -> String {
    let key = reason.rule.key
    switch reason.rule {
    case .news2High, .news2Medium: return scoreWords(reason)
    case .news2SingleThree:
      guard let parameter = UInt8(exactly: reason.subject).flatMap(NEWS2Parameter.init(rawValue:)) else { return text("rule", key) }
      return text("rule", "news2SingleThree.named", ["parameter": name(parameter)])
    case .planRed, .planYellow: return limitWords(reason)
    case .doseMissed, .doseRefused: return doseWords(reason)
    case .geofenceExit where reason.value > reason.limit && reason.limit > 0:
      return text("rule", "geofenceExit.value", ["distance": distance(metres: Int64(reason.value) - Int64(reason.limit))])
    case .signalLoss: return silenceWords(reason, fact.raisedAt, zone)
    case .lowBattery where reason.value > 0: return text("rule", "lowBattery.value", ["value": "\(reason.value)"])
    case .destinationDown where fact.subjectFiles && fact.subjectName != nil:
      return text("rule", "destinationDown.files", ["name": fact.subjectName ?? ""])
    case .linkDown, .destinationDown, .deadLetter:
      guard let name = fact.subjectName else { return text("rule", key) }
      return text("rule", key + ".named", ["name": name])
    case .roleDown:
      guard let name = fact.subjectName, has("role", name) else { return text("rule", key) }
      return text("rule", "roleDown.named", ["name": text("role", name)])
    default: return text("rule", key)
    }
  }

  /// The words of a score by its present sum, which may belong to another category than when the alert rose.
  private func scoreWords(_ reason: AlertReason) -> String {
    let isLeast = reason.upper > reason.value
    let places = ["value": "\(reason.value)"]
    switch reason.value {
    case 7...: return text("rule", isLeast ? "news2High.atLeast" : "news2High", places)
    case 5...6: return text("rule", isLeast ? "news2Medium.atLeast" : "news2Medium", places)
    default:
      // The lower bound 0 is not said as "at least 0", which would read as good news.
      return isLeast
        ? text("news2", "plain.unknown", ["range": "\(reason.value)–\(reason.upper)"]) : text("news2", "plain", places)
    }
  }

  /// The words of a plan's limit. The core counts a value on its limit as beyond it, so what was prescribed is one step further in:
  /// "under 85" is stored as 84. The value follows the person, also back inside the limit. Where it is inside, or where the limit's
  /// side is not certain, the sentence does not say where the value stands.
  private func limitWords(_ reason: AlertReason) -> String {
    guard let signal = UInt8(exactly: reason.subject).flatMap(PlanSignal.init(rawValue:)) else { return text("rule", reason.rule.key) }
    let written = { (steps: Int64) in "\(number(Int32(clamping: steps), exponent: signal.stepExponent)) \(signal.unit.sign)" }
    let isLow = reason.upper == AlertReason.unbounded ? false : signal.isLow(limit: reason.limit)
    let prescribed = Int64(reason.limit) + (isLow.map { $0 ? 1 : -1 } ?? 0)
    let places = ["signal": text("signal", signal.key), "value": written(Int64(reason.value)), "limit": written(prescribed)]
    guard let isLow, isLow ? reason.value <= reason.limit : reason.value >= reason.limit else {
      return text("rule", reason.rule.key + ".told", places)
    }
    return text("rule", reason.rule.key + (isLow ? ".under" : ".over"), places)
  }

  /// `value` is the planned minute of the local day, `limit` the grace in seconds; both are 0 for a dose that no plan has.
  private func doseWords(_ reason: AlertReason) -> String {
    guard reason.limit > 0 || reason.value > 0, (0..<1_440).contains(reason.value) else {
      return text("rule", reason.rule.key + ".slot", ["n": "\(reason.subject)"])
    }
    let minute = Int(reason.value)
    let due = (minute + Int(max(0, reason.limit)) / 60) % 1_440
    let (time, end) = (CivilTime.clockText(minuteOfDay: minute), CivilTime.clockText(minuteOfDay: due))
    return text("rule", reason.rule.key + ".time", ["time": time, "due": end])
  }

  /// Says since when the device is silent, and never for how long: a number of seconds would stand still while the silence goes on.
  private func silenceWords(_ reason: AlertReason, _ raisedAt: WallTime, _ zone: TimeZone) -> String {
    guard raisedAt != .unknown, reason.value > 0 else { return text("rule", "signalLoss") }
    let since = momentText(raisedAt.adding(milliseconds: -Int64(reason.value) * 1_000), seenFrom: raisedAt, in: zone)
    guard reason.limit > 0 else { return text("rule", "signalLoss.since", ["time": since]) }
    return text("rule", "signalLoss.expected", ["time": since, "span": length(seconds: reason.limit)])
  }

  /// The parameter's name as the signal of the same name is called, where there is one: a whole word instead of the badge's short
  /// one.
  private func name(_ parameter: NEWS2Parameter) -> String {
    inSentence(has("signal", parameter.key) ? text("signal", parameter.key) : text("parameter", parameter.key))
  }

  /// "580 m", "2,3 km".
  private func distance(metres: Int64) -> String {
    metres < 2_000 ? "\(metres) m" : "\(number(Int32(clamping: metres / 100), exponent: -1)) km"
  }

  /// The text with a small first letter. An abbreviation such as NEWS2 keeps its capitals.
  package func inSentence(_ text: String) -> String {
    guard let first = text.first, let second = text.dropFirst().first, second.isLowercase || second == " " else { return text }
    return first.lowercased() + text.dropFirst()
  }
}

/// The time of day as it follows "kl.": "03:12"; with the day when that is another: "25.11. 03:12".
package func momentText(_ time: WallTime, seenFrom now: WallTime, in zone: TimeZone) -> String {
  guard time != .unknown else { return "–" }
  let (text, today) = (localText(time, in: zone), localText(now, in: zone))
  let clock = String(text.dropFirst(11).prefix(5))
  guard text.prefix(10) != today.prefix(10) else { return clock }
  return "\(text.dropFirst(8).prefix(2)).\(text.dropFirst(5).prefix(2)). \(clock)"
}

/// "2026-11-26T03:12:45…" in the hub's zone.
func localText(_ time: WallTime, in zone: TimeZone) -> String {
  let offset = Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.rawValue) / 1_000)))
  return CivilTime(utc: time.adding(milliseconds: offset * 1_000)).description
}

extension PlanSignal {
  /// Whether `steps` is a limit to fall below, judged by where people's values lie. Nil for a signal whose values have no such
  /// place.
  fileprivate func isLow(limit steps: Int32) -> Bool? {
    switch self {
    case .oxygenSaturation: true
    case .pulse: steps < 80
    case .systolic: steps < 130
    case .diastolic: steps < 75
    case .temperature: steps < 370
    case .respiration: steps < 15
    case .glucose: steps < 70
    case .weight: nil
    }
  }
}
