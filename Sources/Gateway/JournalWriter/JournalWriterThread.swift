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
    /// A condition of the store begins or ends. False: nobody could be told, call again. Called on the watching thread.
    var tell: @Sendable (HubCondition) -> Bool
    /// A journal to go on with when this one is lost; the sequence is the last that was committed.
    var openEmergency: @Sendable (JournalLoss, _ last: UInt64) throws(JournalError) -> EmergencyJournal
    /// Readers meet damaged pages, which the writer may not touch for long.
    var isDamaged: @Sendable () -> Bool
    /// Another file is the journal from now on.
    var journalMoved: @Sendable (_ path: String) -> Void
  }

  /// A look around at least this often, so that the thread's life can be seen. Nanoseconds.
  static let pulse: Int64 = 1_000_000_000
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
  /// At least this long between two steps of retention: acknowledgements go before. Nanoseconds.
  static let purgePause: Int64 = 100_000_000
  /// The access log's head is told of after so many rows, or so many seconds, whichever is first: what can be cut off unseen.
  static let accessRowsBetweenHeads: UInt64 = 64
  static let accessSecondsBetweenHeads: UInt32 = 600
  /// `journalctl MESSAGE_ID=…` lists the heads.
  static let accessHeadMessageID = "7d5c1f0e2b6a4f3c9e8d4a6b1c2f3e50"

  let wake: Wake
  let durable: DurableSequence
  /// Turns of the thread: it committed, found nothing to commit, or tried a failing disk again. Not only successes: a
  /// restart by the watchdog mends no disk, and ends the alarm lane, which needs none.
  let progress = Atomic<UInt64>(0)
  let commits = Atomic<UInt64>(0)
  /// Routine entries that only a gap in the journal tells of.
  let shed = Atomic<UInt64>(0)
  let stopped = Atomic<Bool>(false)
  /// Since when the thread has been at the disk, on the hub's timeline; 0 while it is not.
  let busySince = Atomic<Int64>(0)
  /// What watching needs of the writer, copied after each commit.
  let logBytes = Atomic<Int>(0)
  private let store: Mutex<StoreState>
  private let commitRequest: CommitRequest
  private let stopWanted = Atomic<Bool>(false)
  var writer: JournalWriter
  private let ring: SingleProducerRing<JournalItem>
  let requests: JournalRequests
  private let companions: Companions
  private let core: CoreThread
  let clock: HubClock
  private let settings: Settings
  let hooks: Hooks
  let logger: Logger

  private var group = JournalGroup()
  private var isUrgent = false
  private var groupSince: MonotonicInstant?
  /// Items taken from the core's ring since the core was last woken because of its room.
  private var gathered = 0
  private var news = CommitNews()
  private var lastSequence: UInt64
  private var lastSnapshot: UInt64
  private var snapshotPending = false
  /// The snapshot's mark came out of the ring: what it saw is in this group or on the disk.
  private var snapshotArrived = false
  /// A newer one is wanted when the one on its way is stored. One at a time: the core writes into one buffer.
  private var snapshotAgain = false
  /// Why another journal than the hub's own is written; nil in ordinary times.
  var loss: JournalLoss?
  /// The last sequence that a commit has covered.
  var lastCommitted: UInt64
  /// Failures in a row that no later attempt is known to mend.
  var hopelessFailures = 0
  private let told: Set<AlertRule>
  /// The registry's copies lack something since then.
  private var copyDue: MonotonicInstant?
  private var nextCopy: MonotonicInstant = .zero
  private var nextLook: MonotonicInstant = .zero
  private var toldHead: UInt64 = 0
  private var nextHead: MonotonicInstant = .zero
  let problems = Mutex(StoreProblems())
  private var nextUpkeep: MonotonicInstant = .zero
  private var lastTidy: MonotonicInstant = .zero
  private var nextPurge: MonotonicInstant = .zero
  private var waiters: [CheckedContinuation<Bool, Never>] = []

  init(
    writer: JournalWriter, ring: SingleProducerRing<JournalItem>, requests: JournalRequests, companions: Companions,
    core: CoreThread, wake: Wake, clock: HubClock, lastSequence: UInt64, lastSnapshot: UInt64, told: Set<AlertRule>, loss: JournalLoss?,
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
    self.told = told
    self.loss = loss
    lastCommitted = lastSequence
    store = Mutex(loss.map(StoreState.emergency) ?? .writing)
    problems.withLock { $0.accessLog = writer.accessProblem }
    self.settings = settings
    self.hooks = hooks
    self.durable = durable
    self.commitRequest = commitRequest
    self.logger = logger
  }

  /// How the store is doing, a disk that hangs included.
  var storeState: StoreState { store.withLock { $0 }.seen(busyFor: busyNanoseconds) }

  /// For how long the thread has been at the disk with one operation.
  var busyNanoseconds: Int64 {
    let since = busySince.load(ordering: .acquiring)
    return since == 0 ? 0 : clock.now().rawValue &- since
  }

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
    StoreWatch(self, told: told).start()
  }

  /// Asks the thread to end once the core has stopped and everything is committed.
  func stop() {
    stopWanted.store(true, ordering: .releasing)
    wake.ring()
  }

  // MARK: The writer thread

  private func run() {
    tellAccessHead(isDue: true)
    while true {
      let ending = stopWanted.load(ordering: .acquiring) && core.vitals.stopped.load(ordering: .acquiring)
      gather()
      if !group.isEmpty || !waiters.isEmpty {
        if isDue(ending: ending) {
          guard commit() else { return }
          tidy()
          continue
        }
      } else {
        progress.wrappingAdd(1, ordering: .relaxed)
        saveSnapshotIfReady()
        if ending && ring.depth == 0 && requests.isEmpty { return end() }
        lookAtFiles()
        tidy()
      }
      if news.takeDue(at: clock.now()) { hooks.committed(lastCommitted) }
      wake.wait(until: nextTurn().rawValue &- clock.offset, company: companyWanted)
    }
  }

  private func nextTurn() -> MonotonicInstant {
    let pulse = min(clock.now().adding(nanoseconds: Self.pulse), news.nextDue)
    guard let groupSince else { return pulse }
    return min(pulse, groupSince.adding(nanoseconds: settings.groupWindow))
  }

  /// Items that end a wait for company which has begun: no more than make a full group, and long before the way from the core is full.
  private var companyWanted: Int {
    if groupSince == nil || isUrgent { return 0 }
    return max(1, min(settings.groupMax - group.entries.count, ring.capacity / 8))
  }

  /// Takes what waits, up to a full group.
  private func gather() {
    while group.entries.count < settings.groupMax, let item = ring.pop() {
      gathered += 1
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
    if entry.mustBeStoredAtOnce {
      isUrgent = true
      news.cannotWait()
    }
    if case .registry = entry.payload { copyDue = copyDue ?? clock.now() }
  }

  private func append(_ outcome: Outcome) {
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
  private func appendNextOutcome() {
    var looks = 0
    while true {
      if let item = ring.pop() {
        gathered += 1
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
        published()
        return true
      case .retry(let milliseconds):
        if mustMakeWay { leaveJournal(failure) } else { pause(milliseconds) }
      case .giveUp:
        hopelessFailures += 1
        if hopelessFailures < Self.hopelessFailuresMax { pause(StoreState.retryMilliseconds) } else { leaveJournal(failure) }
      }
      progress.wrappingAdd(1, ordering: .relaxed)
      // Told to end while the disk fails: what is not durable has not been acknowledged, and comes again.
      if stopWanted.load(ordering: .acquiring) { return false }
    }
  }

  /// The way from the core is so full that the core would soon stand: alarms go before the journal's being in one piece. Routine
  /// values are refused from half of it on, so that what fills it to here are calls for help and what follows them.
  private var mustMakeWay: Bool {
    loss?.emergencyPath == nil && ring.depth >= ring.capacity / 4 * 3 && !stopWanted.load(ordering: .acquiring)
  }

  /// One attempt, in files that still have their names. Where they have not, another journal takes the group.
  private func commitInPlace() throws(JournalError) -> CommitReport {
    var standing = writer.standing()
    if standing == .inPlace {
      let report = try writer.commit(group)
      standing = writer.standing()
      if standing == .inPlace { return report }
    }
    goOn(after: standing)
    return try writer.commit(group)
  }

  /// Between commits, once a second: a journal that is taken away is told of though nothing comes in.
  private func lookAtFiles() {
    let now = clock.now()
    if now < nextLook { return }
    // A little less than a pulse, so that each pulse looks.
    nextLook = now.adding(nanoseconds: Self.pulse / 10 * 9)
    atDisk {
      let standing = writer.standing()
      if standing != .inPlace { goOn(after: standing) }
    }
  }

  /// Marks the time, so that others see how long the disk takes.
  func atDisk<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    busySince.store(max(1, clock.now().rawValue), ordering: .releasing)
    defer { busySince.store(0, ordering: .releasing) }
    return try body()
  }

  /// The last that this thread does: what a start without the journal needs is complete, and all of it lies in one file.
  private func end() {
    atDisk {
      refreshCopies()
      writer.checkpointIfIdle()
    }
    tellAccessHead(isDue: true)
  }

  /// Lets the disk rest. The doorbell does not cut it short: under load it rings all the time.
  func pause(_ milliseconds: Int) {
    let end = clock.now().adding(nanoseconds: Int64(milliseconds) * 1_000_000)
    while clock.now() < end, !stopWanted.load(ordering: .acquiring) { usleep(20_000) }
  }

  /// Everything in the group is on the disk: say so to everybody who waited.
  private func published() {
    group.removeAll()
    isUrgent = false
    groupSince = nil
    lastCommitted = lastSequence
    // Before those who wait hear of it: they may count.
    commits.wrappingAdd(1, ordering: .relaxed)
    durable.advance(to: lastSequence, survives: loss?.isDurable ?? true)
    for waiter in waiters { waiter.resume(returning: true) }
    waiters.removeAll(keepingCapacity: true)
    lastTidy = clock.now()
    progress.wrappingAdd(1, ordering: .relaxed)
    news.committed(at: lastTidy)
    if news.takeDue(at: lastTidy) { hooks.committed(lastSequence) }
    // The core may have stopped because the ring was full. It was at no time fuller than what was taken from it since and what is in
    // it now.
    if gathered + ring.depth > ring.capacity / 4 { core.wake.ring() }
    gathered = 0
    saveSnapshotIfReady()
    atDisk { writer.checkpointIfNeeded() }
    logBytes.store(writer.logBytes, ordering: .relaxed)
    tellAccessHead(isDue: false)
  }

  /// Writes where the access log ends to the system's log, which the hub cannot rewrite: a log that is shortened or made anew later
  /// does not fit it. `knutepunkt audit verify --head` compares.
  private func tellAccessHead(isDue: Bool) {
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

  @discardableResult func change(_ transition: (inout StoreState) -> StoreState.Action) -> StoreState.Action {
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

  /// Asks the core for a snapshot when it is time, and stores one when everything that it saw is committed: entries, and
  /// also what deadlines decided after the last of them, which nobody would decide again after a restart.
  private func saveSnapshotIfReady() {
    if snapshotPending {
      guard snapshotArrived, group.isEmpty else { return }
      snapshotArrived = false
      let sequence = core.vitals.snapshotSequence.load(ordering: .relaxed)
      core.withSnapshot { bytes in
        do {
          try atDisk { () throws(JournalError) in try writer.saveSnapshot(Array(bytes), sequence: sequence, wall: clock.wall()) }
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

  func requestSnapshot() {
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
    purge()
    if let copyDue, now >= max(nextCopy, copyDue.adding(nanoseconds: Self.copyDelay)) {
      self.copyDue = nil
      atDisk { refreshCopies() }
    }
    if now < lastTidy.adding(nanoseconds: Self.idleBeforeTidy) { return }
    lastTidy = now
    atDisk { writer.checkpointIfIdle() }
    logBytes.store(writer.logBytes, ordering: .relaxed)
  }

  /// Brings the copies of the registry up to date; again no sooner than twenty times as long as it took.
  func refreshCopies() {
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

  /// A bounded piece of what is too old: while there is more, for a tenth of the time; else once an hour.
  private func purge() {
    let now = clock.now()
    if now < nextPurge { return }
    let wall = clock.wall()
    let limits = RetentionLimits(
      samplesBefore: wall.adding(milliseconds: -settings.retentionMilliseconds),
      deliveriesBefore: wall.adding(milliseconds: -settings.retentionMilliseconds))
    do {
      let report = try atDisk { () throws(JournalError) in try writer.purge(limits) }
      let took = clock.now().rawValue &- now.rawValue
      nextPurge = report.isDone ? now.adding(seconds: 3_600) : clock.now().adding(nanoseconds: max(Self.purgePause, took &* 9))
    } catch {
      logger.warning("old records could not be removed", metadata: ["reason": "\(error)"])
      nextPurge = now.adding(seconds: 3_600)
    }
  }
}
