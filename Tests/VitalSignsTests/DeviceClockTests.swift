// The rule of trust for a device's clock, as a table: an old value, or an old clock?

import Testing
import VitalSigns

@Suite struct DeviceClockTests {
  /// 2026-03-02T12:00:00Z.
  private static let noon = WallTime(rawValue: 1_772_452_800_000)
  private static let minute: Int64 = 60_000
  private static let hour: Int64 = 3_600_000
  private static let day: Int64 = 86_400_000

  private struct Device {
    var clock = DeviceClock()
    var now = DeviceClockTests.noon

    /// What comes of a claim that is `age` milliseconds old; the age that the core will see, nil: counted by its arrival.
    mutating func send(_ age: Int64, _ way: Arrival = .live, isCivil: Bool = true, after pause: Int64 = 60_000) -> (
      age: Int64?, isWrong: Bool
    ) {
      now = now.adding(milliseconds: pause)
      let trusted = clock.judge(now.adding(milliseconds: -age), arrival: now, by: way, isCivil: isCivil)
      return (trusted.measuredAt == .unknown ? nil : now.rawValue - trusted.measuredAt.rawValue, trusted.clockIsWrong)
    }
  }

  /// A stranger's first word, measured now.
  private static let strangers: [Int64: Bool] = [
    0: false, 4: false, 16: true, 60: true, 120: true, -4: false, -60: true, -1_440: true, 5_270_400: true, 13_703_040: true,
  ]

  @Test(arguments: strangers)
  func measuredNow(minutes: Int64, isWrong: Bool) {
    var device = Device()
    let age = minutes * Self.minute
    let trusted = device.send(age)
    #expect(trusted.isWrong == isWrong)
    #expect(trusted.age == (isWrong ? nil : age))
    #expect(device.send(age).age == trusted.age, "and the second, a minute later")
  }

  @Test func aYearBeforeThereWasAHubIsNoTime() {
    var device = Device()
    #expect(device.send(0).age == 0, "right until the batteries were changed")
    let claim = WallTime(rawValue: 946_685_040_000)  // 2000-01-01
    let trusted = device.clock.judge(claim, arrival: device.now, by: .live, isCivil: true)
    #expect(trusted.measuredAt == .unknown && trusted.clockIsWrong)
    let queued = device.clock.judge(claim, arrival: device.now, by: .queued(since: .unknown), isCivil: true)
    #expect(queued.measuredAt == .unknown && queued.clockIsWrong, "no broker keeps a message for 26 years")
  }

  @Test func aClockThatWasRightIsBelieved() {
    var device = Device()
    #expect(device.send(5_000).age == 5_000)
    #expect(device.send(20 * Self.minute).age == 20 * Self.minute)
    #expect(device.send(6 * Self.hour).isWrong == false)
    #expect(device.send(1_000).age == 1_000)
  }

  @Test func aBatchOfOldValuesIsNoWrongClock() {
    var device = Device()
    _ = device.send(0)
    for step in 0..<20 {
      let age = Self.day - Int64(step) * Self.minute
      let trusted = device.send(age, after: 100)
      #expect(trusted.age == age && !trusted.isWrong)
    }
  }

  /// A phone that was out of reach for an hour, and of which nothing is known yet.
  @Test func aTrackerThatSendsItsWayIsLate() {
    var device = Device()
    _ = device.send(60 * Self.minute, isCivil: false)
    for step in 1..<55 {
      let age = Int64(60 - step) * Self.minute
      let trusted = device.send(age, isCivil: false, after: 100)
      #expect(trusted.age == age && !trusted.isWrong)
    }
    #expect(device.send(2_000, isCivil: false).age == 2_000)
  }

  @Test func oneThatIsSentTwiceIsNoWrongClock() {
    var device = Device()
    _ = device.send(0)
    #expect(device.send(20 * Self.minute).isWrong == false)
    #expect(device.send(21 * Self.minute, after: Self.minute).isWrong == false, "the same moment, a minute later")
  }

  /// The batteries were changed: the second value that is as old as the first shows that it is the clock.
  @Test func aConstantAgeIsAWrongClock() {
    var device = Device()
    _ = device.send(0)
    #expect(device.send(200 * Self.day).age == 200 * Self.day)
    let second = device.send(200 * Self.day + 10_000, after: Self.day)
    #expect(second.age == nil && second.isWrong)
    #expect(device.send(200 * Self.day, after: Self.day).age == nil)
    #expect(device.send(0).age == 0, "set right")
  }

  /// Each claim is another one, and none is right: the third that went back shows that nothing of it is to be believed.
  @Test func aClockThatJumpsIsWrong() {
    var device = Device()
    _ = device.send(0)
    let ages = [30, 90, 50, 140, 20, 200].map { device.send($0 * Self.day).age == nil }
    #expect(ages == [false, false, false, true, true, true])
    #expect(device.send(0).age == 0, "set right")
    #expect(device.send(30 * Self.day).age == 30 * Self.day, "and believed again")
  }

  /// Now a value of now, now one of the memory.
  @Test func oldValuesBetweenNewOnesAreNoJumps() {
    var device = Device()
    for days in [3, 9, 5, 30, 2, 40] as [Int64] {
      #expect(device.send(1_000).age == 1_000)
      #expect(device.send(days * Self.day).age == days * Self.day)
    }
  }

  @Test func summerTimeThatTheDeviceMissed() {
    var device = Device()
    _ = device.send(0)
    #expect(device.send(Self.hour + 20_000).age == nil)
    var exact = Device()
    _ = exact.send(0, isCivil: false)
    #expect(exact.send(Self.hour, isCivil: false).age == Self.hour, "an epoch knows no summer time")
  }

  @Test func aKnownLagIsAllowedFor() {
    var device = Device()
    #expect(device.send(Self.hour).age == nil)
    let late = device.send(Self.hour + 20 * Self.minute)
    #expect(late.age == 20 * Self.minute && late.isWrong, "an hour behind and twenty minutes late")
    let stored = device.send(Self.hour + 3 * Self.hour, .stored)
    #expect(stored.age == 3 * Self.hour)
  }

  @Test func whatWaitedInTheBrokerIsLate() {
    var device = Device()
    let away = DeviceClockTests.noon.adding(milliseconds: -2 * Self.hour)
    #expect(device.send(20 * Self.minute, .queued(since: away)).age == 20 * Self.minute)
    #expect(device.send(Self.day, .queued(since: away)).age == Self.day, "a stranger's, and older than strangers are believed wrong")
    var known = Device()
    _ = known.send(0)
    #expect(known.send(20 * Self.minute, .queued(since: known.now)).age == 20 * Self.minute, "a duplicate after an outage")
    var slow = Device()
    _ = slow.send(Self.hour)
    #expect(slow.send(Self.hour + 10_000, .queued(since: away)).age == nil, "its lag is known")
    #expect(slow.send(Self.hour + 10_000 + 40 * Self.minute, .queued(since: away.adding(milliseconds: Self.day))).age == 40 * Self.minute)
  }

  @Test(arguments: [0, hour, day, -day, 26 * 366 * day])
  func whatWasStoredIsNeverLive(age: Int64) {
    var clock = DeviceClock()
    let claim = Self.noon.adding(milliseconds: -age)
    let trusted = clock.judge(claim, arrival: Self.noon, by: .stored, isCivil: true)
    let isWrong = age < 0 || age > DeviceClock.yearMilliseconds
    #expect(trusted.measuredAt == (isWrong ? .unknown : claim) && trusted.isLate == isWrong && trusted.clockIsWrong == isWrong)
    #expect(clock.judge(.unknown, arrival: Self.noon, by: .stored, isCivil: false) == TrustedTime(measuredAt: .unknown))
  }

  @Test func extremesNeitherTrapNorCountAsOld() {
    var clock = DeviceClock()
    for claim in [Int64.min + 1, -1, 0, Int64.max] {
      for arrival in [Int64.min + 1, 0, DeviceClockTests.noon.rawValue, Int64.max] {
        for way in [Arrival.live, .stored, .queued(since: .unknown), .queued(since: WallTime(rawValue: .max))] {
          _ = clock.judge(WallTime(rawValue: claim), arrival: WallTime(rawValue: arrival), by: way, isCivil: false)
        }
      }
    }
  }

  /// A hub that starts in 1970 judges nobody's clock by its own.
  @Test func aHubWithoutAClockBelievesTheYear() {
    var clock = DeviceClock()
    let trusted = clock.judge(WallTime(rawValue: 1_000_000), arrival: WallTime(rawValue: 1_060_000), by: .live, isCivil: true)
    #expect(trusted.measuredAt == WallTime(rawValue: 1_000_000) && !trusted.clockIsWrong)
  }

  /// The hub's clock goes a day ahead: a device whose clock is right still measures now, and is right again with the hub's.
  @Test func aHubThatWasSetMakesNoDeviceOld() {
    var clock = DeviceClock()
    _ = clock.judge(Self.noon, arrival: Self.noon, by: .live, isCivil: false)
    clock.hubWasSet(by: Self.day)
    let claim = Self.noon.adding(milliseconds: 60_000)
    #expect(clock.judge(claim, arrival: claim.adding(milliseconds: Self.day), by: .live, isCivil: false).measuredAt == .unknown)
    clock.hubWasSet(by: -Self.day)
    #expect(clock.judge(claim, arrival: claim, by: .live, isCivil: false) == TrustedTime(measuredAt: claim))
    clock.hubWasSet(by: .max)
    clock.hubWasSet(by: .max)
  }
}
