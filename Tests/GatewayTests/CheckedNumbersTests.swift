// Check digits of national ids (synthetic ones only), and the two hashes that stored data depends on: their values are
// fixed for ever.

import Testing

@testable import CoreAPI
@testable import HubRuntime

@Suite struct CheckedNumbersTests {
  /// Month + 80; the last ones are a synthetic D-number (day + 40).
  @Test(arguments: ["01815090000", "01815090191", "24894590056", "31829990094", "41815090185", "41815090266"])
  func validSyntheticNationalIDs(_ text: String) { #expect(isNationalID(text)) }

  @Test(arguments: [
    // One digit off, two exchanged, either check digit wrong.
    "01815090001", "01815090010", "11815090000", "10815090000", "24894590065",
    // Nine digits whose first check digit comes out as 10: such a number is never given out.
    "41815090000", "41815090010",
    "", "0181509000", "018150900000", "0181509000A", "01815 090000", "-1815090000", "０1815090000",
  ])
  func whatIsNoNationalID(_ text: String) { #expect(!isNationalID(text)) }

  @Test(
    arguments: [
      ("", 2_166_136_261), ("a", 3_826_002_220), ("foobar", 3_214_735_720), ("homes", 3_473_601_607), ("nurses", 2_829_586_587),
      ("journal-system", 3_707_522_862), ("blåbær", 3_809_158_092),
    ] as [(String, UInt32)])
  func stableNumbersNeverChange(name: String, number: UInt32) { #expect(stableNumber(of: name) == number) }

  @Test(
    arguments: [
      ("", [], 12_638_153_115_695_167_455), ("a", [], 620_337_896_427_418_084), ("", [0x61], 590_647_783_936_702_426),
      ("zigbee2mqtt/sos-1", Array(#"{"action":"emergency"}"#.utf8), 3_543_648_715_944_943_720), ("x", [0, 255], 5_475_208_720_249_035_680),
    ] as [(String, [UInt8], UInt64)])
  func frameHashesNeverChange(topic: String, payload: [UInt8], hash: UInt64) {
    #expect(frameHash(topic: topic, payload: payload) == hash)
  }
}
