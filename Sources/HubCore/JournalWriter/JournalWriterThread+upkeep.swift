// What the journal writer does between commits: looks whether its files are still there, makes room, removes what is too old, keeps the
// copies of the registry, tells where the access log ends. All on the writer's thread.

import CLinux
import Foundation
import HubRuntime
import Journal
import JournalValues
import Logging
import RealtimeCore
import Synchronization
import VitalSigns

extension JournalWriterThread {
  /// Between commits, every two seconds: a journal that is taken away is told of though nothing comes in.
  func lookAtFiles() {
    let now = clock.now()
    if now < nextLook { return }
    // A little less than a pulse, so that each pulse looks.
    nextLook = now.adding(nanoseconds: Self.pulse / 10 * 9)
    let standing = atDisk(isLook: true) { writer.standing() }
    if standing != .inPlace { atDisk { goOn(after: standing) } }
  }

  /// Writes where the access log ends to the system's log, which the hub cannot rewrite: a log that is shortened or made anew later
  /// does not fit it. `knutepunkt audit verify --head` compares.
  func tellAccessHead(isDue: Bool) {
    let head = writer.accessHead
    let now = clock.now()
    guard head.rows > 0, isDue || head.rows >= toldHead + Self.accessRowsBetweenHeads || (head.rows > toldHead && now >= nextHead) else {
      return
    }
    toldHead = head.rows
    nextHead = now.adding(seconds: Self.accessSecondsBetweenHeads)
    logger.notice(
      "the access log ends here", metadata: ["message-id": "\(Self.accessHeadMessageID)", "head": "\(head)", "journal": "\(writer.path)"])
  }

  /// The ballast and what has outlived its retention, under constant traffic too; and a checkpoint when nothing came for
  /// a while.
  func tidy() {
    let now = clock.now()
    if now >= nextUpkeep {
      nextUpkeep = now.adding(nanoseconds: Self.upkeepInterval)
      let hasRoom = atDisk { writer.upkeep() }
      if hasRoom && storeState == .shedding {
        _ = change { $0.committed(isShedding: false) }
        // A replay lacks what was shed: the next start must begin from the state that saw it.
        requestSnapshot()
      }
    }
    if loss?.emergencyPath == nil, hooks.isDamaged() {
      atDisk { leaveJournal(.corrupt(detail: "a page of it cannot be read")) }
    }
    keepClock()
    if let copyDue, now >= max(nextCopy, copyDue.adding(nanoseconds: Self.copyDelay)) {
      self.copyDue = nil
      atDisk { refreshCopies() }
    }
    purge()
    if !group.isEmpty || now < lastTidy.adding(nanoseconds: Self.idleBeforeTidy) { return }
    lastTidy = now
    if writer.logBytes > 0 { atDisk { writer.checkpointIfIdle() } }
    logBytes.store(writer.logBytes, ordering: .relaxed)
  }

  /// Brings the copies of the registry up to date; again no sooner than twenty times as long as it took.
  package func refreshCopies() {
    let began = clock.now()
    let failures = writer.refreshCopies()
    let took = clock.now().rawValue &- began.rawValue
    nextCopy = clock.now().adding(nanoseconds: max(Self.copyDelay, took &* 20))
    problems.withLock { problems in
      for failure in failures where !problems.copies.contains(failure.path) {
        logger.warning("a copy of the registry cannot be written", metadata: ["path": "\(failure.path)", "reason": "\(failure.reason)"])
      }
      problems.copies = failures.map(\.path)
    }
  }

  /// Keeps what the pulse found of the hub's own clock.
  private func keepClock() {
    let notes = clock.standing.takeNotes()
    if notes.isEmpty { return }
    do {
      try atDisk { () throws(JournalError) in try writer.keep(notes) }
      // Routine records that waited for the right time may go now: whoever delivers looks again.
      hooks.committed(lastCommitted)
    } catch {
      clock.standing.failed(notes)
    }
  }

  /// A bounded piece of what is too old, between two groups: while there is more, for a tenth of the time or, the further it is behind, up to
  /// half; else once an hour. It ends at once when a group is due meanwhile, and is not flushed by itself.
  func purge() {
    let now = clock.now()
    if now < nextPurge || !group.isEmpty { return }
    // By a clock that leapt, everything would be too old. Nothing is forgotten until the time is believed.
    guard clock.standing.isBelieved else {
      nextPurge = now.adding(seconds: 60)
      return
    }
    let wall = clock.wall()
    let limits = RetentionLimits(
      samplesBefore: wall.adding(milliseconds: -settings.retentionMilliseconds),
      deliveriesBefore: wall.adding(milliseconds: -settings.retentionMilliseconds))
    do {
      let report = try atDisk { () throws(JournalError) in try writer.purge(limits, yields: mustCommit) }
      let after = clock.now()
      if let rest = JournalWriter.purgeRest(after: after.rawValue &- now.rawValue, report) {
        nextPurge = after.adding(nanoseconds: rest)
      } else {
        nextPurge = now.adding(seconds: 3_600)
      }
      if group.isEmpty { atDisk { writer.checkpointIfNeeded() } }
      damagedPurges = 0
    } catch .corrupt(let detail) where loss?.emergencyPath == nil {
      // What nobody else reads is looked at here alone. As with what readers meet, once is not enough.
      damagedPurges += 1
      nextPurge = now.adding(seconds: 1)
      if damagedPurges > 1 { atDisk { leaveJournal(.corrupt(detail: detail)) } }
    } catch {
      logger.warning("old records could not be removed", metadata: ["reason": "\(error)"])
      nextPurge = now.adding(seconds: 3_600)
    }
  }

  /// Whether what came in meanwhile cannot wait. It is gathered here, so that it is committed as soon as the step has ended.
  private func mustCommit() -> Bool {
    gather()
    return !waiters.isEmpty || (!group.isEmpty && isDue(ending: stopWanted.load(ordering: .acquiring)))
  }
}
