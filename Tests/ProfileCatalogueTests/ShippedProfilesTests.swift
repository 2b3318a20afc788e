// Every profile that the product ships: it loads (so its own vectors pass), cuts of its vectors are refused cleanly,
// and no bytes whatever make it crash.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing
import VitalSigns

enum Shipped {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("DeviceProfiles")

  /// Read and self-tested once for all tests.
  private static let loaded: Result<ProfileCatalogue, CatalogueError> = {
    do throws(CatalogueError) {
      return .success(try ProfileCatalogue(folders: [folder], trust: .lab))
    } catch {
      return .failure(error)
    }
  }()

  static func catalogue() throws(CatalogueError) -> ProfileCatalogue { try loaded.get() }

  static func profile(_ id: String) throws -> DeviceProfile { try #require(try catalogue().profile(id: id)) }
}

@Suite struct ShippedProfilesTests {
  @Test func allLoad() throws {
    do throws(CatalogueError) {
      let ids = try Shipped.catalogue().profiles.map(\.id)
      #expect(
        ids == [
          "aandd/ua-651", "aandd/ut-352", "beurer/bm85", "bridge/blood-pressure", "bridge/pulse-oximeter", "bridge/thermometer",
          "bthome/sensor", "bthome/sos-button", "generic/ble-sos-button", "generic/mqtt-dispenser", "generic/mqtt-vitals", "nonin/3230",
          "nuki/smart-lock", "omron/hem-9200t", "owntracks/tracker", "sig/blood-pressure", "sig/blood-pressure-user-1",
          "sig/generic-health-sensor", "sig/glucose",
          "sig/heart-rate", "sig/pulse-oximeter", "sig/thermometer", "sig/weight-scale", "zigbee2mqtt/door-contact",
          "zigbee2mqtt/fall-sensor",
          "zigbee2mqtt/sos-button",
        ])
    } catch {
      Issue.record("\(error)")
    }
  }

  /// A frame cut short is refused, whatever it was. Where a cut is a whole frame by the format's own rules (a repeat
  /// that ends earlier, a text up to the end), it gives no more readings than the whole.
  @Test func everyVectorCutAtEveryLengthIsRefused() throws {
    // A cuff of Beurer's kind says nowhere whether a user byte comes. A text may be any text, and a part of a known word is an unknown one.
    let words = ["battery_low", "tamper"].map { "zigbee2mqtt/{device}/\($0)" }
    let button = ["action", "click", "sos", "alarm", "panic", "emergency", "battery"].map { "zigbee2mqtt/{device}/\($0)" }
    let door = ["contact"].map { "zigbee2mqtt/{device}/\($0)" }
    let fall = ["fall_status", "fall_down_status", "fall", "static_dwell_alarm"].map { "zigbee2mqtt/{device}/\($0)" }
    let mayEndEarly =
      [
        "bthome/sensor serviceData/FCD2", "bthome/sos-button serviceData/FCD2", "nuki/smart-lock nuki/{device}/batteryChargeState",
        "nuki/smart-lock nuki/{device}/doorsensorState", "nuki/smart-lock nuki/{device}/lockActionEvent",
        "nuki/smart-lock nuki/{device}/state", "beurer/bm85 2A35", "sig/blood-pressure 2A35",
        "zigbee2mqtt/door-contact zigbee2mqtt/{device}/availability", "zigbee2mqtt/sos-button zigbee2mqtt/{device}/availability",
      ]
      + ["bridge/blood-pressure", "bridge/pulse-oximeter", "bridge/thermometer"].map { "\($0) ble/bridge/state" }
      + ["fall-sensor", "sos-button"].map { "zigbee2mqtt/\($0) zigbee2mqtt/bridge/state" }
      + (words + button).map { "zigbee2mqtt/sos-button \($0)" } + (words + fall).map { "zigbee2mqtt/fall-sensor \($0)" }
      + (words + door).map { "zigbee2mqtt/door-contact \($0)" }
    var endedEarly: Set<String> = []
    var bluetoothCuts = 0
    for profile in try Shipped.catalogue().profiles {
      var tried: Set<Int> = []
      for vector in profile.selfTests {
        guard case .frame(let index, let bytes, let retained, .readings(let lines, let dropped)) = vector.content else { continue }
        tried.insert(index)
        let frame = "\(profile.id) \(profile.frames[index].key)"
        for length in 0..<bytes.count {
          var result = DecodeResult()
          do throws(FrameRejection) {
            try profile.decode(Array(bytes.prefix(length)).span, frameIndex: index, retained: retained, into: &result)
            endedEarly.insert(frame)
            #expect(mayEndEarly.contains(frame), "\(frame): \(vector.name) cut at \(length) was taken")
            #expect(result.readings.count + result.dropped.count <= max(lines.count + dropped.count, 2))
          } catch {
            if !profile.transport.isMQTT { bluetoothCuts += 1 }
            #expect(error.offset <= length)
            #expect(result.readings.isEmpty)
            #expect(
              [.endOfFrame, .invalidJSON, .repeatTooShort, .empty].contains(error.reason),
              "\(profile.id): \(vector.name) cut at \(length): \(error)")
          }
        }
      }
      #expect(tried.count == profile.frames.count, "\(profile.id): a frame has no good vector, so that none was cut")
    }
    #expect(endedEarly.sorted() == mayEndEarly.sorted())
    #expect(bluetoothCuts > 1_000, "only \(bluetoothCuts) cuts of Bluetooth frames were refused")
  }

  /// A vendor's profile comes before the SIG's that fits the same device, and nothing that shows BTHome alone becomes a
  /// safety alarm by itself.
  @Test func theCloserDescriptionComesFirst() throws {
    let catalogue = try Shipped.catalogue()
    func ids(_ device: BluetoothAppearance) -> [String] { catalogue.profiles(matching: device).map(\.id) }
    let cuff = [BluetoothUUID(short: 0x1810)]
    #expect(ids(BluetoothAppearance(services: cuff, name: "Beurer BM85")) == ["beurer/bm85", "sig/blood-pressure"])
    #expect(ids(BluetoothAppearance(services: cuff, name: "A&D_UA-651BLE_0A1B2C")) == ["aandd/ua-651", "sig/blood-pressure"])
    #expect(ids(BluetoothAppearance(services: cuff, name: "BLEsmart_00000116AABBCCDDEEFF")) == ["omron/hem-9200t", "sig/blood-pressure"])
    #expect(ids(BluetoothAppearance(services: cuff, name: "Cuff")) == ["sig/blood-pressure"])
    let nonin = try #require(BluetoothUUID("46A970E0-0D5F-11E2-8B5E-0002A5D5C51B"))
    #expect(ids(BluetoothAppearance(services: [nonin, BluetoothUUID(short: 0x1822)])) == ["nonin/3230", "sig/pulse-oximeter"])
    #expect(ids(BluetoothAppearance(services: [BluetoothUUID(short: 0xFCD2)], bytes: [0x44, 0x3A, 0x01])) == ["bthome/sensor"])
  }

  @Test func noBytesMakeAnyProfileCrash() throws {
    var random = SeededRandom(seed: 20_260_131)
    for profile in try Shipped.catalogue().profiles {
      let vectors: [[UInt8]] = profile.selfTests.compactMap { if case .frame(_, let bytes, _, _) = $0.content { bytes } else { nil } }
      var result = DecodeResult()
      var taken = 0
      for round in 0..<10_000 {
        let frame = round % 2 == 0 ? random.bytes(upTo: 40) : random.mutated(vectors[round % vectors.count])
        for index in profile.frames.indices {
          do throws(FrameRejection) {
            try profile.decode(frame.span, frameIndex: index, retained: round % 5 == 0, into: &result)
            taken += 1
            #expect(result.readings.count <= DecodeLimits.readingsMax)
          } catch {
            #expect(error.offset >= 0 && error.offset <= frame.count)
          }
        }
      }
      #expect(taken > 0, "\(profile.id) refused everything, so the test tests nothing")
    }
  }

  @Test func largeAndDeepFramesAreRefused() throws {
    let vitals = try Shipped.profile("generic/mqtt-vitals")
    let topic = "knutepunkt/devices/a/vitals"
    #expect(throws: FrameRejection.self) { try vitals.decode([UInt8](repeating: 0x20, count: 1_000_000), topic: topic) }
    let deep = Array((String(repeating: "[", count: 4_000)).utf8)
    #expect(Self.reason { () throws(FrameRejection) in try vitals.decode(deep, topic: topic) } == .jsonTooDeep)
    for text in [
      "{\"spo2\": NaN}", "{\"spo2\": Infinity}", "{\"spo2\": -Infinity}", "{'spo2': 97}", "{\"spo2\": 97,}", "nan", "{\"spo2\": 097}",
    ] {
      #expect(Self.reason { () throws(FrameRejection) in try vitals.decode(Array(text.utf8), topic: topic) } == .invalidJSON, "\(text)")
    }
    let twice = Array("{\"spo2\": 97, \"sp\\u006f2\": 71}".utf8)
    #expect(Self.reason { () throws(FrameRejection) in try vitals.decode(twice, topic: topic) } == .duplicateKey)
  }

  static func reason(_ body: () throws(FrameRejection) -> DecodeResult) -> FrameRejection.Reason? {
    do throws(FrameRejection) {
      _ = try body()
      return nil
    } catch {
      return error.reason
    }
  }
}

extension SeededRandom {
  mutating func bytes(upTo count: Int) -> [UInt8] {
    (0..<Int(next() % UInt64(count + 1))).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// A few bytes changed, inserted or removed.
  mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    for _ in 0...(next() % 3) {
      guard !result.isEmpty else { break }
      let index = Int(next() % UInt64(result.count))
      switch next() % 3 {
      case 0: result[index] = UInt8(truncatingIfNeeded: next())
      case 1: result.insert(UInt8(truncatingIfNeeded: next()), at: index)
      default: result.remove(at: index)
      }
    }
    return result
  }
}
