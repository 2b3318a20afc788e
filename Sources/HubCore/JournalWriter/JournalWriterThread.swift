// The one thread that writes the journal. It gathers what the core decided and what others asked for, commits it as one
// transaction, and only then publishes the durable watermark.
//
// Routine values wait up to the group window for company: an SD card lives longer and throughput rises. An alarm, an
// alert, somebody who waits, or a full group ends the wait at once. On a disk error nothing is acknowledged, exactly the
// same group is tried again, and people are told; on a full disk alarms go on being written and routine values are shed.
// Whatever the error, the process goes on: the alarm lane needs no disk, and a restart would end it. A journal that is lost while
// the hub runs is written anew from the open file, or another one is begun (JournalWriterThread+loss.swift).
//
// A second thread watches this one (StoreWatch.swift): a disk that hangs gives no error, and who hangs with it can tell nobody.

import CLinux
import CoreRings
import CoreState
import Foundation
import HubRuntime
package import Journal
import JournalValues
package import Logging
import RealtimeCore
package import Synchronization
package import VitalSigns

/// Owns the journal's writer. Everything but `start`, `stop` and the atomics belongs to the writer thread.
///
/// @unchecked Sendable: `writer`, `group` and the plain variables are touched by the writer thread alone after `start()`.
package final class JournalWriterThread: @unchecked Sendable {
  /// A look around at least this often, so that the thread's life can be seen. Nanoseconds.
  package static let pulse: Int64 = 2_000_000_000
  /// Idle for this long: time to tidy up.
  static let idleBeforeTidy: Int64 = 2_000_000_000
  /// Between two looks for room on a disk that was full. Nanoseconds.
  static let upkeepInterval: Int64 = 5_000_000_000
  /// Pause after an error that no later attempt is known to mend: a person must look. Milliseconds.
  static let hopelessMilliseconds = 2_000
  /// So many of these in a row, a quarter of a second apart, and the journal counts as lost.
  static let hopelessFailuresMax = 3
  /// Between a change of the registry or of an alert and its copy, so that a busy minute is one copy. Nanoseconds.
  static let copyDelay: Int64 = 1_000_000_000
  /// The access log's head is told of after so many rows, or so many seconds, whichever is first: what can be cut off unseen.
  static let accessRowsBetweenHeads: UInt64 = 64
  static let accessSecondsBetweenHeads: UInt32 = 600
  /// `journalctl MESSAGE_ID=…` lists the heads.
  static let accessHeadMessageID = "7d5c1f0e2b6a4f3c9e8d4a6b1c2f3e50"

  private let thread = WorkerThread(name: "journal", stackBytes: 4 << 20)
  package let durable: DurableSequence
  /// Turns of the thread: it committed, found nothing to commit, or tried a failing disk again. Not only successes: a
  /// restart by the watchdog mends no disk, and ends the alarm lane, which needs none.
  package let progress = Atomic<UInt64>(0)
  package let commits = Atomic<UInt64>(0)
  /// Routine entries that only a gap in the journal tells of.
  package let shed = Atomic<UInt64>(0)
  /// Since when the thread has been at the disk, on the hub's timeline; 0 while it is not.
  package let busySince = Atomic<Int64>(0)
  /// Whoever watches rests for long, and is to be woken when the thread goes to the disk.
  let watchRests = Atomic<Bool>(false)
  /// Nil where the process has no descriptors left: then whoever watches rests for short times only.
  let watchBell = try? WakeDescriptor()
  /// What watching needs of the writer, copied after each commit.
  package let logBytes = Atomic<Int>(0)
  let store: Mutex<StoreState>
  let stopWanted = Atomic<Bool>(false)
  package var writer: JournalWriter
  let way: JournalWay
  let core: CoreThread
  package let clock: HubClock
  let settings: Settings
  package let hooks: Hooks
  package let logger: Logger

  var group = JournalGroup()
  var isUrgent = false
  var groupSince: MonotonicInstant?
  /// Items taken from the core's ring since the core was last woken because of its room.
  var gathered = 0
  var news = CommitNews()
  var lastSequence: UInt64
  var snapshot: SnapshotTurn
  /// Why another journal than the hub's own is written; nil in ordinary times.
  package var loss: JournalLoss?
  /// The last sequence that a commit has covered.
  var lastCommitted: UInt64
  /// Failures in a row that no later attempt is known to mend.
  var hopelessFailures = 0
  /// Steps of the retention in a row that met a damaged page.
  var damagedPurges = 0
  package let told: Set<AlertRule>
  /// The registry's copies lack something since then.
  var copyDue: MonotonicInstant?
  var nextCopy: MonotonicInstant = .zero
  var nextLook: MonotonicInstant = .zero
  var toldHead: UInt64 = 0
  var nextHead: MonotonicInstant = .zero
  package let problems = Mutex(StoreProblems())
  var nextUpkeep: MonotonicInstant = .zero
  var lastTidy: MonotonicInstant = .zero
  var nextPurge: MonotonicInstant = .zero
  var waiters: [JournalRequests.Waiter] = []
  /// The group is being committed: nothing joins it until it is on the disk.
  var isCommitting = false
  /// How long the disk is to rest before the next turn, milliseconds.
  var restMilliseconds = 0

  init(
    _ start: Start, way: JournalWay, core: CoreThread, clock: HubClock, durable: DurableSequence, settings: Settings, hooks: Hooks,
    logger: Logger
  ) {
    writer = start.writer
    self.way = way
    self.core = core
    self.clock = clock
    lastSequence = start.lastSequence
    snapshot = SnapshotTurn(last: start.lastSnapshot, every: settings.snapshotEveryEntries)
    told = start.told
    loss = start.loss
    lastCommitted = lastSequence
    store = Mutex(start.loss.map(StoreState.emergency) ?? .writing)
    problems.withLock { $0.accessLog = start.writer.accessProblem }
    self.settings = settings
    self.hooks = hooks
    self.durable = durable
    self.logger = logger
  }

  /// How the store is doing, a disk that hangs included.
  package var storeState: StoreState { store.withLock { $0 }.seen(busyFor: busyNanoseconds) }

  /// For how long the thread has been at the disk with one operation.
  var busyNanoseconds: Int64 {
    let since = busySince.load(ordering: .acquiring)
    return since == 0 ? 0 : clock.now().rawValue &- since
  }

  /// Starts the thread. Call once.
  package func start() {
    thread.start { [self] in
      run()
      closed()
    }
    StoreWatch(self, told: told).start()
  }

  /// Asks the thread to end once the core has stopped and everything is committed.
  package func stop() {
    stopWanted.store(true, ordering: .releasing)
    way.wake.ring()
  }

  package var hasEnded: Bool { thread.hasEnded }

  /// Waits for the thread's end. False: it has not ended within `limit`.
  package func ended(within limit: Duration) async -> Bool { await thread.ended(within: limit) }

  /// Requests that there was no room for.
  var requestsDropped: UInt64 { way.requests.dropped }

  // MARK: The writer thread

  private func run() {
    tellAccessHead(isDue: true)
    while true {
      switch turn() {
      case .again: continue
      case .rest(let milliseconds): rest(milliseconds)
      case .wait(let until, let company): way.wake.wait(until: until.rawValue &- clock.offset, company: company)
      case .ended: return
      }
    }
  }

  func nextTurn() -> MonotonicInstant {
    let pulse = min(clock.now().adding(nanoseconds: Self.pulse), news.nextDue)
    guard let groupSince else {
      // With a group the copies come after its commit, which is sooner.
      return min(pulse, nextPurge, copyDue.map { max(nextCopy, $0.adding(nanoseconds: Self.copyDelay)) } ?? .never)
    }
    return min(pulse, groupSince.adding(nanoseconds: settings.groupWindow))
  }

  /// Items that end a wait for company which has begun: no more than make a full group, and long before the way from the core is full.
  var companyWanted: Int {
    if groupSince == nil || isUrgent { return 0 }
    return max(1, min(settings.groupMax - group.entries.count, way.ring.capacity / 8))
  }

  /// The way from the core is so full that the core would soon stand: alarms go before the journal's being in one piece. Routine
  /// values are refused from half of it on, so that what fills it to here are calls for help and what follows them.
  var mustMakeWay: Bool {
    loss?.emergencyPath == nil && way.ring.depth >= way.ring.capacity / 4 * 3 && !stopWanted.load(ordering: .acquiring)
  }

  /// One attempt, in files that still have their names. Where they have not, another journal takes the group.
  func commitInPlace() throws(JournalError) -> CommitReport {
    var standing = writer.standing()
    if standing == .inPlace {
      let report = try writer.commit(group)
      standing = writer.standing()
      if standing == .inPlace { return report }
    }
    goOn(after: standing)
    return try writer.commit(group)
  }

  /// Marks the time, so that others see how long the disk takes.
  ///
  /// - Parameter isLook: nothing is written, as each pulse does; whoever watches need not be woken for it.
  func atDisk<Result, Failure: Error>(isLook: Bool = false, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    busySince.store(max(1, clock.now().rawValue), ordering: .sequentiallyConsistent)
    if !isLook, watchRests.load(ordering: .sequentiallyConsistent), watchRests.exchange(false, ordering: .relaxed) { watchBell?.ring() }
    defer { busySince.store(0, ordering: .releasing) }
    return try body()
  }

  /// The last that this thread does: what a start without the journal needs is complete, and all of it lies in one file.
  func end() {
    // So that nothing remains to be replayed, by this version or by the next.
    store { () throws(SnapshotError) in try core.lastState() }
    atDisk {
      refreshCopies()
      writer.checkpointIfIdle()
    }
    tellAccessHead(isDue: true)
  }

  private func store(_ snapshot: () throws(SnapshotError) -> (state: [UInt8], sequence: UInt64)) {
    do {
      let (state, sequence) = try snapshot()
      // The very first start stored nothing before it ended.
      if sequence == 0 { return }
      try atDisk { () throws(JournalError) in try writer.saveSnapshot(state, sequence: sequence, wall: clock.wall()) }
    } catch {
      // A missing snapshot only makes the next start slower.
      logger.warning("no snapshot could be stored", metadata: ["reason": "\(error)"])
    }
  }

  /// Everything in the group is on the disk: say so to everybody who waited.
  func published() {
    if let last = group.outcomes.last { hooks.stored(last.instant) }
    group.removeAll()
    isUrgent = false
    groupSince = nil
    lastCommitted = lastSequence
    // Before those who wait hear of it: they may count.
    commits.wrappingAdd(1, ordering: .relaxed)
    durable.advance(to: lastSequence, survives: loss?.isDurable ?? true)
    for waiter in waiters { waiter(true) }
    waiters.removeAll(keepingCapacity: true)
    lastTidy = clock.now()
    progress.wrappingAdd(1, ordering: .relaxed)
    news.committed(at: lastTidy)
    if news.takeDue(at: lastTidy) { hooks.committed(lastSequence) }
    // The core may have stopped because the ring was full. It was at no time fuller than what was taken from it since and what is in
    // it now.
    if gathered + way.ring.depth > way.ring.capacity / 4 { core.wake.ring() }
    gathered = 0
    saveSnapshotIfReady()
    atDisk { writer.checkpointIfNeeded() }
    logBytes.store(writer.logBytes, ordering: .relaxed)
    tellAccessHead(isDue: false)
  }

  @discardableResult package func change(_ transition: (inout StoreState) -> StoreState.Action) -> StoreState.Action {
    let (action, now, changed) = store.withLock { state in
      let before = state
      let action = transition(&state)
      return (action, state, state.key != before.key)
    }
    if changed {
      if let reason = now.reason {
        logger.error("the store does not take everything", metadata: ["state": "\(now.key)", "reason": "\(reason)"])
      } else {
        logger.notice("the store takes everything again")
      }
    }
    return action
  }

  /// Asks the core for a snapshot when it is time, and stores one when everything that it saw is committed.
  func saveSnapshotIfReady() {
    switch snapshot.next(durable: durable.sequence, isGathering: !group.isEmpty) {
    case .wait: return
    case .ask: askForSnapshot()
    case .store:
      let sequence = core.vitals.snapshotSequence.load(ordering: .relaxed)
      store { () throws(SnapshotError) in (try core.copiedState(), sequence) }
      if snapshot.stored(sequence) { askForSnapshot() }
    }
  }

  func requestSnapshot() { if snapshot.want() { askForSnapshot() } }

  private func askForSnapshot() {
    core.vitals.snapshotWanted.store(true, ordering: .releasing)
    core.wake.ring()
  }
}
