// What may have waited in the broker while the link was away.

import DeviceProfile
import Foundation
import Testing
import VitalSigns

@testable import DeviceIntake
@testable import HubRuntime
@testable import Journal

@Suite struct LinkBacklogTests {
  private let lost = WallTime(rawValue: 1_780_315_200_000)

  private func at(_ seconds: UInt32) -> MonotonicInstant { MonotonicInstant(rawValue: 1_000_000_000).adding(seconds: seconds) }

  @Test func withoutASessionNothingWaited() {
    var backlog = LinkBacklog()
    #expect(backlog.arrival(at: at(0)) == .live)
    backlog.connected(hasSession: false, at: at(0))
    #expect(backlog.arrival(at: at(0)) == .live)
  }

  @Test func theFirstConnectionOfARunMayBringAnything() {
    var backlog = LinkBacklog()
    backlog.connected(hasSession: true, at: at(0))
    #expect(backlog.arrival(at: at(1)) == .queued(since: .unknown))
  }

  /// Else a device that is an hour behind is unheard for a quarter of an hour after each restart of a busy hub.
  @Test func aRestartedHubKnowsWhenItLastHeard() {
    var backlog = LinkBacklog(lastHeard: lost)
    backlog.connected(hasSession: true, at: at(0))
    #expect(backlog.arrival(at: at(1)) == .queued(since: lost.adding(milliseconds: -LinkBacklog.marginMilliseconds)))
    var old = LinkBacklog(lastHeard: WallTime(rawValue: 0))
    old.connected(hasSession: true, at: at(0))
    #expect(old.arrival(at: at(1)) == .queued(since: .unknown), "a mark of version 1")
    var clock = DeviceClock()
    let hourBehind = clock.judge(lost.adding(milliseconds: -3_600_000), arrival: lost, by: backlog.arrival(at: at(2)), isCivil: true)
    #expect(hourBehind.measuredAt == .unknown && hourBehind.clockIsWrong)
  }

  @Test func theBurstEndsWithAPause() {
    var backlog = LinkBacklog()
    backlog.connected(hasSession: true, at: at(0))
    backlog.lost(at: lost, at(31))
    backlog.lost(at: lost.adding(milliseconds: 60_000), at(91))
    backlog.connected(hasSession: true, at: at(100))
    let since = lost.adding(milliseconds: -LinkBacklog.marginMilliseconds)
    #expect(backlog.arrival(at: at(101)) == .queued(since: since), "since it was live, not since the last attempt")
    #expect(backlog.arrival(at: at(130)) == .queued(since: since))
    #expect(backlog.arrival(at: at(160)) == .live)
    #expect(backlog.arrival(at: at(161)) == .live, "and does not begin again")
  }

  /// A link that was away for an hour, and breaks again while the broker still sends what waited: the rest is as old.
  @Test func whatWaitedWaitsOnWhenTheLinkBreaksAgain() {
    var backlog = LinkBacklog()
    backlog.connected(hasSession: true, at: at(0))
    backlog.lost(at: lost, at(31))
    let since = lost.adding(milliseconds: -LinkBacklog.marginMilliseconds)
    backlog.connected(hasSession: true, at: at(3_600))
    #expect(backlog.arrival(at: at(3_601)) == .queued(since: since))
    backlog.lost(at: lost.adding(milliseconds: 3_570_000), at(3_602))
    backlog.connected(hasSession: true, at: at(3_610))
    #expect(backlog.arrival(at: at(3_611)) == .queued(since: since), "since the loss after which it began to wait")
    var clock = DeviceClock()
    let claim = lost.adding(milliseconds: 60_000)
    let old = clock.judge(
      claim, arrival: lost.adding(milliseconds: 3_580_000), by: backlog.arrival(at: at(3_612)), isCivil: true)
    #expect(old.measuredAt == claim && !old.clockIsWrong, "an old value from a device of which nothing is known raises nothing")
    // Half a minute without a frame, and nothing waits any more.
    backlog.lost(at: lost.adding(milliseconds: 3_620_000), at(3_643))
    backlog.connected(hasSession: true, at: at(3_650))
    let later = lost.adding(milliseconds: 3_620_000 - LinkBacklog.marginMilliseconds)
    #expect(backlog.arrival(at: at(3_651)) == .queued(since: later))
  }

  /// A busy link that breaks every five minutes has heard all that waited after a quarter of an hour of connections.
  @Test func aLinkThatBreaksAgainAndAgainCatchesUp() {
    var backlog = LinkBacklog()
    backlog.connected(hasSession: true, at: at(0))
    backlog.lost(at: lost, at(31))
    let since = lost.adding(milliseconds: -LinkBacklog.marginMilliseconds)
    for round in UInt32(1)...5 {
      let start = 1_000 * round
      backlog.connected(hasSession: true, at: at(start))
      for second in UInt32(1)...299 {
        let isBehind = round <= 3
        if isBehind {
          #expect(backlog.arrival(at: at(start + second)) == .queued(since: since))
        } else {
          _ = backlog.arrival(at: at(start + second))
        }
      }
      backlog.lost(at: lost.adding(milliseconds: Int64(round) * 1_000_000), at(start + 300))
    }
    backlog.connected(hasSession: true, at: at(6_000))
    #expect(backlog.arrival(at: at(6_001)) != .queued(since: since))
  }

  /// The run before ended while the broker was sending what had waited: the rest is no newer than what came last.
  @Test func aRestartedHubKnowsWhatWasWaiting() {
    let waiting = lost.adding(milliseconds: -3_600_000)
    var backlog = LinkBacklog(lastHeard: lost, waitedSince: waiting)
    backlog.connected(hasSession: true, at: at(0))
    #expect(backlog.arrival(at: at(1)) == .queued(since: waiting.adding(milliseconds: -LinkBacklog.marginMilliseconds)))
  }

  @Test func aBusyLinkIsNotAlwaysBehind() {
    var backlog = LinkBacklog()
    backlog.connected(hasSession: true, at: at(0))
    for second in UInt32(1)..<LinkBacklog.longestSeconds { #expect(backlog.arrival(at: at(second)) != .live) }
    #expect(backlog.arrival(at: at(LinkBacklog.longestSeconds)) == .live)
  }

  /// A clock that was five hours behind before the restart is so after it: the first value is of now, and not late.
  @Test func whatTheJournalShowsOfAClockIsKnownAgain() {
    let civil = CivilClock(zone: .gmt)
    func claim(_ device: UInt32, hoursOld: Int64, isBelieved: Bool) -> DeviceClaim {
      let said = lost.adding(milliseconds: -hoursOld * 3_600_000)
      return DeviceClaim(
        device: DeviceID(rawValue: device), arrival: lost, measuredAt: isBelieved ? said : .unknown, time: .epoch(said))
    }
    var clocks = DeviceClocks(
      remembering: [
        claim(1, hoursOld: 5, isBelieved: false), claim(1, hoursOld: 0, isBelieved: true), claim(2, hoursOld: 0, isBelieved: true),
        claim(3, hoursOld: 5, isBelieved: true),
      ], civil: civil)
    let spo2 = Observation(code: .oxygenSaturation, value: Quantity(mantissa: 97), unit: .percent)
    func measured(_ device: UInt32, hoursOld: Int64) -> WallTime {
      let said = lost.adding(milliseconds: -hoursOld * 3_600_000)
      return clocks.judge(
        .observation(spo2, at: .epoch(said)), of: DeviceID(rawValue: device), by: .live, at: lost, at(1), civil: civil
      ).measuredAt
    }
    #expect(measured(1, hoursOld: 5) == .unknown, "it counts when it arrives")
    #expect(measured(2, hoursOld: 2) == lost.adding(milliseconds: -2 * 3_600_000), "its clock is right, so the value is old")
    // Of the others nothing is known.
    #expect(measured(3, hoursOld: 2) == .unknown)
    #expect(measured(4, hoursOld: 2) == .unknown)
  }

  /// A fall sensor whose clock is five hours off, and its first word is a fall. What may have waited in the broker is old by its own words.
  @Test(arguments: [DeviceEventPhase.moment, .raised]) func aCallThatIsSentNowIsOfNow(phase: DeviceEventPhase) {
    let civil = CivilClock(zone: .gmt)
    let claim = lost.adding(milliseconds: -5 * 3_600_000)
    let fall: Reading = .event(DeviceEvent(kind: .fall, phase: phase), at: .epoch(claim))
    var clocks = DeviceClocks()
    #expect(clocks.judge(fall, of: DeviceID(rawValue: 1), by: .live, at: lost, at(1), civil: civil).measuredAt == .unknown)
    let waited = clocks.judge(fall, of: DeviceID(rawValue: 2), by: .queued(since: .unknown), at: lost, at(1), civil: civil)
    #expect(waited.measuredAt == claim)
    let dose: Reading = .event(DeviceEvent(kind: .doseMissed, phase: .moment), at: .epoch(claim))
    #expect(clocks.judge(dose, of: DeviceID(rawValue: 3), by: .live, at: lost, at(1), civil: civil).measuredAt == claim)
  }
}
