// What a device says and nobody understands, what is somebody else's, and what was never said: the rules that keep a call for help from
// being passed over, and a value from being taken for a person's. Vocabulary: loud, a frame of a device that calls for help that held
// something without a meaning.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing
import VitalSigns

@Suite struct NotUnderstoodTests {
  private func decode(_ id: String, _ topic: String, _ text: String, retained: Bool = false) throws -> (DeviceProfile, DecodeResult) {
    let profile = try Shipped.profile(id)
    return (profile, try profile.decode(Array(text.utf8), topic: topic, retained: retained))
  }

  private func kinds(_ result: DecodeResult) -> [String] {
    result.readings.compactMap { if case .event(let event, at: _) = $0 { "\(event.kind.key) \(event.phase.key)" } else { nil } }
  }

  /// Whatever a button calls the press, it is a call; whatever it says else, somebody hears of it.
  @Test(arguments: [
    ("emergency", true), ("sos", true), ("panic", true), ("single", true), ("double", true), ("triple", true), ("hold", true),
    ("long", true), ("press", true), ("on", true), ("off", true), ("EMERGENCY", true), ("Single", true),
    ("brightness_move_up", true), ("1_initial_press", true), ("", false), ("release", false), ("disarm", false),
  ])
  func theWordsOfAButton(_ word: String, isCall: Bool) throws {
    for (topic, text) in [("zigbee2mqtt/b", #"{"action":"\#(word)"}"#), ("zigbee2mqtt/b/action", word)] where !text.isEmpty {
      let (profile, result) = try decode("zigbee2mqtt/sos-button", topic, text)
      #expect(kinds(result) == (isCall ? ["sos moment"] : []), "\(text)")
      #expect(!profile.isLoudAbout(result), "\(text)")
    }
  }

  @Test(arguments: [
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"action":"wave","battery":90}"#),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"action":7}"#), ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"action":["sos"]}"#),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"sos":"yes please"}"#),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"emergency_call":true,"battery":90}"#),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b/action", "wave"), ("zigbee2mqtt/sos-button", "zigbee2mqtt/b/sos", "perhaps"),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"fall_status":"person_down"}"#),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"fallen":true}"#),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"[{"action":"emergency"}]"#), ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", "true"),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #""emergency""#), ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", "112"),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"action_sos":1}"#), ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"led":"Panic"}"#),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"human_fall":true}"#),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"radar_state":"FALL"}"#),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"action":"fall"}"#),
    ("zigbee2mqtt/door-contact", "zigbee2mqtt/d", #"{"contact":"ajar"}"#),
    ("generic/mqtt-dispenser", "knutepunkt/devices/d/status", #"{"jammed":"yes"}"#), ("nuki/smart-lock", "nuki/l/state", "77"),
    ("generic/mqtt-dispenser", "knutepunkt/devices/d/status", #"{"jam":true}"#),
    ("generic/mqtt-dispenser", "knutepunkt/devices/d/status", #"{"Jammed":true}"#),
    ("generic/mqtt-dispenser", "knutepunkt/devices/d/dose", #"{"event":"taken","slot":2.5}"#),
    ("zigbee2mqtt/door-contact", "zigbee2mqtt/d", #"{"opening":true,"battery":90}"#),
    ("zigbee2mqtt/door-contact", "zigbee2mqtt/d", #"{"Contact":false}"#), ("zigbee2mqtt/door-contact", "zigbee2mqtt/d/contact", "ajar"),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"sos":1e400}"#),
    ("zigbee2mqtt/sos-button", "zigbee2mqtt/b", #"{"operation_mode":"sos_pressed"}"#),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"sensor_status":"fall_alarm"}"#),
    ("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"motion_state":"Fall_Down"}"#),
    ("generic/mqtt-vitals", "knutepunkt/devices/v/vitals", #"[{"sos":true}]"#),
    ("generic/mqtt-vitals", "knutepunkt/devices/v/vitals", #"{"sos":"yes"}"#),
    ("generic/mqtt-vitals", "knutepunkt/devices/v/vitals", #"{"SOS":true}"#),
    ("generic/mqtt-vitals", "knutepunkt/devices/v/vitals", #"{"fall":{"since":3}}"#),
  ])
  func whatNobodyUnderstandsIsLoud(_ id: String, _ topic: String, _ text: String) throws {
    let (profile, result) = try decode(id, topic, text)
    #expect(profile.isLoudAbout(result), "\(result.dropped)")
    #expect(!kinds(result).contains { $0.hasPrefix("sos") || $0.hasPrefix("fall") }, "nor is it guessed")
    let report = ProfileDecodeReport(profile: profile, frame: Array(text.utf8), frameName: topic)
    guard case .lines(let lines) = report.outcome else {
      Issue.record("\(report.outcome)")
      return
    }
    #expect(lines.last == #"{"event":"notUnderstood","phase":"moment","quality":[],"time":null}"#)
  }

  @Test func aNameIsNoAlarm() throws {
    for text in [#"{"name":"sos_button","spo2":97}"#, #"{"device":"fall_sensor_3"}"#, #"{"vendor":"SOS Systems"}"#] {
      let (profile, result) = try decode("generic/mqtt-vitals", "knutepunkt/devices/v/vitals", text)
      #expect(!profile.isLoudAbout(result), "\(text)")
    }
  }

  @Test func aFrameThatCannotBeReadIsLoudFromWhoHasAlarmsAlone() throws {
    func rejection(_ id: String, _ topic: String, _ text: String) throws -> (DeviceProfile, FrameRejection)? {
      let profile = try Shipped.profile(id)
      do throws(FrameRejection) {
        _ = try profile.decode(Array(text.utf8), topic: topic)
        return nil
      } catch {
        return (profile, error)
      }
    }
    for text in ["emergency", "{\"action\":", "[", "{\"action\":\"sos\",\"action\":\"\"}"] {
      let (profile, error) = try #require(try rejection("zigbee2mqtt/sos-button", "zigbee2mqtt/b", text))
      #expect(profile.isLoudAbout(error), "\(text)")
    }
    let (button, erased) = try #require(try rejection("zigbee2mqtt/sos-button", "zigbee2mqtt/b", ""))
    #expect(erased.reason == .empty && !button.isLoudAbout(erased), "somebody erased what the broker had stored")
    let (door, error) = try #require(try rejection("zigbee2mqtt/door-contact", "zigbee2mqtt/d", "open"))
    #expect(door.isLoudAbout(error), "it may have said that the door is open")
    let (tracker, encrypted) = try #require(try rejection("owntracks/tracker", "owntracks/a/b", #"{"_type":"encrypted"}"#))
    #expect(!tracker.isLoudAbout(encrypted), "counted, and kept for a look")
  }

  /// An encrypted advertisement may hold a press; so may what stands behind an object that nobody knows.
  @Test func aBluetoothButtonThatCannotBeReadIsLoud() throws {
    let button = try Shipped.profile("bthome/sos-button")
    let index = try #require(button.frameIndex(characteristic: BluetoothUUID(short: 0xFCD2)))
    var result = DecodeResult()
    do throws(FrameRejection) {
      try button.decode(DecodeReportTests.bytes("41 A472 66").span, frameIndex: index, into: &result)
      Issue.record("it is refused")
    } catch {
      #expect(button.isLoudAbout(error))
    }
    try button.decode(DecodeReportTests.bytes("40 F9 01 3A 01").span, frameIndex: index, into: &result)
    #expect(button.isLoudAbout(result))
    try button.decode(DecodeReportTests.bytes("40 02 CA09").span, frameIndex: index, into: &result)
    #expect(!button.isLoudAbout(result), "a room's temperature is understood")
  }

  /// A fall is a state of the sensor: raised, and cleared by its own word, in both vocabularies.
  @Test func aFallIsAState() throws {
    for (text, expected) in [
      (#"{"fall_status":"fall_alarm"}"#, ["fall raised"]), (#"{"fall_status":"normal"}"#, ["fall cleared"]),
      (#"{"fall_down_status":"fall"}"#, ["fall raised"]), (#"{"fall_down_status":"none"}"#, ["fall cleared"]),
      (#"{"fall":true}"#, ["fall raised"]), (#"{"fall":false}"#, ["fall cleared"]), (#"{"fall_status":"fall_warning"}"#, []),
      (#"{"fall_status":"fall_alarm","fall":false}"#, ["fall raised"]), (#"{"fall_down_status":"maybe_fall","fall":false}"#, []),
    ] as [(String, [String])] {
      #expect(kinds(try decode("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", text).1) == expected, "\(text)")
    }
    #expect(kinds(try decode("zigbee2mqtt/fall-sensor", "zigbee2mqtt/f", #"{"fall":true}"#, retained: true).1) == [], "it may be weeks old")
  }

  /// Both forms of zigbee2mqtt, for a device and for zigbee2mqtt itself.
  @Test(arguments: ["zigbee2mqtt/sos-button", "zigbee2mqtt/fall-sensor", "zigbee2mqtt/door-contact"])
  func availabilityInEveryForm(_ id: String) throws {
    for topic in ["zigbee2mqtt/d/availability", "zigbee2mqtt/bridge/state"] {
      for word in ["online", "offline"] {
        for text in [word, "\"\(word)\"", #"{"state":"\#(word)"}"#, " \(word)\n"] {
          for retained in [false, true] {
            #expect(kinds(try decode(id, topic, text, retained: retained).1) == ["\(word) moment"], "\(topic) \(text)")
          }
        }
      }
    }
    let profile = try Shipped.profile(id)
    #expect(profile.sharedTopics.map(\.topic) == ["zigbee2mqtt/bridge/state"])
    #expect(profile.wildcardTopicFilters.contains("zigbee2mqtt/bridge/state"), "the hub hears of it")
    #expect(!profile.topicFilters(for: "d").contains("zigbee2mqtt/bridge/state"), "it is nobody's own")
    #expect(profile.address(fromTopic: "zigbee2mqtt/bridge/state") == nil)
  }
}

@Suite struct WhoseAndWhenTests {
  private func drops(_ id: String, _ characteristic: UInt16, _ hex: String) throws -> [DropReason] {
    let profile = try Shipped.profile(id)
    let result = try profile.decode(DecodeReportTests.bytes(hex), characteristic: BluetoothUUID(short: UInt32(characteristic)))
    return result.dropped.map(\.reason)
  }

  /// Every user byte of every device that has one: the first user and "not known" are the person, the others are not.
  @Test(arguments: [
    ("sig/blood-pressure", 0x2A35, "08 8000 5200 6100", 3, [0, 255]), ("aandd/ua-651", 0x2A35, "08 8000 5200 6100", 3, [0, 255]),
    ("sig/blood-pressure-user-1", 0x2A35, "08 8000 5200 6100", 3, [1, 255]),
    ("omron/hem-9200t", 0x2A35, "08 8000 5200 6100", 3, [0, 1, 255]), ("beurer/bm85", 0x2A35, "00 8000 5200 0000", 2, [0, 255]),
    ("sig/weight-scale", 0x2A9D, "04 DC37", 1, [0, 255]),
  ])
  func anotherUserIsSomebodyElse(_ id: String, _ characteristic: UInt16, _ frame: String, _ values: Int, _ person: [Int]) throws {
    for user in 0...255 {
      let digits = String(user, radix: 16)
      let reasons = try drops(id, characteristic, frame + (user < 16 ? " 0" : " ") + digits)
      #expect(reasons == (person.contains(user) ? [] : Array(repeating: .otherUser, count: values)), "user \(user)")
    }
  }

  /// What a device says instead of "none" is no value and no alarm, and is told.
  @Test(arguments: [
    ("sig/pulse-oximeter", "2A5F", "00 0000 0000"), ("sig/pulse-oximeter", "2A5F", "00 7F00 7F00"),
    ("sig/pulse-oximeter", "2A5F", "00 7F00 FF00"), ("sig/pulse-oximeter", "2A5F", "00 FF00 FF00"),
    ("sig/pulse-oximeter", "2A5F", "00 FF07 FF07"), ("sig/pulse-oximeter", "2A5F", "00 0008 0008"),
    ("sig/heart-rate", "2A37", "00 00"), ("sig/heart-rate", "2A37", "00 FF"), ("sig/heart-rate", "2A37", "04 48"),
    ("sig/heart-rate", "2A37", "05 4800"), ("nonin/3230", "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b", "0A 14 1E 0000 0102 7F 01FF"),
    ("nonin/3230", "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b", "0A 14 1E 0000 0102 00 0000"),
  ])
  func noFingerIsNoValue(_ id: String, _ characteristic: String, _ hex: String) throws {
    let result = try Shipped.profile(id).decode(DecodeReportTests.bytes(hex), characteristic: try #require(BluetoothUUID(characteristic)))
    var told = 0
    for reading in result.readings {
      switch reading {
      case .observation(let value, at: _):
        #expect(value.code == .pulseAmplitudeIndex || !value.quality.isDisjoint(with: .neverScores), "\(value)")
      case .event(let event, at: _): told += event.kind == .noContact && event.phase == .raised ? 1 : 0
      case .location: break
      }
    }
    #expect(told == 1)
  }

  /// Ranges are held exactly, in the value's own unit, whatever its exponent.
  @Test func aHairOutsideTheRangeIsOutside() throws {
    let profile = try Shipped.profile("sig/blood-pressure")
    func reasons(_ diastolic: UInt16, kilopascal: Bool) throws -> [DropReason] {
      let bytes: [UInt8] = [
        kilopascal ? 1 : 0, 0x11, 0x00, UInt8(truncatingIfNeeded: diastolic), UInt8(truncatingIfNeeded: diastolic >> 8), 0x0D, 0x00,
      ]
      return try profile.decode(bytes, characteristic: BluetoothUUID(short: 0x2A35)).dropped.map(\.reason)
    }
    // −1·10⁻⁸ and −372·10⁻⁷ round to 0, and are below it; 1·10⁻⁸ is above.
    #expect(try reasons(0x8FFF, kilopascal: false) == [.hardRange])
    #expect(try reasons(0x9E8C, kilopascal: true) == [.hardRange])
    #expect(try reasons(0x8001, kilopascal: false) == [])
    // 300 is the bound; 3001·10⁻¹ does not fit a mantissa, 300.01 kPa is far beyond.
    #expect(try reasons(0x012C, kilopascal: false) == [])
    #expect(try reasons(0x012D, kilopascal: false) == [.hardRange])
    // 39.9 kPa is 299.27…, 40 kPa is 300.02… mmHg.
    #expect(try reasons(0xF18F, kilopascal: true) == [])
    #expect(try reasons(0x0028, kilopascal: true) == [.hardRange])
  }

  /// A battery, an open case, "online" tell of now; a measurement of its own time.
  @Test func theDevicesStateIsJudgedByArrival() throws {
    let status = Array(#"{"tampered":true,"lowBattery":true,"battery":11,"connection":"online","time":"2026-01-31T08:00:00Z"}"#.utf8)
    let dispenser = try Shipped.profile("generic/mqtt-dispenser").decode(status, topic: "knutepunkt/devices/k/status")
    #expect(dispenser.readings.count == 4 && dispenser.readings.allSatisfy { $0.deviceTime == .none })
    let record = DecodeReportTests.bytes("0E 0300 E007 01 1F 0C 22 38 37C0 11 0100")
    let glucose = try Shipped.profile("sig/glucose").decode(record, characteristic: BluetoothUUID(short: 0x2A18))
    #expect(glucose.readings.map { $0.deviceTime == .none } == [false, true], "a meter whose clock is years behind has a low battery now")
    let fix = Array(#"{"_type":"location","lat":59.9,"lon":10.7,"batt":9,"tst":1769862896}"#.utf8)
    let tracker = try Shipped.profile("owntracks/tracker").decode(fix, topic: "owntracks/a/b")
    #expect(tracker.readings.map { $0.deviceTime == .none } == [false, true])
  }

  /// Nobody is to be forgotten in silence: a profile whose devices may be silent says how often they usually are used.
  @Test func silenceIsNeverAnUnspokenDefault() throws {
    let silent = try Shipped.catalogue().profiles.filter { $0.suggestedIntervalSeconds == nil }.map(\.id)
    #expect(silent == ["nuki/smart-lock"], "a lock has a last will")
    #expect(try Shipped.profile("sig/blood-pressure").suggestedIntervalSeconds == 26 * 3_600)
  }
}

extension Reading {
  fileprivate var deviceTime: DeviceTime {
    switch self {
    case .observation(_, at: let time), .event(_, at: let time), .location(_, at: let time): time
    }
  }
}
