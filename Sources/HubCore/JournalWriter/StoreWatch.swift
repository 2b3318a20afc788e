// Watches the journal's writer from a thread of its own, and tells the core what people must hear about the store. It touches
// no disk: a disk that hangs cannot keep it from telling so.

import CLinux
import Foundation
import HubRuntime
import Journal
import Logging
import Synchronization
package import VitalSigns

/// The watcher.
///
/// @unchecked Sendable: the plain variables are touched by its own thread alone after `start()`.
package final class StoreWatch: @unchecked Sendable {
  /// The pause between two looks while the writer writes. Microseconds.
  static let intervalMicroseconds: UInt32 = 250_000
  /// Between two looks while nothing is written and nothing is wrong; no longer than a disk may stand before it is told of. The writer ends
  /// this rest when it goes to the disk for more than a look. Microseconds.
  static let restMicroseconds: UInt32 = 2_000_000
  /// Dropped records are told of until none has been dropped for this long, so that a flood is one alert. Nanoseconds.
  static let dropsEndNanoseconds: Int64 = 600_000_000_000
  /// A log of this size, bytes, means that a reader holds the checkpoints back: our own readers are cut off long before.
  static let logBytesMax = 256 << 20

  /// One condition of the hub as the core has been told of it.
  private struct Key: Hashable {
    var rule: AlertRule
    var subject: UInt32 = 0
  }

  private let writer: JournalWriterThread
  private var told: Set<Key>
  private var dropped: UInt64 = 0
  private var droppedAt: MonotonicInstant?
  private var stoodStill = false
  private var lastCommits: UInt64 = 0

  /// The access log's own alert, beside that for dropped records.
  static let accessLogSubject = stableNumber(of: "access log")
  /// The write-ahead log's, beside that for the store.
  static let logSubject = stableNumber(of: "write-ahead log")

  package init(_ writer: JournalWriterThread, told: Set<AlertRule>) {
    self.writer = writer
    self.told = Set(told.map { Key(rule: $0) })
  }

  func start() {
    WorkerThread(name: "store watch").start { [self] in
      while !writer.hasEnded {
        look()
        rest(restAfterLook())
      }
    }
  }

  /// How long to rest until the next look, microseconds: long when nothing was committed since the last look and all is well.
  private func restAfterLook() -> UInt32 {
    let commits = writer.commits.load(ordering: .relaxed)
    defer { lastCommits = commits }
    let isAtRest = commits == lastCommits && writer.busySince.load(ordering: .acquiring) == 0 && told.isEmpty && droppedAt == nil
    return isAtRest ? Self.restMicroseconds : Self.intervalMicroseconds
  }

  /// A long rest is one that the writer may end.
  private func rest(_ microseconds: UInt32) {
    guard microseconds == Self.restMicroseconds, let bell = writer.watchBell else {
      usleep(min(microseconds, Self.intervalMicroseconds))
      return
    }
    writer.watchRests.store(true, ordering: .sequentiallyConsistent)
    // The writer may have gone to the disk before it could see that.
    if writer.busySince.load(ordering: .sequentiallyConsistent) == 0 {
      _ = bell.wait(milliseconds: Int(microseconds / 1_000))
    }
    writer.watchRests.store(false, ordering: .relaxed)
    bell.clear()
  }

  /// One look, which its thread repeats.
  package func look() {
    let now = writer.clock.now()
    let state = writer.storeState
    let problems = writer.problems.withLock { $0 }
    // A writer that waits for a disk is not stuck. A restart by the watchdog would mend no disk, and end the alarm lane.
    if writer.busySince.load(ordering: .acquiring) != 0 { writer.progress.wrappingAdd(1, ordering: .relaxed) }
    noteStandstill(state)
    tell(.storeFailing, state.isFailing)
    var isLost = false
    if case .emergency = state { isLost = true }
    // While it fails as well, the loss still holds.
    if case .failing = state, told.contains(Key(rule: .journalLost)) { isLost = true }
    if writer.wasRescued(at: now) { isLost = true }
    tell(.journalLost, isLost)
    tell(.recordsDropped, dropsGoOn(at: now))
    // These are never taken back: a person has to look, and resolves them.
    if problems.accessLog != nil { tell(.recordsDropped, true, subject: Self.accessLogSubject) }
    tell(.storeFailing, writer.logBytes.load(ordering: .relaxed) > Self.logBytesMax, subject: Self.logSubject)
  }

  private func dropsGoOn(at now: MonotonicInstant) -> Bool {
    let count = writer.requestsDropped
    if count != dropped { droppedAt = now }
    dropped = count
    guard let droppedAt else { return false }
    return now.rawValue &- droppedAt.rawValue < Self.dropsEndNanoseconds
  }

  private func noteStandstill(_ state: StoreState) {
    let stands = writer.busyNanoseconds > StoreState.standstillNanoseconds
    if stands != stoodStill {
      if stands {
        writer.logger.error("the disk stands still: nothing is acknowledged, alarms go out", metadata: ["reason": "\(state.reason ?? "")"])
      } else {
        writer.logger.notice("the disk answers again")
      }
    }
    stoodStill = stands
  }

  /// Tells a change, again and again until somebody has taken it.
  private func tell(_ rule: AlertRule, _ holds: Bool, subject: UInt32 = 0) {
    let key = Key(rule: rule, subject: subject)
    guard told.contains(key) != holds, writer.hooks.tell(HubCondition(rule: rule, holds: holds, subject: subject)) else { return }
    if holds { told.insert(key) } else { told.remove(key) }
  }
}
