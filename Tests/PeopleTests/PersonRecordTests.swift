// The record of a person: every field by its key, what may stand in each, what is restricted, and what follows from it.

import Testing
import VitalSigns

@testable import People

@Suite struct PersonRecordTests {
  /// A text that fits each form.
  private static func good(_ field: PersonField) -> String {
    switch field.form {
    case .line, .text: "Trapp \(field.key)"
    case .date: "1941-05-17"
    case .yesNo: "yes"
    case .phone: "+4722225555"
    case .postalCode: "0150"
    case .language: "nb"
    }
  }

  private static var full: PersonRecord {
    get throws {
      var record = PersonRecord()
      for field in PersonField.allCases { try record.set(field, to: good(field)) }
      return record
    }
  }

  @Test func everyFieldHasAKeyOfItsOwn() {
    let keys = PersonField.allCases.map(\.key)
    #expect(Set(keys).count == keys.count)
    for field in PersonField.allCases { #expect(PersonField(key: field.key) == field) }
    #expect(keys.contains("kin.5.consent") && keys.contains("plan.sos") && keys.contains("plan") && keys.contains("gp.phone"))
    for key in ["", "kin.6.name", "kin.1", "plan.storeFailing", "phone.0", "Street"] { #expect(PersonField(key: key) == nil, "\(key)") }
  }

  @Test func whatIsStoredIsReadAndRestrictedStaysApart() throws {
    let record = try Self.full
    let (open, restricted) = (record.stored(restricted: false), record.stored(restricted: true))
    #expect(restricted.keys.sorted() == ["doorCode", "keyBox", "otherAccess"])
    #expect(open.count + restricted.count == PersonField.allCases.count)
    #expect(PersonRecord(stored: open.merging(restricted) { first, _ in first }) == record)
    #expect(record.withoutRestricted.stored(restricted: true).isEmpty)
    #expect(record.withoutRestricted.stored(restricted: false) == open)
  }

  /// A newer version's fields are not lost when this version changes another one.
  @Test func aFieldOfANewerVersionIsKept() throws {
    var record = PersonRecord(stored: ["street": "Storgata 1", "horse": "Balder"])
    try record.set(.street, to: "Storgata 2")
    #expect(record.stored(restricted: false) == ["street": "Storgata 2", "horse": "Balder"])
    #expect(record.fields.map(\.field) == [.street])
    #expect(!record.isEmpty)
  }

  @Test func spacesAreDroppedAndNothingRemoves() throws {
    var record = PersonRecord()
    try record.set(.city, to: "  Oslo\n")
    #expect(record[.city] == "Oslo")
    try record.set(.city, to: " \t")
    #expect(record[.city] == nil && record.isEmpty)
  }

  @Test(arguments: [
    (PersonField.birthDate, "1941-05-17", "1941-05-17"), (.phone(1), "22 22 55 55", "22225555"),
    (.kin(1, .phone), "+47 900 00 000", "+4790000000"),
    (.phone(2), "112", "112"), (.pregnant, "Ja", "yes"), (.interpreter, "NEI", "no"), (.language, "se-NO", "se-NO"),
    (.critical, "Penicillin\r\nHund", "Penicillin\nHund"), (.street, "Bjørkåsen 3 B", "Bjørkåsen 3 B"),
  ])
  func whatFits(field: PersonField, text: String, stored: String) throws {
    var record = PersonRecord()
    try record.set(field, to: text)
    #expect(record[field] == stored)
  }

  @Test(arguments: [
    (PersonField.birthDate, "17.05.1941"), (.birthDate, "1941-02-30"), (.birthDate, "1941-5-17"), (.birthDate, "1849-12-31"),
    (.birthDate, "2131-01-01"), (.birthDate, "+941-01-01"), (.postalCode, "150"), (.postalCode, "０１５０"), (.postalCode, "N-0150"),
    (.phone(1), "12"), (.phone(1), "1234567890123456"), (.phone(1), "22 22 55 55 x"), (.phone(1), "++47222"), (.phone(1), "٢٢٢٢"),
    (.interpreter, "perhaps"), (.language, "n"), (.language, "norsk bokmål"), (.language, "nb-"), (.street, "two\nlines"),
    (.doorCode, "\u{1B}[2J"), (.critical, "bell\u{07}"), (.critical, "tab\there"), (.street, String(repeating: "x", count: 121)),
    (.entry, String(repeating: "x", count: 1_001)),
  ])
  func whatDoesNotFitIsRefusedWithoutSayingIt(field: PersonField, text: String) {
    var record = PersonRecord()
    var problem: PersonRecordProblem?
    do { try record.set(field, to: text) } catch { problem = error }
    #expect(problem == PersonRecordProblem(field: field, allowed: field.form.allowed))
    #expect(record.isEmpty)
  }

  @Test func differencesAreNamedInTheOrderOfTheList() throws {
    var before = PersonRecord()
    try before.set(.doorCode, to: "1234")
    try before.set(.street, to: "Storgata 1")
    var after = before
    try after.set(.doorCode, to: "4321")
    try after.set(.street, to: "")
    try after.set(.birthDate, to: "1941-05-17")
    #expect(after.differences(from: before) == [.birthDate, .street, .doorCode])
    #expect(after.differences(from: after).isEmpty)
  }

  // MARK: What it means

  @Test(
    arguments: [
      ("2010-06-15", 16_602, UInt8?(1)), ("2010-06-15", 20_618, 1), ("2010-06-15", 20_619, nil), ("1941-05-17", 0, nil),
      // 29 February: sixteen years later is a leap year again, but for 2084 + 16 = 2100.
      ("2012-02-29", 21_242, 1), ("2012-02-29", 21_243, nil), ("2084-02-29", 47_540, 1), ("2084-02-29", 47_541, nil),
    ] as [(String, Int32, UInt8?)])
  func sixteenIsTheBirthday(born: String, day: Int32, hindrance: UInt8?) throws {
    var record = PersonRecord()
    try record.set(.birthDate, to: born)
    #expect(record.eligibility.hindrance(onDay: day)?.rawValue == hindrance)
  }

  @Test func pregnancyHindersAndYouthIsNamedFirst() throws {
    var record = PersonRecord()
    #expect(record.eligibility == NEWS2Eligibility())
    try record.set(.pregnant, to: "yes")
    #expect(record.eligibility.hindrance(onDay: 20_000) == .pregnant)
    try record.set(.birthDate, to: "2012-01-01")
    #expect(record.eligibility.hindrance(onDay: 20_000) == .under16)
    try record.set(.pregnant, to: "no")
    #expect(record.eligibility.hindrance(onDay: 40_000) == nil)
  }

  @Test func ageIsInWholeYears() throws {
    let born = try #require(CivilDate("1941-05-17"))
    let birthday = try #require(CivilDate("2026-05-17")).daysSince1970
    #expect(born.age(onDay: birthday) == 85 && born.age(onDay: birthday - 1) == 84)
    #expect(born.age(onDay: born.daysSince1970) == 0 && born.age(onDay: born.daysSince1970 - 1) == nil)
    for text in ["1850-01-01", "1970-01-01", "2000-02-29", "2130-12-31"] { #expect(CivilDate(text)?.description == text) }
    #expect(CivilDate("1970-01-01")?.daysSince1970 == 0 && CivilDate("1969-12-31")?.daysSince1970 == -1)
  }

  @Test func addressPlanAndNextOfKin() throws {
    var record = PersonRecord()
    #expect(record.address == nil && record.nextOfKin.isEmpty && record.phones.isEmpty)
    try record.set(.city, to: "Oslo")
    #expect(record.address == "Oslo")
    try record.set(.street, to: "Storgata 1")
    try record.set(.floor, to: "3. etasje")
    try record.set(.postalCode, to: "0155")
    #expect(record.address == "Storgata 1, 3. etasje, 0155 Oslo")
    try record.set(.plan(nil), to: "Ring først.")
    try record.set(.plan(.sos), to: "Rykk ut.")
    #expect(record.instruction(for: .sos) == "Rykk ut." && record.instruction(for: .fall) == "Ring først.")
    #expect(record.instruction(for: .lowBattery) == "Ring først.")
    try record.set(.kin(2, .name), to: "Per")
    try record.set(.kin(2, .consent), to: "no")
    try record.set(.kin(4, .relation), to: "nabo")
    #expect(record.nextOfKin == [NextOfKin(number: 2, name: "Per", relation: nil, phone: nil, hasConsent: false)])
  }
}
