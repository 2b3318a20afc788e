// What staff must know of a person to help: where they live and how to get in, whom to call, what to do. A field holds text or nothing;
// lists are numbered fields. So a form, a file's columns, a change and a comparison of two versions are all the same thing.

public import VitalSigns

/// A person's record: a value of one version.
public struct PersonRecord: Sendable, Hashable {
  private var values: [PersonField: String] = [:]
  /// Fields that only a newer version of this program knows: kept as they came, and shown nowhere.
  private var others: [String: String] = [:]

  public init() {}

  /// Reads stored fields. They were looked at when they were set, so nothing is refused.
  public init(stored: [String: String]) {
    for (key, text) in stored {
      if let field = PersonField(key: key) { values[field] = text } else { others[key] = text }
    }
  }

  /// As they are stored: `restricted` apart from the others, and never together.
  public func stored(restricted: Bool) -> [String: String] {
    var fields: [String: String] = restricted ? [:] : others
    for (field, text) in values where field.isRestricted == restricted { fields[field.key] = text }
    return fields
  }

  public subscript(field: PersonField) -> String? { values[field] }

  /// What is set, in the order of the list.
  public var fields: [(field: PersonField, text: String)] {
    PersonField.allCases.compactMap { field in values[field].map { (field, $0) } }
  }

  /// The record without what is shown under an open alert or for a stated reason only.
  public var withoutRestricted: Self {
    var open = self
    for field in PersonField.restricted { open.values[field] = nil }
    return open
  }

  /// Only the fields that this holds for; none that a newer version knows.
  func keeping(_ holds: (PersonField) -> Bool) -> Self {
    var kept = Self()
    kept.values = values.filter { holds($0.key) }
    return kept
  }

  public var isEmpty: Bool { values.isEmpty && others.isEmpty }

  /// Which fields differ, in the order of the list.
  public func differences(from before: Self) -> [PersonField] {
    PersonField.allCases.filter { values[$0] != before.values[$0] }
  }

  // MARK: What it means

  public var birthDate: CivilDate? { values[.birthDate].flatMap { CivilDate($0) } }

  /// For whom NEWS2 is not made: what the core is told.
  public var eligibility: NEWS2Eligibility {
    let sixteen = birthDate?.adding(years: 16).daysSince1970 ?? 0
    return NEWS2Eligibility(fromDay: UInt16(clamping: sixteen), isPregnant: values[.pregnant] == "yes")
  }

  /// What to do when this rule raises an alert: its own line of the plan, else the one for everything.
  public func instruction(for rule: AlertRule) -> String? { values[.plan(rule)] ?? values[.plan(nil)] }

  /// Street, floor, postal code and city in one line; nil when neither street nor city is known.
  public var address: String? {
    let place = [values[.postalCode], values[.city]].compactMap(\.self).joined(separator: " ")
    let street = [values[.street], values[.floor]].compactMap(\.self).joined(separator: ", ")
    let parts = [street, place].filter { !$0.isEmpty }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// The person's telephones, in their order.
  public var phones: [String] { PersonField.phones.compactMap { values[.phone($0)] } }

  /// Next of kin, in the order in which they are called. Whoever has neither a name nor a telephone is left out.
  public var nextOfKin: [NextOfKin] {
    PersonField.kin.compactMap { number in
      let (name, phone) = (values[.kin(number, .name)], values[.kin(number, .phone)])
      guard name != nil || phone != nil else { return nil }
      return NextOfKin(
        number: number, name: name ?? "", relation: values[.kin(number, .relation)], phone: phone,
        hasConsent: values[.kin(number, .consent)].map { $0 == "yes" })
    }
  }
}

extension PersonRecord {
  /// Whom others than staff may be told of: next of kin of whom the person agrees that they are called.
  public var nextOfKinToTell: [NextOfKin] { nextOfKin.filter { $0.hasConsent == true } }
}

/// Somebody close to the person.
public struct NextOfKin: Sendable, Hashable {
  /// Their place in the order, 1…5.
  public var number: Int
  public var name: String
  public var relation: String?
  public var phone: String?
  /// Whether the person agrees that they are called and told; nil: nobody has asked.
  public var hasConsent: Bool?
}

// MARK: Changing it

/// Why a field cannot be set so.
public struct PersonRecordProblem: Error, Sendable, Hashable {
  public var field: PersonField
  /// What is allowed. Never what was given: it may be a door code.
  public var allowed: String
}

extension PersonRecord {
  /// Sets a field, or removes it with an empty text. Spaces at the ends are dropped.
  public mutating func set(_ field: PersonField, to text: String) throws(PersonRecordProblem) {
    let trimmed = Self.trimmed(text)
    if trimmed.isEmpty {
      values[field] = nil
      return
    }
    guard let value = field.form.value(trimmed) else { throw PersonRecordProblem(field: field, allowed: field.form.allowed) }
    values[field] = value
  }

  private static func trimmed(_ text: String) -> String {
    let start = text.drop { $0.isWhitespace }
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }
}

extension PersonField.Form {
  /// The text in its one spelling; nil when it does not fit. `text` is not empty and has no spaces at its ends.
  func value(_ text: String) -> String? {
    switch self {
    case .line(let most): return text.count <= most && !text.unicodeScalars.contains(where: \.isControl) ? text : nil
    case .text(let most):
      let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.joined(separator: "\n")
      let isText = !lines.unicodeScalars.contains { $0.isControl && $0 != "\n" }
      return lines.count <= most && isText ? lines : nil
    case .date: return CivilDate(text)?.description
    case .yesNo: return Self.yesNo(text)
    case .phone: return Self.phone(text)
    case .postalCode: return text.utf8.count == 4 && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? text : nil
    case .language: return Self.isLanguage(text) ? text : nil
    }
  }

  private static func yesNo(_ text: String) -> String? {
    switch text.lowercased() {
    case "yes", "ja", "true", "1": "yes"
    case "no", "nei", "false", "0": "no"
    default: nil
    }
  }

  private static func phone(_ text: String) -> String? {
    let rest = text.hasPrefix("+") ? text.dropFirst() : text[...]
    let digits = rest.filter { $0 != " " && $0 != "\u{a0}" }
    guard (3...15).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return (text.hasPrefix("+") ? "+" : "") + digits
  }

  /// Letters and digits, 2 to 8 a part, the first of letters.
  private static func isLanguage(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard let first = parts.first, (2...3).contains(first.utf8.count), parts.count <= 4 else { return false }
    return first.utf8.allSatisfy(isLetter)
      && parts.dropFirst().allSatisfy { part in
        (2...8).contains(part.utf8.count) && part.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
      }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
}

/// One version of a record, with who made it and why.
public struct PersonRecordVersion: Sendable, Hashable {
  public var patient: PatientID
  /// 1, 2, 3, …
  public var number: Int
  public var author: ActorID
  public var reason: String
  public var started: WallTime
  public var record: PersonRecord

  public init(patient: PatientID, number: Int, author: ActorID, reason: String, started: WallTime, record: PersonRecord) {
    self.patient = patient
    self.number = number
    self.author = author
    self.reason = reason
    self.started = started
    self.record = record
  }
}
