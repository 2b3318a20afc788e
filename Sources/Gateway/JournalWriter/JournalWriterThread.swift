// The one thread that writes the journal. It gathers what the core decided and what others asked for, commits it as one
// transaction, and only then publishes the durable watermark.
//
// Routine values wait up to the group window for company: an SD card lives longer and throughput rises. An alarm, an
// alert, somebody who waits, or a full group ends the wait at once. On a disk error nothing is acknowledged, the same
// group is tried again, and people are told; on a full disk alarms go on being written and routine values are shed.

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
    var storeChanged: @Sendable (StoreState) -> Void
    /// No later attempt can succeed: the process must end.
    var gaveUp: @Sendable (JournalError) -> Void
  }

  /// A look around at least this often, so that the thread's life can be seen. Nanoseconds.
  static let pulse: Int64 = 500_000_000
  /// Idle for this long: time to tidy up.
  static let idleBeforeTidy: Int64 = 2_000_000_000

  let wake: Wake
  let durable: DurableSequence
  /// Turns in which everything that waited was committed. Stands still while the store fails.
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
  private var lastTidy: MonotonicInstant = .zero
  private var nextPurge: MonotonicInstant = .zero
  private var waiters: [CheckedContinuation<Bool, Never>] = []

  init(
    writer: JournalWriter, ring: SingleProducerRing<JournalItem>, requests: JournalRequests, companions: Companions,
    core: CoreThread, wake: Wake, clock: HubClock, lastSequence: UInt64, lastSnapshot: UInt64, settings: Settings, hooks: Hooks,
    durable: DurableSequence, commitRequest: CommitRequest, logger: Logger
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
      run()
      durable.close()
      requests.close()
      for waiter in waiters { waiter.resume(returning: false) }
      stopped.store(true, ordering: .releasing)
    }
    thread.name = "journal"
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
      if !group.isEmpty || !waiters.isEmpty {
        if isDue(ending: ending) {
          guard commit(ending: ending) else { return }
          continue
        }
      } else {
        progress.wrappingAdd(1, ordering: .relaxed)
        if ending && ring.depth == 0 && requests.isEmpty {
          saveSnapshotIfReady()
          return
        }
        saveSnapshotIfReady()
        tidyWhenIdle()
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
    group.append(entry, attachment: companion?.attachment)
    if let mark = companion?.mark { group.deliveryMarks.append(mark) }
    lastSequence = entry.sequence
    if entry.isAlarm { isUrgent = true }
    if case .registry = entry.payload { isUrgent = true }
  }

  private func append(_ outcome: Outcome) {
    group.append(outcome)
    if case .alert(let transition) = outcome.payload, transition.mustBeSent { isUrgent = true }
  }

  /// The core announced this outcome with its entry and pushes it within a microsecond: it runs at a higher priority and
  /// waits for nobody. Looking again is cheaper than sleeping.
  private func appendNextOutcome() {
    while true {
      if let item = ring.pop() {
        if case .outcome(let outcome) = item { append(outcome) }
        return
      }
      sched_yield()
    }
  }

  private func isDue(ending: Bool) -> Bool {
    if ending || isUrgent || commitRequest.isRaised || group.entries.count >= settings.groupMax { return true }
    guard let groupSince else { return true }
    return clock.now() >= groupSince.adding(nanoseconds: settings.groupWindow)
  }

  /// Commits the group, however long that takes. False when the process must end.
  private func commit(ending: Bool) -> Bool {
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
        if action == .giveUp { hooks.gaveUp(error) }
      }
      switch action {
      case .proceed:
        published()
        return true
      case .retry(let milliseconds):
        // Told to end while the disk fails: what is not durable has not been acknowledged, and comes again.
        if ending { return false }
        wake.wait(until: clock.now().adding(nanoseconds: Int64(milliseconds) * 1_000_000).rawValue &- clock.offset)
        if stopWanted.load(ordering: .acquiring) && core.vitals.stopped.load(ordering: .acquiring) { return false }
        gather()
      case .giveUp:
        return false
      }
    }
  }

  /// Everything in the group is on the disk: say so to everybody who waited.
  private func published() {
    let entries = group.entries.count
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
    // The core may have stopped taking entries because the ring was full.
    if entries > 0 { core.wake.ring() }
    saveSnapshotIfReady()
    writer.checkpointIfNeeded()
  }

  private func change(_ transition: (inout StoreState) -> StoreState.Action) -> StoreState.Action {
    let (action, now, changed) = store.withLock { state in
      let before = state
      let action = transition(&state)
      return (action, state, state != before)
    }
    if changed {
      if let reason = now.reason {
        logger.error("the store does not take everything", metadata: ["state": "\(now.key)", "reason": "\(reason)"])
      } else {
        logger.notice("the store takes everything again")
      }
      hooks.storeChanged(now)
    }
    return action
  }

  /// Asks the core for a snapshot when it is time, and stores one that is ready and covered by what is committed.
  private func saveSnapshotIfReady() {
    if snapshotPending {
      if core.vitals.snapshotWanted.load(ordering: .acquiring) { return }
      let sequence = core.vitals.snapshotSequence.load(ordering: .relaxed)
      // Its entries are still in the ring: store it after them.
      if sequence > durable.sequence { return }
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
      return
    }
    if durable.sequence >= lastSnapshot &+ settings.snapshotEveryEntries {
      requestSnapshot()
    }
  }

  private func requestSnapshot() {
    snapshotPending = true
    core.vitals.snapshotWanted.store(true, ordering: .releasing)
    core.wake.ring()
  }

  /// Nothing to write for a while: time for a checkpoint, for the ballast, and for what has outlived its retention.
  private func tidyWhenIdle() {
    let now = clock.now()
    if now < lastTidy.adding(nanoseconds: Self.idleBeforeTidy) { return }
    lastTidy = now
    writer.checkpointIfIdle()
    let hasRoom = writer.upkeep()
    if hasRoom && storeState == .shedding {
      _ = change { $0.committed(isShedding: false) }
      // A replay lacks what was shed: the next start must begin from the state that saw it.
      requestSnapshot()
    }
    purge()
  }

  /// A bounded piece of what is too old, at most once a minute.
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
