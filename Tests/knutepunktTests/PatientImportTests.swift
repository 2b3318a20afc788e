// People out of a CSV file: how the file is read, whom each row means, and that every mistake is named with its line and column before
// anything is done.

import LocalAPI
import People
import Testing

@testable import knutepunkt

@Suite struct CSVTableTests {
  private func cells(_ text: String) throws -> [[String]] {
    let table = try CSVTable(Array(text.utf8))
    return [table.headings] + table.rows.map(\.cells)
  }

  @Test(
    arguments: [
      ("name;city\nKari;Oslo\n", [["name", "city"], ["Kari", "Oslo"]]),
      ("\u{FEFF}name;city\r\nKari;Oslo\r\n\r\n", [["name", "city"], ["Kari", "Oslo"]]),
      ("name,city\nKari,Oslo", [["name", "city"], ["Kari", "Oslo"]]),
      ("name\tcity\nKari\t\n", [["name", "city"], ["Kari", ""]]),
      ("name;street\n\"Nordmann; Kari\";\"Stor\"\"gata\"\" 1\"\n", [["name", "street"], ["Nordmann; Kari", "Stor\"gata\" 1"]]),
      (" name ; critical \nKari;\"en\nto\"\n;\nPer;x", [["name", "critical"], ["Kari", "en\nto"], ["Per", "x"]]),
      ("name\n\"\"\nKari\n", [["name"], ["Kari"]]),
    ] as [(String, [[String]])])
  func filesAsSpreadsheetsWriteThem(text: String, expected: [[String]]) throws {
    #expect(try cells(text) == expected)
  }

  @Test func linesAreCountedThroughQuotedCells() throws {
    let table = try CSVTable(Array("name;critical\nKari;\"en\r\nto\ntre\"\nPer;x\n".utf8))
    #expect(table.rows.map(\.line) == [2, 5])
    #expect(table.rows[0].cells[1] == "en\r\nto\ntre")
  }

  @Test(
    arguments: [
      ([], 1, "empty"), (Array("\n \n".utf8), 1, "empty"), (Array("name;city\nKari\n".utf8), 2, "1 cells"),
      (Array("name;city\nKari;\"en\nto\"\nPer;x;\n".utf8), 4, "3 cells"),
      (Array("name\n\"Kari\n".utf8), 2, "nothing closes"), (Array("name\nKa\"ri\n".utf8), 2, "within a cell"),
      (Array("name\n\"Kari\"x\n".utf8), 2, "after a quotation mark"), (Array("name\nK".utf8) + [0xE5, 0x0A], 2, "not UTF-8"),
    ] as [([UInt8], Int, String)])
  func whatIsWrongIsNamedWithItsLine(bytes: [UInt8], line: Int, words: String) {
    var problem: CSVTable.Problem?
    do { _ = try CSVTable(bytes) } catch { problem = error }
    #expect(problem?.line == line && problem?.text.contains(words) == true, "\(problem?.text ?? "taken")")
  }
}

@Suite struct PatientImportTests {
  private let people = [
    API.Patient(id: "P1", name: "Kari Test", nationalID: "01815090001", controller: "974760673", since: "", devices: []),
    API.Patient(id: "P2", name: "Ola Test", controller: "974760673", since: "", devices: []),
    API.Patient(id: "P3", name: "Ola Test", controller: "974760673", since: "", devices: []),
  ]

  private func plan(_ text: String) throws -> PatientImportPlan { PatientImportPlan(try CSVTable(Array(text.utf8)), people: people) }

  @Test func eachRowMeansSomebody() throws {
    let plan = try plan(
      """
      patient;name;nationalID;street;kin.1.phone
      P2;;;Storgata 1;
      ;Kari Nytt;01815090001;;22 22 55 55
      ;Kari Test;;Storgata 3;
      ;Per Test;02815090002;Storgata 4;
      """)
    // Kari stands in two rows: by her number, and by her name.
    #expect(plan.problems == [CSVTable.Problem(line: 4, text: "the same person as in line 3; allowed: each person once")])
    #expect(plan.steps.map(\.patient) == ["P2", "P1", "P1", nil])
    #expect(plan.steps.map(\.renames) == [false, true, false, false])
    #expect(plan.steps.map { $0.fields.keys.sorted() } == [["street"], ["kin.1.phone"], ["street"], ["street"]])
    #expect(plan.summary == "1 new person, 3 here already.")
  }

  @Test(arguments: [
    ("street\nStorgata 1\n", 1, "no column names anybody"), ("name;steet\nKari Test;x\n", 1, "no column \"steet\""),
    ("name;name\nKari Test;x\n", 1, "comes twice"), ("patient\nP99\n", 2, "no person P99"),
    ("patient\nD1\n", 2, "column patient does not fit"),
    ("name\nOla Test\n", 2, "2 people have this name"), ("name;nationalID\n;02815090002\n", 2, "without a name"),
    ("name;city\n;Oslo\n", 2, "nobody is named"), ("name;nationalID\nKari Test;1815090001\n", 2, "exactly 11 digits"),
    ("name;birthDate\nKari Test;17.05.1941\n", 2, "column birthDate does not fit; allowed: a date like 1941-05-17"),
    ("name;controller\nKari Test;958935420\n", 2, "another controller"),
  ])
  func everyMistakeIsNamed(text: String, line: Int, words: String) throws {
    let problems = try plan(text).problems
    #expect(problems.contains { $0.line == line && $0.text.contains(words) }, "\(problems)")
  }

  @Test func noMistakeSaysWhatStandsInACell() throws {
    let problems = try plan("name;doorCode;birthDate;nationalID\nKari Test;\"4711\n\";4712;4713\n").problems
    #expect(problems.count == 2)
    #expect(!problems.contains { $0.text.contains("471") })
  }

  @Test func fieldsFromTheCommandLine() throws {
    var lines = ["1234"]
    let changes = try PersonRecordText.changes(["street=Storgata 1=A", "city=", "doorCode=-"]) { lines.popLast() }
    #expect(changes == ["street": "Storgata 1=A", "city": "", "doorCode": "1234"])
    for wrong in [["street"], ["steet=x"], ["city=a", "city=b"], ["birthDate=17.5.41"], ["doorCode=-"]] {
      #expect(throws: (any Error).self, "\(wrong)") { _ = try PersonRecordText.changes(wrong) { nil } }
    }
  }
}
