// Whole conversations of `pair` without a terminal or a hub: what is said, what is asked of the hub, and that nothing is
// registered before the person has said whose it is.

import LocalAPI
import Testing

@testable import knutepunkt

@Suite struct PairDialogueTests {
  private typealias Fixtures = InstallerFixtures

  /// A conversation that has come to the measurement.
  private func testing(_ number: String = "1") throws -> Transcript {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type(number)
    transcript.give(.pairing(try Fixtures.pairing("connecting")))
    transcript.give(.pairing(try Fixtures.pairing("testing")))
    return transcript
  }

  /// A conversation that has come to the choice of the person.
  private func whose(_ names: [String] = ["Kari Nordmann", "Ola Hansen"]) throws -> Transcript {
    var transcript = try testing()
    transcript.type("")
    transcript.give(.persons(try Fixtures.persons(names)))
    return transcript
  }

  @Test func fromFoundToGiven() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching", found: [Fixtures.oximeter])))
    transcript.type("1")
    for state in ["connecting", "connecting", "pairing", "pairing"] { transcript.give(.pairing(try Fixtures.pairing(state))) }
    transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: ("confirm", 7))))
    transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: ("confirm", 7))))
    transcript.type("hm")
    transcript.type("j")
    // The hub shows the answered question a moment longer.
    transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: ("confirm", 7))))
    transcript.give(.pairing(try Fixtures.pairing("testing")))
    transcript.give(.pairing(try Fixtures.pairing("testing")))
    transcript.give(.pairing(try Fixtures.pairing("ready", readings: [Fixtures.saturation])))
    transcript.give(.persons(try Fixtures.persons(["Kari Nordmann", "Ola Hansen"], ended: ["Ola Hansen"])))
    transcript.type("1")
    #expect(transcript.dialogue.live == "Hva skal apparatet hete? (bare Enter: Nonin 3230) ")
    transcript.type("  Oksymeter  stue ")
    transcript.type("daglig")
    transcript.type("1")
    transcript.give(.registered(try Fixtures.device("D3", label: "Oksymeter stue", patient: "P1")))
    #expect(transcript.dialogue.unfinished == nil)
    transcript.type("n")
    #expect(
      transcript.lines == [
        "   1  Nonin3230_50 · Nonin 3230 · like ved · …A1:B2", "> choose C0:26:DA:01:A1:B2", "Kobler til Nonin3230_50 …",
        "Parer med Nonin3230_50. Det kan ta et halvt minutt …", "Viser apparatet dette tallet: 012 345?",
        "Svar j for ja eller n for nei.", "> answer 7 true -", "Nonin3230_50 er koblet til.",
        "Bruk apparatet nå, slik personen skal gjøre det: ta en måling, eller trykk på knappen.", "Målingen kom fram: Oksygenmetning 97 %",
        "Dette var en prøve. Den er ikke lagret.", "> persons", "", "Hvem skal ha apparatet?", "   1  Kari Nordmann (P1)",
        "   0  Ingen ennå", "Hvor ofte skal det brukes? Blir det stille lenger enn det, varsler knutepunktet.", "   1  Hver dag",
        "   2  Hver time",
        "   0  Vet ikke", "Svar 1, 2 eller 0.",
        "> register Oksymeter stue|nonin/3230|C0:26:DA:01:A1:B2|P1|108000",
        "Ferdig: Oksymeter stue (D3) er gitt til Kari Nordmann (P1).",
        "Fra nå av henter knutepunktet målingene selv, når apparatet brukes i nærheten.",
        "Det varsles ikke hvis apparatet blir stille.", "", "Vil du koble til et apparat til?", "> end",
      ])
  }

  @Test func aNumberStaysItsDevices() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching", found: [Fixtures.oximeter])))
    // The first one goes silent, another one comes: it is number 2, and the first one is shown as silent.
    #expect(try transcript.give(.pairing(Fixtures.pairing("searching", found: [Fixtures.thermometer], strangers: 2))).count == 1)
    #expect(
      transcript.type("") == [
        "Fant:", "   1  Nonin3230_50 · Nonin 3230 · ingen kontakt nå · …A1:B2",
        "   2  Termometer · i rommet · …44:55 · paret her fra før, ikke gitt til noen", "      2 andre enheter i nærheten som ikke passer",
      ])
    #expect(transcript.type("2") == ["> choose D4:11:22:33:44:55"])
  }

  @Test func aDeviceThatTellsItsNameLaterIsShownAgain() throws {
    var transcript = try Transcript()
    let nameless = Fixtures.candidate("C0:26:DA:01:A1:B2")
    #expect(try transcript.give(.pairing(Fixtures.pairing("searching", found: [nameless]))) == ["   1  Nonin 3230 · like ved · …A1:B2"])
    #expect(try transcript.give(.pairing(Fixtures.pairing("searching", found: [nameless]))) == [])
    #expect(
      try transcript.give(.pairing(Fixtures.pairing("searching", found: [Fixtures.oximeter]))) == [
        "   1  Nonin3230_50 · Nonin 3230 · like ved · …A1:B2"
      ])
  }

  @Test(arguments: ["0", "4", "x", "-1", "1 1", "99999999999999999999"]) func wrongNumbersAreExplained(text: String) throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    #expect(transcript.type(text) == ["«\(text)» står ikke i listen. Skriv et tall fra 1 til 3."])
  }

  @Test func failureSaysWhatToDoAndGoesBackToTheList() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching", found: [Fixtures.oximeter])))
    transcript.type("1")
    transcript.give(.pairing(try Fixtures.pairing("connecting")))
    let lines = transcript.give(.pairing(try Fixtures.pairing("failed", found: [Fixtures.oximeter], problem: "cannotConnect")))
    #expect(lines.first == "Det gikk ikke med Nonin3230_50: Knutepunktet finner apparatet, men får ikke koblet det til.")
    #expect(lines.dropFirst().first?.hasPrefix("→ Legg apparatet nær knutepunktet") == true)
    #expect(lines.last == "Velg et nummer for å prøve igjen.")
    // The hub goes on saying `failed` until something else is chosen.
    #expect(try transcript.give(.pairing(Fixtures.pairing("failed", found: [Fixtures.oximeter], problem: "cannotConnect"))) == [])
    #expect(transcript.type("1") == ["> choose C0:26:DA:01:A1:B2"])
  }

  @Test func whatIsShownForTypingIsToldToTheHubAndStaysInSight() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type("1")
    #expect(
      try transcript.give(.pairing(Fixtures.pairing("prompt", prompt: ("display", 9)))) == [
        "Skriv dette tallet på apparatet: 012 345", "> answer 9 true -",
      ])
    transcript.give(.pairing(try Fixtures.pairing("pairing")))
    #expect(transcript.dialogue.live.contains("012 345"))
    transcript.give(.pairing(try Fixtures.pairing("testing")))
    #expect(!transcript.dialogue.live.contains("012 345"))
  }

  @Test(arguments: [
    ("123 456", ["> answer 7 true 123456"]), ("", ["> answer 7 false -"]),
    ("12x", ["Skriv bare sifre, høyst seks. Prøv igjen."]), ("q", ["> end"]),
  ])
  func theDevicesNumberIsTyped(text: String, lines: [String]) throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type("1")
    transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: ("enter", 7))))
    #expect(transcript.type(text) == lines)
  }

  @Test func noToTheComparisonRefuses() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    transcript.type("1")
    transcript.give(.pairing(try Fixtures.pairing("prompt", prompt: ("confirm", 7))))
    #expect(transcript.type("n") == ["> answer 7 false -"])
  }

  @Test func aKnownDeviceIsOnlyPairedAnew() throws {
    var transcript = try testing("3")
    let lines = transcript.give(.pairing(try Fixtures.pairing("ready", readings: [Fixtures.saturation])))
    #expect(lines.contains("Ferdig: D2 er paret på nytt og tilhører den samme som før."))
    #expect(!lines.contains("> persons"))
    #expect(transcript.dialogue.unfinished == nil)
  }

  @Test func theMeasurementMayBeSkippedAndTheHubMayRunOutOfTime() throws {
    var skipped = try testing()
    #expect(skipped.type("x") == [])
    #expect(skipped.type("").last == "> persons")
    var late = try testing()
    #expect(try late.give(.pairing(Fixtures.pairing("closed", found: [], left: 0))).last == "> persons")
  }

  @Test func endingAfterPairingSaysThatItIsKept() throws {
    var transcript = try testing()
    #expect(transcript.dialogue.unfinished?.address == "C0:26:DA:01:A1:B2")
    #expect(transcript.type("q") == ["Nonin3230_50 er paret, men ikke registrert. Det står i listen neste gang.", "> end"])
    var before = try Transcript()
    before.give(.pairing(try Fixtures.pairing("searching")))
    before.type("1")
    #expect(before.dialogue.unfinished == nil)
    #expect(before.type("q") == ["> end"])
  }

  @Test(arguments: [
    ("2", "> register Nonin 3230|nonin/3230|C0:26:DA:01:A1:B2|P2|-"), ("0", "> register Nonin 3230|nonin/3230|C0:26:DA:01:A1:B2|-|-"),
    ("p1", "> register Nonin 3230|nonin/3230|C0:26:DA:01:A1:B2|P1|-"),
  ])
  func thePersonIsChosen(text: String, request: String) throws {
    var transcript = try whose()
    #expect(transcript.type(text) == [])
    transcript.type("")
    #expect(transcript.type("0") == [request])
  }

  @Test func manyPersonsAreSearched() throws {
    var transcript = try whose((1...40).map { "Person \($0)" })
    #expect(transcript.lines.suffix(2) == ["      og 25 til. Skriv en del av navnet for å søke.", "   0  Ingen ennå"])
    #expect(transcript.type("person 39").contains("   1  Person 39 (P39)"))
    #expect(transcript.type("nobody").first?.hasPrefix("Ingen passer med «nobody».") == true)
    #expect(transcript.type("").count == 19)
    transcript.type("P40")
    transcript.type("x")
    #expect(transcript.type("2") == ["> register x|nonin/3230|C0:26:DA:01:A1:B2|P40|7200"])
  }

  @Test func withoutPersonsItIsNobodys() throws {
    var transcript = try testing()
    transcript.type("")
    #expect(transcript.give(.persons([])).first?.hasPrefix("Ingen personer er registrert her ennå.") == true)
    transcript.type("")
    #expect(transcript.type("0") == ["> register Nonin 3230|nonin/3230|C0:26:DA:01:A1:B2|-|-"])
    let lines = transcript.give(.registered(try Fixtures.device("D9", label: "Nonin 3230", patient: nil)))
    #expect(lines.contains("Gi det til noen senere med: knutepunkt device assign D9 P…"))
  }

  @Test func aLabelHasAnEnd() throws {
    var transcript = try whose()
    transcript.type("1")
    #expect(transcript.type(String(repeating: "x", count: 101)) == ["Navnet er for langt. Skriv høyst 100 tegn."])
    #expect(transcript.type(String(repeating: "x", count: 100)).count == 4)
  }

  @Test func aRefusedRegistrationAsksAgain() throws {
    var transcript = try whose()
    transcript.type("1")
    transcript.type("")
    transcript.type("0")
    #expect(transcript.give(.refused(["no"])) == ["no", "> persons"])
  }

  @Test func aRefusedChoiceGoesBackToTheListAndARefusedWindowEnds() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching", found: [Fixtures.oximeter])))
    transcript.type("1")
    #expect(transcript.give(.refused(["no"])).last == "Velg et nummer for å prøve igjen.")
    #expect(transcript.give(.refused(["no"])) == ["no", "> end"])
  }

  @Test func theEndOfTheTimeOffersAnotherLook() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching", found: [])))
    let lines = transcript.give(.pairing(try Fixtures.pairing("closed", found: [], left: 0)))
    #expect(lines.first == "Tiden er ute.")
    #expect(lines.last == "Vil du lete en gang til?")
    #expect(lines.count == 3)
    #expect(try transcript.give(.pairing(Fixtures.pairing("closed", found: [], left: 0))) == [])
    #expect(transcript.type("ja") == ["> open"])
    #expect(try transcript.give(.pairing(Fixtures.pairing("searching", found: [Fixtures.oximeter]))).count == 1)
  }

  @Test func theWindowIsKeptOpenOnlyWhileADeviceIsAtWork() throws {
    var transcript = try Transcript()
    transcript.give(.pairing(try Fixtures.pairing("searching")))
    #expect(!transcript.dialogue.needsWindow)
    transcript.type("1")
    #expect(transcript.dialogue.needsWindow)
    #expect(try testing().dialogue.needsWindow)
    #expect(try !whose().dialogue.needsWindow)
  }
}
