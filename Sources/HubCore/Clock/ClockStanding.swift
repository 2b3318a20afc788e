// Where the hub's own clock stands, for everybody who asks: the belief behind a lock, and what the journal is still to keep of it. The
// pulse looks; the journal's writer keeps; links, retention and status ask.

package import HubRuntime
package import JournalValues
import Synchronization
package import VitalSigns

/// Any thread.
package final class ClockStanding: Sendable {
  /// A doubt that ends by itself within this time of a start is no alert: a board without a clock waits for the network at each start. Seconds.
  package static let startPatienceSeconds: UInt32 = 300

  private struct Kept {
    var belief: ClockBelief
    var machine: MachineClock
    var notes: [ClockNote]
    var lastStep: (at: WallTime, milliseconds: Int64)?
  }
  private let kept: Mutex<Kept>
  private let source: Machine

  package init(_ belief: ClockBelief, machine: MachineClock, notes: [ClockNote] = [], source: Machine = .real) {
    self.source = source
    kept = Mutex(Kept(belief: belief, machine: machine, notes: notes))
  }

  /// For parts that are tried alone: a clock that is believed.
  package convenience init(now: ClockReading, instant: MonotonicInstant) {
    let machine = MachineClock(isSynchronised: true, wasSynchronised: true, keeper: .host)
    var notes: [ClockNote] = []
    let belief = ClockBelief(
      ClockBelief.Known(), bootID: now.bootID,
      at: ClockBelief.Look(wall: now.wall, instant: instant, machine: machine, nextSequence: 1), notes: &notes)
    self.init(belief, machine: machine)
  }

  package var isBelieved: Bool { kept.withLock { $0.belief.isBelieved } }
  package var knowsDate: Bool { kept.withLock { $0.belief.knowsDate } }

  /// Everything at one moment, for status and problems.
  package var now: (state: ClockBelief.State, step: Int64, machine: MachineClock, lastStep: (at: WallTime, milliseconds: Int64)?) {
    kept.withLock { ($0.belief.state, $0.belief.step, $0.machine, $0.lastStep) }
  }

  /// Looks once a pulse.
  package func look(wall: WallTime, at instant: MonotonicInstant, nextSequence: UInt64) {
    kept.withLock { kept in
      source.lookAgain(at: &kept.machine)
      kept.notes += kept.belief.look(
        ClockBelief.Look(wall: wall, instant: instant, machine: kept.machine, nextSequence: nextSequence))
    }
  }

  /// The clock was set, by whomever: what `status` calls the last step.
  package func stepped(by milliseconds: Int64, at wall: WallTime) { kept.withLock { $0.lastStep = (wall, milliseconds) } }

  /// What the journal is to keep, in order; `failed` gives it back.
  package func takeNotes() -> [ClockNote] {
    kept.withLock { kept in
      defer { kept.notes = [] }
      return kept.notes
    }
  }

  /// Bound: a note an hour, and two a doubt; a disk that fails for months keeps the newest.
  package func failed(_ notes: [ClockNote]) {
    kept.withLock { $0.notes = Array((notes + $0.notes).suffix(1_024)) }
  }
}
