// `repeats:` in a profile: the rule that a link reads, and the number that a frame carries.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing

@Suite struct RepeatRuleTests {
  @Test func bthomeCarriesItsPacketNumber() throws {
    let profile = try Shipped.profile("bthome/sos-button")
    #expect(profile.frames[0].repeats == .packet(withinSeconds: 60))
    var result = DecodeResult()
    try profile.decode(DecodeReportTests.bytes("44 00 07 01 61 3A 01").span, frameIndex: 0, into: &result)
    #expect(result.repeatMark == 7)
    try profile.decode(DecodeReportTests.bytes("44 00 FF 3A 01").span, frameIndex: 0, into: &result)
    #expect(result.repeatMark == 255)
    try profile.decode(DecodeReportTests.bytes("44 3A 01").span, frameIndex: 0, into: &result)
    #expect(result.repeatMark == nil)
    // The number of a refused frame is not remembered either.
    #expect(throws: FrameRejection.self) {
      try profile.decode(DecodeReportTests.bytes("44 00 07 3A").span, frameIndex: 0, into: &result)
    }
    #expect(result.repeatMark == nil)
  }

  @Test func onlyAdvertisementsRepeat() throws {
    for profile in try Shipped.catalogue().profiles {
      for frame in profile.frames { #expect((frame.repeats != nil) == (profile.transport == .bleAdvertisement), "\(profile.id)") }
    }
  }

  /// The grammar's sample as an advertisement, whose frame begins in line 15, with `repeats` in line 16.
  private func diagnostics(_ repeats: String) throws -> [String] {
    let steps = Sample.good.replacing("transport: bleGatt", with: "transport: bleAdvertisement")
      .replacing("  2A5F:\n", with: "  serviceData/2A5F:\n\(repeats)    steps:\n").replacing("    - {", with: "      - {")
    return try Sample.diagnostics(steps)
  }

  @Test func theRulesThatMayBeGiven() throws {
    #expect(try diagnostics("") == [])
    #expect(try diagnostics("    repeats: {identical: 3 s}\n") == [])
    #expect(try diagnostics("    repeats: {packet: flags}\n") == [])
    #expect(try diagnostics("    repeats: {packet: flags, within: 10 min}\n") == [])
  }

  @Test(arguments: [
    ("{packet: number}", "device.yaml:16:23: `packet` is `number`; allowed: a name that a step of the frame gives with `as`"),
    (
      "{packet: flags, identical: 3 s}",
      "device.yaml:16:14: `repeats` is unclear; allowed: packet (a field's name) with within, or identical (a time)"
    ),
    (
      "{identical: 3 s, within: 3 s}",
      "device.yaml:16:14: `repeats` is unclear; allowed: packet (a field's name) with within, or identical (a time)"
    ),
    ("{identical: 1 h}", "device.yaml:16:26: `identical` is `1 h`; allowed: from 1 s to 10 min"),
    ("{every: 3 s}", "device.yaml:16:15: unknown key `every` in repeats; allowed: packet, within, identical"),
  ])
  func mistakesAreExplained(_ repeats: String, _ expected: String) throws {
    let diagnostics = try diagnostics("    repeats: \(repeats)\n")
    #expect(diagnostics.contains(expected), "\(diagnostics.joined(separator: "\n"))")
  }

  @Test func connectionsDoNotRepeat() throws {
    let text = Sample.good.replacing("  2A5F:\n", with: "  2A5F:\n    repeats: {identical: 3 s}\n    steps:\n")
      .replacing("    - {", with: "      - {")
    let diagnostics = try Sample.diagnostics(text)
    #expect(
      diagnostics.contains("device.yaml:16:5: `repeats` is for bleAdvertisement; allowed with bleGatt: leave it out"), "\(diagnostics)")
  }

  @Test func countsAndLengths() throws {
    func diagnostics(_ step: String) throws -> [String] {
      try Sample.diagnostics(
        Sample.good.replacing("    - {read: sfloat, observe: spo2}\n", with: "    - {read: sfloat, observe: spo2}\n    - \(step)\n"))
    }
    #expect(
      try diagnostics("{skip: 4, count: parts}").contains(
        "device.yaml:18:24: `parts` is not defined by an earlier step; allowed: flags"))
    #expect(
      try diagnostics("{check: length}").contains("device.yaml:18:7: `of` is missing; allowed: the field that states how many bytes follow")
    )
    #expect(
      try diagnostics("{check: crc32}").contains(
        "device.yaml:18:15: `check` is `crc32`; allowed: crc16-ccitt, crc16-itu, crc16-ibm, crc16-modbus, sum8, xor8, length"))
    #expect(
      try diagnostics("{check: sum8, of: flags}").contains(
        "device.yaml:18:21: `of` stands beside `check: sum8`; allowed: beside check: length"))
  }
}
