// Frames of the shipped profiles into the intake: what becomes of good ones and of bad ones. Retained and redelivered ones, and one that
// meets a full intake, are in MQTTFrameAgainTests.swift.

import DeviceProfile
import Foundation
import Journal
import JournalValues
import MQTTLink
import RealtimeCore
import Testing
import VitalSigns

@testable import CoreRings
@testable import DeviceIntake
@testable import HubCore
@testable import HubRegistry
@testable import HubRuntime

@Suite struct MQTTFrameIntakeTests {
  let ring = IntakeRing(capacity: 8, reserve: 1, firstSequence: 1)
  let companions = Companions()
  let requests: JournalRequests
  let intake: Intake
  let registry: Registry
  let frames: MQTTFrameIntake

  static let pressure: [UInt8] = [0x04, 0x80, 0x00, 0x52, 0x00, 0x61, 0x00, 0x48, 0x00]
  static let press = Array(#"{"action":"emergency"}"#.utf8)

  init() throws {
    requests = JournalRequests(wake: try Wake())
    let clock = HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())
    intake = Intake(
      ring: ring, coreWake: try Wake(), journal: SingleProducerRing(capacity: 1_024), companions: companions, clock: clock)
    registry = Registry(
      profiles: try Street.profiles(), patients: [],
      devices: [
        Street.registered(Street.button, "zigbee2mqtt/sos-button", "sos-1"),
        Street.registered(Street.cuff, "bridge/blood-pressure", "cuff-1"),
        Street.registered(DeviceID(rawValue: 3), "generic/mqtt-vitals", "vitals-1"),
      ])
    frames = MQTTFrameIntake(
      name: "homes", registry: registry, intake: intake, requests: requests,
      civil: CivilClock(zone: try #require(TimeZone(identifier: "Europe/Oslo"))), redeliveries: RedeliveryBook(marksMax: 64),
      logger: Street.logger)
  }

  func frame(
    _ topic: String, _ payload: [UInt8], message: UInt16 = 1, qos: UInt8 = 1, retained: Bool = false,
    _ delivery: MQTTFrame.Delivery = .first
  ) -> MQTTFrame {
    MQTTFrame(topic: topic, payload: payload, retained: retained, messageID: message, qos: qos, delivery: delivery)
  }

  func cuffFrame(message: UInt16 = 1, _ delivery: MQTTFrame.Delivery = .first) -> MQTTFrame {
    frame("ble/cuff-1/2a35", Self.pressure, message: message, delivery)
  }
  func pressFrame(message: UInt16 = 1, retained: Bool = false, _ delivery: MQTTFrame.Delivery = .first) -> MQTTFrame {
    frame("zigbee2mqtt/sos-1", Self.press, message: message, retained: retained, delivery)
  }

  func reconnect(sessionPresent: Bool = true) {
    frames.sessionPresent = { sessionPresent }
    frames.linkStateChanged(.backingOff, reason: nil)
    frames.linkStateChanged(.subscribing, reason: nil)
  }

  /// A hub that was killed: a new intake for the same link, which knows what the journal has.
  func restarted(_ marks: [DeliveryMark]) throws -> MQTTFrameIntake {
    let known = marks.map { mark in
      (
        mark: RedeliveryBook.Mark(message: UInt16(truncatingIfNeeded: mark.message), hash: mark.hash),
        known: RedeliveryBook.Known(sequence: 1, taken: Int(mark.taken)), arrived: mark.wall
      )
    }
    let next = MQTTFrameIntake(
      name: "homes", registry: registry, intake: intake, requests: requests, civil: CivilClock(zone: .gmt),
      redeliveries: RedeliveryBook(marksMax: 64, known: known), logger: Street.logger)
    next.sessionPresent = { true }
    next.linkStateChanged(.subscribing, reason: nil)
    return next
  }

  var sosDetails: [UInt32] {
    entries().compactMap { if case .event(let event) = $0.payload, event.kind == .sos { event.detail } else { nil } }
  }

  /// Everything in the intake.
  func entries() -> [IntakeEntry] {
    var all: [IntakeEntry] = []
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos)
    while ring.pop(into: &entry) { all.append(entry) }
    return all
  }

  /// What waits for the journal.
  func journaled() -> JournalGroup {
    var group = JournalGroup()
    for change in requests.take().changes { change(&group) }
    return group
  }

  func codes(_ entries: [IntakeEntry]) -> [ObservationCode] {
    entries.compactMap { if case .observation(let observation) = $0.payload { observation.code } else { nil } }
  }

  // MARK: Good frames

  @Test func theReadingsOfAFrameShareOneInstant() throws {
    #expect(frames.frame(cuffFrame()) == .accepted(lastSequence: 4))
    let entries = entries()
    #expect(codes(entries) == [.systolic, .diastolic, .meanArterialPressure, .pulseRateCuff])
    #expect(entries.map(\.sequence) == [1, 2, 3, 4])
    #expect(Set(entries.map(\.instant)).count == 1)
    #expect(Set(entries.map(\.wall)).count == 1)
    #expect(entries.allSatisfy { $0.device == Street.cuff && $0.patient == .none && $0.measuredAt == .unknown })
    #expect(registry.device(Street.cuff)?.lastSeen != .unknown)
    #expect(frames.refused.isEmpty)
    #expect(journaled().quarantined.isEmpty)
  }

  @Test func eachReadingSaysHowMuchOfItsFrameIsIn() {
    _ = frames.frame(cuffFrame(message: 9))
    let entries = entries()
    let marks = entries.map { companions.take($0.attachment)?.mark }
    let hash = frameHash(topic: "ble/cuff-1/2a35", payload: Self.pressure)
    #expect(
      marks
        == (1...4).map {
          DeliveryMark(link: stableNumber(of: "homes"), message: 9, hash: hash, taken: $0, wall: entries[0].wall)
        })
  }

  @Test func anAlarmDoesNotWaitBehindAnotherReadingOfItsFrame() {
    let press = Array(#"{"battery": 80, "action":"emergency"}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", press)) == .accepted(lastSequence: 2))
    #expect(entries().first?.payload == .event(DeviceEvent(kind: .sos)))
  }

  @Test func aFrameWithoutAPromiseHasNoMark() {
    let unpromised = frame("ble/cuff-1/2a35", Self.pressure, message: 0, qos: 0)
    #expect(frames.frame(unpromised) == .accepted(lastSequence: 4))
    #expect(entries().allSatisfy { $0.attachment == 0 })
  }

  @Test func theDevicesOwnTimeIsResolvedAndKept() throws {
    let json = Array(#"{"spo2": 97, "time": "2026-01-31T12:34:56+01:00"}"#.utf8)
    #expect(frames.frame(frame("knutepunkt/devices/vitals-1/vitals", json)) == .accepted(lastSequence: 1))
    let entry = try #require(entries().first)
    #expect(entry.measuredAt.description == "2026-01-31T11:34:56.000Z")
    guard case .deviceTime(.epoch(let claim))? = companions.take(entry.attachment)?.attachment?.content else {
      Issue.record("the claim is kept")
      return
    }
    #expect(claim == entry.measuredAt)
  }

  // MARK: Bad frames

  @Test func anUnknownTopicIsCountedAndQuarantined() {
    let stranger = frame("zigbee2mqtt/stranger", Self.press)
    #expect(frames.frame(stranger) == .refused(.unknownTopic, lastSequence: nil))
    #expect(frames.refused == ["unknownTopic": 1])
    let rows = journaled().quarantined
    #expect(rows.map(\.topic) == ["zigbee2mqtt/stranger"])
    #expect(rows.map(\.reason) == ["unknownTopic"])
    #expect(rows.first?.link == stableNumber(of: "homes"))
    // What a stranger says is nobody's business; how long it was is.
    #expect(rows.first?.prefix.isEmpty == true && rows.first?.payloadBytes == Self.press.count)
    #expect(entries().isEmpty)
  }

  @Test func malformedBytesAreCountedAndQuarantined() {
    // From a button it may have been a call for help: that is told besides.
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", Array("{".utf8))) == .accepted(lastSequence: 1))
    #expect(frames.frame(frame("ble/cuff-1/2a35", [0x00, 0x80])) == .refused(.malformed, lastSequence: nil))
    #expect(frames.refused.values.reduce(0, +) == 2)
    let rows = journaled().quarantined
    #expect(rows.map(\.payloadBytes) == [1, 2])
    #expect(Set(rows.map(\.reason)) == Set(frames.refused.keys))
    #expect(entries().map(\.payload) == [.event(DeviceEvent(kind: .notUnderstood))])
  }

  @Test func whatAButtonSaysInUnknownWordsIsTold() {
    let odd = Array(#"{"action": "wave", "battery": 80}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", odd)) == .accepted(lastSequence: 2))
    let payloads = entries().map(\.payload)
    #expect(payloads.count == 2 && payloads.last == .event(DeviceEvent(kind: .notUnderstood)))
    #expect(journaled().quarantined.map(\.reason) == ["unknownValue"])
    #expect(frames.refused == ["unknownValue": 1])
    // Again at once: counted, and one alert is enough.
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", odd, message: 2)) == .accepted(lastSequence: 3))
    #expect(frames.refused == ["unknownValue": 2])
    #expect(!entries().map(\.payload).contains(.event(DeviceEvent(kind: .notUnderstood))))
  }

  /// zigbee2mqtt repeats the zone in each of its messages: one call while it lasts, and the next one at once.
  @Test func aCallThatLastsIsOneCall() {
    let on = Array(#"{"sos": true, "battery_low": false}"#.utf8)
    let off = Array(#"{"sos": false}"#.utf8)
    func kinds() -> [String] {
      entries().compactMap { if case .event(let event) = $0.payload { "\(event.kind.key) \(event.phase.key)" } else { nil } }
    }
    _ = frames.frame(frame("zigbee2mqtt/sos-1", on, message: 1))
    #expect(kinds() == ["sos raised", "lowBattery cleared"])
    for message in 2..<20 {
      _ = frames.frame(frame("zigbee2mqtt/sos-1", on, message: UInt16(message))); #expect(!kinds().contains("sos raised"))
    }
    _ = frames.frame(frame("zigbee2mqtt/sos-1", off, message: 20))
    _ = frames.frame(frame("zigbee2mqtt/sos-1", on, message: 21))
    #expect(kinds() == ["sos cleared", "sos raised", "lowBattery cleared"])
    // A press is never held to be another one's.
    for message in 30..<33 { _ = frames.frame(pressFrame(message: UInt16(message))) }
    #expect(kinds() == ["sos moment", "sos moment", "sos moment"])
  }

  @Test func aCallThatLastsIsToldAgain() {
    var calls = CallBook()
    let on: [Reading] = [.event(DeviceEvent(kind: .sos, phase: .raised), at: .none)]
    func told(_ seconds: Int64) -> [Reading] {
      calls.news(of: on, device: Street.button, at: MonotonicInstant(rawValue: seconds * 1_000_000_000))
    }
    #expect([0, 1, 59].map { told($0).count } == [1, 0, 0])
    for seconds in stride(from: Int64(100), to: 300, by: 50) { _ = told(seconds) }
    // Repeats that follow each other closely are one call, and a new one after five minutes.
    calls = CallBook()
    #expect(stride(from: Int64(0), through: 600, by: 50).map { told($0).count } == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1])
  }

  /// The button was given to somebody else in the middle of a call; and a message that says both (`sos: false, alarm: true`) calls once.
  @Test func aHeldCallIsItsPersons() {
    var calls = CallBook()
    let on: Reading = .event(DeviceEvent(kind: .sos, phase: .raised), at: .none)
    let off: Reading = .event(DeviceEvent(kind: .sos, phase: .cleared), at: .none)
    func told(_ readings: [Reading], _ patient: UInt32, _ seconds: Int64) -> [Reading] {
      calls.news(
        of: readings, device: Street.button, patient: PatientID(rawValue: patient), at: MonotonicInstant(rawValue: seconds * 1_000_000_000))
    }
    #expect(told([on], 1, 0) == [on])
    #expect(told([on], 1, 1) == [])
    #expect(told([on], 2, 2) == [on])
    #expect(told([off, on], 2, 3) == [])
    #expect(told([off], 2, 4) == [off])
    #expect(told([off, on], 2, 5) == [on])
  }

  /// A button that says `sos: true` at each press and never that it is over: the alert of the first press may have been closed since.
  @Test func asStateOutOfTheQuietMayBeAnotherPress() {
    var calls = CallBook()
    let on: [Reading] = [.event(DeviceEvent(kind: .sos, phase: .raised), at: .none)]
    func told(_ seconds: Int64) -> [Reading] {
      calls.news(of: on, device: Street.button, at: MonotonicInstant(rawValue: seconds * 1_000_000_000))
    }
    #expect(told(0) == on)
    #expect(told(20) == [])
    #expect(told(80) == on.map(\.perhapsTold), "a minute of silence: told under the id of the open alert, or as a new one")
    #expect(told(90) == [])
  }

  /// The intake was full, and the connection ended before the call was in: it comes again, and is no repeat of one that was told.
  @Test func aCallThatWasNotTakenIsNoCallThatWasTold() {
    let filler = IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos)
    while ring.push(filler) != nil {}
    let on = Array(#"{"sos": true}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", on)) == .busy)
    _ = entries()
    reconnect()
    _ = frames.frame(frame("zigbee2mqtt/sos-1", on, .repeated))
    #expect(sosDetails == [0])
  }

  @Test func anErasedMessageIsNobodysWord() {
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", [])) == .ignored)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1/availability", [], message: 2, retained: true)) == .ignored)
    #expect(entries().isEmpty)
    #expect(frames.refused == ["empty": 2])
  }

  @Test func aBridgeSpeaksForWhatIsBehindIt() {
    let topic = "zigbee2mqtt/bridge/state"
    // It is there: that proves nothing about anybody.
    #expect(frames.frame(frame(topic, Array(#"{"state":"online"}"#.utf8))) == .ignored)
    #expect(entries().isEmpty)
    guard case .accepted = frames.frame(frame(topic, Array("offline".utf8), message: 2)) else {
      Issue.record("it is told")
      return
    }
    let gone = entries()
    #expect(!gone.isEmpty && gone.allSatisfy { $0.payload == .event(DeviceEvent(kind: .offline)) })
    #expect(!gone.map(\.device).contains(Street.cuff), "a cuff is behind another bridge")
    // A stored word does not take it back, a new one does.
    #expect(frames.frame(frame(topic, Array("online".utf8), message: 3, retained: true)) == .ignored)
    guard case .accepted = frames.frame(frame(topic, Array("online".utf8), message: 4)) else {
      Issue.record("it is taken back")
      return
    }
    let back = entries()
    #expect(back.map(\.device) == gone.map(\.device) && back.allSatisfy { $0.payload == .event(DeviceEvent(kind: .online)) })
    #expect(frames.frame(frame(topic, Array("perhaps".utf8), message: 5)) == .ignored)
    #expect(frames.refused["unknownValue"] == 1)
  }

  @Test func anotherUsersReadingIsNobodysHere() {
    let other: [UInt8] = [0x0C, 0x46, 0, 0x28, 0, 0x32, 0, 0x8C, 0, 1]
    #expect(frames.frame(frame("ble/cuff-1/2a35", other)) == .accepted(lastSequence: 1))
    #expect(entries().map(\.payload) == [.event(DeviceEvent(kind: .heartbeat))])
    #expect(frames.refused == ["otherUser": 4])
    #expect(journaled().quarantined.isEmpty, "nor is it kept for anybody to look at")
  }

  @Test func anOversizedFrameIsCountedAndQuarantined() {
    let prefix = frame("zigbee2mqtt/sos-1", Array(repeating: 0x20, count: 256))
    #expect(frames.oversizedFrame(prefix, payloadBytes: 1 << 20) == .refused(.oversized, lastSequence: nil))
    #expect(frames.refused == ["oversized": 1])
    #expect(journaled().quarantined.map(\.reason) == ["oversized"])
    #expect(entries().map(\.payload) == [.event(DeviceEvent(kind: .notUnderstood))], "from a button it may be a call for help")
  }

  @Test func aFloodOfRubbishIsCountedWholeAndKeptInPart() {
    let before = intake.clock.wall().rawValue / 1_000
    for _ in 0..<300 { _ = frames.frame(frame("zigbee2mqtt/stranger", Self.press)) }
    let seconds = Int(intake.clock.wall().rawValue / 1_000 - before) + 1
    #expect(frames.refused == ["unknownTopic": 300])
    let kept = journaled().quarantined.count
    #expect(kept >= QuarantineBudget.perSecondMax)
    #expect(kept <= QuarantineBudget.perSecondMax * seconds)
  }
}
