// Civil time of devices in the hub's zone, over both changes of the clock in Europe/Oslo.

import Foundation
import Testing
import VitalSigns

@testable import HubRuntime

@Suite struct CivilClockTests {
  private let oslo: CivilClock

  init() throws { oslo = CivilClock(zone: try #require(TimeZone(identifier: "Europe/Oslo"))) }

  /// 2026-03-29: 02:00 becomes 03:00 at 01:00Z. 2026-10-25: 03:00 becomes 02:00 at 01:00Z.
  @Test(arguments: [
    (3, 29, 1, 59, "2026-03-29T00:59:00.000Z"), (3, 29, 3, 0, "2026-03-29T01:00:00.000Z"),
    // The hour that does not exist: read with the offset from before.
    (3, 29, 2, 30, "2026-03-29T01:30:00.000Z"),
    (10, 25, 1, 59, "2026-10-24T23:59:00.000Z"), (10, 25, 3, 0, "2026-10-25T02:00:00.000Z"),
    // The hour that comes twice: its second coming.
    (10, 25, 2, 0, "2026-10-25T01:00:00.000Z"), (10, 25, 2, 30, "2026-10-25T01:30:00.000Z"),
    (1, 15, 12, 0, "2026-01-15T11:00:00.000Z"), (7, 15, 12, 0, "2026-07-15T10:00:00.000Z"),
    (1, 1, 0, 30, "2025-12-31T23:30:00.000Z"),
  ])
  func localTimeBecomesUTC(month: UInt8, day: UInt8, hour: UInt8, minute: UInt8, expected: String) {
    let civil = CivilTime(year: 2026, month: month, day: day, hour: hour, minute: minute, second: 0)
    #expect(oslo.resolve(.local(civil)).description == expected)
  }

  @Test func aDeviceWithUTCIsBelieved() { #expect(oslo.resolve(.epoch(Street.noon)) == Street.noon) }

  @Test func aDeviceWithoutATimeHasNone() { #expect(oslo.resolve(.none) == .unknown) }

  @Test(
    arguments: [("2026-03-29T00:59:59.999Z", 3_600), ("2026-03-29T01:00:00.000Z", 7_200), ("2026-10-25T01:00:00.000Z", 3_600)]
      as [(String, Int32)])
  func theOffsetChangesAtItsMoment(at: String, offset: Int32) throws {
    let date = try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(at)
    let wall = WallTime(rawValue: Int64((date.timeIntervalSince1970 * 1_000).rounded()))
    #expect(oslo.utcOffsetSeconds(at: wall) == offset)
  }
}
