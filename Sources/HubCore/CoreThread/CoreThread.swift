// The realtime core's own thread: it blocks on a descriptor, takes entries from the intake in order, lets the core decide
// and passes on what it decided. It writes no file, takes no lock and waits for nobody: the journal ring takes entries
// and outcomes for the disk, the alarm ring takes what people must hear now.
//
// The order in the journal ring is the order of decision: outcomes of deadlines that passed before an entry, the entry,
// its own outcomes. Replaying the entries gives the same outcomes again.

import CLinux
import CoreRings
import CoreState
import Foundation
package import HubRuntime
package import Logging
import RealtimeCore
import Synchronization
package import VitalSigns

/// One value on its way to the disk.
package enum JournalItem: Sendable, BitwiseCopyable {
  /// An entry. Exactly `outcomes` outcomes follow it, which belong into the same transaction.
  case entry(IntakeEntry, outcomes: Int)
  /// One of an entry's outcomes, or a deadline's outcome that stands alone.
  case outcome(Outcome)
  /// A snapshot is ready that saw everything before this place. It may be stored once all of that is.
  case snapshot
}

/// Whether the writer must be woken for what was pushed, or may wait for more.
private enum JournalNews: Int, Comparable {
  case nothing, routine, urgent
  static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IntakeEntry {
  /// Whether the entry's commit waits for no company: somebody calls for help, somebody waits to be registered, or what is told from
  /// here on is told under ids that must be known again.
  var mustBeStoredAtOnce: Bool {
    switch payload {
    case .registry, .clock: true
    default: isAlarm
    }
  }
}

/// Owns the core. All members but `vitals`, `wake` and the rings belong to the core thread.
///
/// @unchecked Sendable: `core` and `outcomes` are touched by the core thread alone after `start()`; `snapshotBytes` is
/// written by it only while `snapshotWanted` is set and read by the journal writer only while it is clear. Once `vitals.stopped` is set
/// the thread touches nothing any more, and the journal writer reads `core`.
package final class CoreThread: @unchecked Sendable {
  package struct Settings: Sendable {
    package var wantsRealtime: Bool
    /// SCHED_FIFO priority, 1…99.
    package var priority: Int32

    package init(wantsRealtime: Bool, priority: Int32) {
      self.wantsRealtime = wantsRealtime
      self.priority = priority
    }
  }

  /// Outcomes that one call of the core can give; see `OutcomeBuffer`.
  static let outcomesMax = 512
  /// Room that the journal ring must have before the core is asked anything: a full buffer of outcomes, the entry that
  /// they belong to, and a snapshot's mark. With less the core stands until the writer has caught up; `Intake` refuses
  /// routine values long before, so that even a disk which stands still for minutes does not get here.
  static let journalReserve = outcomesMax + 2
  /// The core looks at the clock at least this often, so that its life can be seen. Nanoseconds.
  package static let pulse: Int64 = 500_000_000
  /// Entries between two looks at the clock. Bounds how late a deadline can be under full load: 256 × < 1 µs.
  package static let batch = 256

  package let vitals: CoreVitals
  package let wake: Wake
  private let thread = WorkerThread(name: "core", stackBytes: 1 << 20)
  private var core: RealtimeCore
  private var outcomes: OutcomeBuffer
  /// An entry that was taken from the intake and is not decided yet, because the journal ring filled up with what deadlines before
  /// it gave.
  private var held: IntakeEntry?
  /// What was pushed for the writer and not told yet.
  private var journalNews = JournalNews.nothing
  private let intake: IntakeRing
  private let absence: AbsenceWatch
  private let journal: SingleProducerRing<JournalItem>
  private let alarms: SingleProducerRing<Outcome>
  private let alarmRoom: AlarmRoom
  private let journalWake: Wake
  private let alarmWake: Wake
  private let clock: HubClock
  private let settings: Settings
  private let snapshotBytes: UnsafeMutableRawBufferPointer

  init(
    core: consuming RealtimeCore, vitals: CoreVitals, intake: IntakeRing, absence: AbsenceWatch, wake: Wake, journal: JournalWay,
    alarms: AlarmWay, clock: HubClock,
    settings: Settings
  ) {
    snapshotBytes = UnsafeMutableRawBufferPointer.allocate(byteCount: core.copySize, alignment: 64)
    self.core = core
    self.outcomes = OutcomeBuffer(capacity: Self.outcomesMax)
    self.vitals = vitals
    self.intake = intake
    self.absence = absence
    self.wake = wake
    self.journal = journal.ring
    journalWake = journal.wake
    self.alarms = alarms.ring
    alarmRoom = alarms.room
    alarmWake = alarms.wake
    self.clock = clock
    self.settings = settings
  }

  deinit { snapshotBytes.deallocate() }

  /// Starts the thread. Call once.
  package func start(logger: Logger) {
    thread.start { [self] in
      enterRealtime(logger: logger)
      run()
      vitals.stopped.store(true, ordering: .releasing)
      journalWake.ring()
    }
  }

  /// Asks the thread to end after the entries that are already in the intake.
  package func stop() {
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
    while true {
      switch turn() {
      case .again: continue
      case .wait(let until): wake.wait(until: until.rawValue &- clock.offset)
      case .ended: return
      }
    }
  }

  /// What comes after a turn.
  package enum Turn {
    /// Another turn at once: there was more than one takes.
    case again
    /// Until then, or until somebody rings.
    case wait(until: MonotonicInstant)
    /// It was told to stop, and everything is decided.
    case ended
  }

  /// One round: decides a batch of entries and what is due. Never waits. Realtime-safe.
  package func turn() -> Turn {
    let stopping = vitals.stopWanted.load(ordering: .acquiring)
    absence.look(at: clock.now(), wall: clock.wall())
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: .clock(ClockAnchor(utcOffsetSeconds: 0)))
    var taken = 0
    var oldest = entry.instant
    while taken < Self.batch, hasRoom, takeNext(into: &entry) {
      guard decide(&entry) else { break }
      if taken == 0 { oldest = entry.instant }
      taken += 1
    }
    let now = clock.now()
    if taken > 0 { vitals.decisions.note(now.rawValue &- oldest.rawValue) }
    let isUpToDate = held == nil && passDeadlines(until: now)
    ringForJournal()
    takeSnapshotIfWanted()
    vitals.waitsForDisk.store(!hasRoom, ordering: .relaxed)
    vitals.lastTurn.store(now.rawValue, ordering: .relaxed)
    vitals.turns.wrappingAdd(1, ordering: .relaxed)
    let counters = core.counters
    vitals.lastSequence.store(core.lastSequence, ordering: .relaxed)
    vitals.openAlerts.store(counters.openAlerts, ordering: .relaxed)
    vitals.late.store(counters.late, ordering: .relaxed)
    vitals.utcOffsetSeconds.store(core.utcOffsetSeconds, ordering: .relaxed)
    if taken == Self.batch { return .again }
    if stopping && intake.depth == 0 && held == nil { return .ended }
    // With the journal ring full, a deadline in the past must not be waited for: the loop would spin. The writer rings `wake`
    // after each commit.
    let pulse = now.adding(nanoseconds: Self.pulse)
    return .wait(until: isUpToDate ? min(core.nextDeadline, pulse) : pulse)
  }

  private var hasRoom: Bool { journal.room >= Self.journalReserve }

  /// The entry that is held, or the next of the intake.
  private func takeNext(into entry: inout IntakeEntry) -> Bool {
    guard let held else { return intake.pop(into: &entry) }
    entry = held
    self.held = nil
    return true
  }

  /// Decides one entry: deadlines before it, the entry, what it causes. False when the journal ring is full: then the entry is
  /// held.
  private func decide(_ entry: inout IntakeEntry) -> Bool {
    guard entry.endsAbsence || passDeadlines(until: entry.instant), take(&entry) else {
      held = entry
      return false
    }
    dispatch()
    // What fell due while the hub was away belongs before the anchor that ends it, as what any other entry finds due does.
    if entry.endsAbsence { record() }
    _ = journal.push(.entry(entry, outcomes: outcomes.count))
    journalNews = max(journalNews, entry.mustBeStoredAtOnce ? .urgent : .routine)
    record()
    vitals.processed.wrappingAdd(1, ordering: .relaxed)
    if case .observation = entry.payload { vitals.observations.wrappingAdd(1, ordering: .relaxed) }
    return true
  }

  /// Gives an entry to the core, with what the core still decides before it. False when the journal ring is full.
  private func take(_ entry: inout IntakeEntry) -> Bool {
    while true {
      guard hasRoom else { return false }
      if core.ingest(&entry, into: &outcomes) { return true }
      dispatch()
      record()
    }
  }

  /// Lets the core decide what is due before `instant`. False when some of it is left: a full journal ring postpones deadlines and
  /// loses nothing that they decide.
  private func passDeadlines(until instant: MonotonicInstant) -> Bool {
    var finished = false
    while !finished {
      guard hasRoom else { return false }
      finished = core.advance(to: instant, into: &outcomes)
      dispatch()
      record()
    }
    return true
  }

  /// Tells what people must hear at once, before the journal has it.
  private func dispatch() {
    var rang = false
    for index in 0..<outcomes.count {
      let outcome = outcomes[index]
      if case .alert(let transition) = outcome.payload, transition.kind == .notified || transition.mustBeSent {
        if alarmRoom.take(outcome) {
          if alarms.push(outcome) {
            rang = true
            continue
          }
          alarmRoom.give(outcome)
        }
        vitals.alarmsUndispatched.wrappingAdd(1, ordering: .relaxed)
      }
    }
    if rang { alarmWake.ring() }
  }

  private func record() {
    if outcomes.isEmpty { return }
    var news = JournalNews.routine
    for index in 0..<outcomes.count {
      let outcome = outcomes[index]
      if case .alert(let transition) = outcome.payload, transition.mustBeSent { news = .urgent }
      _ = journal.push(.outcome(outcome))
    }
    outcomes.removeAll()
    journalNews = max(journalNews, news)
    // An alarm's way to the disk begins now. Of routine values the writer is told once a turn.
    if news == .urgent { ringForJournal() }
  }

  /// Tells the writer what was pushed since the last time.
  private func ringForJournal() {
    switch journalNews {
    case .nothing: return
    case .routine: journalWake.ring(routine: journal.depth)
    case .urgent: journalWake.ring()
    }
    journalNews = .nothing
  }

  private func takeSnapshotIfWanted() {
    guard vitals.snapshotWanted.load(ordering: .acquiring), journal.room > 0 else { return }
    core.copyState(into: snapshotBytes)
    vitals.snapshotSequence.store(core.lastSequence, ordering: .relaxed)
    vitals.snapshotWanted.store(false, ordering: .releasing)
    _ = journal.push(.snapshot)
    journalWake.ring()
  }

  /// The state as it was copied last, to be stored. Only for the journal writer, and only while `snapshotWanted` is clear.
  func copiedState() throws(SnapshotError) -> [UInt8] { try RealtimeCore.snapshot(ofCopy: snapshotBytes) }

  /// The state in which the thread ended, to be stored, and the last entry that it saw. Only when `vitals.stopped` is set.
  func lastState() throws(SnapshotError) -> (state: [UInt8], sequence: UInt64) { (try core.snapshot(), core.lastSequence) }
}
