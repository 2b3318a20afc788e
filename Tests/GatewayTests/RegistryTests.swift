// Who is here and which topic is whose.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing
import VitalSigns

@testable import HubRegistry

@Suite struct RegistryTests {
  private let profiles: [DeviceProfile]

  init() throws { profiles = try Street.profiles() }

  private func person(_ id: PatientID, _ name: String) -> RegisteredPatient {
    RegisteredPatient(id: id, name: name, nationalID: nil, controller: Street.controller, since: Street.noon, ended: nil)
  }

  private func registry(_ devices: [RegisteredDevice] = []) -> Registry {
    Registry(profiles: profiles, patients: [person(Street.kari, "Kari Test")], devices: devices)
  }

  private let button = Street.registered(Street.button, "zigbee2mqtt/sos-button", "sos-1")

  @Test func everyTopicOfADeviceLeadsToIt() throws {
    let registry = registry([button])
    let press = try #require(registry.device(onTopic: "zigbee2mqtt/sos-1"))
    let availability = try #require(registry.device(onTopic: "zigbee2mqtt/sos-1/availability"))
    #expect(press.0.id == Street.button && availability.0.id == Street.button)
    #expect(press.1.id == "zigbee2mqtt/sos-button")
    #expect(press.frameIndex != availability.frameIndex)
    #expect(registry.device(onTopic: "zigbee2mqtt/sos-2") == nil)
    #expect(registry.device(onTopic: "zigbee2mqtt/sos-1/set") == nil)
  }

  @Test func aTopicHasOneDevice() throws {
    let registry = registry([button])
    let door = try #require(registry.profile("zigbee2mqtt/door-contact"))
    guard case .taken(let other) = registry.reserve(profile: door, address: "sos-1") else {
      Issue.record("the button has this topic")
      return
    }
    #expect(other.id == Street.button)
  }

  /// A profile may say `acme/{device}/+/call`; a topic that no list can hold leads to its device all the same.
  @Test func aTopicWithAFreePartLeadsToItsDevice() throws {
    let folder = TemporaryFolder()
    let profile = """
      profile: acme/button
      version: 1.0.0
      vendor: Acme
      model: Button
      transport: mqttJSON
      liveness: {expectedInterval: 26 h, safetyAlarm: true}
      events:
        sos: {type: moment}
      decode:
        "acme/{device}/+/call":
          - {json: /call, as: called, oneOf: [true, false]}
          - {when: called = true, event: sos}
      selfTest:
        - name: a call
          frame: "acme/{device}/+/call"
          json: '{"call": true}'
          expect: [{event: sos}]
        - name: truncated
          frame: "acme/{device}/+/call"
          json: '{"call": tr'
          rejected: invalidJSON
      """
    try FileManager.default.createDirectory(atPath: folder.path + "/acme", withIntermediateDirectories: true)
    _ = folder.write(profile, to: "acme/button.yaml", mode: 0o644)
    let acme = try ProfileCatalogue(folders: [URL(fileURLWithPath: folder.path)], trust: ProfileTrust(.lab)).profiles
    let registry = Registry(profiles: profiles + acme, patients: [], devices: [Street.registered(Street.button, "acme/button", "7")])
    #expect(registry.device(onTopic: "acme/7/kitchen/call")?.0.id == Street.button)
    #expect(registry.device(onTopic: "acme/8/kitchen/call") == nil)
    #expect(registry.device(onTopic: "acme/7/call") == nil)
    registry.remove(Street.button)
    #expect(registry.device(onTopic: "acme/7/kitchen/call") == nil)
  }

  /// MQTT tells `sos-1` and `SOS-1` apart; the one that nobody sends on would be watched in vain.
  @Test func anAddressInOtherLettersIsTheSameToPeople() throws {
    let registry = registry([button])
    let sos = try #require(registry.profile("zigbee2mqtt/sos-button"))
    guard case .alike(let other) = registry.reserve(profile: sos, address: "SOS-1") else {
      Issue.record("the button has this address but for capital letters")
      return
    }
    #expect(other.id == Street.button)
    registry.remove(Street.button)
    guard case .reserved = registry.reserve(profile: sos, address: "SOS-1") else {
      Issue.record("the button is gone")
      return
    }
  }

  @Test func anAddressIsReservedByOneAtATime() throws {
    let registry = registry()
    let door = try #require(registry.profile("zigbee2mqtt/door-contact"))
    let sos = try #require(registry.profile("zigbee2mqtt/sos-button"))
    guard case .reserved = registry.reserve(profile: door, address: "x"), case .underWay = registry.reserve(profile: sos, address: "x"),
      case .reserved = registry.reserve(profile: sos, address: "y")
    else {
      Issue.record("one topic, one device")
      return
    }
    registry.release(profile: door, address: "x")
    guard case .reserved = registry.reserve(profile: sos, address: "x") else {
      Issue.record("what was given back can be had")
      return
    }
  }

  @Test func everyDeviceOfEveryProfileIsSubscribedToRegisteredOrNot() {
    let topics = registry([button]).subscriptions().map(\.topic)
    #expect(topics == registry().subscriptions().map(\.topic))
    #expect(topics == topics.sorted() && Set(topics).count == topics.count)
    #expect(Set(topics).isSuperset(of: ["zigbee2mqtt/+", "zigbee2mqtt/+/availability", "ble/+/2a35", "knutepunkt/devices/+/vitals"]))
    #expect(registry().subscriptions().first { $0.topic == "zigbee2mqtt/+" }?.qos == 1)
  }

  @Test func aRemovedDeviceIsHeardNoMore() {
    let registry = registry([button])
    registry.remove(Street.button)
    #expect(registry.device(onTopic: "zigbee2mqtt/sos-1") == nil)
    #expect(registry.device(onTopic: "zigbee2mqtt/sos-1/availability") == nil)
    #expect(registry.device(Street.button)?.removed == true)
    #expect(registry.device(Street.button)?.patient == PatientID.none)
    let again = Street.registered(Street.cuff, "zigbee2mqtt/sos-button", "sos-1")
    registry.add(again)
    #expect(registry.device(onTopic: "zigbee2mqtt/sos-1")?.0.id == Street.cuff)
  }

  @Test func aDeviceRemovedInAnEarlierRunIsHeardNoMore() {
    var removed = button
    removed.removed = true
    #expect(registry([removed]).device(onTopic: "zigbee2mqtt/sos-1") == nil)
  }

  @Test func assigningAndEnding() {
    let registry = registry([button])
    registry.add(person(Street.ola, "Ola Test"))
    registry.assign(Street.button, to: Street.ola, by: 7)
    registry.assign(Street.button, to: Street.kari, by: 6)
    #expect(registry.device(Street.button)?.patient == Street.ola, "the journal's order counts, not the answers'")
    registry.assign(Street.button, to: Street.ola, by: 8)
    #expect(registry.device(Street.button)?.patient == Street.ola)
    #expect(registry.devices(of: Street.ola) == [Street.button])
    #expect(registry.devices(of: Street.kari).isEmpty)
    #expect(registry.counts == (registry.patients.count, 1))
    registry.end(Street.ola, at: Street.noon)
    #expect(registry.patient(Street.ola)?.ended == Street.noon)
    #expect(registry.device(Street.button)?.patient == PatientID.none)
    #expect(registry.patient(Street.kari)?.ended == nil)
    #expect(registry.devices(of: Street.ola).isEmpty)
    registry.assign(Street.button, to: Street.kari, by: 9)
    #expect(registry.devices(of: Street.kari) == [Street.button])
    registry.remove(Street.button)
    #expect(registry.devices(of: Street.kari).isEmpty)
    #expect(registry.counts.devices == 0)
  }

  @Test func numbersAreGivenOnce() {
    let registry = registry([button])
    #expect(registry.newPatientID() == PatientID(rawValue: 2))
    #expect(registry.newPatientID() == PatientID(rawValue: 3))
    #expect(registry.newDeviceID() == DeviceID(rawValue: 2))
  }

  @Test func aDeviceWhoseProfileIsNotLoadedIsKnownAndNotHeard() {
    let registry = registry([Street.registered(Street.button, "acme/unknown", "sos-1")])
    #expect(registry.device(onTopic: "zigbee2mqtt/sos-1") == nil)
    #expect(registry.device(Street.button) != nil)
  }

  @Test func lastSeenIsKept() {
    let registry = registry([button])
    registry.seen(Street.button, at: Street.noon)
    registry.seen(DeviceID(rawValue: 99), at: Street.noon)
    #expect(registry.device(Street.button)?.lastSeen == Street.noon)
    #expect(registry.devices.count == 1)
  }
}
