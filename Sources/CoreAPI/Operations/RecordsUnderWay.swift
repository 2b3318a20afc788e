// One change of a person's record at a time: two at once would each take back what the other says.

import Synchronization
import VitalSigns

/// People whose record is being changed. Bound: one for each request under way. Any thread.
final class RecordsUnderWay: Sendable {
  private let people = Mutex<Set<PatientID>>([])

  /// False: somebody is at it.
  func begin(_ patient: PatientID) -> Bool { people.withLock { $0.insert(patient).inserted } }
  func end(_ patient: PatientID) { people.withLock { _ = $0.remove(patient) } }
}
