// What the fields of a record are called and how their texts are said, on the page, in the form and in the list of versions.

import AlertTexts
import Foundation
import HubRuntime
import People
import VitalSigns

extension Catalogue {
  /// "Pårørende 2: telefon"
  func label(_ field: PersonField) -> String {
    switch field {
    case .phone(let number): text("field", "phone", ["n": "\(number)"])
    case .kin(let number, let part): text("field", "kin.\(part.rawValue)", ["n": "\(number)"])
    case .plan(let rule?): text("field", "planFor", ["rule": text("planRule", rule.key)])
    default: text("field", field.key)
    }
  }

  /// What may stand in a field.
  func allowed(_ form: PersonField.Form) -> String {
    switch form {
    case .line(let most): text("allowed", "line", ["n": "\(most)"])
    case .text(let most): text("allowed", "text", ["n": "\(most)"])
    case .date: text("allowed", "date")
    case .yesNo: text("allowed", "yesNo")
    case .phone: text("allowed", "phone")
    case .postalCode: text("allowed", "postalCode")
    case .language: text("allowed", "language")
    }
  }

  /// A field's text for people: "17.05.1941", "ja", "polsk (pl)".
  func said(_ field: PersonField, _ text: String) -> String {
    switch field.form {
    case .yesNo: self.text("person", text == "yes" ? "yes" : "no")
    case .date: dayText(text)
    case .phone: phoneText(text)
    case .language: languageName(text, self) == text ? text : "\(languageName(text, self)) (\(text))"
    case .line, .text, .postalCode: text
    }
  }

  /// `1941-05-17` → "17.05.1941"; in English it stays.
  private func dayText(_ text: String) -> String {
    guard language != .en, text.count == 10 else { return text }
    return "\(text.suffix(2)).\(text.dropFirst(5).prefix(2)).\(text.prefix(4))"
  }

  /// "27.11.2026 14:20" in the hub's zone: a version is looked for by its day, also years later.
  func dayAndClock(_ time: WallTime, in zone: TimeZone) -> String {
    guard time != .unknown else { return "–" }
    let offset = Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.rawValue) / 1_000)))
    let day = String(time.adding(milliseconds: offset * 1_000).description.prefix(10))
    return "\(dayText(day)) \(clockText(time, in: zone))"
  }

  /// Every name that this file can ask for, by group: looked at when the console starts.
  static let personTexts: [(group: String, names: [String])] = [
    (
      "field",
      PersonField.allCases.compactMap {
        switch $0 {
        case .phone, .kin, .plan(.some): nil
        default: $0.key
        }
      } + ["phone", "planFor", "kinLine"] + PersonField.KinPart.allCases.map { "kin.\($0.rawValue)" }
    ),
    ("planRule", AlertRule.allCases.filter { !$0.isTechnical }.map(\.key)),
    ("section", PersonField.Section.allCases.map(\.rawValue)),
    ("allowed", ["line", "text", "date", "yesNo", "phone", "postalCode", "language"]),
  ]
}
