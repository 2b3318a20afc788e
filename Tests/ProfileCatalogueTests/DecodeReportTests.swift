// What `knutepunkt profile decode` prints, and semantics that a whole profile shows: retained messages, several events
// in one frame, commands.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing
import VitalSigns

@Suite struct DecodeReportTests {
  static func bytes(_ hex: String) -> [UInt8] { ProfileDecodeReport.bytes(hex: hex) ?? [] }

  @Test func hexIsReadStrictly() {
    #expect(ProfileDecodeReport.bytes(hex: "0x00 61:4a-FF") == [0x00, 0x61, 0x4A, 0xFF])
    #expect(ProfileDecodeReport.bytes(hex: "") == [])
    for text in ["0", "0g", "+1", "0x0", "１２"] { #expect(ProfileDecodeReport.bytes(hex: text) == nil, "\(text)") }
  }

  func lines(_ id: String, _ frame: [UInt8], _ name: String?, retained: Bool = false) throws -> [String] {
    let report = ProfileDecodeReport(profile: try Shipped.profile(id), frame: frame, frameName: name, retained: retained)
    switch report.outcome {
    case .lines(let lines): return lines
    case .rejected(let reason): return ["REJECTED \(reason)"]
    }
  }

  @Test func anOximeterFrame() throws {
    let expected = [
      #"{"loinc":"2708-6","mdc":150456,"value":97.5,"unit":"%","quality":[],"time":null}"#,
      #"{"loinc":"8867-4","mdc":149530,"value":72.0,"unit":"/min","quality":[],"time":null}"#,
    ]
    for name in ["2A5F", "2a5f", "0x2A5F", "00002a5f-0000-1000-8000-00805f9b34fb", "00002A5F-0000-1000-8000-00805F9B34FB"] {
      #expect(try lines("sig/pulse-oximeter", Self.bytes("00 CFF3 D0F2"), name) == expected)
    }
    #expect(
      try lines("sig/pulse-oximeter", Self.bytes("00 CFF3 D0F2"), nil)
        == ["REJECTED unknownFrame: sig/pulse-oximeter has several frames, name one: 2A5E, 2A5F"])
    #expect(
      try lines("sig/pulse-oximeter", Self.bytes("00"), "2A35") == [
        "REJECTED unknownFrame: sig/pulse-oximeter has no frame 2A35; it has 2A5E, 2A5F"
      ])
  }

  @Test func timesUnitsAndQualities() throws {
    #expect(
      try lines("sig/thermometer", Self.bytes("03 842600FE EA07 01 1F 0C 22 38"), nil) == [
        #"{"loinc":"8310-5","mdc":150364,"value":98.60,"unit":"[degF]","quality":[],"time":"2026-01-31T12:34:56"}"#
      ])
    #expect(
      try lines("sig/blood-pressure", Self.bytes("11 ABF0 6DF0 82F0 0100"), nil).first
        == #"{"loinc":"8480-6","mdc":150021,"value":17.1,"unit":"kPa","quality":["questionable"],"time":null}"#)
    #expect(
      try lines("sig/glucose", Self.bytes("02 0100 EA07 01 1F 0C 22 38 7EB0 11"), "2A18") == [
        #"{"loinc":"2339-0","mdc":160184,"value":126,"unit":"mg/dL","quality":[],"time":"2026-01-31T12:34:56"}"#
      ])
  }

  @Test func eventsAndPlaces() throws {
    let sos = Array(#"{"action":"emergency","battery_low":true}"#.utf8)
    #expect(
      try lines("zigbee2mqtt/sos-button", sos, "zigbee2mqtt/button-1") == [
        #"{"event":"sos","phase":"moment","quality":[],"time":null}"#, #"{"event":"lowBattery","phase":"raised","quality":[],"time":null}"#,
      ])
    let fix = Array(#"{"_type":"location","lat":59.9138688,"lon":10.7522454,"tst":1769862896}"#.utf8)
    #expect(
      try lines("owntracks/tracker", fix, "owntracks/anna/phone") == [
        #"{"latitude":59.9138688,"longitude":10.7522454,"accuracy":null,"quality":[],"time":"2026-01-31T12:34:56.000Z"}"#
      ])
  }

  @Test func whatGivesNothingSaysWhy() throws {
    #expect(
      try lines("sig/pulse-oximeter", Self.bytes("00 FF07 FF07"), "2A5E")
        == ["REJECTED noValidReading: sentinel (the device marks the value as not a number)"])
    #expect(
      try lines("sig/pulse-oximeter", Self.bytes("00 FF07 FF07"), "2A5F")
        == [#"{"event":"noContact","phase":"raised","quality":[],"time":null}"#])
    #expect(
      try lines("sig/pulse-oximeter", Self.bytes("04 6100 4800 0004"), "2A5F")
        == ["REJECTED noValidReading: demoOrTestData (the frame is marked as demonstration or test data)"])
    #expect(
      try lines("sig/pulse-oximeter", Self.bytes("00 61"), "2A5F") == [
        "REJECTED endOfFrame at byte 1: a field of 2 bytes is due, 1 are left"
      ])
    #expect(
      try lines("sig/heart-rate", Self.bytes("00 48 00"), nil) == ["REJECTED trailingBytes at byte 2: 1 bytes follow the last field"])
  }

  /// Every SFLOAT pattern through a whole profile: a number comes out digit by digit, the five specials never.
  @Test func everyShortFloatPrintsExactly() throws {
    let profile = try Shipped.profile("sig/blood-pressure")
    var result = DecodeResult()
    for bits in UInt16.min...UInt16.max {
      let pulse = [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
      try profile.decode(([0x04] + Self.bytes("8000 5200 6100") + pulse).span, frameIndex: 0, into: &result)
      guard case .number(let number) = MedicalFloat(shortBits: bits) else {
        #expect(result.readings.count == 3)
        #expect(result.dropped.map(\.reason) == [.sentinel])
        continue
      }
      if number.mantissa == 0 {
        // Nobody has a pulse of 0.
        #expect(result.readings.count == 3 && result.dropped.map(\.reason) == [.sentinel], "\(bits)")
        continue
      }
      guard case .observation(let value, _)? = result.readings.last, result.readings.count == 4 else {
        #expect(result.dropped.map(\.reason) == [.hardRange], "\(bits)")
        continue
      }
      if value.value.mantissa != number.mantissa || value.value.exponent != number.exponent { Issue.record("\(bits)") }
    }
  }

  @Test func retainedMessages() throws {
    let dispenser = try Shipped.profile("generic/mqtt-dispenser")
    let missed = Array(#"{"event":"missed","slot":1}"#.utf8)
    let ignored = try dispenser.decode(missed, topic: "knutepunkt/devices/d/dose", retained: true)
    // Not even a sign of life: a broker says it again at every connection.
    #expect(ignored.readings == [] && ignored.dropped.map(\.reason) == [.retained])
    let jam = Array(#"{"jammed":true}"#.utf8)
    let state = try dispenser.decode(jam, topic: "knutepunkt/devices/d/status", retained: true)
    #expect(state.readings == [.event(DeviceEvent(kind: .jam, phase: .raised), at: .none)])
    let press = Array(#"{"action":"sos"}"#.utf8)
    let button = try Shipped.profile("zigbee2mqtt/sos-button")
    #expect(try button.decode(press, topic: "zigbee2mqtt/b", retained: true).readings == [])
    #expect(try button.decode(press, topic: "zigbee2mqtt/b").readings == [.event(DeviceEvent(kind: .sos), at: .none)])
  }

  @Test func commands() throws {
    let lock = try Shipped.profile("nuki/smart-lock")
    let unlock = try #require(lock.command("unlock"))
    #expect(unlock.effect.isAtMostOnce)
    #expect(unlock.retry == .never)
    let encoded = try unlock.encode([:], address: "2A1B")
    #expect(encoded == EncodedCommand(destination: .topic("nuki/2A1B/lockAction", qos: 1), payload: Array("1".utf8)))
    #expect(throws: CommandError.addressDoesNotFit) { () throws(CommandError) in try unlock.encode([:], address: "a/b") }
    #expect(throws: CommandError.unknownParameter("x")) { () throws(CommandError) in try unlock.encode(["x": .flag(true)], address: "a") }
    #expect(unlock.isSuccess(topic: "nuki/2A1B/commandResponse", payload: Array("0\n".utf8)) == true)
    #expect(unlock.isSuccess(topic: "nuki/2A1B/commandResponse", payload: Array("4".utf8)) == false)
    #expect(unlock.isSuccess(topic: "nuki/2A1B/state", payload: Array("0".utf8)) == nil)
    let dispense = try #require(try Shipped.profile("generic/mqtt-dispenser").command("dispense"))
    #expect(dispense.needsDualControl)
    #expect(throws: CommandError.missingParameter("slot")) { () throws(CommandError) in try dispense.encode([:], address: "a") }
    #expect(throws: CommandError.wrongValue(parameter: "slot", allowed: "a whole number from 0 to 7")) { () throws(CommandError) in
      try dispense.encode(["slot": .integer(8)], address: "a")
    }
    let answer = "knutepunkt/devices/a/response"
    #expect(dispense.isSuccess(topic: answer, payload: Array(#"{"result":"done"}"#.utf8)) == true)
    #expect(dispense.isSuccess(topic: answer, payload: Array(#"{"result":"jammed"}"#.utf8)) == false)
    #expect(dispense.isSuccess(topic: answer, payload: Array("done".utf8)) == false)
  }
}
