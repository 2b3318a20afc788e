// The access log in plain words: each row of each kind has its sentence in three languages, and what was done again and again is one line.

import HubRuntime
import LocalAPI
import Testing

@testable import knutepunkt

@Suite struct AccessReportTests {
  private func row(_ action: String, _ detail: String = "", by actor: String = "Nina", why: String = "console", at minute: Int = 0)
    -> API.AuditRow
  {
    API.AuditRow(
      id: 1, at: "2026-03-02T12:\(minute < 10 ? "0" : "")\(minute):00.000Z", actor: actor, action: action, patient: "P1", purpose: why,
      detail: detail)
  }

  @Test(arguments: TextLanguage.allCases) func everySentenceIsThere(language: TextLanguage) throws {
    let texts = try InstallerTexts.load(language)
    for key in AccessReport.keys { #expect(texts.has("access", key), "\(key)") }
  }

  /// What the core writes, and the sentence for it.
  @Test(arguments: [
    ("read", "board", "så personen på tavlen"), ("read", "record, all versions", "leste opplysningene om personen"),
    ("read", "restricted: doorCode keyBox", "fikk se dørkode eller nøkkelboks"),
    ("read", "restricted: nothing is set", "spurte etter dørkode og nøkkelboks; ingenting var registrert"),
    ("read", "explain alert", "så på hvorfor et varsel eller en NEWS2 ble som den ble"),
    ("registry", "record version 3: street doorCode", "endret opplysningene om personen"),
    ("registry", "patientAdded refused: noRoom", "registrerte personen, eller rettet navn eller fødselsnummer (ble ikke gjennomført)"),
    ("registry", "deviceAssigned D4", "ga personen et apparat"), ("command", "resolve 0123", "avsluttet et varsel"),
    ("forward", "destination 7 alert 1 sequence 1-1", "sendte opplysninger til en avtalt mottaker"),
    ("dance", "on the table", "gjorde noe annet (dance, on the table)"),
  ])
  func eachRowHasItsSentence(action: String, detail: String, sentence: String) throws {
    let report = AccessReport(texts: try InstallerTexts.load(.nb))
    #expect(report.lines([row(action, detail)]).map(\.what) == [sentence])
  }

  @Test func whatWasDoneAgainAndAgainIsOneLine() throws {
    let report = AccessReport(texts: try InstallerTexts.load(.nb))
    let rows =
      [row("read", "restricted: doorCode", why: "alert 0123: brann", at: 30)] + (10..<20).reversed().map { row("read", "board", at: $0) }
      + [row("read", "board", by: "the hub", at: 5)]
    let lines = report.lines(rows)
    #expect(lines.map(\.times) == [1, 10, 1] && lines.map(\.who) == ["Nina", "Nina", "Knutepunktet selv"])
    #expect(lines[0].why == "åpent varsel: brann" && lines[1].why == nil)
    #expect(lines[1].from < lines[1].to)
    #expect(report.text(lines[1]).contains(" til ") && report.text(lines[1]).hasSuffix("så personen på tavlen. 10 ganger."))
    #expect(report.text(lines[0]).hasSuffix("fikk se dørkode eller nøkkelboks. Grunn: åpent varsel: brann."))
  }
}
