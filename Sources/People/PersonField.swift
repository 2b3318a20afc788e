// The fields of a person's record, each with its name and what may stand in it. One list for all who write or read one: the command line,
// forms, columns of a CSV file, the journal, and agreements about what may leave the hub.

public import VitalSigns

/// One field of a person's record.
public enum PersonField: Sendable, Hashable {
  case birthDate
  case street, floor, postalCode, city
  /// How to get in, as far as it is no secret: "ring the neighbour's bell".
  case entry
  /// The person's own telephones, 1…3.
  case phone(Int)
  /// Next of kin 1…5, in the order in which they are called.
  case kin(Int, KinPart)
  case generalPractitioner(PractitionerPart)
  /// The team and the staff unit that serve the person, and the area in which they live.
  case team, unit, area
  /// BCP 47: `nb`, `en`, `se-NO`.
  case language
  case interpreter
  /// What whoever helps must know first: allergies, no CPR, a dog.
  case critical
  case pregnant
  /// What to do when this rule raises an alert; nil: whichever rule it is, when it has none of its own.
  case plan(AlertRule?)
  /// Restricted: shown under an open alert or for a stated reason only.
  case doorCode, keyBox, otherAccess

  public enum KinPart: String, Sendable, Hashable, CaseIterable {
    case name, relation, phone
    /// Whether the person agrees that they are called and told.
    case consent
  }

  public enum PractitionerPart: String, Sendable, Hashable, CaseIterable {
    case name, clinic, phone
  }
}

extension PersonField: CaseIterable {
  public static let phones = 1...3
  public static let kin = 1...5

  /// Every field, in the order in which forms and lists show them.
  public static let allCases: [Self] =
    [.birthDate, .street, .floor, .postalCode, .city, .entry] + phones.map { .phone($0) }
    + kin.flatMap { number in KinPart.allCases.map { .kin(number, $0) } }
    + PractitionerPart.allCases.map { .generalPractitioner($0) } + [.team, .unit, .area, .language, .interpreter, .critical, .pregnant]
    + [.plan(nil)] + AlertRule.allCases.filter { !$0.isTechnical }.map { .plan($0) } + restricted

  /// What is shown under an open alert or for a stated reason only.
  public static let restricted: [Self] = [.doorCode, .keyBox, .otherAccess]

  public var isRestricted: Bool { Self.restricted.contains(self) }

  /// A section of forms and of what an agreement may share.
  public enum Section: String, Sendable, Hashable, CaseIterable {
    case birthDate, address, phones, nextOfKin, generalPractitioner, service, language, critical, actionPlan, access
  }

  public var section: Section {
    switch self {
    case .birthDate: .birthDate
    case .street, .floor, .postalCode, .city, .entry: .address
    case .phone: .phones
    case .kin: .nextOfKin
    case .generalPractitioner: .generalPractitioner
    case .team, .unit, .area: .service
    case .language, .interpreter: .language
    case .critical, .pregnant: .critical
    case .plan: .actionPlan
    case .doorCode, .keyBox, .otherAccess: .access
    }
  }
}

extension PersonField: KeyedVocabulary {
  /// `street`, `kin.1.phone`, `plan.sos`: as it is written everywhere.
  public var key: String {
    switch self {
    case .birthDate: "birthDate"
    case .street: "street"
    case .floor: "floor"
    case .postalCode: "postalCode"
    case .city: "city"
    case .entry: "entry"
    case .phone(let number): "phone.\(number)"
    case .kin(let number, let part): "kin.\(number).\(part.rawValue)"
    case .generalPractitioner(let part): "gp.\(part.rawValue)"
    case .team: "team"
    case .unit: "unit"
    case .area: "area"
    case .language: "language"
    case .interpreter: "interpreter"
    case .critical: "critical"
    case .pregnant: "pregnant"
    case .plan(let rule): rule.map { "plan.\($0.key)" } ?? "plan"
    case .doorCode: "doorCode"
    case .keyBox: "keyBox"
    case .otherAccess: "otherAccess"
    }
  }

  private static let byKey = Dictionary(allCases.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })

  /// The field with this key, or nil.
  public init?(key: String) {
    guard let field = Self.byKey[key] else { return nil }
    self = field
  }
}

extension PersonField {
  /// What may stand in a field.
  public enum Form: Sendable, Hashable {
    /// One line of at most so many characters.
    case line(Int)
    /// Several lines of at most so many characters together.
    case text(Int)
    /// `1941-05-17`, between 1850 and 2130.
    case date
    /// `yes` or `no`.
    case yesNo
    /// Digits with an optional `+` before them, 3 to 15, spaces between.
    case phone
    /// Four digits.
    case postalCode
    /// A BCP 47 tag.
    case language

    /// For people, in English: what is allowed.
    public var allowed: String {
      switch self {
      case .line(let most): "one line of 1 to \(most) characters"
      case .text(let most): "1 to \(most) characters"
      case .date: "a date like 1941-05-17"
      case .yesNo: "yes or no"
      case .phone: "a telephone number of 3 to 15 digits, like 22 22 55 55 or +47 22225555"
      case .postalCode: "four digits"
      case .language: "a language tag like nb, en or se"
      }
    }
  }

  public var form: Form {
    switch self {
    case .birthDate: .date
    case .postalCode: .postalCode
    case .phone, .kin(_, .phone), .generalPractitioner(.phone): .phone
    case .kin(_, .consent), .interpreter, .pregnant: .yesNo
    case .language: .language
    case .entry, .critical, .plan, .otherAccess: .text(1_000)
    case .street, .floor, .city, .kin, .generalPractitioner, .team, .unit, .area, .doorCode, .keyBox: .line(120)
    }
  }
}
