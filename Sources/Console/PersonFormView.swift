// The form of a record as it is shown: every field in its section, with what is allowed beside it. Names of fields are those of
// `personform.mustache`. A restricted field stands empty whatever is set: what is written replaces it.

import AlertTexts
import Foundation
import People
import VitalSigns

/// Everything in the form.
struct PersonFormView {
  let personName: String
  let personPath: String
  let basedOn: String
  let reasonText: String
  let reasonMax: String
  let formSections: [FormSection]
  let conflict: [ConflictLine]
  let hasConflict: Bool

  /// - Parameters:
  ///   - unfit: fields whose text does not fit.
  ///   - conflict: what others have changed since the form was made.
  init(_ file: PersonFile, form: PersonForm, unfit: Set<PersonField>, conflict: [PersonVersion], catalogue: Catalogue, zone: TimeZone) {
    personName = file.displayName
    personPath = file.path
    basedOn = "\(form.basedOn)"
    reasonText = form.reason
    reasonMax = "\(PersonEdit.reasonCharactersMax)"
    let changed = Set(conflict.flatMap { $0.changed ?? [] })
    formSections = PersonField.Section.allCases.map { section in
      FormSection(
        title: catalogue.text("section", section.rawValue),
        fields: PersonField.allCases.filter { $0.section == section }.map { field in
          var shown = FormField(field, text: form.texts[field] ?? "", catalogue: catalogue)
          shown.isUnfit = unfit.contains(field)
          shown.isSet = file.record.withheld.contains(field)
          shown.isRemoved = form.removed.contains(field)
          shown.isTheirs = changed.contains(field)
          return shown
        })
    }
    self.conflict = conflict.map { ConflictLine($0, catalogue: catalogue, zone: zone) }
    hasConflict = !conflict.isEmpty
  }
}

/// One section of the form.
struct FormSection {
  let formTitle: String
  let formFields: [FormField]

  init(title: String, fields: [FormField]) {
    formTitle = title
    formFields = fields
  }
}

/// One field of the form.
struct FormField {
  let fieldKey: String
  let fieldLabel: String
  let fieldHint: String
  let fieldText: String
  let fieldType: String
  let fieldMax: String
  let isArea: Bool
  let isChoice: Bool
  let isLine: Bool
  let isYes: Bool
  let isNo: Bool
  let isRestricted: Bool
  var isUnfit = false
  /// Of a restricted field: something is set, and not shown.
  var isSet = false
  var isRemoved = false
  /// Somebody else has changed it meanwhile.
  var isTheirs = false

  init(_ field: PersonField, text: String, catalogue: Catalogue) {
    fieldKey = field.key
    fieldLabel = catalogue.label(field)
    fieldHint = catalogue.allowed(field.form)
    fieldText = text
    isRestricted = field.isRestricted
    isYes = text == "yes"
    isNo = text == "no"
    isChoice = field.form == .yesNo
    if case .text = field.form { isArea = true } else { isArea = false }
    isLine = !isArea && !isChoice
    switch field.form {
    case .line(let most), .text(let most): (fieldType, fieldMax) = ("text", "\(most)")
    // A date field of a browser cannot hold what is no date, and what was typed would be lost: a line of text can.
    case .date, .postalCode, .language, .yesNo: (fieldType, fieldMax) = ("text", "20")
    case .phone: (fieldType, fieldMax) = ("tel", "30")
    }
  }
}

/// What somebody else changed while the form was open.
struct ConflictLine {
  let conflictText: String
  let conflictItems: [ConflictItem]

  init(_ version: PersonVersion, catalogue: Catalogue, zone: TimeZone) {
    conflictText = version.words("version", catalogue, zone)
    conflictItems = (version.changed ?? []).map { ConflictItem($0, version.record.record, catalogue: catalogue) }
  }
}

/// One field as somebody else has left it.
struct ConflictItem {
  let conflictLabel: String
  let conflictValue: String

  init(_ field: PersonField, _ record: PersonRecord, catalogue: Catalogue) {
    conflictLabel = catalogue.label(field)
    conflictValue =
      field.isRestricted
      ? catalogue.text("person", "hiddenChange") : record[field].map { catalogue.said(field, $0) } ?? catalogue.text("person", "emptied")
  }
}
