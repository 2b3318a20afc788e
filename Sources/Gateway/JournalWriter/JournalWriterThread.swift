// The one thread that writes the journal. It gathers what the core decided and what others asked for, commits it as one
// transaction, and only then publishes the durable watermark.
//
// Routine values wait up to the group window for company: an SD card lives longer and throughput rises. An alarm, an
// alert, somebody who waits, or a full group ends the wait at once. On a disk error nothing is acknowledged, exactly the
// same group is tried again, and people are told; on a full disk alarms go on being written and routine values are shed.
// Whatever the error, the process goes on: the alarm lane needs no disk, and a restart would end it.

import CLinux
import Foundation
import Journal
import Logging
import RealtimeCore
import Synchronization
import VitalSigns

/// Owns the journal's writer. Everything but `start`, `stop` and the atomics belongs to the writer thread.
///
/// @unchecked Sendable: `writer`, `group` and the plain variables are touched by the writer thread alone after `start()`.
final class JournalWriterThread: @unchecked Sendable {
  struct Settings: Sendable {
    /// How long a routine value may wait for company. Nanoseconds.
    var groupWindow: Int64
    /// Entries in one transaction; bounds its length and what one failed commit holds back.
    var groupMax: Int
    var snapshotEveryEntries: UInt64
    var retentionMilliseconds: Int64
  }

  /// What the writer tells the rest of the gateway. Called on the writer thread; must return at once.
  struct Hooks: Sendable {
    var committed: @Sendable (_ sequence: UInt64) -> Void
    /// Everything is written again, or no longer. False: nobody could be told, call again.
    var storeChanged: @Sendable (_ fails: Bool) -> Bool
  }

  /// A look around at least this often, so that the thread's life can be seen. Nanoseconds.
  static let pulse: Int64 = 500_000_000
  /// Idle for this long: time to tidy up.
  static let idleBeforeTidy: Int64 = 2_000_000_000
  /// Between two looks for room on a disk that was full. Nanoseconds.
  static let upkeepInterval: Int64 = 5_000_000_000
  /// Pause after an error that no later attempt is known to mend: a person must look. Milliseconds.
  static let hopelessMilliseconds = 2_000

  let wake: Wake
  let durable: DurableSequence
  /// Turns of the thread: it committed, found nothing to commit, or tried a failing disk again. Not only successes: a
  /// restart by the watchdog mends no disk, and ends the alarm lane, which needs none.
  let progress = Atomic<UInt64>(0)
  let commits = Atomic<UInt64>(0)
  /// Routine entries that only a gap in the journal tells of.
  let shed = Atomic<UInt64>(0)
  let stopped = Atomic<Bool>(false)
  private let store = Mutex(StoreState.writing)
  private let commitRequest: CommitRequest
  private let stopWanted = Atomic<Bool>(false)
  private let writer: JournalWriter
  private let ring: SingleProducerRing<JournalItem>
  private let requests: JournalRequests
  private let companions: Companions
  private let core: CoreThread
  private let clock: HubClock
  private let settings: Settings
  private let hooks: Hooks
  private let logger: Logger

  private var group = JournalGroup()
  private var isUrgent = false
  private var groupSince: MonotonicInstant?
  private var lastSequence: UInt64
  private var lastSnapshot: UInt64
  private var snapshotPending = false
  /// The snapshot's mark came out of the ring: what it saw is in this group or on the disk.
  private var snapshotArrived = false
  /// A newer one is wanted when the one on its way is stored. One at a time: the core writes into one buffer.
  private var snapshotAgain = false
  /// What the hub condition says, as far as the core has been told.
  private var toldFailing: Bool
  private var nextUpkeep: MonotonicInstant = .zero
  private var lastTidy: MonotonicInstant = .zero
  private var nextPurge: MonotonicInstant = .zero
  private var waiters: [CheckedContinuation<Bool, Never>] = []

  init(
    writer: JournalWriter, ring: SingleProducerRing<JournalItem>, requests: JournalRequests, companions: Companions,
    core: CoreThread, wake: Wake, clock: HubClock, lastSequence: UInt64, lastSnapshot: UInt64, toldFailing: Bool,
    settings: Settings, hooks: Hooks, durable: DurableSequence, commitRequest: CommitRequest, logger: Logger
  ) {
    self.writer = writer
    self.ring = ring
    self.requests = requests
    self.companions = companions
    self.core = core
    self.wake = wake
    self.clock = clock
    self.lastSequence = lastSequence
    self.lastSnapshot = lastSnapshot
    self.toldFailing = toldFailing
    self.settings = settings
    self.hooks = hooks
    self.durable = durable
    self.commitRequest = commitRequest
    self.logger = logger
  }

  var storeState: StoreState { store.withLock { $0 } }

  /// Starts the thread. Call once.
  func start() {
    let thread = Thread { [self] in
      clinux_thread_name("journal")
      run()
      durable.close()
      requests.close()
      for waiter in waiters { waiter.resume(returning: false) }
      stopped.store(true, ordering: .releasing)
    }
    thread.stackSize = 4 << 20
    thread.start()
  }

  /// Asks the thread to end once the core has stopped and everything is committed.
  func stop() {
    stopWanted.store(true, ordering: .releasing)
    wake.ring()
  }

  // MARK: The writer thread

  private func run() {
    while true {
      let ending = stopWanted.load(ordering: .acquiring) && core.vitals.stopped.load(ordering: .acquiring)
      gather()
      tellStore()
      if !group.isEmpty || !waiters.isEmpty {
        if isDue(ending: ending) {
          guard commit() else { return }
          tidy()
          continue
        }
      } else {
        progress.wrappingAdd(1, ordering: .relaxed)
        saveSnapshotIfReady()
        if ending && ring.depth == 0 && requests.isEmpty { return }
        tidy()
      }
      wake.wait(until: nextLook().rawValue &- clock.offset)
    }
  }

  private func nextLook() -> MonotonicInstant {
    let pulse = clock.now().adding(nanoseconds: Self.pulse)
    guard let groupSince else { return pulse }
    return min(pulse, groupSince.adding(nanoseconds: settings.groupWindow))
  }

  /// Takes what waits, up to a full group.
  private func gather() {
    while group.entries.count < settings.groupMax, let item = ring.pop() {
      switch item {
      case .entry(let entry, let outcomes):
        append(entry)
        for _ in 0..<outcomes { appendNextOutcome() }
      case .outcome(let outcome):
        append(outcome)
      case .snapshot:
        snapshotArrived = true
      }
    }
    let (changes, continuations) = requests.take()
    for change in changes { change(&group) }
    if !changes.isEmpty { isUrgent = isUrgent || !continuations.isEmpty }
    waiters += continuations
    if groupSince == nil && !group.isEmpty { groupSince = clock.now() }
  }

  private func append(_ entry: IntakeEntry) {
    let companion = companions.take(entry.attachment)
    group.append(entry, attachment: companion?.attachment, mark: companion?.mark)
    lastSequence = entry.sequence
    if entry.isAlarm { isUrgent = true }
    if case .registry = entry.payload { isUrgent = true }
  }

  private func append(_ outcome: Outcome) {
    group.append(outcome)
    if case .alert(let transition) = outcome.payload, transition.mustBeSent { isUrgent = true }
  }

  /// The core announced this outcome with its entry and pushes it within a microsecond: it runs at a higher priority and
  /// waits for nobody. Looking again is cheaper than sleeping; but a core of the same priority, without SCHED_FIFO, may have lost the
  /// only CPU in the middle, and then looking would keep it away.
  private func appendNextOutcome() {
    var looks = 0
    while true {
      if let item = ring.pop() {
        if case .outcome(let outcome) = item { append(outcome) }
        return
      }
      looks += 1
      if looks < 100 { sched_yield() } else { usleep(50) }
    }
  }

  private func isDue(ending: Bool) -> Bool {
    if ending || isUrgent || commitRequest.isRaised || group.entries.count >= settings.groupMax { return true }
    guard let groupSince else { return true }
    return clock.now() >= groupSince.adding(nanoseconds: settings.groupWindow)
  }

  /// Commits the group, however long that takes. False when the process ends first.
  ///
  /// The group stays as it is meanwhile. A failed commit may be on the disk after all; then its entries are passed over
  /// with their outcomes, and whatever had been added to the last of them would be lost.
  private func commit() -> Bool {
    commitRequest.lower()
    if group.wall == .unknown { group.wall = clock.wall() }
    while true {
      let action: StoreState.Action
      do {
        let report = try writer.commit(group)
        shed.wrappingAdd(UInt64(report.entriesShed), ordering: .relaxed)
        action = change { $0.committed(isShedding: writer.isShedding) }
      } catch {
        action = change { $0.failed(error) }
      }
      switch action {
      case .proceed:
        published()
        return true
      case .retry(let milliseconds): pause(milliseconds)
      case .giveUp: pause(Self.hopelessMilliseconds)
      }
      progress.wrappingAdd(1, ordering: .relaxed)
      tellStore()
      // Told to end while the disk fails: what is not durable has not been acknowledged, and comes again.
      if stopWanted.load(ordering: .acquiring) { return false }
    }
  }

  /// Lets the disk rest. The doorbell does not cut it short: under load it rings all the time.
  private func pause(_ milliseconds: Int) {
    let end = clock.now().adding(nanoseconds: Int64(milliseconds) * 1_000_000)
    while clock.now() < end, !stopWanted.load(ordering: .acquiring) { usleep(20_000) }
  }

  /// Everything in the group is on the disk: say so to everybody who waited.
  private func published() {
    let cameFromCore = !group.entries.isEmpty || !group.outcomes.isEmpty
    group.removeAll()
    isUrgent = false
    groupSince = nil
    durable.advance(to: lastSequence)
    for waiter in waiters { waiter.resume(returning: true) }
    waiters.removeAll(keepingCapacity: true)
    lastTidy = clock.now()
    progress.wrappingAdd(1, ordering: .relaxed)
    commits.wrappingAdd(1, ordering: .relaxed)
    hooks.committed(lastSequence)
    // The core may have stopped because the ring was full.
    if cameFromCore { core.wake.ring() }
    saveSnapshotIfReady()
    writer.checkpointIfNeeded()
  }

  private func change(_ transition: (inout StoreState) -> StoreState.Action) -> StoreState.Action {
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

  /// Raises or ends the alert about the store. It is dispatched at once, whether or not it can be stored.
  private func tellStore() {
    let fails = storeState != .writing
    if fails != toldFailing, hooks.storeChanged(fails) { toldFailing = fails }
  }

  /// Asks the core for a snapshot when it is time, and stores one when everything that it saw is committed: entries, and
  /// also what deadlines decided after the last of them, which nobody would decide again after a restart.
  private func saveSnapshotIfReady() {
    if snapshotPending {
      guard snapshotArrived, group.isEmpty else { return }
      snapshotArrived = false
      let sequence = core.vitals.snapshotSequence.load(ordering: .relaxed)
      core.withSnapshot { bytes in
        do {
          try writer.saveSnapshot(Array(bytes), sequence: sequence, wall: clock.wall())
          lastSnapshot = sequence
        } catch {
          // A missing snapshot only makes the next start slower.
          logger.warning("no snapshot could be stored", metadata: ["reason": "\(error)"])
          lastSnapshot = sequence
        }
      }
      snapshotPending = false
      if snapshotAgain { requestSnapshot() }
      return
    }
    if durable.sequence >= lastSnapshot &+ settings.snapshotEveryEntries {
      requestSnapshot()
    }
  }

  private func requestSnapshot() {
    snapshotAgain = snapshotPending
    if snapshotPending { return }
    snapshotPending = true
    core.vitals.snapshotWanted.store(true, ordering: .releasing)
    core.wake.ring()
  }

  /// The ballast and what has outlived its retention, under constant traffic too; and a checkpoint when nothing came for
  /// a while.
  private func tidy() {
    let now = clock.now()
    if now >= nextUpkeep {
      nextUpkeep = now.adding(nanoseconds: Self.upkeepInterval)
      let hasRoom = writer.upkeep()
      if hasRoom && storeState == .shedding {
        _ = change { $0.committed(isShedding: false) }
        // A replay lacks what was shed: the next start must begin from the state that saw it.
        requestSnapshot()
      }
    }
    purge()
    if now < lastTidy.adding(nanoseconds: Self.idleBeforeTidy) { return }
    lastTidy = now
    writer.checkpointIfIdle()
  }

  /// A bounded piece of what is too old: each second while there is more, else once an hour.
  private func purge() {
    let now = clock.now()
    if now < nextPurge { return }
    let wall = clock.wall()
    let limits = RetentionLimits(
      samplesBefore: wall.adding(milliseconds: -settings.retentionMilliseconds),
      deliveriesBefore: wall.adding(milliseconds: -settings.retentionMilliseconds))
    do {
      let report = try writer.purge(limits)
      nextPurge = now.adding(seconds: report.isDone ? 3_600 : 1)
    } catch {
      logger.warning("old records could not be removed", metadata: ["reason": "\(error)"])
      nextPurge = now.adding(seconds: 3_600)
    }
  }
}
