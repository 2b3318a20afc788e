// What `bluetooth status`, `device list` and `device show` say, and that following a trace repeats and loses no line.

import HubRuntime
import LocalAPI
import Testing

@testable import knutepunkt

@Suite struct BluetoothStatusTextTests {
  private typealias Fixtures = InstallerFixtures

  private func link(problem: String? = "bondLost") -> [String: Any] {
    var object: [String: Any] = [
      "id": "D2", "label": "Blodtrykk", "state": problem == nil ? "idle" : "problem", "connected": false, "bonded": true, "rssi": -88,
      "battery": 15, "firmware": "1.0.2", "reconnects": 4, "refused": ["malformed": 2],
    ]
    object["problem"] = problem
    return object
  }

  private func bluetooth(_ devices: [[String: Any]], used: Int = 1) throws -> API.Bluetooth {
    try Fixtures.decoded([
      "available": true, "adapter": ["name": "hci0", "address": "00:1A:7D:DA:71:13", "powered": true, "discovering": true],
      "slots": ["used": used, "max": 5], "strangers": 3, "scanRestarts": 0, "matchRules": 4, "devices": devices,
    ])
  }

  @Test func aProblemComesWithItsNextStep() throws {
    let lines = BluetoothStatusText(texts: try Fixtures.texts()).lines(try bluetooth([link()]), interactive: true)
    #expect(
      lines == [
        "Mottaker                    hci0 (00:1A:7D:DA:71:13), på, leter", "Tilkoblinger                1 av 5 i bruk",
        "Ukjente enheter i nærheten  3", "",
        "Id  Navn       Tilstand     Siste kontakt  Signal           Batteri  Nye tilkoblinger  Problem",
        "D2  Blodtrykk  virker ikke  aldri          −88 dBm (svakt)  15 %     4                 Apparatet husker ikke lenger knutepunktet.",
        "",
        "D2 Blodtrykk: Apparatet husker ikke lenger knutepunktet.",
        "→ Kjør knutepunkt pair, og velg apparatet på nytt. Hjelper det ikke: slett knutepunktet i apparatets egen meny først.",
      ])
  }

  @Test func nothingWrongIsSaidToo() throws {
    let texts = BluetoothStatusText(texts: try Fixtures.texts(.en))
    #expect(texts.lines(try bluetooth([link(problem: nil)]), interactive: true).last == "All is well.")
    #expect(texts.lines(try bluetooth([]), interactive: true).last == "No Bluetooth device is registered. Next: knutepunkt pair")
    #expect(texts.lines(try bluetooth([], used: 5), interactive: true)[1].hasSuffix("5 of 5 in use: devices wait for their turn"))
  }

  @Test func aPipeGetsTheInterfacesWords() throws {
    let lines = BluetoothStatusText(texts: try Fixtures.texts()).lines(try bluetooth([link()]), interactive: false)
    #expect(lines == ["D2\tBlodtrykk\tproblem\t-\t-88\t15\t4\tbondLost"])
  }

  @Test func withoutAnAdapterTheCommandSaysWhy() throws {
    let slots = ["used": 0, "max": 5]
    var object: [String: Any] = [
      "available": false, "reason": "notConfigured", "slots": slots, "strangers": 0, "scanRestarts": 0, "matchRules": 0,
      "devices": [[String: Any]](),
    ]
    let texts = try Fixtures.texts()
    for (reason, code) in [
      ("notConfigured", ExitCodes.configuration), ("noAdapter", ExitCodes.temporary), ("strange", ExitCodes.temporary),
    ] {
      object["reason"] = reason
      let status: API.Bluetooth = try Fixtures.decoded(object)
      let failure = #expect(throws: CommandFailure.self) { try texts.requireBluetooth(status) }
      #expect(failure?.code == code)
      #expect(failure?.message?.isEmpty == false && failure?.hint?.isEmpty == false)
    }
    try texts.requireBluetooth(try bluetooth([]))
  }

  @Test func theListHasBluetoothColumnsOnlyWithBluetooth() throws {
    let device = try Fixtures.device("D2", label: "Blodtrykk", patient: "P1")
    let texts = try Fixtures.texts()
    let plain = DeviceListText(texts: texts, bluetooth: nil).table([device])
    #expect(plain.lines(interactive: false) == ["D2\tBlodtrykk\tP1\tnever\t-\tany\tnonin/3230\tC0:26:DA:01:A1:B2"])
    let more = DeviceListText(texts: texts, bluetooth: try bluetooth([link()])).table([device])
    #expect(more.lines(interactive: false) == ["D2\tBlodtrykk\tP1\tnever\t-\tany\tnonin/3230\tC0:26:DA:01:A1:B2\t15\t-88\tbondLost"])
    #expect(
      more.lines(interactive: true).last
        == "D2  Blodtrykk  P1    aldri hatt kontakt  –              Varsler ikke ved taushet  nonin/3230  C0:26:DA:01:A1:B2  15 %     svakt   Apparatet husker ikke lenger knutepunktet."
    )
  }

  @Test(
    arguments: [
      (.nb, "Paret", "  Batteri           15 %", "Apparatet husker ikke lenger knutepunktet."),
      (.nn, "Para", "  Batteri           15 %", "Apparatet hugsar ikkje lenger knutepunktet."),
      (.en, "Paired", "  Battery        15 %", "The device no longer knows this hub."),
    ] as [(TextLanguage, String, String, String)])
  func showHasABlockAndTheProblem(language: TextLanguage, bond: String, battery: String, problem: String) throws {
    let details: API.DeviceDetails = try Fixtures.decoded([
      "device": [
        "id": "D2", "label": "Blodtrykk", "profile": "sig/blood-pressure", "address": "C0", "liveness": "never",
        "expectedIntervalSeconds": 0,
      ],
      "vendor": "Bluetooth SIG", "model": "Blood Pressure Service", "transport": "bleGatt", "bluetooth": link(),
    ])
    let lines = DeviceShowText(texts: try Fixtures.texts(language)).lines(details)
    #expect(lines.first == "D2  Blodtrykk")
    #expect(lines.contains { $0.contains(bond) })
    #expect(lines.contains(battery))
    #expect(lines.contains(problem))
    #expect(lines.last?.hasPrefix("→ ") == true)
    // While the adapter has a problem, that one is said.
    var without = details
    without.adapterProblem = .known(.noAdapter)
    #expect(!DeviceShowText(texts: try Fixtures.texts(language)).lines(without).contains(problem))
  }

  @Test(
    arguments: [
      ([], [1, 2], [1, 2]), ([1, 2], [1, 2], []), ([1, 2], [1, 2, 3], [3]), ([1, 2, 3], [2, 3, 4], [4]), ([1, 2, 3], [7, 8], [7, 8]),
      ([1, 1], [1, 1, 1], [1]), ([1, 2], [], []),
    ] as [([Int], [Int], [Int])])
  func followingATraceShowsEachLineOnce(seen: [Int], later: [Int], new: [Int]) throws {
    func lines(_ numbers: [Int]) throws -> [API.BluetoothTrace.Line] {
      try numbers.map { try Fixtures.decoded(["at": "t", "who": "D1", "what": "\($0)"]) }
    }
    #expect(try BluetoothCommand.Trace.new(lines(later), after: lines(seen)).map(\.what) == new.map { "\($0)" })
  }
}
