// A person's record as the console shows and changes it: values between the pages and `ConsoleSource`. Restricted fields stand in
// `ShownAccess` alone, which is made when somebody asks, shown once and kept nowhere.

public import People
public import VitalSigns

/// A person with their record's versions.
public struct PersonFile: Sendable {
  public var id: PatientID
  public var displayName: String
  /// No longer a service user here; the record is kept.
  public var hasLeft: Bool
  /// Newest first; empty: nobody has written a record yet. The oldest may be left out.
  public var versions: [PersonVersion]

  public init(id: PatientID, displayName: String, hasLeft: Bool = false, versions: [PersonVersion] = []) {
    self.id = id
    self.displayName = displayName
    self.hasLeft = hasLeft
    self.versions = versions
  }

  /// The number of the version that holds; 0: none.
  public var current: Int { versions.first?.number ?? 0 }
  /// The record that holds.
  public var record: ShownRecord { versions.first?.record ?? ShownRecord(PersonRecord()) }

  func version(_ number: Int) -> PersonVersion? { versions.first { $0.number == number } }
}

/// One version.
public struct PersonVersion: Sendable {
  public var number: Int
  /// Nil: not known any more.
  public var author: String?
  public var reason: String
  public var at: WallTime
  public var record: ShownRecord
  /// What it changed, restricted fields by name too; nil: the version before it was not read.
  public var changed: [PersonField]?

  public init(
    number: Int, author: String?, reason: String, at: WallTime, record: ShownRecord, changed: [PersonField]? = nil
  ) {
    self.number = number
    self.author = author
    self.reason = reason
    self.at = at
    self.record = record
    self.changed = changed
  }
}

/// A person could not be read now. Trying again may help.
public struct PersonReadError: Error, Sendable {
  public init() {}
}

/// Why somebody sees what is restricted.
public enum AccessPurpose: Sendable, Hashable {
  /// An open alert of the person.
  case alert(AlertID)
  case reason(String)
}

/// What is restricted, for one person's eyes now.
public struct ShownAccess: Sendable {
  public struct Field: Sendable, Hashable {
    public var field: PersonField
    public var text: String

    public init(field: PersonField, text: String) {
      self.field = field
      self.text = text
    }
  }
  /// What is set.
  public var fields: [Field]
  /// False: the access log takes no rows now; this one waits for it.
  public var isLogged: Bool

  public init(fields: [Field], isLogged: Bool) {
    self.fields = fields
    self.isLogged = isLogged
  }

  /// How long it stays on a screen. Long enough to press a code or find a box; shorter than a screen is left alone.
  static let seconds = 60
}

/// A change of a record.
public struct PersonEdit: Sendable, Hashable {
  /// Longest reason, characters: as the core takes it.
  public static let reasonCharactersMax = 500

  /// An empty text removes a field.
  public var changes: [PersonField: String]
  /// The version that whoever changed it had before them.
  public var basedOn: Int
  public var reason: String

  public init(changes: [PersonField: String], basedOn: Int, reason: String) {
    self.changes = changes
    self.basedOn = basedOn
    self.reason = reason
  }
}

/// Why nothing was shown or changed, or it is not known.
public enum PersonActionError: Error, Sendable, Hashable {
  /// Somebody else changed the record meanwhile, or the alert is not open any more.
  case conflict
  case unknownPerson
  /// The core did not take it: nothing was done. Trying again may help.
  case coreUnavailable
  /// It was sent, and no answer came.
  case outcomeUnknown
  /// The store takes nothing now. Nothing was shown; whether a change will be stored is not known.
  case storeStands
  case notAllowed
}
