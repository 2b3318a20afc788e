// From a frame to the intake: which device sent it, what its profile makes of it, and one entry for each reading. What cannot be
// used is counted and quarantined with its reason. It never stops the link.

import DeviceProfile
import Foundation
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
import Logging
import MQTTLink
import Synchronization
package import VitalSigns

/// The handler of one MQTT link. `frame` and what it calls run on the link's thread.
///
/// @unchecked Sendable: `redeliveries`, `result`, `clocks`, `backlog`, `held`, `heldShared`, `bridgesGone`, `devicesGone`, `calls` and `quarantineBudget`
/// are touched by the link's thread alone.
package final class MQTTFrameIntake: MQTTFrameHandler, @unchecked Sendable {
  let name: String
  private let number: UInt32
  let registry: Registry
  let intake: Intake
  private let requests: JournalRequests
  let civil: CivilClock
  private let logger: Logger
  private let counters = Mutex<[String: UInt64]>([:])
  private let stateSince = Mutex<WallTime>(.unknown)
  var redeliveries: RedeliveryBook
  var result = DecodeResult()
  var clocks = DeviceClocks()
  var backlog: LinkBacklog
  private var wasConnected = false
  /// A frame whose first readings are in the intake when the intake filled up. The rest follows when the link offers the frame
  /// again.
  private var held: (mark: RedeliveryBook.Mark, readings: [Reading], taken: Int, there: Int, stamp: Intake.Stamp)?
  /// A message that speaks for many devices, some of which were told when the intake filled up; `next` is the first that was not.
  var heldShared: (mark: RedeliveryBook.Mark, next: Int)?
  /// Topics of bridges that are gone, by their own word or their last will.
  var bridgesGone: Set<String> = []
  /// Devices that are gone, by their own word or their last will, and were not heard since.
  var devicesGone: Set<DeviceID> = []
  private var calls = CallBook()
  private var quarantineBudget = QuarantineBudget()
  /// Asks the link whether the broker still had our session; set once, before the link runs.
  package var sessionPresent: @Sendable () -> Bool = { false }
  /// Told whether the broker still had our session, at each connection, and nil when one ends; set once, before the link runs.
  var sessionStood: @Sendable (Bool?) -> Void = { _ in }
  /// The link's second ear; set once, before the link runs.
  var ear: AlarmEar?

  init(
    name: String, registry: Registry, intake: Intake, requests: JournalRequests, civil: CivilClock, redeliveries: RedeliveryBook,
    backlog: LinkBacklog = LinkBacklog(), logger: Logger
  ) {
    self.backlog = backlog
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
  package var refused: [String: UInt64] { counters.withLock { $0 } }
  package var since: WallTime { stateSince.withLock { $0 } }

  // MARK: MQTTFrameHandler

  func frame(_ frame: MQTTFrame) -> FrameVerdict {
    // The stamp is taken first of all: what follows is time that the hub itself takes.
    let stamp = intake.stamp()
    let mark = RedeliveryBook.Mark(message: frame.messageID, hash: frameHash(topic: frame.topic, payload: frame.payload))
    let isHeld = held?.mark == mark
    let answer: RedeliveryBook.Answer =
      frame.qos > 0 && !isHeld ? redeliveries.answer(mark, frame.delivery, at: intake.clock.steadyWall()) : .new
    guard let (device, profile, frameIndex) = registry.device(onTopic: frame.topic) else {
      return speaksForMany(frame, mark, stamp) ?? refuse(frame, mark, answer, .unknownTopic, "unknownTopic")
    }
    if isHeld, let held {
      return take(held.readings, of: device, frame: frame, mark: mark, stamp: held.stamp, from: held.taken, there: held.there)
    }
    let isRepeated = answer != .new
    do {
      try profile.decode(frame.payload.span, frameIndex: frameIndex, retained: frame.retained, into: &result)
    } catch {
      if error.reason == .empty {
        // Somebody has erased what the broker stored. The device said nothing.
        count(error.reason.key)
        return ignore(frame, mark)
      }
      if !frame.retained, profile.isLoudAbout(error), let odd = calls.notUnderstood(device.id, at: stamp.instant) {
        if !isRepeated {
          count(error.reason.key)
          quarantine(frame, reason: error.reason.key)
        }
        return takeUnlessKnown([odd], of: device, frame: frame, mark: mark, answer: answer, stamp: stamp)
      }
      return refuse(frame, mark, answer, .malformed, error.reason.key)
    }
    noticeGone(device.id, isRetained: frame.retained)
    if !isRepeated { for dropped in result.dropped { count(dropped.reason.key) } }
    let readings = readings(of: frame, profile, device, isRepeated: isRepeated, stamp)
    if readings.isEmpty { return ignore(frame, mark) }
    return takeUnlessKnown(readings, of: device, frame: frame, mark: mark, answer: answer, stamp: stamp)
  }

  /// What of the decoded frame goes in, alarms first; empty: nothing.
  func readings(
    of frame: MQTTFrame, _ profile: DeviceProfile, _ device: RegisteredDevice, isRepeated: Bool, _ stamp: Intake.Stamp
  ) -> [Reading] {
    // What the broker brings again is judged by its mark, not by the calls that were told since.
    var readings =
      isRepeated
      ? result.readings : calls.news(of: result.readings, device: device.id, patient: device.patient, at: stamp.instant)
    // Somebody may have called for help in words that nobody knows, whatever else the frame said.
    if !frame.retained, profile.isLoudAbout(result) {
      let reason = result.dropped.first { $0.reason.isNotUnderstood }?.reason ?? .unknownValue
      if !isRepeated { quarantine(frame, reason: reason.key) }
      if let odd = calls.notUnderstood(device.id, at: stamp.instant) { readings.append(odd) }
    } else if result.hasNoValidReading {
      // The frame is still a sign of life; its bytes are worth a look unless the device itself says "no value". Another user's reading
      // is nobody's to look at.
      let quiet: Set<DropReason> = [.sentinel, .retained, .otherUser]
      if let odd = result.dropped.first(where: { !quiet.contains($0.reason) }), !isRepeated { quarantine(frame, reason: odd.reason.key) }
      readings = []
    }
    if readings.isEmpty || isOldNews(frame) {
      // A frame without a usable value still proves that its device lives, unless the broker had kept it.
      return frame.retained ? [] : [.event(DeviceEvent(kind: .heartbeat), at: .none)]
    }
    if frame.retained { readings = readings.compactMap { $0.keptByBroker(at: stamp.wall, civil: civil) } }
    // An alarm does not wait behind a routine value of its own frame.
    if readings.count > 1, readings.contains(where: \.isAlarm) {
      readings = readings.filter(\.isAlarm) + readings.filter { !$0.isAlarm }
    }
    return readings
  }

  /// A bridge that is back takes back what it said of everybody, not what was said of one device.
  private func noticeGone(_ device: DeviceID, isRetained: Bool) {
    let isGone = result.readings.contains { if case .event(let event, at: _) = $0 { event.kind == .offline } else { false } }
    if isGone { devicesGone.insert(device) } else if !isRetained { devicesGone.remove(device) }
  }

  func oversizedFrame(_ frame: MQTTFrame, payloadBytes: Int) -> FrameVerdict {
    quarantine(frame, reason: MQTTRefusalReason.oversized.rawValue)
    count(MQTTRefusalReason.oversized.rawValue)
    let stamp = intake.stamp()
    if !frame.retained, let (device, profile, _) = registry.device(onTopic: frame.topic), profile.carriesAlarms,
      let odd = calls.notUnderstood(device.id, at: stamp.instant)
    {
      _ = intake.submit(odd, device: device.id, civil: civil, clocks: &clocks, by: .live, mark: nil, stamp: stamp, keeper: .nobody)
    }
    return .refused(.oversized, lastSequence: nil)
  }

  func linkStateChanged(_ state: MQTTLinkState, reason: MQTTLinkError?) {
    stateSince.withLock { $0 = intake.clock.wall() }
    switch state {
    case .subscribing:
      let hasSession = sessionPresent()
      redeliveries.connected(sessionPresent: hasSession, at: intake.clock.steadyWall())
      backlog.connected(hasSession: hasSession, at: intake.clock.now())
      sessionStood(hasSession)
      // A frame of which a part is in the intake comes again with its session; the book knows which part. What it called for was
      // perhaps never taken, so nothing counts as told: a call that lasts is told once more rather than never.
      if held != nil { calls = CallBook() }
      held = nil
    case .live:
      wasConnected = true
      logger.notice("connected to the broker", metadata: ["link": "\(name)"])
    case .backingOff:
      redeliveries.disconnected(at: intake.clock.steadyWall())
      sessionStood(nil)
      backlog.lost(at: intake.clock.wall(), intake.clock.now())
      let text = reason.map { "\($0)" } ?? "unknown"
      logger.warning("no connection to the broker", metadata: ["link": "\(name)", "reason": "\(text)"])
    case .stopped, .connecting, .draining:
      break
    }
  }

  func heldUp(_ isHeldUp: Bool) { ear?.listen(isHeldUp) }

  func acknowledgementsWritten() { redeliveries.acknowledged(at: intake.clock.steadyWall()) }

  // MARK: Readings

  /// Takes a frame that may have been here before; what a doubt costs is decided here. A measurement that was here before, or very
  /// likely so, is not recorded twice. A call for help is passed over only when it is certain that this very message was told.
  /// Otherwise it is told again: under the id of its open alert when the broker calls it a second try (`DeviceEvent.perhapsTold`),
  /// as a new one when the broker calls it new.
  private func takeUnlessKnown(
    _ readings: [Reading], of device: RegisteredDevice, frame: MQTTFrame, mark: RedeliveryBook.Mark, answer: RedeliveryBook.Answer,
    stamp: Intake.Stamp
  ) -> FrameVerdict {
    let known: RedeliveryBook.Known
    var isCertain = false
    switch answer {
    case .new: return takeNew(readings, of: device, frame: frame, mark: mark, stamp: stamp)
    case .certain(let found): (known, isCertain) = (found, true)
    case .likely(let found), .guess(let found): known = found
    }
    // The frame was refused then, and is understood now: its device has been registered meanwhile.
    if known.sequence == 0 { return takeNew(readings, of: device, frame: frame, mark: mark, stamp: stamp) }
    let taken = min(known.taken ?? readings.count, readings.count)
    let hasAlarm = readings.contains(where: \.isAlarm)
    // What nobody understands may be a call for help; the core makes one alert of it, however often it is taken.
    if hasAlarm || readings.contains(where: \.isNotUnderstood), case .guess = answer, frame.delivery == .first {
      return takeNew(readings, of: device, frame: frame, mark: mark, stamp: stamp)
    }
    if hasAlarm, !isCertain {
      count("toldAgain")
      let again = readings.map { $0.isAlarm ? $0.perhapsTold : $0 }
      return take(again, of: device, frame: frame, mark: mark, stamp: stamp, there: taken)
    }
    count("redelivered")
    if taken < readings.count { return take(readings, of: device, frame: frame, mark: mark, stamp: stamp, from: taken) }
    redeliveries.took(mark, known)
    return .accepted(lastSequence: known.sequence)
  }

  /// Takes a message that was not here before. A copy of it may have been, over the second ear.
  private func takeNew(
    _ readings: [Reading], of device: RegisteredDevice, frame: MQTTFrame, mark: RedeliveryBook.Mark, stamp: Intake.Stamp
  ) -> FrameVerdict {
    let alarms = readings.count(where: \.isAlarm)
    guard alarms > 0, let ear else { return take(readings, of: device, frame: frame, mark: mark, stamp: stamp) }
    switch ear.message(mark.hash, stamp) {
    case .first: return take(readings, of: device, frame: frame, mark: mark, stamp: stamp)
    case .perhapsTold:
      count("toldAgain")
      let again = readings.map { $0.isAlarm ? $0.perhapsTold : $0 }
      return take(again, of: device, frame: frame, mark: mark, stamp: stamp)
    case .told(let sequence):
      count("toldAhead")
      // Alarms stand first. What follows them carries the mark; if nothing does, a sign of life carries it.
      let rest = alarms < readings.count ? readings : readings + [.event(DeviceEvent(kind: .heartbeat), at: .none)]
      let verdict = take(rest, of: device, frame: frame, mark: mark, stamp: stamp, from: alarms)
      if verdict == .busy, held?.taken == alarms {
        held = nil
        ear.notTaken(mark.hash, sequence: sequence, stamp)
      }
      return verdict
    }
  }

  /// Takes one entry for each reading. When the intake fills in the middle, the link offers the frame again and the rest follows. A
  /// routine value that came without acknowledgement is shed and counted instead. `there`: so many of the readings, from the first on,
  /// have an entry of an earlier try; only alarms among them get another.
  private func take(
    _ readings: [Reading], of device: RegisteredDevice, frame: MQTTFrame, mark: RedeliveryBook.Mark, stamp: Intake.Stamp,
    from start: Int = 0, there: Int = 0
  ) -> FrameVerdict {
    // A broker repeats retained messages at every connect, so they prove nothing about now. A repeated one that the hub has already
    // does not get here.
    if !frame.retained { registry.seen(device.id, at: stamp.wall) }
    var taken = start
    let way = backlog.arrival(at: stamp.instant)
    var last: UInt64 = 0
    while taken < readings.count {
      if taken < there, !readings[taken].isAlarm {
        taken += 1
        continue
      }
      // The mark goes with each reading, because a frame's readings may be in two transactions. So what a crash leaves is known
      // exactly.
      let known =
        frame.qos > 0
        ? DeliveryMark(
          link: number, message: UInt32(mark.message), hash: mark.hash, taken: UInt16(clamping: max(taken + 1, there)), wall: stamp.wall)
        : nil
      if let sequence = intake.submit(
        readings[taken], device: device.id, civil: civil, clocks: &clocks, by: way, mark: known, stamp: stamp,
        keeper: frame.qos > 0 ? .producer : .nobody, moreFollows: max(taken + 1, there) < readings.count)
      {
        last = sequence
      } else if frame.qos > 0 || readings[taken].isAlarm {
        held = (mark, readings, taken, there, stamp)
        if frame.qos > 0, last > 0 { redeliveries.took(mark, RedeliveryBook.Known(sequence: last, taken: max(taken, there))) }
        return .busy
      } else {
        // The broker has forgotten the message already. Waiting with it would hold up the alarms behind it.
        count("shed")
      }
      taken += 1
    }
    held = nil
    if frame.qos > 0, last > 0 { redeliveries.took(mark, RedeliveryBook.Known(sequence: last, taken: nil)) }
    return last == 0 ? .ignored : .accepted(lastSequence: last)
  }

  /// Whether a retained message has nothing left to say but that the device exists.
  private func isOldNews(_ frame: MQTTFrame) -> Bool {
    frame.retained
      && result.readings.allSatisfy { if case .event(let event, at: _) = $0 { event.kind == .heartbeat } else { false } }
  }

  // MARK: What cannot be used

  private func refuse(
    _ frame: MQTTFrame, _ mark: RedeliveryBook.Mark, _ answer: RedeliveryBook.Answer, _ reason: MQTTRefusalReason, _ key: String
  ) -> FrameVerdict {
    switch answer {
    case .certain(let known) where known.sequence == 0, .likely(let known) where known.sequence == 0,
      .guess(let known) where known.sequence == 0:
      // The frame was counted and kept when it came first.
      count("redelivered")
    default:
      count(key)
      quarantine(frame, reason: key, mark: mark)
    }
    if frame.qos > 0 { redeliveries.took(mark, RedeliveryBook.Known(sequence: 0, taken: 0)) }
    return .refused(reason, lastSequence: nil)
  }

  /// Lets a frame go of which nothing is kept.
  func ignore(_ frame: MQTTFrame, _ mark: RedeliveryBook.Mark) -> FrameVerdict {
    if frame.qos > 0 { redeliveries.took(mark, RedeliveryBook.Known(sequence: 0, taken: 0)) }
    return .ignored
  }

  func count(_ reason: String) { counters.withLock { $0[reason, default: 0] += 1 } }

  /// Keeps the frame's bytes. `mark`: the frame's own, when the frame gives no entry that could carry it.
  func quarantine(_ frame: MQTTFrame, reason: String, mark: RedeliveryBook.Mark? = nil) {
    let wall = intake.clock.wall()
    guard quarantineBudget.takes(at: wall) else { return }
    // What an unregistered device says is nobody's business. That it exists is what an installer looks for.
    let isStranger = reason == MQTTRefusalReason.unknownTopic.rawValue
    var made = QuarantinedFrame(
      link: number, topic: frame.topic, reason: reason, payload: isStranger ? [] : frame.payload, wall: wall)
    made.payloadBytes = frame.payload.count
    let row = made
    let known = mark.flatMap {
      frame.qos > 0
        ? DeliveryMark(link: number, message: UInt32($0.message), hash: $0.hash, taken: DeliveryMark.refused, wall: wall) : nil
    }
    requests.enqueue(.quarantine) { group in
      group.quarantined.append(row)
      if let known { group.deliveryMarks.append(known) }
    }
  }
}
