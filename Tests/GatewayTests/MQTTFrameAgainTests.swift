// Frames that the broker has kept, that it sends again, or that met a full intake: a press is never passed over, a measurement is never
// doubled, and what was begun goes on where it stopped.

import DeviceProfile
import Foundation
import Journal
import JournalValues
import MQTTLink
import RealtimeCore
import Testing
import VitalSigns

@testable import DeviceIntake
@testable import HubCore
@testable import HubRegistry
@testable import HubRuntime

extension MQTTFrameIntakeTests {
  // MARK: Retained frames

  @Test func aRetainedPressIsNoPress() {
    #expect(frames.frame(pressFrame(retained: true)) == .ignored)
    #expect(entries().isEmpty)
  }

  @Test func aRetainedSignOfLifeProvesNothing() {
    let empty = Array(#"{"action": "", "linkquality": 80}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", empty, retained: true)) == .ignored)
    #expect(entries().isEmpty)
    // The same, just published, does.
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", empty)) == .accepted(lastSequence: 1))
    #expect(entries().map(\.payload) == [.event(DeviceEvent(kind: .heartbeat))])
  }

  @Test func aRetainedStateIsTaken() {
    let low = Array(#"{"battery_low": true}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", low, retained: true)) == .accepted(lastSequence: 1))
    var kept = DeviceEvent(kind: .lowBattery, phase: .raised)
    kept.isRetained = true
    #expect(entries().map(\.payload) == [.event(kept)], "and is no sign of life")
  }

  // MARK: A full intake

  @Test func aFrameThatFilledTheIntakeGoesOnWhereItStopped() {
    for _ in 0..<5 { #expect(intake.submit(Street.spo2(97)) != nil) }
    #expect(frames.frame(cuffFrame()) == .busy)
    let first = entries().filter { $0.device == Street.cuff }
    #expect(codes(first) == [.systolic, .diastolic])
    #expect(frames.frame(cuffFrame()) == .accepted(lastSequence: 9))
    let rest = entries()
    #expect(codes(rest) == [.meanArterialPressure, .pulseRateCuff])
    #expect(Set((first + rest).map(\.instant)).count == 1, "one frame, one instant, however long it waited")
    // The next frame is a new one.
    #expect(frames.frame(cuffFrame(message: 2)) == .accepted(lastSequence: 13))
    #expect(entries().count == 4)
  }

  @Test func aRoutineFrameWithoutAPromiseIsShedInsteadOfHoldingUpTheNext() {
    for _ in 0..<5 { #expect(intake.submit(Street.spo2(97)) != nil) }
    let unpromised = frame("ble/cuff-1/2a35", Self.pressure, message: 0, qos: 0)
    #expect(frames.frame(unpromised) == .accepted(lastSequence: 7))
    #expect(frames.refused == ["shed": 2])
    #expect(frames.frame(unpromised) == .ignored)
    #expect(frames.refused == ["shed": 6])
  }

  @Test func anAlarmHasRoomWhenNothingElseHas() {
    for _ in 0..<7 { #expect(intake.submit(Street.spo2(97)) != nil) }
    #expect(frames.frame(cuffFrame()) == .busy)
    #expect(frames.frame(pressFrame(message: 2)) == .accepted(lastSequence: 8))
  }

  // MARK: Redelivery

  @Test(arguments: [MQTTFrame.Delivery.first, .repeated, .unknown])
  func aRedeliveredMeasurementWaitsForTheEntriesThatItHas(_ delivery: MQTTFrame.Delivery) {
    #expect(frames.frame(cuffFrame()) == .accepted(lastSequence: 4))
    reconnect()
    // Rubbish and strangers between end nothing. A cuff's rubbish is refused; a button's is told, for it may be a call for help.
    #expect(frames.frame(frame("ble/cuff-1/2a35", [0xff], message: 6)) == .refused(.malformed, lastSequence: nil))
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", Array("{".utf8), message: 7)) == .accepted(lastSequence: 5))
    #expect(frames.frame(frame("zigbee2mqtt/stranger", Self.press, message: 8)) == .refused(.unknownTopic, lastSequence: nil))
    #expect(frames.frame(cuffFrame(delivery)) == .accepted(lastSequence: 4))
    #expect(frames.refused["redelivered"] == 1)
    #expect(entries().count == 5)
    // The same measurement once more is a measurement.
    #expect(frames.frame(cuffFrame(message: 2)) == .accepted(lastSequence: 9))
  }

  @Test func afterALostSessionEveryPressIsAPress() {
    #expect(frames.frame(pressFrame()) == .accepted(lastSequence: 1))
    reconnect(sessionPresent: false)
    #expect(frames.frame(pressFrame(.repeated)) == .accepted(lastSequence: 2))
    #expect(sosDetails == [0, 0])
  }

  @Test func aPressThatTheBrokerCallsNewIsNewUnderWhateverNumber() {
    #expect(frames.frame(pressFrame()) == .accepted(lastSequence: 1))
    frames.acknowledgementsWritten()
    // A broker that counts from 1 on each connection, or was set back to an older state.
    reconnect()
    #expect(frames.frame(pressFrame()) == .accepted(lastSequence: 2))
    #expect(sosDetails == [0, 0])
  }

  /// The same for a press in words that nobody knows; its alert may have been closed since.
  @Test func unknownWordsThatTheBrokerCallsNewAreNew() throws {
    let odd = frame("zigbee2mqtt/sos-1", Array(#"{"action":"wave"}"#.utf8))
    _ = frames.frame(odd)
    let mark = try #require(entries().first.flatMap { companions.take($0.attachment)?.mark })
    let next = try restarted([mark])
    _ = next.frame(odd)
    #expect(entries().map(\.payload) == [.event(DeviceEvent(kind: .notUnderstood))])
    #expect(next.refused["redelivered"] == nil)
  }

  @Test func aPressWhoseAcknowledgementNeverLeftIsNotToldTwice() {
    #expect(frames.frame(pressFrame()) == .accepted(lastSequence: 1))
    reconnect()
    #expect(frames.frame(pressFrame(.repeated)) == .accepted(lastSequence: 1))
    #expect(frames.refused == ["redelivered": 1])
    #expect(sosDetails == [0])
  }

  @Test(arguments: [MQTTFrame.Delivery.repeated, .unknown])
  func aPressInDoubtIsToldAgainRatherThanPassedOver(_ delivery: MQTTFrame.Delivery) {
    #expect(frames.frame(pressFrame()) == .accepted(lastSequence: 1))
    frames.acknowledgementsWritten()
    reconnect()
    // A second press, lost on its first way, would look exactly like this.
    #expect(frames.frame(pressFrame(delivery)) == .accepted(lastSequence: 2))
    #expect(frames.refused == ["toldAgain": 1])
    #expect(sosDetails == [0, DeviceEvent.perhapsTold])
  }

  @Test func aCrashBetweenTheReadingsOfAFrameLosesNoneAndDoublesNone() throws {
    let press = Array(#"{"action":"emergency", "battery": 80}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", press, message: 5)) == .accepted(lastSequence: 2))
    let first = try #require(entries().first.flatMap { companions.take($0.attachment)?.mark })
    #expect(first.taken == 1, "the alarm is committed alone, and its mark with it")
    let next = try restarted([first])
    #expect(next.frame(frame("zigbee2mqtt/sos-1", press, message: 5, .repeated)) == .accepted(lastSequence: 3))
    #expect(codes(entries()) == [.batteryLevel], "the rest of the frame, and no second call for help")
    #expect(next.refused == ["redelivered": 1])
  }

  @Test func aCrashAfterAPressWasToldAgainDoublesNothingOfItsFrame() throws {
    let press = Array(#"{"action":"emergency", "battery": 80}"#.utf8)
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", press, message: 5)) == .accepted(lastSequence: 2))
    _ = entries()
    frames.acknowledgementsWritten()
    reconnect()
    #expect(frames.frame(frame("zigbee2mqtt/sos-1", press, message: 5, .repeated)) == .accepted(lastSequence: 3))
    let again = entries()
    #expect(again.count == 1, "the call alone: its battery's level is there already")
    let mark = try #require(again.first.flatMap { companions.take($0.attachment)?.mark })
    #expect(mark.taken == 2, "and the mark says so")
    let next = try restarted([mark])
    let verdict = next.frame(frame("zigbee2mqtt/sos-1", press, message: 5, .repeated))
    #expect(verdict == .accepted(lastSequence: 1), "known, under the sequence that the restart gave its mark")
    #expect(entries().isEmpty)
  }

  @Test func aMeasurementOfWhichThereIsAPartGoesOnWhereItStopped() throws {
    #expect(frames.frame(cuffFrame(message: 5)) == .accepted(lastSequence: 4))
    let marks = entries().prefix(2).compactMap { companions.take($0.attachment)?.mark }
    let next = try restarted([try #require(marks.last)])
    #expect(next.frame(cuffFrame(message: 5, .repeated)) == .accepted(lastSequence: 6))
    #expect(codes(entries()) == [.meanArterialPressure, .pulseRateCuff])
  }

  @Test func aBusyFrameThatComesAgainAfterAReconnectGoesOnWhereItStopped() {
    for _ in 0..<5 { #expect(intake.submit(Street.spo2(97)) != nil) }
    #expect(frames.frame(cuffFrame()) == .busy)
    #expect(codes(entries().filter { $0.device == Street.cuff }) == [.systolic, .diastolic])
    reconnect()
    #expect(frames.frame(cuffFrame(.repeated)) == .accepted(lastSequence: 9))
    #expect(codes(entries()) == [.meanArterialPressure, .pulseRateCuff])
  }

  @Test func aRedeliveredFrameThatGaveNothingIsCountedOnceAndStillAStrangers() {
    let stranger = frame("zigbee2mqtt/stranger", Self.press)
    #expect(frames.frame(stranger) == .refused(.unknownTopic, lastSequence: nil))
    reconnect()
    var again = stranger
    again.delivery = .repeated
    // The link must know that it is a stranger's: while another hub uses our client id it may be that hub's.
    #expect(frames.frame(again) == .refused(.unknownTopic, lastSequence: nil))
    #expect(frames.refused == ["unknownTopic": 1, "redelivered": 1])
    // Known again also by the next run.
    let hash = frameHash(topic: stranger.topic, payload: stranger.payload)
    let marks = journaled().deliveryMarks
    #expect(marks.map(\.hash) == [hash] && marks.map(\.taken) == [DeliveryMark.refused])
  }

  @Test func aStrangerThatIsRegisteredMeanwhileIsHeard() {
    let press = frame("zigbee2mqtt/sos-9", Self.press)
    #expect(frames.frame(press) == .refused(.unknownTopic, lastSequence: nil))
    registry.add(Street.registered(DeviceID(rawValue: 9), "zigbee2mqtt/sos-button", "sos-9"))
    reconnect()
    var again = press
    again.delivery = .repeated
    #expect(frames.frame(again) == .accepted(lastSequence: 1))
    #expect(sosDetails == [0])
  }

  /// The core takes no sign of life from what is known; the list of devices must not say otherwise.
  @Test(arguments: [MQTTFrame.Delivery.first, .repeated, .unknown])
  func whatTheHubHasAlreadyDoesNotMakeItsDeviceSeen(_ delivery: MQTTFrame.Delivery) {
    #expect(frames.frame(cuffFrame()) == .accepted(lastSequence: 4))
    let before = WallTime(rawValue: 1_700_000_000_000)
    registry.seen(Street.cuff, at: before)
    reconnect()
    #expect(frames.frame(cuffFrame(delivery)) == .accepted(lastSequence: 4))
    #expect(registry.device(Street.cuff)?.lastSeen == before)
    #expect(entries().count == 4)
    #expect(frames.frame(cuffFrame(message: 2)) == .accepted(lastSequence: 8))
    #expect(registry.device(Street.cuff).map { $0.lastSeen > before } == true)
  }

  @Test func aRetainedMessageDoesNotMakeItsDeviceSeen() {
    let low = Array(#"{"battery_low": true}"#.utf8)
    _ = frames.frame(frame("zigbee2mqtt/sos-1", low, retained: true))
    #expect(registry.device(Street.button)?.lastSeen == .unknown)
    _ = frames.frame(frame("zigbee2mqtt/sos-1", low, message: 2))
    #expect(registry.device(Street.button)?.lastSeen != .unknown)
  }
}
