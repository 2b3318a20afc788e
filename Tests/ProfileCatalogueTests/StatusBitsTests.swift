// Status words of the services, every bit pattern of them: demonstration and test data never leave the decoder, and
// what the device itself calls invalid leaves it only as such, so that no score and no record takes it for a value.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing
import VitalSigns

/// One status word of one characteristic.
struct StatusWord: Sendable, CustomTestStringConvertible {
  var profile: String
  var characteristic: String
  /// The frame with every bit of the word clear.
  var frame: String
  /// Where the word begins in it, and how many bytes it has; the low byte first unless `bigEndian`.
  var offset: Int
  var bytes: Int
  var bigEndian = false
  /// Bits after which nothing may be reported.
  var suppressed: [Int] = []
  var invalid: [Int] = []
  var questionable: [Int] = []
  /// Observations of the frame when nothing is suppressed.
  var observations: Int
  var testDescription: String { "\(profile) \(characteristic)" }
}

@Suite struct StatusBitsTests {
  static let plxMeasurement = (suppressed: [10, 11], invalid: [13, 15], questionable: [12, 14])

  @Test(arguments: [
    StatusWord(
      profile: "sig/pulse-oximeter", characteristic: "2A5F", frame: "04 6100 4800 0000", offset: 5, bytes: 2,
      suppressed: plxMeasurement.suppressed, invalid: plxMeasurement.invalid, questionable: plxMeasurement.questionable, observations: 2),
    StatusWord(
      profile: "sig/pulse-oximeter", characteristic: "2A5E", frame: "02 6100 4800 0000", offset: 5, bytes: 2,
      suppressed: plxMeasurement.suppressed, invalid: plxMeasurement.invalid, questionable: plxMeasurement.questionable, observations: 2),
    StatusWord(
      profile: "sig/pulse-oximeter", characteristic: "2A5F", frame: "08 6100 4800 000000", offset: 5, bytes: 2, invalid: [11, 14, 15],
      questionable: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13], observations: 2),
    StatusWord(
      profile: "sig/blood-pressure", characteristic: "2A35", frame: "10 8000 5200 6100 0000", offset: 7, bytes: 2,
      questionable: [0, 1, 5], observations: 3),
    StatusWord(
      profile: "beurer/bm85", characteristic: "2A35", frame: "10 8000 5200 0000 00 0000", offset: 8, bytes: 2, bigEndian: true,
      questionable: [0, 1, 5], observations: 2),
    StatusWord(
      profile: "sig/glucose", characteristic: "2A18", frame: "0E 0300 EA07 01 1F 0C 22 38 37C0 11 0000", offset: 13, bytes: 2,
      // 5 and 6 say that the truth lies beyond the meter's range: that is no doubt about an alarm.
      invalid: [1, 2, 3, 4, 9, 10], questionable: [7, 8], observations: 1),
    StatusWord(
      profile: "sig/generic-health-sensor", characteristic: "2B8B", frame: "03 01 0E00 0900 B84B0200 0000 2002 62000000", offset: 10,
      bytes: 2, suppressed: [4], invalid: [0, 2, 7], questionable: [1, 3], observations: 1),
    StatusWord(
      profile: "nonin/3230", characteristic: "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b", frame: "0A 00 1E 0145 0102 61 0048", offset: 1,
      bytes: 1, questionable: [1, 3], observations: 3),
  ])
  func everyWord(_ word: StatusWord) throws {
    let profile = try Shipped.profile(word.profile)
    let uuid = try #require(BluetoothUUID(word.characteristic))
    let index = try #require(profile.frameIndex(characteristic: uuid))
    var frame = DecodeReportTests.bytes(word.frame)
    var result = DecodeResult()
    func mask(_ bits: [Int]) -> Int { bits.reduce(0) { $0 | 1 << $1 } }
    let (suppressed, invalid, questionable) = (mask(word.suppressed), mask(word.invalid), mask(word.questionable))
    var wrong: [Int] = []
    for value in 0..<(1 << (8 * word.bytes)) {
      for byte in 0..<word.bytes {
        frame[word.offset + (word.bigEndian ? word.bytes - 1 - byte : byte)] = UInt8(truncatingIfNeeded: value >> (8 * byte))
      }
      try profile.decode(frame.span, frameIndex: index, into: &result)
      let qualities = result.readings.compactMap { if case .observation(let observation, _) = $0 { observation.quality } else { nil } }
      let isSuppressed = value & suppressed != 0
      var isInvalid = value & invalid != 0
      // Nonin says the other way round that the sensor sits on a finger.
      if word.profile == "nonin/3230" { isInvalid = value & 1 << 4 == 0 }
      let expected =
        isSuppressed
        ? qualities.isEmpty && result.dropped.count == word.observations
        : qualities.count == word.observations && qualities.allSatisfy { $0.contains(.invalid) == isInvalid }
          && qualities.allSatisfy { $0.contains(.questionable) == (value & questionable != 0) }
          && qualities.allSatisfy { !$0.contains(.demo) && !$0.contains(.test) }
      if !expected { wrong.append(value) }
    }
    #expect(wrong.isEmpty, "\(wrong.count) words, first \(wrong.first.map { String($0, radix: 16) } ?? "")")
  }

  /// What is invalid never counts, by the meaning of its mark.
  @Test func invalidNeverScores() {
    #expect(ObservationQuality.neverScores.isSuperset(of: [.invalid, .questionable, .demo, .test]))
  }

  /// The type and site of a glucose record: control solution, said by either of them, is test data, all else are samples.
  @Test func controlSolutionIsNoMeasurement() throws {
    let profile = try Shipped.profile("sig/glucose")
    let index = try #require(profile.frameIndex(characteristic: BluetoothUUID(short: 0x2A18)))
    var result = DecodeResult()
    for byte in UInt8.min...UInt8.max {
      try profile.decode(
        (DecodeReportTests.bytes("06 0100 EA07 01 1F 0C 22 38 37C0") + [byte]).span, frameIndex: index, into: &result)
      #expect(result.readings.isEmpty == (byte & 0x0F == 10 || byte >> 4 == 4), "\(byte)")
    }
  }
}
