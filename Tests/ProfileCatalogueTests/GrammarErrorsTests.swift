// What a vendor sees after a mistake: the place to the column, what is wrong, and what is allowed.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing

/// One good profile, and mistakes made by replacing one part of it.
enum Sample {
  static let good = """
    profile: test/device
    version: 1.0.0
    vendor: Test
    model: Device
    match: {services: [1822]}
    transport: bleGatt
    liveness: {expectedInterval: 10 min}
    observations:
      spo2: {code: spo2, hard: [0, 100]}
    events:
      sos: {type: moment}
    status:
      word: {10: demo}
    decode:
      2A5F:
        - {read: u8, as: flags}
        - {read: sfloat, observe: spo2}
        - {when: flags.0, event: sos}
        - {when: flags.1, read: u16, status: word}
    selfTest:
      - name: plain
        hex: "01 6100"
        expect: [{spo2: 97}, {event: sos}]
      - name: not a number
        hex: "00 FF07"
        expect: []
        dropped: [sentinel]
      - name: demonstration
        hex: "02 6100 0004"
        expect: []
        dropped: [demoOrTestData]
      - name: short
        hex: "00 61"
        rejected: endOfFrame
    """

  /// The diagnostics of a profile's text, without the path in front.
  static func diagnostics(_ text: String) throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("profiles-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let vendor = folder.appendingPathComponent("test")
    try FileManager.default.createDirectory(at: vendor, withIntermediateDirectories: true)
    let file = vendor.appendingPathComponent("device.yaml")
    try Data(text.utf8).write(to: file)
    do throws(CatalogueError) {
      _ = try ProfileCatalogue.load(file: file)
      return []
    } catch {
      return error.diagnostics.map { $0.description.replacing(file.path, with: "device.yaml") }
    }
  }
}

struct Mistake: Sendable, CustomTestStringConvertible {
  var replace: String
  var with: String
  var expected: String
  var testDescription: String { with.isEmpty ? "without \(replace)" : with }
}

@Suite struct GrammarErrorsTests {
  @Test func theSampleIsGood() throws {
    #expect(try Sample.diagnostics(Sample.good) == [])
  }

  @Test(arguments: [
    Mistake(
      replace: "version: 1.0.0", with: "version: 1.0",
      expected: "device.yaml:2:10: `version` is `1.0`; allowed: three numbers such as 1.0.0"),
    Mistake(
      replace: "profile: test/device", with: "profile: Device",
      expected: "device.yaml:1:10: `profile` is `Device`; allowed: vendor/model in small letters, digits and -, such as sig/pulse-oximeter"),
    Mistake(
      replace: "model: Device", with: "model: Device\ncolour: red",
      expected:
        "device.yaml:5:1: unknown key `colour` in the profile; allowed: profile, version, vendor, model, summary, gtin, firmware, deviceType, licence, owner, tier, match, transport, liveness, bluetooth, observations, events, status, decode, commands, selfTest"
    ),
    Mistake(replace: "vendor: Test\n", with: "", expected: "device.yaml:1:1: `vendor` is missing; allowed: the maker's name"),
    Mistake(
      replace: "transport: bleGatt", with: "transport: zwave",
      expected: "device.yaml:6:12: `transport` is `zwave`; allowed: bleGatt, bleAdvertisement, mqttJSON, mqttBinary"),
    Mistake(
      replace: "10 min", with: "10 minutes",
      expected:
        "device.yaml:7:30: `expectedInterval` is `10 minutes`; allowed: a whole number up to 10000 and s, min, h or d, such as `10 min`, or never"
    ),
    Mistake(
      replace: "hard: [0, 100]", with: "hard: [100, 0]",
      expected: "device.yaml:9:28: `hard` is a list; allowed: two numbers, the lower first, such as [70, 100]"),
    Mistake(
      replace: "{code: spo2, hard", with: "{code: spo2, unit: percent, hard",
      expected:
        "device.yaml:9:28: `unit` is `percent`; allowed: 1, %, /min, mm[Hg], kPa, Cel, [degF], kg, [lb_av], mmol/L, mg/dL, L/min, m, s, kg/m2, kJ, [in_i], V, min, m/s, lx"
    ),
    Mistake(
      replace: "{code: spo2, hard", with: "{code: spo2, loinc: 2708-7, hard",
      expected: "device.yaml:9:29: `loinc` is `2708-7`; allowed: a LOINC code with its right check digit, such as 2708-6"),
    Mistake(
      replace: "sos: {type: moment}", with: "sos: {type: moment, coalesce: allowed}",
      expected: "device.yaml:11:33: `coalesce` is `allowed`; allowed: never, because two calls for help are two"),
    Mistake(
      replace: "10: demo", with: "10: fake",
      expected:
        "device.yaml:13:14: bit 10 is `fake`; allowed: questionable, invalid, demo, test, earlyEstimate, fromStorage, clockUnset, ongoing"),
    Mistake(
      replace: "{read: u8, as: flags}", with: "{read: u7, as: flags}",
      expected:
        "device.yaml:16:14: `read` is `u7`; allowed: u8, s8, u16 … u64 and s16 … s64 in steps of 8 (with le or be when it differs from byteOrder), sfloat, float32, datetime, bcd1 … bcd9, number, text"
    ),
    Mistake(
      replace: "observe: spo2", with: "observe: oxygen",
      expected: "device.yaml:17:31: `observe` is `oxygen`; allowed: spo2"),
    Mistake(
      replace: "when: flags.0", with: "when: flag.0",
      expected: "device.yaml:18:14: `flag` is not defined by an earlier step; allowed: flags"),
    Mistake(
      replace: "when: flags.0", with: "when: flags ~ 3",
      expected:
        "device.yaml:18:14: `when` is `flags ~ 3`; allowed: `flags.3`, `not flags.3`, `flags.1-2 = 2`, `action = sos | emergency`, `contact = false`, `battery < 15`, `slot is missing`, joined by `and`"
    ),
    Mistake(
      replace: "event: sos}\n", with: "raise: sos}\n",
      expected: "device.yaml:18:23: `raise` with the event `sos` of type moment; allowed: event"),
    Mistake(
      replace: "- {read: sfloat, observe: spo2}", with: "- {read: sfloat, skip: 2, observe: spo2}",
      expected:
        "device.yaml:17:7: the step has read and skip; allowed: exactly one of read, json, take, from, skip, check, repeat, do, quality, event, raise, clear, location, reject"
    ),
    Mistake(
      replace: "- {read: sfloat, observe: spo2}", with: "- {json: /spo2, observe: spo2}",
      expected: "device.yaml:17:8: `json` in a frame of bytes; allowed: read with a type such as u8"),
    Mistake(
      replace: "- {when: flags.1, read: u16, status: word}", with: "- {when: flags.1, skip: -2}",
      expected: "device.yaml:19:29: `skip` is `-2`; allowed: a number of bytes from 1 to 512, or rest; forward only"),
    Mistake(
      replace: "2A5F:", with: "2A5:",
      expected: "device.yaml:15:3: `2A5` is no frame of bleGatt; allowed: a characteristic's UUID such as 2A5F"),
    Mistake(
      replace: "expect: [{spo2: 97}, {event: sos}]", with: "expect: [{spo2: 97.0}, {event: sos}]",
      expected:
        "device.yaml:21:5: self-test `plain` expects spo2 97.0 %; event sos moment detail 0, but the profile gives spo2 97 %; event sos moment detail 0"
    ),
    Mistake(
      replace: "rejected: endOfFrame", with: "rejected: tooShort",
      expected:
        "device.yaml:34:15: `rejected` is `tooShort`; allowed: endOfFrame, trailingBytes, frameTooLarge, checksum, invalidJSON, jsonTooDeep, duplicateKey, requiredMissing, profileRule, notANumber, tooManyReadings, repeatLimit, unknownFrame, repeatTooShort, empty"
    ),
    Mistake(
      replace: "  - name: not a number\n    hex: \"00 FF07\"\n    expect: []\n    dropped: [sentinel]\n", with: "",
      expected: "device.yaml:21:3: no vector has a sentinel; allowed: at least one with `dropped: [sentinel]`"),
    Mistake(
      replace: "hex: \"01 6100\"\n    expect: [{spo2: 97}, {event: sos}]", with: "hex: \"00 6100\"\n    expect: [{spo2: 97}]",
      expected: "device.yaml:18:23: no vector reaches `event: sos`; allowed: at least one for each report"),
    Mistake(
      replace: "  sos: {type: moment}", with: "  sos: {type: moment}\n  fall: {type: moment}",
      expected: "device.yaml:12:3: no step reports the event `fall`; allowed: declare what a frame reports"),
    Mistake(
      replace: "vendor: Test", with: "vendor: Test\nvendor: Other",
      expected: "device.yaml:3:1: `vendor` stands twice in one mapping; allowed: once"),
    Mistake(
      replace: "{type: moment}", with: "{type: moment",
      expected: "device.yaml:12:7: this is not YAML: did not find expected ',' or '}'; allowed: one YAML document"),
    Mistake(
      replace: "{read: u8, as: flags}", with: "{repeat: 300, do: [{skip: 1}]}\n    - {read: u8, as: flags}",
      expected: "device.yaml:16:16: `repeat` is `300`; allowed: a whole number from 1 to 255"),
    Mistake(
      replace: "match: {services: [1822]}", with: "match: {services: [18222]}",
      expected: "device.yaml:5:20: `services` is `18222`; allowed: UUIDs such as 1822 or the form of 36 characters"),
  ])
  func mistakesAreExplained(_ mistake: Mistake) throws {
    let text = Sample.good.replacing(mistake.replace, with: mistake.with, maxReplacements: 1)
    #expect(text != Sample.good)
    let diagnostics = try Sample.diagnostics(text)
    #expect(diagnostics.contains(mistake.expected), "\(diagnostics.joined(separator: "\n"))")
  }

  @Test func allMistakesOfAFileAreToldAtOnce() throws {
    let text = Sample.good.replacing("version: 1.0.0", with: "version: one").replacing("u8, as", with: "u9, as")
      .replacing("endOfFrame", with: "never")
    let diagnostics = try Sample.diagnostics(text)
    let places = diagnostics.map { $0.split(separator: ":").prefix(3).joined(separator: ":") }
    #expect(places == ["device.yaml:2:10", "device.yaml:16:14", "device.yaml:34:15"], "\(diagnostics)")
  }

  @Test func boundsAreHeld() throws {
    func steps(_ lines: String) -> String {
      Sample.good.replacing("    - {read: u8, as: flags}\n", with: "    - {read: u8, as: flags}\n" + lines)
    }
    let many = steps(String(repeating: "    - {skip: 1}\n", count: 260))
    #expect(try Sample.diagnostics(many).contains { $0.contains("instructions; allowed: at most 256") })
    let wide = steps((0..<66).map { "    - {read: u8, as: x\($0)}\n" }.joined())
    #expect(try Sample.diagnostics(wide).contains { $0.contains("fields with a value; allowed: at most 64") })
    let costly = steps("    - {repeat: 255, do: [" + Array(repeating: "{skip: 1}", count: 20).joined(separator: ", ") + "]}\n")
    #expect(try Sample.diagnostics(costly).contains { $0.contains("at run time, repeats included; allowed: at most 4096") })
    let twice = steps("    - {repeat: 2, do: [{skip: 1}]}\n    - {repeat: 2, do: [{skip: 1}]}\n")
    #expect(try Sample.diagnostics(twice).contains { $0.contains("a second `repeat` in one frame; allowed: one") })
  }

  @Test func dangerousCommandsAreNeverRetried() throws {
    let command = """

      commands:
        open:
          effect: unlock
          role: responder
          timeout: 30 s
          retry: safe
          characteristic: 2A00
          format: hex
          payload: "01"
      """
    let diagnostics = try Sample.diagnostics(Sample.good + command)
    #expect(diagnostics.contains { $0.hasSuffix("`retry` is `safe`; allowed with effect unlock: never") }, "\(diagnostics)")
    #expect(diagnostics.contains { $0.contains("no vector for the command `open`") } || diagnostics.count == 1)
  }
}

@Suite struct HowToTests {
  /// The worked example of DeviceProfiles/README.md loads, and prints what the page says.
  @Test func theWorkedExampleWorks() throws {
    let page = try String(contentsOf: Shipped.folder.appendingPathComponent("README.md"), encoding: .utf8)
    let example = try #require(page.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```").first)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("howto-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("button.yaml")
    try Data(example.utf8).write(to: file)
    let profile = try ProfileCatalogue.load(file: file)
    let report = ProfileDecodeReport(profile: profile, frame: [0x03, 0x1C, 0x00], frameName: "acme/7/raw")
    guard case .lines(let lines) = report.outcome else {
      Issue.record("\(report.outcome)")
      return
    }
    #expect(lines.count == 3)
    for line in lines { #expect(page.contains(line), "\(line)") }
  }
}
