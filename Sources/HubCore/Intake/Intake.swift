// The one way in: links, the local API and the hub itself push entries here. Stamps both clocks, leaves companions,
// wakes the core. Never waits: a full intake is the producer's to handle (a link stops reading, the API answers 503).
//
// When the disk stands still, decided entries pile up between the core and the writer. Routine values are refused while
// there is still much room there, so that the core goes on deciding about alarms however long the disk takes.

package import CoreRings
package import HubRuntime
import Journal
import RealtimeCore
package import VitalSigns

/// The producers' side of the core. Any thread.
package final class Intake: Sendable {
  private let ring: IntakeRing
  let absence: AbsenceWatch
  private let coreWake: Wake
  private let journal: SingleProducerRing<JournalItem>
  package let companions: Companions
  package let clock: HubClock
  /// Which conditions of the hub itself the core was told of.
  package let conditions = HubConditions()

  /// - Parameter vitals: of the core that empties the ring.
  package init(
    ring: IntakeRing, vitals: CoreVitals = CoreVitals(), coreWake: Wake, journal: SingleProducerRing<JournalItem>, companions: Companions,
    clock: HubClock
  ) {
    self.ring = ring
    absence = AbsenceWatch(vitals: vitals, ring: ring)
    self.coreWake = coreWake
    self.journal = journal
    self.companions = companions
    self.clock = clock
  }

  package var depth: Int { ring.depth }
  package var capacity: Int { ring.capacity }

  /// The two clocks at one moment; all readings of one frame carry the same.
  package struct Stamp: Sendable {
    package var instant: MonotonicInstant
    package var wall: WallTime

    package init(instant: MonotonicInstant, wall: WallTime) {
      self.instant = instant
      self.wall = wall
    }
  }

  /// Who still holds an entry that is refused.
  package enum Keeper: Sendable {
    /// Nobody: the entry is lost, and only counted. Refused first, when a quarter of the way to the disk is full.
    case nobody
    /// A broker or a person, who brings the entry again. Refused when half of the way to the disk is full. The other half is for
    /// alarms and for what deadlines decide meanwhile: with the shipped ring some 8 000 values, hundreds of calls for help with all
    /// that follows them.
    case producer
  }

  private func hasRoom(_ keeper: Keeper) -> Bool {
    let waiting = journal.depth
    switch keeper {
    case .nobody: return waiting < journal.capacity / 4
    case .producer: return waiting < journal.capacity / 2
    }
  }

  package func stamp() -> Stamp { Stamp(instant: clock.now(), wall: clock.wall()) }

  /// Pushes one entry and wakes the core. `moreFollows`: others of the same frame come next, to be judged with it; the last of them
  /// wakes the core for all, and so does the first that is refused.
  ///
  /// - Returns: its sequence, which is durable once the watermark reaches it; nil when the intake is full: nothing was taken.
  package func submit(
    _ payload: IntakePayload, device: DeviceID = .none, patient: PatientID = .none, measuredAt: WallTime = .unknown,
    companion: Companion? = nil, stamp: Stamp? = nil, keeper: Keeper = .producer, moreFollows: Bool = false
  ) -> UInt64? {
    let stamp = stamp ?? self.stamp()
    absence.look(at: stamp.instant, wall: stamp.wall)
    var entry = IntakeEntry(
      instant: stamp.instant, wall: stamp.wall, measuredAt: measuredAt, device: device, patient: patient, moreFollows: moreFollows,
      payload: payload)
    if !entry.isAlarm, !hasRoom(keeper) {
      coreWake.ring()
      return nil
    }
    let number = companion.map(companions.leave) ?? 0
    entry.attachment = number
    guard let sequence = ring.push(entry) else {
      companions.forget(number)
      coreWake.ring()
      return nil
    }
    if case .hubCondition(let condition) = payload { conditions.note(condition, at: stamp.wall) }
    if !moreFollows || entry.isAlarm { coreWake.ring() }
    return sequence
  }
}
