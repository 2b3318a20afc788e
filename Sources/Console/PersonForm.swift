// The form of a person's record: what was posted, what of it is a change, what does not fit, and how it meets a change that somebody else
// made meanwhile. A value; what the nurse wrote stays in it whatever happens.

import AlertTexts
import Foundation
import People
import VitalSigns

/// A record as it stands in a form.
struct PersonForm {
  /// Text by field. Restricted fields are empty unless something new was written: what is set is not shown.
  var texts: [PersonField: String] = [:]
  /// Restricted fields that are to be removed.
  var removed: Set<PersonField> = []
  var reason = ""
  /// The version that the form was made from; 0: there was none.
  var basedOn = 0

  /// Filled with what holds.
  init(_ file: PersonFile) {
    basedOn = file.current
    texts = Dictionary(file.record.record.fields.map { ($0.field, $0.text) }, uniquingKeysWith: { first, _ in first })
  }

  /// As posted. A field that the browser did not send is not in it, and stays as it is.
  init(_ posted: ConsoleForm) {
    for field in PersonField.allCases {
      if posted.has(field.key) { texts[field] = posted[field.key] }
      if field.isRestricted, posted["remove.\(field.key)"] == "yes" { removed.insert(field) }
    }
    reason = posted["reason"].trimmingCharacters(in: .whitespacesAndNewlines)
    basedOn = Int(posted["basedOn"]) ?? 0
  }

  /// What differs from `base`, in the one spelling of each field; or the fields that do not fit.
  ///
  /// - Parameter base: the version that the form was made from; nil: it is not known any more, and all that was posted counts.
  func changes(from base: PersonRecord?) -> Result<[PersonField: String], PersonFormProblems> {
    var changes: [PersonField: String] = [:]
    var unfit: Set<PersonField> = []
    for (field, text) in texts {
      do throws(PersonRecordProblem) {
        let value = try Self.value(field, text)
        if field.isRestricted {
          if !value.isEmpty { changes[field] = value }
        } else if base == nil || value != base?[field] ?? "" {
          changes[field] = value
        }
      } catch {
        unfit.insert(error.field)
      }
    }
    for field in removed where changes[field] == nil && !unfit.contains(field) { changes[field] = "" }
    return unfit.isEmpty ? .success(changes) : .failure(PersonFormProblems(unfit: unfit))
  }

  /// The form on top of what holds now: what the nurse changed stays as written, all else is as it has become.
  func rebased(from base: PersonRecord?, onto file: PersonFile) -> PersonForm {
    var form = self
    form.basedOn = file.current
    for field in PersonField.allCases where !field.isRestricted {
      guard let base, let text = texts[field], let value = try? Self.value(field, text), value == base[field] ?? "" else { continue }
      form.texts[field] = file.record.record[field] ?? ""
    }
    return form
  }

  /// The text in the field's one spelling; empty: nothing.
  private static func value(_ field: PersonField, _ text: String) throws(PersonRecordProblem) -> String {
    var record = PersonRecord()
    try record.set(field, to: text)
    return record[field] ?? ""
  }
}

/// Fields that do not fit.
struct PersonFormProblems: Error {
  let unfit: Set<PersonField>
}

extension PersonFile {
  /// What others have changed since a version, newest first.
  func since(_ number: Int) -> [PersonVersion] { versions.filter { $0.number > number } }

  /// The record that a form was made from; nil: too old to be here.
  func base(of form: PersonForm) -> PersonRecord? {
    form.basedOn == 0 ? PersonRecord() : version(form.basedOn)?.record.record
  }
}
