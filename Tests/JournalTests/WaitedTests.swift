// What a start finds in the journal about messages that waited in a broker when the run before ended.

import JournalValues
import Testing
import VitalSigns

@testable import Journal

@Suite struct WaitedTests {
  /// Values in the order in which they came, a second apart; gives when the last came.
  private func fill(_ folder: JournalFolder, _ values: [(secondsOld: Int64, quality: ObservationQuality)]) throws -> WallTime {
    let writer = try folder.writer()
    var intake = Intake()
    var group = intake.registration()
    var last = WallTime.unknown
    for value in values {
      var observation = Observation(code: .oxygenSaturation, value: Quantity(mantissa: 97), unit: .percent)
      observation.quality = value.quality
      let arrival = WallTime(rawValue: Street.start + Int64(intake.next) * 1_000)
      group.append(intake.entry(.observation(observation), measuredAt: arrival.adding(milliseconds: -value.secondsOld * 1_000)))
      last = arrival
    }
    try writer.commit(group)
    return last
  }

  private func waited(_ values: [(secondsOld: Int64, quality: ObservationQuality)]) throws -> Int64? {
    let folder = try JournalFolder()
    let last = try fill(folder, values)
    let since = try folder.reader().waitedSince(lastHeard: last)
    return since == .unknown ? nil : (last.rawValue - since.rawValue) / 1_000
  }

  @Test("The oldest that came late just before the end") func oldest() throws {
    #expect(try waited([(3_000, .late), (2_000, .late), (0, [])]) == 3_002)
  }

  @Test("What a device kept in its store did not wait in a broker, nor what a broker keeps for everybody") func stored() throws {
    #expect(try waited([(9_000, [.late, .fromStorage]), (8_000, [.late, .retained]), (2_000, .late)]) == 2_000)
    #expect(try waited([(9_000, [.late, .fromStorage]), (1, [])]) == nil)
  }

  @Test("Half a minute without anything late, and nothing waits") func long() throws {
    let fresh: [(secondsOld: Int64, quality: ObservationQuality)] = Array(repeating: (0, []), count: 31)
    #expect(try waited([(3_000, .late)] + fresh) == nil)
    #expect(try waited([(3_000, .late)] + fresh.dropLast()) == 3_030)
  }

  @Test("An empty journal, and a link that never heard anything") func empty() throws {
    let folder = try JournalFolder()
    _ = try folder.writer()
    #expect(try folder.reader().waitedSince(lastHeard: WallTime(rawValue: Street.start)) == .unknown)
    #expect(try folder.reader().waitedSince(lastHeard: .unknown) == .unknown)
  }
}
