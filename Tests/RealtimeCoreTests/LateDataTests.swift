// Old measurements, clocks that run ahead, and values that belong to whoever had the device before.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct LateDataTests {
  private func quality(_ street: borrowing Street) -> ObservationQuality {
    if case .observation(let observation) = street.lastEntry.payload { return observation.quality }
    return []
  }

  @Test func theLiveWindowIsInclusive() {
    var street = Street()
    street.moveIn()
    _ = street.pass(3_600)
    let edge = street.wall.adding(milliseconds: -900_000)
    #expect(street.measure(.pulseRateCuff, 140, 0, .perMinute, device: 1, measuredAt: edge).scores.count == 1)
    #expect(quality(street).isEmpty)
    let outside = street.wall.adding(milliseconds: -900_001)
    let late = street.measure(.respirationRate, 30, 0, .perMinute, device: 1, measuredAt: outside)
    #expect(late.remarks == [.late] && late.scores.isEmpty && late.story.isEmpty)
    #expect(quality(street) == .late && street.core.counters.late == 1)
    #expect(street.lastEntry.patient == PatientID(rawValue: 1), "it still reaches the person's record")
  }

  @Test func aClockAheadIsMeasuredByArrival() {
    var street = Street()
    street.moveIn(isContinuous: true)
    let ahead = street.wall.adding(milliseconds: 300_001)
    #expect(street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: ahead).scores.count == 1)
    #expect(quality(street) == .clockUnset)
    #expect(street.pass(300).scores.count == 1, "five minutes from arrival")
    let slightly = street.wall.adding(milliseconds: 300_000)
    _ = street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: slightly)
    #expect(quality(street).isEmpty)
  }

  @Test func validityCountsFromTheMeasurement() {
    var street = Street()
    street.moveIn(isContinuous: true)
    let minuteAgo = street.wall.adding(milliseconds: -60_000)
    _ = street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: minuteAgo)
    #expect(street.pass(239).isEmpty)
    #expect(street.pass(1).scores.count == 1)
    let sixMinutesAgo = street.wall.adding(milliseconds: -360_000)
    #expect(street.measure(.pulseRateOximeter, 70, 0, .perMinute, device: 1, measuredAt: sixMinutesAgo).isEmpty, "live, yet stale")
  }

  @Test func extremeTimesNeitherTrapNorAlarm() {
    var street = Street()
    street.moveIn()
    _ = street.send(.registry(.patientAdded), patient: 1)
    for time in [Int64.min + 1, -1, 0, 1, Int64.max] {
      _ = street.measure(.pulseRateCuff, 140, 0, .perMinute, device: 1, measuredAt: WallTime(rawValue: time))
      _ = street.event(.sos, device: 1, measuredAt: WallTime(rawValue: time))
      _ = street.event(.doseTaken, patient: 1, measuredAt: WallTime(rawValue: time))
    }
    #expect(street.core.counters.late > 0)
  }

  @Test func storedValuesOfTheDevicesFormerPersonAreNotAttributed() {
    var street = Street()
    street.moveIn()
    let yesterday = street.wall
    _ = street.pass(86_400)
    street.moveIn(patient: 2, device: 1)
    let stored = street.measure(.pulseRateCuff, 140, 0, .perMinute, device: 1, measuredAt: yesterday)
    #expect(stored.remarks == [.unassigned])
    #expect(street.lastEntry.patient == PatientID.none && quality(street) == .late)
    #expect(street.measure(.pulseRateCuff, 70, 0, .perMinute, device: 1).first?.patient == PatientID(rawValue: 2))
  }

  @Test func instantsNeverGoBack() {
    var street = Street()
    street.moveIn()
    var entry = IntakeEntry(
      instant: .zero, wall: street.wall, device: DeviceID(rawValue: 1), payload: .event(DeviceEvent(kind: .heartbeat)))
    _ = street.hand(&entry)
    #expect(entry.instant == street.now && entry.patient == PatientID(rawValue: 1))
  }
}
