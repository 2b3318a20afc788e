// What a link must know to judge a device's clock (`DeviceClock`, docs/device-time.md): each device's clock so far, and whether what
// arrives may have waited in the broker. The verdict goes into the entry; the device's own words stay beside it.

import DeviceProfile
package import HubRuntime
package import Journal
import VitalSigns

/// The clocks of one link's devices. Owned by the link's thread. Bound: one for each registered device that ever sent a time.
package struct DeviceClocks: Sendable {
  private struct Known {
    var clock = DeviceClock()
    /// Whether the core was told in this run that the clock is wrong, and the clock has not been right since.
    var isTold = false
  }
  private var known: [DeviceID: Known] = [:]
  /// The hub's wall clock minus its timeline at the last claim, milliseconds: constant unless somebody sets the clock.
  private var difference: Int64?
  private var lastWall = WallTime.unknown
  /// By how much the hub's clock was set in this run, all in all. Milliseconds.
  private var stepped: Int64 = 0
  /// Whether the hub knew the date at the last claim.
  private var knewDate = true

  /// Nothing is known.
  package init() {}

  /// What is looked at of the journal at a start: some hours of a small hub, of a large one the devices that send most.
  package static let claimsMax = 4_096

  /// What the journal shows of each device's clock.
  ///
  /// - Parameter claims: newest first.
  package init(remembering claims: [DeviceClaim], civil: CivilClock) {
    for claim in claims where known[claim.device] == nil {
      let (age, overflow) = claim.arrival.rawValue.subtractingReportingOverflow(civil.resolve(claim.time).rawValue)
      if overflow { continue }
      if claim.measuredAt == .unknown {
        known[claim.device] = Known(clock: DeviceClock(lag: age))
      } else if age.magnitude <= UInt64(DeviceClock.toleranceMilliseconds) {
        known[claim.device] = Known(clock: DeviceClock(lag: 0))
      }
      // A value that was late shows nothing by itself; an older one may.
    }
  }

  struct Verdict {
    package var payload: IntakePayload
    package var measuredAt: WallTime
    /// The clock turned out to be wrong, and nobody has been told yet; see `told`.
    package var isNews: Bool
  }

  /// `knowsDate`: whether the hub's own clock tells the date at all.
  mutating func judge(
    _ reading: Reading, of device: DeviceID, by way: Arrival, at wall: WallTime, _ instant: MonotonicInstant, civil: CivilClock,
    knowsDate: Bool = true
  ) -> Verdict {
    var isCivil = false
    if case .local = reading.time { isCivil = true }
    var way = way
    if case .observation(let observation, at: _) = reading,
      !observation.quality.isDisjoint(with: [.fromStorage, .retained])
    {
      way = .stored
    }
    let claim = civil.resolve(reading.time)
    var trusted = TrustedTime(measuredAt: claim)
    var isNews = false
    if claim != .unknown, !noticeDate(knowsDate) {
      trusted = DeviceClock.judgeWithoutDate(claim, by: way)
    } else if claim != .unknown {
      noticeStep(wall, instant)
      var mine = known[device] ?? stranger(claim, at: wall)
      trusted = mine.clock.judge(claim, arrival: wall, by: way, isCivil: isCivil)
      // The clock is behind by just what the hub's clock was set forward. So the hub's clock is in doubt, and its own alert says
      // so.
      let isTheHubs = isTheHubsStep(mine.clock.lag)
      // A call that is sent now is of now, whatever its device's clock says: of many a clock nothing is known before its device is
      // needed.
      if way == .live, reading.isAlarm, trusted.measuredAt.isOlder(than: DeviceClock.toleranceMilliseconds, at: wall) {
        trusted.measuredAt = .unknown
      }
      if trusted.clockIsWrong { isNews = !mine.isTold && !isTheHubs } else if way != .stored, mine.clock.lag == 0 { mine.isTold = false }
      known[device] = mine
    }
    return Verdict(payload: reading.payload(trusted), measuredAt: trusted.measuredAt, isNews: isNews)
  }

  private func isTheHubsStep(_ lag: Int64?) -> Bool {
    let tolerance = DeviceClock.toleranceMilliseconds
    return lag.map { stepped.magnitude > UInt64(tolerance) && ($0 &- stepped).magnitude <= UInt64(tolerance) } ?? false
  }

  /// A device that says its time for the first time since the hub's clock was set. Is its clock right, but for the hub's step?
  private func stranger(_ claim: WallTime, at wall: WallTime) -> Known {
    var known = Known()
    let (age, overflow) = wall.rawValue.subtractingReportingOverflow(claim.rawValue)
    if !overflow, DeviceClock.isPossible(claim), age > 0, age < DeviceClock.yearMilliseconds, isTheHubsStep(age) {
      known.clock.hubWasSet(by: stepped)
    }
    return known
  }

  /// A hub that learns the date begins anew: what it thought of others' clocks meant nothing.
  private mutating func noticeDate(_ knowsDate: Bool) -> Bool {
    if knowsDate, !knewDate { (known, difference, stepped) = ([:], nil, 0) }
    knewDate = knowsDate
    return knowsDate
  }

  private mutating func noticeStep(_ wall: WallTime, _ instant: MonotonicInstant) {
    let now = wall.milliseconds(aheadOf: instant)
    defer { (difference, lastWall) = (now, wall) }
    guard let difference else { return }
    let step = now &- difference
    guard step.magnitude > UInt64(DeviceClock.toleranceMilliseconds), step.magnitude < UInt64(DeviceClock.yearMilliseconds) else { return }
    // A hub that did not know the date has learned it. What it thought of others' clocks meant nothing.
    guard DeviceClock.isPossible(lastWall) else {
      known = [:]
      stepped = 0
      return
    }
    stepped &+= step
    for device in known.keys { known[device]?.clock.hubWasSet(by: step) }
  }

  mutating func told(_ device: DeviceID) { known[device, default: Known()].isTold = true }
}

extension WallTime {
  fileprivate func isOlder(than milliseconds: Int64, at wall: WallTime) -> Bool {
    let (age, overflow) = wall.rawValue.subtractingReportingOverflow(rawValue)
    return self != .unknown && (overflow ? self < wall : age > milliseconds)
  }
}

/// Whether a frame of an MQTT link may have waited in the broker while the link was away. Owned by the link's thread.
struct LinkBacklog {
  /// A broker sends what waited without a pause, but for our acknowledgements. After half a minute without any frame nothing waits.
  /// Seconds.
  static let quietSeconds: UInt32 = 30
  /// However busy the link is, what comes later than this is new. Seconds.
  static let longestSeconds: UInt32 = 900
  /// What was published this long before the link was lost may not have been delivered then. Milliseconds.
  static let marginMilliseconds: Int64 = 900_000

  /// The wall clock when the link was last live and nothing waited, or when the run before took its last frame. `.unknown`: nobody knows.
  private var lostAt = WallTime.unknown
  private var isLive = false
  /// The connection was lost while the broker still sent what had waited: for how long that may go on. Nanoseconds.
  private var unfinished: Int64?
  private var quietAt = MonotonicInstant.zero
  private var endsAt = MonotonicInstant.zero

  /// - Parameters:
  ///   - lastHeard: when the run before took the link's last frame, by the journal.
  ///   - waitedSince: the time of the oldest that came late just before that, having waited: more of it may wait. `.unknown`: nothing did.
  init(lastHeard: WallTime = .unknown, waitedSince: WallTime = .unknown) {
    guard DeviceClock.isPossible(lastHeard) else { return }
    let oldest = DeviceClock.isPossible(waitedSince) ? min(lastHeard, waitedSince) : lastHeard
    lostAt = oldest.adding(milliseconds: -Self.marginMilliseconds)
  }

  mutating func lost(at wall: WallTime, _ instant: MonotonicInstant) {
    defer { isLive = false }
    guard isLive else { return }
    // What waited since an earlier loss, and has not come yet, waits on.
    unfinished = mayWait(at: instant) ? endsAt.rawValue - instant.rawValue : nil
    if unfinished == nil { lostAt = wall.adding(milliseconds: -Self.marginMilliseconds) }
  }

  /// `hasSession`: the broker kept our session. A broker that did not kept no message for us either.
  mutating func connected(hasSession: Bool, at instant: MonotonicInstant) {
    isLive = true
    endsAt = hasSession ? instant.adding(nanoseconds: unfinished ?? Int64(Self.longestSeconds) * 1_000_000_000) : .zero
    quietAt = instant.adding(seconds: Self.quietSeconds)
  }

  /// Whether a frame that arrives now may have waited.
  mutating func arrival(at instant: MonotonicInstant) -> Arrival {
    guard mayWait(at: instant) else {
      endsAt = .zero
      return .live
    }
    quietAt = instant.adding(seconds: Self.quietSeconds)
    return .queued(since: lostAt)
  }

  private func mayWait(at instant: MonotonicInstant) -> Bool { instant < endsAt && instant < quietAt }
}

extension Reading {
  fileprivate func payload(_ trusted: TrustedTime) -> IntakePayload {
    switch self {
    case .observation(var observation, at: _):
      if trusted.clockIsWrong { observation.quality.insert(.clockUnset) }
      if trusted.isLate { observation.quality.insert(.late) }
      return .observation(observation)
    case .event(let event, at: _): return .event(event)
    case .location(let fix, at: _): return .location(fix)
    }
  }

  /// The reading as a broker repeats it to whoever subscribes, which is no sign of life. Nil when nothing of it is worth keeping. A
  /// location cannot say that the broker kept it, so an old one is left out: it was recorded when it was new.
  func keptByBroker(at wall: WallTime, civil: CivilClock) -> Reading? {
    switch self {
    case .observation(var observation, at: let time):
      observation.quality.insert(.retained)
      return .observation(observation, at: time)
    case .event(var event, at: let time):
      event.isRetained = true
      return .event(event, at: time)
    case .location(_, at: let time):
      let (age, overflow) = wall.rawValue.subtractingReportingOverflow(civil.resolve(time).rawValue)
      return overflow || age > DeviceClock.toleranceMilliseconds ? nil : self
    }
  }
}
