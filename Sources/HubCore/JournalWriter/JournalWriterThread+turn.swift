// One round of the journal writer's thread, which the thread repeats and a simulation calls by itself. A round says for how long to sleep and
// does not do it, but for the microseconds in which the core hands over what belongs to an entry. All on the writer's thread.

import CLinux
import CoreRings
import Foundation
import HubRuntime
import Journal
import JournalValues
import Synchronization
package import VitalSigns

extension JournalWriterThread {
  /// Nothing more is written: whoever waits hears so.
  package func closed() {
    durable.close()
    way.requests.close()
    for waiter in waiters { waiter(false) }
    waiters = []
  }

  /// What comes after a turn.
  package enum Turn {
    /// Another turn at once.
    case again
    /// The disk rests for so long, whatever comes in.
    case rest(milliseconds: Int)
    /// Until then, or until so many items wait; 0: until any.
    case wait(until: MonotonicInstant, company: Int)
    /// Everything is written, or it never will be.
    case ended
  }

  /// One round: takes what came, commits what is due, tidies up. Sleeping is the thread's. The group stays as it is from
  /// the first attempt at its commit until one succeeds. A failed commit may be on the disk after all; then its entries are passed
  /// over with their outcomes, and whatever had been added to the last of them would be lost.
  package func turn() -> Turn {
    let ending = stopWanted.load(ordering: .acquiring) && core.vitals.stopped.load(ordering: .acquiring)
    if !isCommitting {
      gather()
      if group.isEmpty && waiters.isEmpty {
        progress.wrappingAdd(1, ordering: .relaxed)
        saveSnapshotIfReady()
        if ending && way.ring.depth == 0 && way.requests.isEmpty {
          end()
          return .ended
        }
        lookAtFiles()
        tidy()
        return afterLook()
      }
      guard isDue(ending: ending) else { return afterLook() }
      way.commitRequest.lower()
      if group.wall == .unknown { group.wall = clock.wall() }
      isCommitting = true
    }
    return commit()
  }

  private func afterLook() -> Turn {
    if news.takeDue(at: clock.now()) { hooks.committed(lastCommitted) }
    if restMilliseconds > 0 { return .rest(milliseconds: takeRest()) }
    return .wait(until: nextTurn(), company: companyWanted)
  }

  /// One attempt to commit the group.
  private func commit() -> Turn {
    let action: StoreState.Action
    var failure = JournalError.full(detail: "")
    do {
      let report = try atDisk { () throws(JournalError) in try commitInPlace() }
      hopelessFailures = 0
      shed.wrappingAdd(UInt64(report.entriesShed), ordering: .relaxed)
      action = change { $0.committed(isShedding: writer.isShedding, loss: loss) }
    } catch {
      failure = error
      action = change { $0.failed(error) }
    }
    switch action {
    case .proceed:
      isCommitting = false
      // A rest that was asked for on the way has become needless.
      restMilliseconds = 0
      published()
      tidy()
      return .again
    case .retry(let milliseconds):
      if mustMakeWay { leaveJournal(failure) } else { pause(milliseconds) }
    case .giveUp:
      hopelessFailures += 1
      if hopelessFailures < Self.hopelessFailuresMax { pause(StoreState.retryMilliseconds) } else { leaveJournal(failure) }
    }
    progress.wrappingAdd(1, ordering: .relaxed)
    // Told to end while the disk fails: what is not durable has not been acknowledged, and comes again.
    if stopWanted.load(ordering: .acquiring) { return .ended }
    return restMilliseconds > 0 ? .rest(milliseconds: takeRest()) : .again
  }

  /// Lets the disk rest after this turn.
  package func pause(_ milliseconds: Int) { restMilliseconds = max(restMilliseconds, milliseconds) }

  private func takeRest() -> Int {
    defer { restMilliseconds = 0 }
    return restMilliseconds
  }

  /// The doorbell does not cut a rest short: under load it rings all the time.
  func rest(_ milliseconds: Int) {
    let end = clock.now().adding(.milliseconds(milliseconds))
    while clock.now() < end, !stopWanted.load(ordering: .acquiring) { usleep(20_000) }
  }
}
