// The realtime core's own thread: it blocks on a descriptor, takes entries from the intake in order, lets the core decide
// and passes on what it decided. It writes no file, takes no lock and waits for nobody: the journal ring takes entries
// and outcomes for the disk, the alarm ring takes what people must hear now.
//
// The order in the journal ring is the order of decision: outcomes of deadlines that passed before an entry, the entry,
// its own outcomes. Replaying the entries gives the same outcomes again.

import CLinux
import Foundation
import Logging
import RealtimeCore
import Synchronization
import VitalSigns

/// One value on its way to the disk.
enum JournalItem: Sendable, BitwiseCopyable {
  /// Followed by exactly this many outcomes, which belong into the same transaction.
  case entry(IntakeEntry, outcomes: Int)
  /// One of an entry's outcomes, or a deadline's that stands alone.
  case outcome(Outcome)
}

/// Owns the core. All members but `vitals`, `wake` and the rings belong to the core thread.
///
/// @unchecked Sendable: `core` and `outcomes` are touched by the core thread alone after `start()`; `snapshotBytes` is
/// written by it only while `snapshotWanted` is set and read by the journal writer only while it is clear.
final class CoreThread: @unchecked Sendable {
  struct Settings: Sendable {
    var wantsRealtime: Bool
    /// SCHED_FIFO priority, 1…99.
    var priority: Int32
  }

  /// Room that routine entries leave in the journal ring: enough for one entry and all that it can cause, many times
  /// over. When only this is left the core stops taking entries until the writer has caught up; links then see the
  /// intake fill and stop reading. The ring holds several in-flight windows of a link, so a slow disk does not get here.
  static let journalReserve = 1_024
  /// The core looks at the clock at least this often, so that its life can be seen. Nanoseconds.
  static let pulse: Int64 = 500_000_000
  /// Entries between two looks at the clock. Bounds how late a deadline can be under full load: 256 × < 1 µs.
  static let batch = 256

  let vitals = CoreVitals()
  let wake: Wake
  private var core: RealtimeCore
  private var outcomes: OutcomeBuffer
  private let intake: IntakeRing
  private let journal: SingleProducerRing<JournalItem>
  private let alarms: SingleProducerRing<Outcome>
  private let journalWake: Wake
  private let alarmWake: Wake
  private let clock: HubClock
  private let settings: Settings
  private let snapshotBytes: UnsafeMutableRawBufferPointer

  init(
    core: consuming RealtimeCore, intake: IntakeRing, journal: SingleProducerRing<JournalItem>,
    alarms: SingleProducerRing<Outcome>, wake: Wake, journalWake: Wake, alarmWake: Wake, clock: HubClock,
    settings: Settings
  ) {
    snapshotBytes = UnsafeMutableRawBufferPointer.allocate(byteCount: core.snapshotSize, alignment: 64)
    self.core = core
    self.outcomes = OutcomeBuffer(capacity: 512)
    self.intake = intake
    self.journal = journal
    self.alarms = alarms
    self.wake = wake
    self.journalWake = journalWake
    self.alarmWake = alarmWake
    self.clock = clock
    self.settings = settings
  }

  deinit { snapshotBytes.deallocate() }

  /// Starts the thread. Call once.
  func start(logger: Logger) {
    let thread = Thread { [self] in
      enterRealtime(logger: logger)
      run()
      vitals.stopped.store(true, ordering: .releasing)
      journalWake.ring()
    }
    thread.name = "core"
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Asks the thread to end after the entries that are already in the intake.
  func stop() {
    vitals.stopWanted.store(true, ordering: .releasing)
    wake.ring()
  }

  private func enterRealtime(logger: Logger) {
    guard settings.wantsRealtime else { return }
    let refusal = clinux_schedule_fifo(settings.priority)
    vitals.isRealtime.store(refusal == 0, ordering: .relaxed)
    if refusal != 0 {
      logger.notice(
        "the core runs under ordinary scheduling; allow SCHED_FIFO with LimitRTPRIO in the unit",
        metadata: ["errno": "\(refusal)"])
    }
  }

  private func run() {
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: .clock(ClockAnchor(utcOffsetSeconds: 0)))
    while true {
      let stopping = vitals.stopWanted.load(ordering: .acquiring)
      var taken = 0
      while taken < Self.batch, journal.room >= Self.journalReserve, intake.pop(into: &entry) {
        decide(&entry)
        taken += 1
      }
      let now = clock.now()
      passDeadlines(until: now)
      if taken > 0 { journalWake.ring() }
      takeSnapshotIfWanted()
      vitals.lastTurn.store(now.rawValue, ordering: .relaxed)
      vitals.turns.wrappingAdd(1, ordering: .relaxed)
      let counters = core.counters
      vitals.lastSequence.store(core.lastSequence, ordering: .relaxed)
      vitals.openAlerts.store(counters.openAlerts, ordering: .relaxed)
      vitals.late.store(counters.late, ordering: .relaxed)
      if taken == Self.batch { continue }
      if stopping && intake.depth == 0 { return }
      // Not blocked by a full journal ring for ever: the writer rings `wake` after each commit.
      let next = min(core.nextDeadline, now.adding(nanoseconds: Self.pulse))
      wake.wait(until: next.rawValue &- clock.offset)
    }
  }

  /// One entry: deadlines before it, the entry, what it causes.
  private func decide(_ entry: inout IntakeEntry) {
    passDeadlines(until: entry.instant)
    // The buffer is empty: the core never asks for more room than that for one entry.
    _ = core.ingest(&entry, into: &outcomes)
    dispatch()
    // Room is certain: `journalReserve` is larger than the entry and all that it can cause, and the loop checked it.
    _ = journal.push(.entry(entry, outcomes: outcomes.count))
    record()
    vitals.processed.wrappingAdd(1, ordering: .relaxed)
    if case .observation = entry.payload { vitals.observations.wrappingAdd(1, ordering: .relaxed) }
  }

  private func passDeadlines(until instant: MonotonicInstant) {
    var finished = false
    while !finished {
      // A full journal ring postpones deadlines rather than losing what they decide; the writer rings `wake`.
      if journal.room < Self.journalReserve / 2 { return }
      finished = core.advance(to: instant, into: &outcomes)
      dispatch()
      record()
    }
  }

  /// What people must hear, at once: before the journal has it.
  private func dispatch() {
    var rang = false
    for index in 0..<outcomes.count {
      let outcome = outcomes[index]
      if case .alert(let transition) = outcome.payload, transition.kind == .notified || transition.mustBeSent {
        if alarms.push(outcome) { rang = true } else { vitals.alarmsUndispatched.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    if rang { alarmWake.ring() }
  }

  private func record() {
    if outcomes.isEmpty { return }
    for index in 0..<outcomes.count { _ = journal.push(.outcome(outcomes[index])) }
    outcomes.removeAll()
    journalWake.ring()
  }

  private func takeSnapshotIfWanted() {
    guard vitals.snapshotWanted.load(ordering: .acquiring) else { return }
    core.writeSnapshot(into: snapshotBytes)
    vitals.snapshotSequence.store(core.lastSequence, ordering: .relaxed)
    vitals.snapshotWanted.store(false, ordering: .releasing)
    journalWake.ring()
  }

  /// The bytes of the newest snapshot. Only the journal writer, and only while `snapshotWanted` is clear.
  func withSnapshot<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(snapshotBytes))
  }
}
