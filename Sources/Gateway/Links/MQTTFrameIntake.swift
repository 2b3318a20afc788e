// From a frame to the intake: which device sent it, what its profile makes of it, and one entry for each reading. What
// cannot be used is counted and quarantined with its reason; it never stops the link.

import DeviceProfile
import Foundation
import Journal
import Logging
import MQTTLink
import Synchronization
import VitalSigns

/// The handler of one MQTT link. `frame` and what it calls run on the link's thread.
///
/// @unchecked Sendable: `redeliveries`, `result`, `held`, `heldShared`, `bridgesGone`, `calls` and `quarantineBudget` are touched by the
/// link's thread alone.
final class MQTTFrameIntake: MQTTFrameHandler, @unchecked Sendable {
  let name: String
  private let number: UInt32
  private let registry: Registry
  private let intake: Intake
  private let requests: JournalRequests
  private let civil: CivilClock
  private let logger: Logger
  private let counters = Mutex<[String: UInt64]>([:])
  private let stateSince = Mutex<WallTime>(.unknown)
  private var redeliveries: RedeliveryBook
  private var result = DecodeResult()
  private var wasConnected = false
  /// A frame whose first readings are in the intake when it filled up: the rest follows when the link offers it again.
  private var held: (mark: RedeliveryBook.Mark, taken: Int, stamp: Intake.Stamp)?
  /// A message that speaks for many devices, of which some are told when the intake filled up.
  private var heldShared: (mark: RedeliveryBook.Mark, next: Int)?
  /// Topics of bridges that said, or had said of them, that they are gone.
  private var bridgesGone: Set<String> = []
  private var calls = CallBook()
  private var quarantineBudget = QuarantineBudget()
  /// Asks the link whether the broker still had our session; set once, before the link runs.
  var sessionPresent: @Sendable () -> Bool = { false }

  init(
    name: String, registry: Registry, intake: Intake, requests: JournalRequests, civil: CivilClock, redeliveries: RedeliveryBook,
    logger: Logger
  ) {
    self.name = name
    self.number = stableNumber(of: name)
    self.registry = registry
    self.intake = intake
    self.requests = requests
    self.civil = civil
    self.redeliveries = redeliveries
    self.logger = logger
  }

  /// Frames that were not used, by reason; for status and metrics.
  var refused: [String: UInt64] { counters.withLock { $0 } }
  var since: WallTime { stateSince.withLock { $0 } }

  // MARK: MQTTFrameHandler

  func frame(_ frame: MQTTFrame) -> FrameVerdict {
    let mark = RedeliveryBook.Mark(message: frame.messageID, hash: frameHash(topic: frame.topic, payload: frame.payload))
    if frame.qos > 0, held?.mark != mark, let sequence = redeliveries.redelivery(mark) {
      count("redelivered")
      return sequence == 0 ? .ignored : .accepted(lastSequence: sequence)
    }
    guard let (device, profile, frameIndex) = registry.device(onTopic: frame.topic) else {
      return speaksForMany(frame, mark) ?? refuse(frame, mark, .unknownTopic, "unknownTopic")
    }
    let instant = intake.stamp().instant
    // A frame that the intake had no room for comes again, and is what it was.
    let isAgain = held?.mark == mark
    do {
      try profile.decode(frame.payload.span, frameIndex: frameIndex, retained: frame.retained, into: &result)
    } catch {
      if error.reason == .empty {
        // Somebody has erased what the broker stored. The device said nothing.
        count(error.reason.key)
        return ignore(frame, mark)
      }
      if !frame.retained, profile.isLoudAbout(error), let odd = calls.notUnderstood(device.id, isAgain: isAgain, at: instant) {
        registry.seen(device.id, at: intake.clock.wall())
        count(error.reason.key)
        quarantine(frame, reason: error.reason.key)
        return take([odd], of: device, frame: frame, mark: mark)
      }
      return refuse(frame, mark, .malformed, error.reason.key)
    }
    let now = intake.clock.wall()
    registry.seen(device.id, at: now)
    for dropped in result.dropped { count(dropped.reason.key) }
    // Whatever else it said: somebody may have called for help in words that nobody knows.
    let odd = !frame.retained && profile.isLoudAbout(result) ? calls.notUnderstood(device.id, isAgain: isAgain, at: instant) : nil
    let news = isAgain ? result.readings : calls.news(of: result.readings, device: device.id, at: instant)
    if let odd {
      let reason = result.dropped.first { $0.reason.isNotUnderstood }?.reason ?? .unknownValue
      quarantine(frame, reason: reason.key)
      return take(news + [odd], of: device, frame: frame, mark: mark)
    }
    if result.hasNoValidReading {
      let reason = result.dropped[0].reason.key
      // The frame is still a sign of life; its bytes are worth a look unless the device itself says "no value".
      // Another user's reading is nobody's to look at.
      let quiet: Set<DropReason> = [.sentinel, .retained, .otherUser]
      if result.dropped.contains(where: { !quiet.contains($0.reason) }) { quarantine(frame, reason: reason) }
      return signOfLife(of: device, frame: frame, mark: mark)
    }
    if result.readings.isEmpty || isOldNews(frame) { return signOfLife(of: device, frame: frame, mark: mark) }
    return news.isEmpty ? signOfLife(of: device, frame: frame, mark: mark) : take(news, of: device, frame: frame, mark: mark)
  }

  func oversizedFrame(_ frame: MQTTFrame, payloadBytes: Int) -> FrameVerdict {
    quarantine(frame, reason: MQTTRefusalReason.oversized.rawValue)
    count(MQTTRefusalReason.oversized.rawValue)
    let stamp = intake.stamp()
    if !frame.retained, let (device, profile, _) = registry.device(onTopic: frame.topic), profile.carriesCallsForHelp,
      let odd = calls.notUnderstood(device.id, at: stamp.instant)
    {
      _ = intake.submit(odd, device: device.id, civil: civil, mark: nil, stamp: stamp, keeper: .nobody)
    }
    return .refused(.oversized, lastSequence: nil)
  }

  func linkStateChanged(_ state: MQTTLinkState, reason: MQTTLinkError?) {
    stateSince.withLock { $0 = intake.clock.wall() }
    switch state {
    case .subscribing:
      let hasSession = sessionPresent()
      redeliveries.connected(sessionPresent: hasSession)
      // A frame of which a part is in the intake comes again with its session: the rest follows then, not the whole.
      if !hasSession { held = nil }
    case .live:
      wasConnected = true
      logger.notice("connected to the broker", metadata: ["link": "\(name)"])
    case .backingOff:
      let text = reason.map { "\($0)" } ?? "unknown"
      logger.warning("no connection to the broker", metadata: ["link": "\(name)", "reason": "\(text)"])
    case .stopped, .connecting, .draining:
      break
    }
  }

  // MARK: Readings

  /// One entry a reading. When the intake fills in the middle the link offers the frame again and the rest follows; a
  /// routine value that came without acknowledgement is shed and counted instead.
  private func take(_ readings: [Reading], of device: RegisteredDevice, frame: MQTTFrame, mark: RedeliveryBook.Mark) -> FrameVerdict {
    var taken = 0
    var stamp = intake.stamp()
    if let held, held.mark == mark { (taken, stamp) = (held.taken, held.stamp) }
    var last: UInt64 = 0
    while taken < readings.count {
      let isLast = taken == readings.count - 1
      let known = isLast && frame.qos > 0 ? DeliveryMark(link: number, message: UInt32(mark.message), hash: mark.hash) : nil
      if let sequence = intake.submit(
        readings[taken], device: device.id, civil: civil, mark: known, stamp: stamp, keeper: frame.qos > 0 ? .producer : .nobody)
      {
        last = sequence
      } else if frame.qos > 0 || readings[taken].isAlarm {
        held = (mark, taken, stamp)
        return .busy
      } else {
        // The broker has forgotten it already. Waiting with it would hold up the alarms behind it.
        count("shed")
      }
      taken += 1
    }
    held = nil
    if frame.qos > 0 { redeliveries.took(mark, sequence: last) }
    return last == 0 ? .ignored : .accepted(lastSequence: last)
  }

  /// A retained message of which nothing but "the device exists" is left.
  private func isOldNews(_ frame: MQTTFrame) -> Bool {
    frame.retained
      && result.readings.allSatisfy { if case .event(let event, at: _) = $0 { event.kind == .heartbeat } else { false } }
  }

  /// A frame without a usable value still proves that its device lives.
  private func signOfLife(of device: RegisteredDevice, frame: MQTTFrame, mark: RedeliveryBook.Mark) -> FrameVerdict {
    let event = Reading.event(DeviceEvent(kind: .heartbeat), at: .none)
    // A broker repeats retained messages at every connect: they prove nothing about now.
    if frame.retained { return ignore(frame, mark) }
    return take([event], of: device, frame: frame, mark: mark)
  }

  /// A bridge's own state, which holds for every device behind it. Nil when the topic is no bridge's.
  ///
  /// That it is gone is told of each device. That it is there proves nothing about a device; it only takes back what was told before.
  private func speaksForMany(_ frame: MQTTFrame, _ mark: RedeliveryBook.Mark) -> FrameVerdict? {
    let devices = registry.devices(onSharedTopic: frame.topic)
    if devices.isEmpty { return nil }
    let stamp = intake.stamp()
    var last: UInt64 = 0
    var isGone: Bool?
    let first = heldShared.flatMap { $0.mark == mark ? $0.next : nil } ?? 0
    for (place, (device, profile, index)) in devices.enumerated().dropFirst(first) {
      do {
        try profile.decode(frame.payload.span, frameIndex: index, retained: frame.retained, into: &result)
      } catch {
        count(error.reason.key)
        if error.reason != .empty { quarantine(frame, reason: error.reason.key) }
        return ignore(frame, mark)
      }
      if let odd = result.dropped.first(where: { $0.reason.isNotUnderstood }) {
        count(odd.reason.key)
        quarantine(frame, reason: odd.reason.key)
        return ignore(frame, mark)
      }
      for reading in result.readings {
        guard case .event(let event, at: _) = reading, event.kind == .offline || event.kind == .online else { continue }
        isGone = event.kind == .offline
        if event.kind == .online, frame.retained || !bridgesGone.contains(frame.topic) { continue }
        guard
          let sequence = intake.submit(
            reading, device: device.id, civil: civil, mark: nil, stamp: stamp, keeper: frame.qos > 0 ? .producer : .nobody)
        else {
          heldShared = (mark, place)
          return .busy
        }
        last = sequence
      }
    }
    heldShared = nil
    if isGone == true { bridgesGone.insert(frame.topic) }
    if isGone == false, !frame.retained { bridgesGone.remove(frame.topic) }
    if last == 0 { return ignore(frame, mark) }
    if frame.qos > 0 { redeliveries.took(mark, sequence: last) }
    return .accepted(lastSequence: last)
  }

  // MARK: What cannot be used

  private func refuse(_ frame: MQTTFrame, _ mark: RedeliveryBook.Mark, _ reason: MQTTRefusalReason, _ key: String) -> FrameVerdict {
    count(key)
    quarantine(frame, reason: key, mark: mark)
    if frame.qos > 0 { redeliveries.took(mark, sequence: 0) }
    return .refused(reason, lastSequence: nil)
  }

  /// Nothing is kept of it; a later redelivery of it must still not look like a new frame, which would end the search.
  private func ignore(_ frame: MQTTFrame, _ mark: RedeliveryBook.Mark) -> FrameVerdict {
    if frame.qos > 0 { redeliveries.took(mark, sequence: 0) }
    return .ignored
  }

  private func count(_ reason: String) { counters.withLock { $0[reason, default: 0] += 1 } }

  /// `mark`: the frame gives no entry that could carry it.
  private func quarantine(_ frame: MQTTFrame, reason: String, mark: RedeliveryBook.Mark? = nil) {
    let wall = intake.clock.wall()
    guard quarantineBudget.takes(at: wall) else { return }
    // What an unregistered device says is nobody's business; that it exists is what an installer looks for.
    let isStranger = reason == MQTTRefusalReason.unknownTopic.rawValue
    var made = QuarantinedFrame(
      link: number, topic: frame.topic, reason: reason, payload: isStranger ? [] : frame.payload, wall: wall)
    made.payloadBytes = frame.payload.count
    let row = made
    let known = mark.flatMap { frame.qos > 0 ? DeliveryMark(link: number, message: UInt32($0.message), hash: $0.hash) : nil }
    requests.enqueue { group in
      group.quarantined.append(row)
      if let known { group.deliveryMarks.append(known) }
    }
  }
}
