// The second ear of an MQTT link: a connection of its own, without a session and without acknowledgements (QoS 0), for the topics
// of safety alarms. It is there while the link's own messages are held up. Either the store stands still, so that the broker may
// send no more before the first are acknowledged; or thousands of messages of others stand before a press. What the ear hears is
// told at once. The same press comes as a message later, and is known then (SecondEarBook.swift).
//
// The ear does not replace the link: it promises the broker nothing, and it never hears what is published while it is away.

import CLinux
import DeviceProfile
import Foundation
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
import Logging
import MQTTLink
import Synchronization
import VitalSigns

/// The second ear of one link. Any thread, but for the methods of `MQTTFrameHandler`, which run on the connection's own.
///
/// @unchecked Sendable: `result`, `second`, `framesInSecond` and `calls` are touched by the thread of the one connection that runs
/// at a time; all else is constant, locked or Sendable itself.
package final class AlarmEar: MQTTFrameHandler, @unchecked Sendable {
  /// Frames of one device in one second that are looked at. The rest of a flood is passed over unread, so that another's press
  /// behind it is heard at once. The device's own presses are told through their messages.
  static let perDevicePerSecond = 16

  /// Stands in a copy's mark where a message's mark has its packet identifier. No packet has this number: identifiers have 16 bits.
  static let copyMessage: UInt32 = 65_536

  private struct State {
    var book: SecondEarBook
    var link: MQTTLink?
    /// Whether the thread of the last connection has ended.
    var hasEnded = true
    var clockRuns = false
    var isWanted = false
    var isStopped = false
    var heard: UInt64 = 0
    var told: UInt64 = 0
  }

  private let name: String
  private let number: UInt32
  private let registry: Registry
  private let intake: Intake
  private let civil: CivilClock
  private let configuration: MQTTLinkConfiguration
  private let watermark: any DurableWatermark
  private let logger: Logger
  private let wake: Wake
  private let state: Mutex<State>
  private var result = DecodeResult()
  private var second: Int64 = 0
  private var framesInSecond: [DeviceID: Int] = [:]
  private var calls = CallBook()

  init(
    name: String, _ link: MQTTLinkConfiguration, _ services: LinkServices, marks: [DeliveryMark]
  ) throws(StartError) {
    var configuration = link
    // The id does not begin with the link's own: whoever looks for the link's lines in a broker's log must not find the ear's.
    configuration.clientID = "alarms-\(link.clientID.prefix(240))"
    configuration.keepsSession = false
    configuration.stateTopic = nil
    self.configuration = configuration
    self.name = name
    number = stableNumber(of: name)
    registry = services.registry
    intake = services.intake
    watermark = services.durable
    civil = services.civil
    logger = services.logger
    do throws(DescriptorShortage) { wake = try Wake() } catch { throw .descriptors(error) }
    state = Mutex(State(book: SecondEarBook(marks: marks.map { ($0.message == Self.copyMessage, $0.hash, $0.wall) })))
  }

  /// Whether alarms are heard over the second connection now, and how many were told by it before their message came.
  var facts: (isListening: Bool, heard: UInt64, told: UInt64) { state.withLock { ($0.book.isListening, $0.heard, $0.told) } }

  // MARK: Coming and going

  /// The link's own way is held up (`isWanted`), or is free again. Returns at once.
  func listen(_ isWanted: Bool) {
    let connection: MQTTLink? = state.withLock { state in
      state.isWanted = isWanted
      if !isWanted {
        state.link?.stop(within: .seconds(1))
        return nil
      }
      guard state.hasEnded, !state.isStopped else { return nil }
      let filters = filters()
      guard !filters.isEmpty, let link = try? MQTTLink(configuration: configuration, handler: self, watermark: watermark, logger: logger)
      else { return nil }
      try? link.subscribe(filters.map { MQTTSubscription(filter: $0, qos: 0) })
      state.link = link
      state.hasEnded = false
      return link
    }
    guard let connection else { return }
    logger.notice("alarms are heard over a second connection while messages wait", metadata: ["link": "\(name)"])
    start("ear") { [self] in
      connection.run()
      let again = state.withLock { state in
        state.link = nil
        state.hasEnded = true
        state.book.isComing = false
        state.book.isListening = false
        return state.isWanted && !state.isStopped
      }
      wake.ring()
      if again { listen(true) }
    }
    let needsClock = state.withLock { state in
      defer { state.clockRuns = true }
      return !state.clockRuns
    }
    if needsClock { start("ear-clock") { [self] in keepTime() } }
  }

  func stop() {
    state.withLock { state in
      state.isStopped = true
      state.link?.stop(within: .zero)
    }
    wake.ring()
  }

  private func start(_ name: String, _ body: @escaping @Sendable () -> Void) { WorkerThread(name: name).start(body) }

  /// Topics of devices that can call for help: those of the profiles that say so, and of registered devices that do.
  private func filters() -> [String] {
    var profiles = Set(registry.profileIDs.filter { registry.profile($0)?.liveness.isSafetyAlarm == true })
    for device in registry.devices where !device.removed && device.liveness.isSafetyAlarm { profiles.insert(device.profile) }
    return Set(profiles.flatMap { registry.profile($0)?.wildcardTopicFilters ?? [] }).sorted()
  }

  // MARK: Copies

  /// On the second connection's thread.
  func frame(_ frame: MQTTFrame) -> FrameVerdict {
    guard !frame.retained, let (device, profile, index) = registry.device(onTopic: frame.topic) else { return .ignored }
    let stamp = intake.stamp()
    guard takesBudget(device.id, at: stamp.instant) else { return .ignored }
    guard (try? profile.decode(frame.payload.span, frameIndex: index, retained: false, into: &result)) != nil, !result.hasNoValidReading
    else { return .ignored }
    // A call that lasts is repeated in every message, and the link may have told it before anybody listened here.
    let alarms = calls.news(of: result.readings, device: device.id, patient: device.patient, at: stamp.instant)
      .filter(\.isAlarm).map { $0.isHeldCall ? $0.perhapsTold : $0 }
    if alarms.isEmpty { return .ignored }
    let copy = SecondEarBook.Copy(
      key: frameHash(topic: frame.topic, payload: frame.payload), device: device.id, readings: alarms, instant: stamp.instant,
      wall: stamp.wall)
    let waits = state.withLock { state in
      state.heard &+= 1
      return state.book.heard(copy)
    }
    if waits { wake.ring() }
    return .ignored
  }

  func stoodStill(nanoseconds: Int64) {
    let now = intake.clock.now()
    state.withLock { $0.book.stoodStill(for: nanoseconds, until: now) }
  }

  private func takesBudget(_ device: DeviceID, at instant: MonotonicInstant) -> Bool {
    let now = instant.rawValue / 1_000_000_000
    if now != second {
      second = now
      framesInSecond.removeAll(keepingCapacity: true)
    }
    framesInSecond[device, default: 0] += 1
    return framesInSecond[device, default: 0] <= Self.perDevicePerSecond
  }

  func linkStateChanged(_ link: MQTTLinkState, reason: MQTTLinkError?) {
    state.withLock { state in
      state.book.isComing = link == .subscribing
      state.book.isListening = link == .live
    }
    if link == .backingOff {
      let text = reason.map { "\($0)" } ?? "unknown"
      logger.warning("no second connection for alarms", metadata: ["link": "\(name)", "reason": "\(text)"])
    }
  }

  /// Tells each copy that has waited for its message long enough. Ends with the connection, when no copy waits.
  private func keepTime() {
    while true {
      let (next, isOver) = state.withLock { state in
        tellDue(&state)
        let isOver = state.hasEnded && state.book.waiting == 0 || state.isStopped
        if isOver { state.clockRuns = false }
        return (state.book.nextDue, isOver)
      }
      if isOver { return }
      // Not before 20 ms from now: a copy that the full intake refused is due at once, and would be offered without a pause.
      let soon = intake.clock.now().adding(nanoseconds: 20_000_000)
      wake.wait(until: next.map { max($0, soon).rawValue &- intake.clock.offset })
    }
  }

  /// Runs under the lock, so that a message that comes in this moment finds either the copy or what became of it.
  private func tellDue(_ state: inout State) {
    for copy in state.book.due(at: intake.clock.now()) {
      let stamp = Intake.Stamp(instant: copy.instant, wall: copy.wall)
      let mark = DeliveryMark(link: number, message: Self.copyMessage, hash: copy.key, wall: copy.wall)
      var last: UInt64?
      // A copy is heard the moment it is published, so its time is now, whatever the device's clock says.
      var clocks = DeviceClocks()
      for reading in copy.readings {
        last =
          intake.submit(
            reading, device: copy.device, civil: civil, clocks: &clocks, by: .live, mark: mark, stamp: stamp, keeper: .producer) ?? last
      }
      if let last {
        state.told &+= 1
        state.book.noteTold(copy, sequence: last)
      } else {
        state.book.waitsOn(copy)
        return
      }
    }
  }

  // MARK: Messages

  /// A message came over the link itself. On the link's thread.
  func message(_ key: UInt64, _ stamp: Intake.Stamp) -> SecondEarBook.Answer {
    state.withLock { $0.book.message(key, at: stamp.instant, stamp.wall) }
  }

  func notTaken(_ key: UInt64, sequence: UInt64, _ stamp: Intake.Stamp) {
    state.withLock { $0.book.notTaken(key, sequence: sequence, at: stamp.instant) }
  }
}
