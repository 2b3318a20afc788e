// What a card says of its person: where help must go and how to get in, what to know first, what to do, whom to call. A card is read in a
// second at night: long texts are cut at a word here, with a link to the person's page, which has them whole.

import AlertTexts
import Foundation
import HubRuntime
import People
import VitalSigns

/// The person on a card.
struct CardPerson {
  /// Characters of a text on a card: two lines of a phone. With these bounds fifty full cards stay below 150 kB.
  static let textMax = 220

  /// "/personer/P7"
  let personPath: String
  /// Where help must go, or in words that nobody knows.
  let place: String
  let isPlaced: Bool
  let critical: CardText
  let instruction: CardText
  let entry: CardText
  let phones: [CallLink]
  let hasPhones: Bool
  let kin: [KinLine]
  let hasKin: Bool
  /// "Pårørende (2)"
  let kinTitle: String
  /// "Språk: polsk, trenger tolk"
  let languageText: String
  let hasLanguage: Bool
  /// Why the person has no score.
  let notScoredText: String
  let isNotScored: Bool
  /// Whether something restricted is set, and can be shown under this alert.
  let hasAccess: Bool
  /// Whether there is anything below the place.
  let hasHelp: Bool

  init(_ person: BoardPerson, rule: AlertRule, now: WallTime, catalogue: Catalogue, zone: TimeZone) {
    let record = person.record?.record ?? PersonRecord()
    personPath = "/personer/\(person.id)"
    isPlaced = record.address != nil
    place = person.placeText(catalogue)
    critical = CardText(record[.critical])
    instruction = CardText(record.instruction(for: rule))
    entry = CardText(record[.entry])
    phones = record.phones.map(CallLink.init)
    hasPhones = !phones.isEmpty
    kin = record.nextOfKin.map { KinLine($0, catalogue: catalogue) }
    hasKin = !kin.isEmpty
    kinTitle = catalogue.text("person", "kinTitle", ["n": "\(kin.count)"])
    languageText = record.languageText(catalogue)
    hasLanguage = !languageText.isEmpty
    let hindrance = record.eligibility.hindrance(onDay: localDay(now, in: zone))
    isNotScored = hindrance != nil
    notScoredText = hindrance.map { catalogue.text("person", "notScored.\($0.key)") } ?? ""
    hasAccess = person.record?.withheld.isEmpty == false
    hasHelp = critical.isAny || instruction.isAny || entry.isAny || hasPhones || hasKin || hasLanguage || hasAccess
  }
}

extension BoardPerson {
  /// Where help must go, or in words that nobody knows: never nothing.
  func placeText(_ catalogue: Catalogue) -> String {
    record.map { $0.record.address ?? catalogue.text("person", "placeNone") } ?? catalogue.text("person", "placeUnread")
  }
}

/// A text of the record on a card: in one line, and cut when it is long.
struct CardText {
  let text: String
  let isAny: Bool
  let isCut: Bool

  init(_ whole: String?) {
    let line = (whole ?? "").split { $0.isNewline }.joined(separator: " · ")
    isAny = !line.isEmpty
    isCut = line.count > CardPerson.textMax
    text = isCut ? Self.cut(line) : line
  }

  private static func cut(_ line: String) -> String {
    let head = line.prefix(CardPerson.textMax)
    return head[..<(head.lastIndex { $0 == " " } ?? head.endIndex)] + " …"
  }
}

/// A telephone that can be called with a tap.
struct CallLink {
  /// "tel:+4722225555"
  let href: String
  let number: String

  init(_ phone: String) {
    href = "tel:\(phone)"
    number = phoneText(phone)
  }
}

/// Somebody close to the person. A number is offered only where the person has agreed to it.
struct KinLine {
  /// "Per Nordmann (sønn)"
  let kinName: String
  let kinCall: CallLink?
  /// Why there is no number to call.
  let kinNote: String

  init(_ kin: NextOfKin, catalogue: Catalogue) {
    let name = kin.name.isEmpty ? catalogue.text("person", "kinUnnamed") : kin.name
    kinName = kin.relation.map { "\(name) (\($0))" } ?? name
    switch (kin.hasConsent, kin.phone) {
    case (true?, let phone?):
      kinCall = CallLink(phone)
      kinNote = ""
    case (true?, nil):
      kinCall = nil
      kinNote = catalogue.text("person", "kinNoPhone")
    case (false?, _):
      kinCall = nil
      kinNote = catalogue.text("person", "kinDeclined")
    case (nil, _):
      kinCall = nil
      kinNote = catalogue.text("person", "kinUnasked")
    }
  }
}

extension PersonRecord {
  /// "Språk: polsk, trenger tolk"; empty when neither is registered.
  func languageText(_ catalogue: Catalogue) -> String {
    let language = self[.language].map { catalogue.text("person", "language", ["language": languageName($0, catalogue)]) }
    let interpreter = self[.interpreter] == "yes" ? catalogue.text("person", "interpreter") : nil
    return [language, interpreter].compactMap(\.self).joined(separator: ", ")
  }
}

/// What a language is called by the reader: "polsk"; the tag itself when nobody has a name for it.
func languageName(_ tag: String, _ catalogue: Catalogue) -> String {
  Locale(identifier: catalogue.language.rawValue).localizedString(forLanguageCode: String(tag.prefix { $0 != "-" })) ?? tag
}

/// Digits in the groups in which they are read aloud: `+4722225555` → "+47 22 22 55 55", `90011222` → "900 11 222". Numbers of another
/// length stay as they are.
func phoneText(_ phone: String) -> String {
  let isNorwegian = phone.hasPrefix("+47")
  let digits = isNorwegian ? String(phone.dropFirst(3)) : phone
  guard digits.count == 8, !digits.hasPrefix("+"), let first = digits.first else { return phone }
  let groups = first == "4" || first == "9" || first == "8" ? [3, 2, 3] : [2, 2, 2, 2]
  var rest = digits[...]
  let parts = groups.map { length in
    defer { rest = rest.dropFirst(length) }
    return String(rest.prefix(length))
  }
  return ((isNorwegian ? ["+47"] : []) + parts).joined(separator: "\u{a0}")
}
