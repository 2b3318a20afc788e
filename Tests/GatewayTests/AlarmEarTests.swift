// The second ear takes copies of calls for help, and no more of one device than it can look at.

import Foundation
import Journal
import MQTTLink
import RealtimeCore
import Testing
import VitalSigns

@testable import CoreRings
@testable import DeviceIntake
@testable import HubCore
@testable import HubRegistry
@testable import HubRuntime

@Suite struct AlarmEarTests {
  private let ear: AlarmEar
  private let ring = IntakeRing(capacity: 64, reserve: 1, firstSequence: 1)

  init() throws {
    let clock = HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())
    let intake = Intake(
      ring: ring, coreWake: try Wake(), journal: SingleProducerRing(capacity: 1_024), companions: Companions(), clock: clock)
    let registry = Registry(
      profiles: try Street.profiles(), patients: [],
      devices: [
        Street.registered(Street.button, "zigbee2mqtt/sos-button", "sos-1"),
        Street.registered(DeviceID(rawValue: 8), "zigbee2mqtt/sos-button", "sos-2"),
        Street.registered(Street.cuff, "bridge/blood-pressure", "cuff-1"),
      ])
    let services = LinkServices(
      registry: registry, intake: intake, requests: JournalRequests(wake: try Wake()), durable: DurableSequence(startingAt: 0) {},
      civil: CivilClock(zone: .gmt), logger: Street.logger)
    ear = try AlarmEar(name: "homes", MQTTLinkConfiguration(clientID: "hub-1", host: "127.0.0.1", port: 1), services, marks: [])
  }

  private func hear(_ topic: String, _ json: String, retained: Bool = false) {
    let frame = MQTTFrame(topic: topic, payload: Array(json.utf8), retained: retained, messageID: 0, qos: 0)
    #expect(ear.frame(frame) == .ignored, "nothing is promised")
  }

  @Test func onlyCallsForHelpOfTheHubsDevicesAreTaken() {
    hear("zigbee2mqtt/sos-1", #"{"action":"emergency"}"#)
    hear("zigbee2mqtt/sos-1", #"{"action":"emergency"}"#, retained: true)
    hear("zigbee2mqtt/sos-1", #"{"battery": 80}"#)
    hear("zigbee2mqtt/sos-1", "{")
    hear("zigbee2mqtt/stranger", #"{"action":"emergency"}"#)
    hear("ble/cuff-1/2a35", "\u{4}")
    #expect(ear.facts.heard == 1)
    #expect(ring.depth == 0, "held for its message")
  }

  @Test func ofAFloodAFewAreLookedAtAndAnothersPressIsHeard() {
    for number in 0..<2_000 { hear("zigbee2mqtt/sos-1", #"{"action":"emergency", "linkquality": \#(number)}"#) }
    let heard = ear.facts.heard
    #expect(heard >= UInt64(AlarmEar.perDevicePerSecond) && heard <= UInt64(4 * AlarmEar.perDevicePerSecond))
    hear("zigbee2mqtt/sos-2", #"{"action":"emergency"}"#)
    #expect(ear.facts.heard == heard + 1)
  }

  /// While the store stands still a stuck button must not be a new alarm with every message.
  @Test func aCallThatLastsIsHeardOnce() {
    for number in 0..<10 { hear("zigbee2mqtt/sos-1", #"{"sos": true, "linkquality": \#(number)}"#) }
    #expect(ear.facts.heard == 1)
    hear("zigbee2mqtt/sos-1", #"{"sos": false}"#)
    hear("zigbee2mqtt/sos-1", #"{"sos": true}"#)
    #expect(ear.facts.heard == 3)
    #expect(Reading.event(DeviceEvent(kind: .sos, phase: .raised), at: .none).isHeldCall)
    #expect(!Reading.event(DeviceEvent(kind: .sos), at: .none).isHeldCall, "a press is a press")
  }
}
