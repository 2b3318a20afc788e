// A person's record as every screen may hold it: without what is restricted, and with the names of what was left out. Nothing that the
// console keeps, sends or renders for all holds a door code, because no value here can.

import Foundation
import Journal
import JournalValues
public import People
import VitalSigns

/// A record without its restricted fields.
public struct ShownRecord: Sendable, Hashable {
  public let record: PersonRecord
  /// Restricted fields that are set.
  public let withheld: [PersonField]

  public init(_ record: PersonRecord) {
    self.record = record.withoutRestricted
    withheld = PersonField.restricted.filter { record[$0] != nil }
  }
}

extension JournalReader {
  /// The newest records of these people, an empty one for who has none. Who is missing has one that cannot be read: an alarm is not held
  /// back for it. Blocks for about a query a person.
  func shownRecords(of people: Set<PatientID>) -> [PatientID: ShownRecord] {
    do throws(JournalError) {
      let found = try records(of: people)
      return Dictionary(
        people.map { ($0, ShownRecord(found[$0]?.record ?? PersonRecord())) }, uniquingKeysWith: { first, _ in first })
    } catch {
      // One at a time: a record that is damaged hides no other.
      var shown: [PatientID: ShownRecord] = [:]
      for person in people {
        do throws(JournalError) { shown[person] = ShownRecord(try record(of: person)?.record ?? PersonRecord()) } catch { continue }
      }
      return shown
    }
  }
}

/// The local day, counted from 1970-01-01: as the core counts it.
func localDay(_ time: WallTime, in zone: TimeZone) -> Int32 {
  let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.rawValue) / 1_000))
  return Int32(clamping: (time.rawValue + Int64(offset) * 1_000) / 86_400_000)
}
