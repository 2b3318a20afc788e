// Bluetooth frames of the shipped profiles into the intake: what becomes of good ones, repeated ones, strangers' ones and
// of one that meets a full intake.

import BluetoothLink
import DeviceProfile
import Foundation
import Journal
import JournalValues
import ProfileCatalogue
import RealtimeCore
import Synchronization
import Testing
import VitalSigns

@testable import CoreAPI
@testable import CoreRings
@testable import DeviceIntake
@testable import HubCore
@testable import HubRegistry
@testable import HubRuntime

@Suite struct BluetoothFrameIntakeTests {
  let ring = IntakeRing(capacity: 8, reserve: 1, firstSequence: 1)
  let companions = Companions()
  let requests: JournalRequests
  let registry: Registry
  let profiles: [DeviceProfile]
  let frames: BluetoothFrameIntake
  let intake: Intake

  static let oximeter = "C0:FF:EE:00:00:01"
  static let meter = "C0:FF:EE:00:00:02"
  static let button = "C0:FF:EE:00:00:03"
  static let records = [BluetoothUUID(short: 0x2A18), BluetoothUUID(short: 0x2A5E)]
  static let stranger = "DE:AD:BE:EF:00:01"

  init() throws {
    requests = JournalRequests(wake: try Wake())
    let clock = HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())
    intake = Intake(
      ring: ring, coreWake: try Wake(), journal: SingleProducerRing(capacity: 1_024), companions: companions, clock: clock)
    profiles = try Street.profiles()
    registry = Registry(
      profiles: profiles, patients: [],
      devices: [
        Street.registered(DeviceID(rawValue: 1), "sig/pulse-oximeter", Self.oximeter),
        Street.registered(DeviceID(rawValue: 2), "sig/glucose", Self.meter),
        Street.registered(DeviceID(rawValue: 3), "bthome/sos-button", Self.button),
      ])
    frames = BluetoothFrameIntake(
      registry: registry, intake: intake, requests: requests,
      civil: CivilClock(zone: try #require(TimeZone(identifier: "Europe/Oslo"))), marks: [])
  }

  func frame(_ address: String, _ characteristic: UInt32, _ bytes: [UInt8]) -> BluetoothFrame {
    BluetoothFrame(address: address, source: .characteristic(BluetoothUUID(short: characteristic)), bytes: bytes)
  }

  func press(_ packet: UInt8) -> BluetoothFrame {
    BluetoothFrame(address: Self.button, source: .serviceData(BluetoothUUID(short: 0xFCD2)), bytes: [0x44, 0x00, packet, 0x3A, 0x01])
  }

  /// Glucose record: sequence number, 2026-01-01 08:00, 5.5 mmol/L.
  func record(_ sequence: UInt8) -> BluetoothFrame {
    frame(Self.meter, 0x2A18, [0x06, sequence, 0, 0xEA, 0x07, 1, 1, 8, sequence, 0, 0x37, 0xC0, 0x11])
  }

  func entries() -> [IntakeEntry] {
    var all: [IntakeEntry] = []
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: Street.sos)
    while ring.pop(into: &entry) { all.append(entry) }
    return all
  }

  func journaled() -> JournalGroup {
    var group = JournalGroup()
    for change in requests.take().changes { change(&group) }
    return group
  }

  /// Nobody knows what was in a frame for which there was no room.
  @Test func aLostFrameOfAButtonMayHaveBeenAPress() {
    frames.frameLost(address: Self.button)
    let events = entries().compactMap { if case .event(let event) = $0.payload { event.kind } else { nil } }
    #expect(events == [.notUnderstood])
    frames.frameLost(address: Self.oximeter)
    #expect(entries().isEmpty, "a value that is lost is followed by the next")
  }

  /// A press may be in what cannot be read; the same advertisement a hundred times over is one such.
  @Test func aButtonThatCannotBeReadIsTold() {
    let encrypted = BluetoothFrame(
      address: Self.button, source: .serviceData(BluetoothUUID(short: 0xFCD2)), bytes: [0x41, 0xA4, 0x72, 0x66])
    for _ in 0..<100 { #expect(frames.frame(encrypted) == .unrecorded) }
    #expect(entries().map(\.payload) == [.event(DeviceEvent(kind: .notUnderstood))])
    #expect(frames.refused[DeviceID(rawValue: 3)]?["profileRule"] == 100)
    // An oximeter's garbage is counted as ever.
    #expect(frames.frame(frame(Self.oximeter, 0x2A5F, [0])) == .unrecorded)
    #expect(entries().isEmpty)
  }

  @Test func anObjectThatNobodyKnowsDoesNotHideWhatIsKnown() {
    let odd = BluetoothFrame(
      address: Self.button, source: .serviceData(BluetoothUUID(short: 0xFCD2)), bytes: [0x44, 0x00, 9, 0x3A, 0x01, 0xF9, 0x01])
    _ = frames.frame(odd)
    let kinds = entries().compactMap { if case .event(let event) = $0.payload { event.kind } else { nil } }
    #expect(Set(kinds) == [.sos, .notUnderstood])
  }

  @Test func theReadingsOfAFrameShareOneInstant() {
    #expect(frames.frame(frame(Self.oximeter, 0x2A5F, [0, 0x61, 0, 0x48, 0])) == .accepted(sequence: 2))
    let entries = entries()
    #expect(entries.count == 2 && Set(entries.map(\.instant)).count == 1)
    #expect(entries.allSatisfy { $0.device == DeviceID(rawValue: 1) })
  }

  @Test func equalLiveValuesAreTwoMeasurements() {
    let same = frame(Self.oximeter, 0x2A5F, [0, 0x61, 0, 0x48, 0])
    #expect(frames.frame(same) == .accepted(sequence: 2))
    #expect(frames.frame(same) == .accepted(sequence: 4))
  }

  @Test func aStoredRecordIsTakenOnceHoweverOftenItComes() {
    frames.recordsBegan(address: Self.meter, from: Self.records)
    #expect(frames.frame(record(1)) == .accepted(sequence: 1))
    #expect(frames.frame(record(2)) == .accepted(sequence: 2))
    frames.disconnected(address: Self.meter)
    frames.recordsBegan(address: Self.meter, from: Self.records)
    #expect(frames.frame(record(1)) == .duplicate(sequence: 1))
    #expect(frames.frame(record(2)) == .duplicate(sequence: 2))
    #expect(frames.frame(record(3)) == .accepted(sequence: 3))
    #expect(frames.refused[DeviceID(rawValue: 2)] == ["duplicate": 2])
  }

  /// The mark is in the entry's own transaction; a hub that starts from it knows the record.
  @Test func theMarkGoesWithTheEntry() throws {
    frames.recordsBegan(address: Self.meter, from: Self.records)
    _ = frames.frame(record(1))
    let entry = try #require(entries().first)
    let mark = try #require(companions.take(entry.attachment)?.mark)
    #expect(mark.link == BluetoothFrameIntake.markLink(Self.meter))
    let restarted = BluetoothFrameIntake(
      registry: registry,
      intake: Intake(
        ring: IntakeRing(capacity: 8, reserve: 1, firstSequence: 2), coreWake: try Wake(), journal: SingleProducerRing(capacity: 1_024),
        companions: companions, clock: HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())),
      requests: requests, civil: CivilClock(zone: .gmt), marks: [mark])
    restarted.recordsBegan(address: Self.meter, from: Self.records)
    #expect(restarted.frame(record(1)) == .duplicate(sequence: 0))
    #expect(restarted.frame(record(2)) == .accepted(sequence: 2))
  }

  /// A crash after the first of two readings: the frame comes again, and only the second is new.
  @Test func aCrashInTheMiddleOfAFrameRepeatsNoReading() throws {
    let spot = frame(Self.oximeter, 0x2A5E, [0x01, 0x61, 0, 0x48, 0, 0xEA, 0x07, 1, 1, 8, 9, 0])
    frames.recordsBegan(address: Self.oximeter, from: Self.records)
    #expect(frames.frame(spot) == .accepted(sequence: 2))
    let marks = entries().compactMap { companions.take($0.attachment)?.mark }
    #expect(marks.count == 2 && Set(marks.map(\.hash)).count == 2)
    for committed in 0...2 {
      let ring = IntakeRing(capacity: 8, reserve: 1, firstSequence: 10)
      let restarted = BluetoothFrameIntake(
        registry: registry,
        intake: Intake(
          ring: ring, coreWake: try Wake(), journal: SingleProducerRing(capacity: 1_024), companions: companions,
          clock: HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())),
        requests: requests, civil: CivilClock(zone: .gmt), marks: Array(marks.prefix(committed)))
      restarted.recordsBegan(address: Self.oximeter, from: Self.records)
      let outcome = restarted.frame(spot)
      #expect(outcome == (committed == 2 ? .duplicate(sequence: 0) : .accepted(sequence: UInt64(11 - committed))))
    }
  }

  /// The hub dies after a press, and hears the same advertisement again when it is back: one press. Another packet is another press.
  @Test func aPressIsNotHeardTwiceAcrossACrash() throws {
    #expect(frames.frame(press(7)) == .accepted(sequence: 1))
    let mark = try #require(entries().first.flatMap { companions.take($0.attachment)?.mark })
    for (packet, isNew) in [(UInt8(7), false), (8, true)] {
      let restarted = BluetoothFrameIntake(
        registry: registry,
        intake: Intake(
          ring: IntakeRing(capacity: 8, reserve: 1, firstSequence: 10), coreWake: try Wake(), journal: SingleProducerRing(capacity: 1_024),
          companions: companions, clock: HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current())),
        requests: requests, civil: CivilClock(zone: .gmt), marks: [mark])
      let outcome = restarted.frame(press(packet))
      #expect(outcome == (isNew ? .accepted(sequence: 10) : .duplicate(sequence: 0)))
      #expect(restarted.frame(press(packet)) == .duplicate(sequence: 0))
    }
  }

  /// 2000-01-01 00:04 in a value that is sent as it is measured, and in one from the store.
  @Test func aClockThatWasNeverSet() throws {
    let spot = frame(Self.oximeter, 0x2A5E, [0x01, 0x61, 0, 0x48, 0, 0xD0, 0x07, 1, 1, 0, 4, 0])
    guard case .accepted = frames.frame(spot) else { return #expect(Bool(false), "not taken") }
    let live = entries()
    #expect(live.allSatisfy { $0.measuredAt == .unknown })
    #expect(live.count { $0.payload == .event(DeviceEvent(kind: .clockWrong, phase: .raised)) } == 1)
    frames.recordsBegan(address: Self.oximeter, from: Self.records)
    guard case .accepted = frames.frame(spot) else { return #expect(Bool(false), "not taken") }
    let stored = entries()
    #expect(stored.count == 2)
    for entry in stored {
      guard case .observation(let observation) = entry.payload else { return #expect(Bool(false), "\(entry)") }
      #expect(observation.quality.isSuperset(of: [.late, .clockUnset]))
    }
  }

  @Test func oneAdvertisementRepeatedIsOnePress() {
    #expect(frames.frame(press(7)) == .accepted(sequence: 1))
    for _ in 0..<20 { #expect(frames.frame(press(7)) == .duplicate(sequence: 0)) }
    let next = frames.frame(press(8))
    guard case .accepted = next else { return #expect(Bool(false), "the second press is \(next)") }
    let presses = entries().filter { if case .event(let event) = $0.payload { event.kind == .sos } else { false } }
    #expect(presses.count == 2)
  }

  @Test func aFullIntakeHoldsTheRestOfAFrameThatMustNotBeLost() {
    frames.recordsBegan(address: Self.oximeter, from: Self.records)
    // Seven of eight places are for routine values; each record has two readings and a time of its own.
    func spot(_ minute: UInt8) -> BluetoothFrame {
      frame(Self.oximeter, 0x2A5E, [0x01, 0x61, 0, 0x48, 0, 0xEA, 0x07, 1, 1, 8, minute, 0])
    }
    #expect((1...3).map { frames.frame(spot($0)) } == [.accepted(sequence: 2), .accepted(sequence: 4), .accepted(sequence: 6)])
    #expect(frames.frame(spot(4)) == .busy)
    #expect(frames.frame(spot(4)) == .busy)
    #expect(entries().count == 7)
    // Another device meanwhile must not change what is held.
    #expect(frames.frame(record(1)) == .accepted(sequence: 8))
    #expect(frames.frame(spot(4)) == .accepted(sequence: 9))
    let rest = entries()
    #expect(rest.count == 2)
    #expect(frames.frame(spot(4)) == .duplicate(sequence: 9))
  }

  @Test func theLinksEndDoesNotCutAFrameInTwo() {
    frames.recordsBegan(address: Self.oximeter, from: Self.records)
    let spot = frame(Self.oximeter, 0x2A5E, [0x01, 0x61, 0, 0x48, 0, 0xEA, 0x07, 1, 1, 8, 9, 0])
    for second in UInt8(1)...6 { _ = frames.frame(record(second)) }
    #expect(frames.frame(spot) == .busy)
    frames.disconnected(address: Self.oximeter)
    #expect(entries().count == 7)
    #expect(frames.frame(spot) == .accepted(sequence: 8))
    #expect(entries().count == 1, "the second reading only")
    #expect(frames.frame(spot) == .duplicate(sequence: 8))
  }

  @Test func liveFramesOfTheNextConnectionAreNotTakenForStoredOnes() {
    let live = frame(Self.oximeter, 0x2A5F, [0, 0x61, 0, 0x48, 0])
    for _ in 0..<2 {
      frames.recordsBegan(address: Self.oximeter, from: Self.records)
      frames.recordsEnded(address: Self.oximeter)
      guard case .accepted = frames.frame(live) else { return #expect(Bool(false), "a live value was not recorded") }
      frames.disconnected(address: Self.oximeter)
    }
    #expect(entries().count == 4)
  }

  @Test func onAFullDiskTheDeviceKeepsItsRecords() throws {
    let shedding = Mutex(BluetoothFrameIntake.Shedding())
    let frames = BluetoothFrameIntake(
      registry: registry, intake: intake, requests: requests, civil: CivilClock(zone: .gmt), marks: [],
      shedding: { shedding.withLock { $0 } })
    frames.recordsBegan(address: Self.meter, from: Self.records)
    #expect(frames.frame(record(1)) == .accepted(sequence: 1))
    #expect(frames.noteRecorded(upTo: 1))
    // The second is in the intake when the disk is found to be full, and shed; the third is not taken any more.
    #expect(frames.frame(record(2)) == .accepted(sequence: 2))
    shedding.withLock { $0 = BluetoothFrameIntake.Shedding(entries: 1, isNow: true) }
    #expect(!frames.noteRecorded(upTo: 2))
    #expect(frames.frame(record(3)) == .unrecorded)
    frames.recordsEnded(address: Self.meter)
    shedding.withLock { $0.isNow = false }
    #expect(frames.noteRecorded(upTo: 3), "said once")
    frames.recordsBegan(address: Self.meter, from: Self.records)
    let again = (UInt8(1)...3).map { frames.frame(record($0)) }
    #expect(again == [.duplicate(sequence: 1), .accepted(sequence: 3), .accepted(sequence: 4)])
  }

  @Test func liveValuesAreShedWhenTheIntakeIsFull() {
    let live = frame(Self.oximeter, 0x2A5F, [0, 0x61, 0, 0x48, 0])
    for _ in 0..<4 { _ = frames.frame(live) }
    #expect(frames.refused[DeviceID(rawValue: 1)]?["shed"] == 1)
    guard case .accepted = frames.frame(press(1)) else { return #expect(Bool(false), "an SOS found no room") }
  }

  @Test func nothingIsKeptOfAStranger() {
    #expect(frames.frame(frame(Self.stranger, 0x2A5F, [0, 0x61, 0, 0x48, 0])) == .unrecorded)
    frames.heard(address: Self.stranger)
    frames.connected(address: Self.stranger)
    frames.detail(.battery(50), address: Self.stranger)
    #expect(entries().isEmpty)
    #expect(journaled().quarantined.isEmpty && frames.refused.isEmpty)
  }

  @Test func aDeviceThatIsPairedShowsItsReadingsAndRecordsNone() throws {
    let oximeter = profiles.first(where: { $0.id == "sig/pulse-oximeter" })
    try #require(oximeter != nil)
    frames.beginPairingTest(oximeter)
    #expect(frames.frame(frame(Self.stranger, 0x2A5F, [0, 0x61, 0, 0x48, 0])) == .unrecorded)
    #expect(frames.pairingReadings.count == 2)
    #expect(entries().isEmpty)
    frames.beginPairingTest(nil)
    #expect(frames.pairingReadings.isEmpty)
  }

  @Test func brokenFramesAreCountedAndQuarantinedWithoutTheirAddress() throws {
    #expect(frames.frame(frame(Self.oximeter, 0x2A5F, [0, 0x61])) == .unrecorded)
    #expect(frames.refused[DeviceID(rawValue: 1)] == ["endOfFrame": 1])
    let kept = try #require(journaled().quarantined.first)
    #expect(kept.topic == "bluetooth/D1/2A5F" && kept.reason == "endOfFrame")
  }

  @Test func aSignOfLifeIsGivenOnceInAWhile() {
    for _ in 0..<5 {
      frames.heard(address: Self.oximeter)
      frames.connected(address: Self.oximeter)
    }
    #expect(entries().count == 1)
  }

  @Test func theBatteryIsAnObservationWhenItChanges() {
    for level in [80, 80, 79] { frames.detail(.battery(level), address: Self.oximeter) }
    let values = entries().compactMap { entry -> Int64? in
      guard case .observation(let observation) = entry.payload, observation.code == .batteryLevel else { return nil }
      return observation.value.mantissa
    }
    #expect(values == [80, 79])
  }

  @Test func aDeletionIsJournaled() throws {
    frames.recordsBegan(address: Self.meter, from: Self.records)
    frames.recordsDeleted(address: Self.meter)
    let mark = try #require(journaled().deliveryMarks.first)
    #expect(mark == DeliveryMark(link: BluetoothFrameIntake.markLink(Self.meter), message: RecordBook.epochMessage, hash: 1))
  }
}
