// How the journal writer fills a group: entries and outcomes from the core, writes that others asked for, and when the group is due.
// All on the writer's thread.

import CLinux
import CoreRings
import Foundation
import HubRuntime
import Journal
import JournalValues
import Logging
import RealtimeCore
import Synchronization
import VitalSigns

extension JournalWriterThread {
  /// Takes what waits, up to a full group.
  func gather() {
    while group.entries.count < settings.groupMax, let item = way.ring.pop() {
      gathered += 1
      switch item {
      case .entry(let entry, let outcomes):
        append(entry)
        for _ in 0..<outcomes { appendNextOutcome() }
      case .outcome(let outcome):
        append(outcome)
      case .snapshot:
        snapshot.arrived()
      }
    }
    let (changes, others) = way.requests.take()
    for change in changes { change(&group) }
    if !changes.isEmpty { isUrgent = isUrgent || !others.isEmpty }
    waiters += others
    if groupSince == nil && !group.isEmpty { groupSince = clock.now() }
  }

  func append(_ entry: IntakeEntry) {
    let companion = way.companions.take(entry.attachment)
    group.append(entry, attachment: companion?.attachment, mark: companion?.mark)
    lastSequence = entry.sequence
    if entry.mustBeStoredAtOnce {
      isUrgent = true
      news.cannotWait()
    }
    if case .registry = entry.payload { copyDue = copyDue ?? clock.now() }
  }

  func append(_ outcome: Outcome) {
    group.append(outcome)
    guard case .alert(let transition) = outcome.payload else { return }
    if transition.mustBeSent {
      isUrgent = true
      news.cannotWait()
    }
    copyDue = copyDue ?? clock.now()
  }

  /// The core announced this outcome with its entry and pushes it within a microsecond: it runs at a higher priority and
  /// waits for nobody. Looking again is cheaper than sleeping; but a core of the same priority, without SCHED_FIFO, may have lost the
  /// only CPU in the middle, and then looking would keep it away.
  func appendNextOutcome() {
    var looks = 0
    while true {
      if let item = way.ring.pop() {
        gathered += 1
        if case .outcome(let outcome) = item { append(outcome) }
        return
      }
      looks += 1
      if looks < 100 { sched_yield() } else { usleep(50) }
    }
  }

  func isDue(ending: Bool) -> Bool {
    if ending || isUrgent || way.commitRequest.isRaised || group.entries.count >= settings.groupMax { return true }
    guard let groupSince else { return true }
    return clock.now() >= groupSince.adding(nanoseconds: settings.groupWindow)
  }
}
