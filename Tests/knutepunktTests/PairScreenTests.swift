// What an installer sees, letter by letter in three languages. A changed text is changed here too, by somebody who has
// read it as an installer would.

import HubRuntime
import LocalAPI
import Testing

@testable import knutepunkt

@Suite struct PairScreenTests {
  private typealias Fixtures = InstallerFixtures

  @Test(
    arguments: [
      (
        .nb,
        [
          "   1  Nonin3230_50 · Nonin 3230 · like ved · …A1:B2",
          "   2  Termometer · i rommet · …44:55 · paret her fra før, ikke gitt til noen",
          "   3  UA-651BLE · A&D Medical UA-651BLE · svakt · …00:02 · er allerede D2 her, kan pares på nytt",
        ]
      ),
      (
        .nn,
        [
          "   1  Nonin3230_50 · Nonin 3230 · like ved · …A1:B2",
          "   2  Termometer · i rommet · …44:55 · para her frå før, ikkje gitt til nokon",
          "   3  UA-651BLE · A&D Medical UA-651BLE · svakt · …00:02 · er allereie D2 her, kan parast på nytt",
        ]
      ),
      (
        .en,
        [
          "   1  Nonin3230_50 · Nonin 3230 · close by · …A1:B2",
          "   2  Thermometer · in the room · …44:55 · already paired here, not given to anybody",
          "   3  UA-651BLE · A&D Medical UA-651BLE · weak · …00:02 · is D2 here already, can be paired again",
        ]
      ),
    ] as [(TextLanguage, [String])])
  func foundDevices(language: TextLanguage, lines: [String]) throws {
    var transcript = try Transcript(language)
    #expect(try transcript.give(.pairing(Fixtures.pairing("searching"))) == lines)
  }

  @Test(
    arguments: [
      (.nb, 125, false, 0, "Leter, 2 min 5 s igjen. Ingen funnet ennå. "),
      (.nb, 42, false, 3, "Leter, 42 s igjen. 3 andre enheter i nærheten som ikke passer. "),
      (.nb, 42, false, 1, "Leter, 42 s igjen. 1 annen enhet i nærheten som ikke passer. "),
      (.nb, 0, true, 3, "Leter, 0 s igjen. Nummer: "), (.nn, 42, false, 0, "Leitar, 42 s igjen. Ingen funne enno. "),
      (.nn, 42, true, 0, "Leitar, 42 s igjen. Nummer: "), (.en, 42, false, 0, "Looking, 42 s left. Nothing found yet. "),
      (.en, 7, true, 0, "Looking, 7 s left. Number: "),
    ] as [(TextLanguage, Int, Bool, Int, String)])
  func countdown(language: TextLanguage, left: Int, hasFound: Bool, strangers: Int, line: String) throws {
    var transcript = try Transcript(language)
    transcript.give(
      .pairing(try Fixtures.pairing("searching", found: hasFound ? [Fixtures.oximeter] : [], left: left, strangers: strangers)))
    #expect(transcript.dialogue.live == line)
  }

  @Test(
    arguments: [
      ("confirm", .nb, "Viser apparatet dette tallet: 012 345?", "j = ja, n = nei: "),
      ("confirm", .nn, "Viser apparatet dette talet: 012 345?", "j = ja, n = nei: "),
      ("confirm", .en, "Does the device show this number: 012 345?", "y = yes, n = no: "),
      ("display", .nb, "Skriv dette tallet på apparatet: 012 345", "Tallet er 012 345. Venter på apparatet … (q avslutter) "),
      ("display", .nn, "Skriv dette talet på apparatet: 012 345", "Talet er 012 345. Ventar på apparatet … (q avsluttar) "),
      ("display", .en, "Type this number on the device: 012 345", "The number is 012 345. Waiting for the device … (q stops) "),
      ("enter", .nb, "Apparatet viser et tall med seks sifre. Skriv det her.", "Tallet på apparatet (bare Enter avbryter): "),
      ("enter", .nn, "Apparatet viser eit tal med seks siffer. Skriv det her.", "Talet på apparatet (berre Enter avbryt): "),
      ("enter", .en, "The device shows a six-digit number. Type it here.", "The device's number (Enter alone cancels): "),
    ] as [(String, TextLanguage, String, String)])
  func prompts(kind: String, language: TextLanguage, said: String, live: String) throws {
    var transcript = try Transcript(language)
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type("1")
    let lines = transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: (kind, 7))))
    #expect(lines.first == said)
    #expect(transcript.dialogue.live == live)
  }

  @Test func personsAreNumberedAndZeroIsNobody() throws {
    let screen = PairScreen(texts: try Fixtures.texts())
    let persons = try Fixtures.persons(["Kari Nordmann", "Åse\u{1B}[2J Berg"])
    #expect(
      screen.persons(persons, all: 5) == [
        "Hvem skal ha apparatet?", "   1  Kari Nordmann (P1)", "   2  Åse[2J Berg (P2)",
        "      og 3 til. Skriv en del av navnet for å søke.", "   0  Ingen ennå",
      ])
  }

  @Test(
    arguments: [
      ("sig/thermometer", "Bluetooth SIG", "Health Thermometer Service", "", "Termometer"), ("beurer/bm85", "Beurer", "BM85", "x", "BM85"),
      ("nonin/3230", "Nonin", "3230", "x", "Nonin 3230"), ("x/y", "", "", "Name", "Name"),
    ])
  func defaultLabels(profile: String, vendor: String, model: String, name: String, label: String) throws {
    let screen = PairScreen(texts: try Fixtures.texts())
    let candidate: API.Pairing.Candidate = try Fixtures.decoded(
      Fixtures.candidate("AA:BB:CC:DD:EE:FF", name: name, profile: profile, vendor: vendor, model: model))
    #expect(screen.defaultLabel(candidate) == label)
  }

  @Test func aBondedDeviceOutOfRangeIsNotHeard() throws {
    var transcript = try Transcript()
    let silent = Fixtures.candidate("D4:11:22:33:44:55", name: "T", rssi: nil, bonded: true)
    #expect(
      try transcript.give(.pairing(Fixtures.pairing("searching", found: [silent]))) == [
        "   1  T · Nonin 3230 · ingen kontakt nå · …44:55 · paret her fra før, ikke gitt til noen"
      ])
  }
}
