// A person's page as it is shown: the record by its sections, who wrote it when, its versions, and the person's open alerts. Pure. Names of
// fields are those of `person.mustache`. What is restricted is named here and never said.

import AlertTexts
import Foundation
import People
import VitalSigns

/// Everything on a person's page.
struct PersonView {
  let personName: String
  /// "P7"
  let personNumber: String
  let personPath: String
  let hasLeft: Bool
  /// An earlier version is shown.
  let isOld: Bool
  let isCurrent: Bool
  /// "Versjon 4, skrevet av Nina Nattevakt 2026-11-27 14:20: ny adresse"
  let writtenText: String
  let isWritten: Bool
  let sections: [PersonSection]
  let alerts: [PersonAlert]
  let hasAlerts: Bool
  /// The open alert under which restricted fields can be seen without a reason.
  let accessAlert: String
  /// "Dørkode, Nøkkelboks"
  let withheldText: String
  let hasWithheld: Bool
  let versions: [VersionLine]
  let hasVersions: Bool
  let mayEdit: Bool
  let notScoredText: String
  let isNotScored: Bool

  /// What whoever helps needs first comes first. What is restricted has a place of its own.
  private static let order: [PersonField.Section] = {
    let first: [PersonField.Section] = [.critical, .address, .phones, .nextOfKin, .actionPlan, .language]
    return first + PersonField.Section.allCases.filter { !first.contains($0) && $0 != .access }
  }()

  /// - Parameter version: the version that is asked for; nil: the one that holds.
  init(_ file: PersonFile, version: Int?, alerts: [BoardAlert], now: WallTime, catalogue: Catalogue, zone: TimeZone) {
    let shown = version.flatMap { file.version($0) } ?? file.versions.first
    let record = shown?.record ?? ShownRecord(PersonRecord())
    personName = file.displayName
    personNumber = file.id.description
    personPath = file.path
    hasLeft = file.hasLeft
    isOld = (shown?.number ?? 0) != file.current
    isCurrent = !isOld
    isWritten = shown != nil
    writtenText = shown?.words("written", catalogue, zone) ?? ""
    sections = Self.order.map { PersonSection($0, record.record, catalogue: catalogue) }
    self.alerts = alerts.map { PersonAlert($0, now: now, catalogue: catalogue, zone: zone) }
    hasAlerts = !alerts.isEmpty
    accessAlert = alerts.first?.id.description ?? ""
    withheldText = file.record.withheld.map(catalogue.label).joined(separator: ", ")
    hasWithheld = !file.record.withheld.isEmpty
    versions = file.versions.map { VersionLine($0, of: file, shown: shown?.number, catalogue: catalogue, zone: zone) }
    hasVersions = !versions.isEmpty
    mayEdit = isCurrent && !hasLeft
    let hindrance = file.record.record.eligibility.hindrance(onDay: localDay(now, in: zone))
    isNotScored = hindrance != nil
    notScoredText = hindrance.map { catalogue.text("person", "notScored.\($0.key)") } ?? ""
  }
}

/// One section of the record.
struct PersonSection {
  let sectionTitle: String
  let lines: [PersonLine]
  let isFilled: Bool

  init(_ section: PersonField.Section, _ record: PersonRecord, catalogue: Catalogue) {
    sectionTitle = catalogue.text("section", section.rawValue)
    if section == .nextOfKin {
      lines = record.nextOfKin.map { PersonLine($0, catalogue: catalogue) }
    } else {
      lines = record.fields.filter { $0.field.section == section }.map { PersonLine($0.field, $0.text, catalogue: catalogue) }
    }
    isFilled = !lines.isEmpty
  }
}

/// One line of the record.
struct PersonLine {
  let lineLabel: String
  let lineText: String
  let lineCall: CallLink?
  let lineNote: String

  init(_ field: PersonField, _ text: String, catalogue: Catalogue) {
    lineLabel = catalogue.label(field)
    lineCall = field.form == .phone ? CallLink(text) : nil
    lineText = lineCall == nil ? catalogue.said(field, text) : ""
    lineNote = ""
  }

  /// Whoever may not be called has a number to read, and no link that dials.
  init(_ kin: NextOfKin, catalogue: Catalogue) {
    let line = KinLine(kin, catalogue: catalogue)
    lineLabel = catalogue.text("field", "kinLine", ["n": "\(kin.number)"])
    lineCall = line.kinCall
    lineText = line.kinCall == nil ? [line.kinName, kin.phone.map(phoneText)].compactMap(\.self).joined(separator: " ") : line.kinName
    lineNote = line.kinNote
  }
}

/// An open alert of the person.
struct PersonAlert {
  let alertMark: String
  let alertWhat: String
  let alertState: String
  let alertAnchor: String
  let alertAge: String
  let alertRaised: String

  init(_ alert: BoardAlert, now: WallTime, catalogue: Catalogue, zone: TimeZone) {
    let card = AlertCard(alert, now: now, catalogue: catalogue, zone: zone)
    alertMark = card.priorityMark
    alertWhat = card.what
    alertState = card.marks.last ?? card.stateText
    alertAnchor = "/#v-\(card.anchor)"
    alertAge = card.ageText
    alertRaised = card.raisedMilliseconds
  }
}

/// One version in the list of all.
struct VersionLine {
  /// "Versjon 4, Nina Nattevakt 2026-11-27 14:20: ny adresse"
  let versionText: String
  /// "Endret: Gateadresse, Dørkode"
  let versionChanges: String
  let versionPath: String
  let isShown: Bool

  init(_ version: PersonVersion, of file: PersonFile, shown: Int?, catalogue: Catalogue, zone: TimeZone) {
    versionText = version.words("version", catalogue, zone)
    let changed = version.changed.map { $0.map(catalogue.label).joined(separator: ", ") }
    versionChanges = changed.map { catalogue.text("person", "changed", ["list": $0]) } ?? ""
    versionPath = version.number == file.current ? file.path : "\(file.path)?versjon=\(version.number)"
    isShown = version.number == shown
  }
}

extension PersonVersion {
  /// Number, author, time and reason in a sentence of the catalogue.
  func words(_ name: String, _ catalogue: Catalogue, _ zone: TimeZone) -> String {
    catalogue.text(
      "person", name,
      [
        "n": "\(number)", "who": author ?? catalogue.text("person", "unknownAuthor"), "time": catalogue.dayAndClock(at, in: zone),
        "reason": reason,
      ])
  }
}
