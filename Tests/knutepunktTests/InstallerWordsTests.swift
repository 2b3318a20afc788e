// How spans, signals, names and readings are said, and what a typed answer means.

import ArgumentParser
import HubRuntime
import LocalAPI
import Testing
import VitalSigns

@testable import knutepunkt

@Suite struct InstallerWordsTests {
  @Test(
    arguments: [
      (0, "0 s"), (-5, "0 s"), (1, "1 s"), (119, "119 s"), (120, "2 min"), (125, "2 min 5 s"), (600, "10 min"), (601, "10 min"),
      (7_199, "119 min"), (7_200, "2 t"), (172_799, "47 t 59 min"), (172_800, "2 døgn"), (259_199, "2 døgn 23 t"),
    ] as [(Int64, String)])
  func spans(seconds: Int64, text: String) throws {
    #expect(try InstallerFixtures.texts().span(seconds) == text)
  }

  /// A clock that is or was wrong makes no age of decades.
  @Test func agesEndWhereAClockWasWrong() throws {
    let now = try #require(WallTime(text: "2026-03-01T12:00:00.000Z"))
    func age(_ text: String) -> String? { TimeDisplay.age(text, now: now) }
    #expect(age("2026-03-01T12:05:00.000Z") == "in 5 min")
    #expect(age("2026-03-31T12:00:00.000Z") == "in 30 d")
    #expect(age("2016-03-15T12:00:00.000Z") == "3638 d ago")
    for text in ["1970-01-01T12:00:20.000Z", "2056-03-01T12:00:00.000Z"] { #expect(age(text) == TimeDisplay.local(text)) }
  }

  @Test func ages() throws {
    let now = try #require(WallTime(text: "2026-03-01T12:00:00.000Z"))
    let cases: [(String?, String, String)] = [
      (nil, "aldri", "never"), ("2026-03-01T11:59:57.000Z", "nå nettopp", "just now"),
      ("2026-03-01T11:59:00.000Z", "for 60 s siden", "60 s ago"), ("2026-03-01T12:05:00.000Z", "nå nettopp", "just now"), ("?", "?", "?"),
    ]
    for (text, norwegian, english) in cases {
      #expect(try InstallerFixtures.texts(.nb).age(text, now: now) == norwegian)
      #expect(try InstallerFixtures.texts(.en).age(text, now: now) == english)
    }
  }

  @Test(
    arguments: [
      (-20, "like ved", "like ved", "close by"), (-60, "like ved", "like ved", "close by"), (-61, "i rommet", "i rommet", "in the room"),
      (-80, "i rommet", "i rommet", "in the room"), (-81, "svakt", "svakt", "weak"), (-127, "svakt", "svakt", "weak"),
      (nil, "ukjent", "ukjent", "unknown"),
    ] as [(Int?, String, String, String)])
  func signals(rssi: Int?, nb: String, nn: String, en: String) throws {
    #expect(try TextLanguage.allCases.map { try InstallerFixtures.texts($0).signal(rssi) } == [nb, nn, en])
  }

  @Test(
    arguments: [
      (nil, 0), (-127, 0), (-100, 0), (-94, 1), (-70, 5), (-46, 9), (-40, 10), (0, 10), (Int.min, 0), (Int.max, 10),
    ] as [(Int?, Int)])
  func bars(rssi: Int?, full: Int) {
    let text = InstallerTexts.bars(rssi)
    #expect(text.count == 10)
    #expect(text.prefix { $0 == "█" }.count == full)
  }

  @Test func decibelsHaveATrueMinus() throws {
    #expect(InstallerTexts.decibels(-61) == "−61 dBm")
    #expect(InstallerTexts.decibels(4) == "4 dBm")
    #expect(try InstallerFixtures.texts().signalInFull(-61) == "−61 dBm (i rommet)")
    #expect(try InstallerFixtures.texts().signalInFull(nil) == "ukjent")
  }

  @Test(arguments: [
    ("Nonin", "Nonin"), ("a\u{1B}[2Jb", "a[2Jb"), ("  a\n\t b ", "a b"), ("\u{202E}abc", "abc"), ("\u{0}\u{7F}\u{9B}", ""),
    ("Åse 🩺", "Åse 🩺"),
  ])
  func whatComesThroughTheAirCannotMoveTheCursor(text: String, shown: String) {
    #expect(InstallerTexts.printable(text) == shown)
  }

  @Test func aLongNameIsCut() { #expect(InstallerTexts.printable(String(repeating: "x", count: 500)).count == 40) }

  @Test(
    arguments: [
      ("j", true), ("J", true), (" ja ", true), ("y", true), ("yes", true), ("n", false), ("Nei", false), ("no", false), ("", nil),
      ("jn", nil), ("1", nil), ("q", nil), ("ja takk", nil),
    ] as [(String, Bool?)])
  func yesOrNo(text: String, answer: Bool?) { #expect(TypedAnswer.yesOrNo(text) == answer) }

  @Test(
    arguments: [
      ("1", 1), (" 3 ", 3), ("03", 3), ("0", nil), ("4", nil), ("-1", nil), ("+1", nil), ("1.0", nil), ("", nil), ("a", nil), ("1 2", nil),
      ("99999999999999999999999", nil), ("٣", nil),
    ] as [(String, Int?)])
  func numbers(text: String, number: Int?) { #expect(TypedAnswer.number(text, in: 1...3) == number) }

  @Test(
    arguments: [
      ("123456", 123_456), ("12 34 56", 123_456), ("000007", 7), ("7", 7), ("1234567", nil), ("", nil), (" ", nil), ("12a", nil),
      ("-12", nil), ("١٢٣", nil),
    ] as [(String, UInt32?)])
  func passkeys(text: String, passkey: UInt32?) { #expect(TypedAnswer.passkey(text) == passkey) }

  @Test func passkeysAreShownInTwoGroups() {
    #expect(TypedAnswer.grouped("012345") == "012 345")
    #expect(TypedAnswer.grouped("12") == "12")
  }

  @Test func readings() throws {
    let readings: [API.Pairing.Reading] = try [
      InstallerFixtures.decoded(["name": "spo2", "text": "97 %", "quality": [String]()]),
      InstallerFixtures.decoded(["name": "pulse", "text": "61 /min", "quality": ["questionable"]]),
      InstallerFixtures.decoded(["name": "sos", "text": "sos", "quality": [String]()]),
      InstallerFixtures.decoded(["name": "newThing", "text": "3", "quality": [String]()]),
    ]
    #expect(
      try InstallerFixtures.texts().readings(readings)
        == "Oksygenmetning 97 %, Puls 61 /min (usikker måling), Trygghetsalarm, newThing 3")
    #expect(
      try InstallerFixtures.texts(.en).readings(readings) == "Oxygen saturation 97 %, Pulse 61 /min (uncertain), Safety alarm, newThing 3")
  }

  @Test(arguments: [
    ("sig/thermometer", "Bluetooth SIG", "Health Thermometer Service", "Termometer"), ("nonin/3230", "Nonin", "3230", "Nonin 3230"),
    ("x/y", "", "Y", "Y"), ("x/y", "Beurer", "Beurer BM85", "Beurer BM85"),
  ])
  func kinds(profile: String, vendor: String, model: String, kind: String) throws {
    #expect(try InstallerFixtures.texts().kind(profile: profile, vendor: vendor, model: model) == kind)
  }

  @Test(arguments: ["C0:26:DA:01:A1:B2", "c0:26:da:01:a1:b2"]) func addresses(text: String) throws {
    #expect(try PairArguments.address(text) == "C0:26:DA:01:A1:B2")
  }

  @Test(arguments: [
    ["pair", "--yes"], ["pair", "--patient", "P1"], ["pair", "--json"], ["pair", "--for", "9s"], ["pair", "--for", "601s"],
    ["pair", "--for", "soon"], ["pair", "--yes", "--address", "C0:26:DA:01:A1"], ["pair", "--yes", "--address", "C0:26:DA:01:A1:B2:"],
    ["pair", "--yes", "--address", "C0:26:DA:01:A1:G2"], ["pair", "--yes", "--address", "C0:26:DA:01:A1:B2", "--label", ""],
    ["pair", "--language", "se"], ["device", "test"], ["device", "test", "D1", "--for", "1s"], ["device", "identify", "P1"],
    ["device", "remove", "D1"], ["bluetooth", "off"],
  ])
  func wrongUsageExitsWith64(arguments: [String]) {
    do {
      _ = try Knutepunkt.parseAsRoot(arguments)
      Issue.record("taken")
    } catch {
      #expect(Knutepunkt.exitCode(for: error).rawValue == ExitCodes.usage)
    }
  }

  @Test(arguments: ["remove", "end"]) func removeHasItsOldName(word: String) throws {
    let command = try Knutepunkt.parseAsRoot(["device", word, "d7", "--reason", "broken"])
    #expect((command as? DeviceCommand.Remove)?.device == "D7")
  }
}
