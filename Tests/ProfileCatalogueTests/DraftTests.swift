// What whoever writes a profile meets on the way: a draft that already decodes, one message for one mistake, and what may not be said.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing

@Suite struct DraftTests {
  private func draft(_ text: String) throws -> (profile: DeviceProfile, unproved: [ProfileDiagnostic]) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("draft-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("device.yaml")
    try Data(text.utf8).write(to: file)
    return try ProfileCatalogue.loadDraft(file: file)
  }

  @Test func aDraftDecodesBeforeItsVectorsAreComplete() throws {
    let noVectors = String(Sample.good[..<(try #require(Sample.good.range(of: "selfTest:"))).lowerBound])
    let (profile, unproved) = try draft(noVectors)
    #expect(unproved.count == 1 && unproved[0].message.contains("`selfTest` is missing"))
    let report = ProfileDecodeReport(profile: profile, frame: [0x01, 0x61, 0x00], frameName: nil)
    guard case .lines(let lines) = report.outcome else {
      Issue.record("\(report.outcome)")
      return
    }
    #expect(lines.count == 2)
    #expect(try Sample.diagnostics(noVectors).count == 1, "no hub loads it")
    // A wrong vector is no reason not to look either; a wrong step is.
    #expect(try draft(Sample.good.replacing("spo2: 97}", with: "spo2: 98}")).unproved.count == 1)
    #expect(throws: CatalogueError.self) { try draft(Sample.good.replacing("u8, as", with: "u9, as")) }
  }

  @Test func oneMistakeIsToldOnce() throws {
    let wrong = Sample.good.replacing("sos: {type: moment}", with: "sos: {type: momnet}").replacing(
      "spo2: {code: spo2", with: "spo2: {code: spoo2"
    )
    .replacing("when: flags.1", with: "whne: flags.1")
    let diagnostics = try Sample.diagnostics(wrong)
    #expect(diagnostics.count == 3, "\(diagnostics.joined(separator: "\n"))")
    #expect(diagnostics.contains { $0.contains("`type` is `momnet`; did you mean `moment`?") })
    #expect(diagnostics.contains { $0.hasSuffix("unknown key `whne` in a step; did you mean `when`?") })
  }

  @Test(arguments: ["notUnderstood", "clockWrong", "bondLost"])
  func whatTheHubFindsOutIsNoProfilesToSay(_ kind: String) throws {
    let diagnostics = try Sample.diagnostics(Sample.good.replacing("sos: {type: moment}", with: "sos: {kind: \(kind), type: moment}"))
    #expect(diagnostics.count == 1 && diagnostics[0].contains("`\(kind)` is what the hub itself finds out"), "\(diagnostics)")
  }

  @Test func timesAreReadWithAndWithoutASpace() throws {
    for text in ["10 min", "10min", "600s", "600 s"] {
      #expect(try Sample.diagnostics(Sample.good.replacing("10 min", with: text)) == [], "\(text)")
    }
    for text in ["10  min", "min", "10", "10 minutes", "-1 s", "1e3 s"] {
      #expect(try Sample.diagnostics(Sample.good.replacing("10 min", with: text)) != [], "\(text)")
    }
  }

  /// A checksum has an order of its own, and a mismatch shows both numbers.
  @Test func aChecksumsByteOrder() throws {
    func text(_ order: String) -> String {
      Sample.good.replacing(
        "    - {read: sfloat, observe: spo2}", with: "    - {read: sfloat, observe: spo2}\n    - {check: crc16-modbus\(order)}\n")
    }
    func outcome(_ order: String, _ hex: String) throws -> String {
      let report = ProfileDecodeReport(profile: try draft(text(order)).profile, frame: DecodeReportTests.bytes(hex), frameName: nil)
      return switch report.outcome {
      case .lines(let lines): "\(lines.count) lines"
      case .rejected(let reason): reason
      }
    }
    // CRC-16/MODBUS of 00 61 00 is 5050 + something: what the decoder computed is what it says.
    let refused = try outcome("", "00 6100 0000")
    let match = try #require(refused.firstMatch(of: /computed ([0-9A-F]{4}), the frame has 0000/))
    let computed = String(match.1)
    let swapped = String(computed.suffix(2) + computed.prefix(2))
    #expect(try outcome("", "00 6100 \(swapped)") == "1 lines", "the frame's order is low byte first")
    #expect(try outcome(", byteOrder: big", "00 6100 \(computed)") == "1 lines")
    #expect(try outcome(", byteOrder: little", "00 6100 \(computed)").hasSuffix("(the bytes are swapped: byteOrder)"))
  }

  @Test func aSharedTopicNamesNoDevice() throws {
    let mqtt = """
      profile: test/device
      version: 1.0.0
      vendor: Test
      model: Device
      transport: mqttJSON
      liveness: {expectedInterval: 10 min}
      events:
        sos: {type: moment}
        offline: {type: state}
      decode:
        "acme/{device}": [{json: /p, as: p}, {when: p = 1, event: sos}]
        acme/state: {shared: true, payload: jsonOrText, steps: [{json: "", as: w, oneOf: [gone]}, {when: w = gone, event: offline}]}
      selfTest:
        - {name: press, frame: "acme/{device}", json: '{"p":1}', expect: [{event: sos}]}
        - {name: gone, frame: acme/state, text: gone, expect: [{event: offline}]}
        - {name: cut, frame: "acme/{device}", json: '{', rejected: invalidJSON}
      """
    #expect(try Sample.diagnostics(mqtt) == [])
    #expect(try Sample.diagnostics(mqtt.replacing("shared: true, ", with: "")).contains { $0.contains("the topic names no device") })
    #expect(
      try Sample.diagnostics(mqtt.replacing("acme/state", with: "\"acme/{x}/state\"")).contains {
        $0.contains("a `shared` frame names a device")
      })
  }
}
