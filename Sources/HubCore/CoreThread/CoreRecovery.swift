// From the journal to a core that knows everything again: the newest snapshot that can be read, then every entry after it. The order of what
// is asked, and what follows from each answer, stands in docs/state.md.
//
// A replay is exact or it is none. It is exact when it gives every transition of an alert again that was told after the snapshot, and every
// counter of alert ids stands where the journal says. Else the core is rebuilt: people, plans and values as far as the replay gives them,
// the open alerts from the journal, and ids from above every one that was ever given, in an epoch of their own. It says so, and is never taken for exact.

import CoreState
import HubConfiguration
import Journal
import JournalValues
import RealtimeCore
import VitalSigns

/// One recovery. A value that is used once.
struct CoreRecovery {
  let writer: JournalWriter
  let recovery: JournalRecovery
  let openAlerts: () throws(JournalError) -> [AlertRow]
  /// With room for what is there.
  private(set) var configuration: CoreConfiguration
  private(set) var report = CoreBuilder.Report()

  init(
    _ configuration: CoreConfiguration, writer: JournalWriter, recovery: JournalRecovery,
    openAlerts: @escaping () throws(JournalError) -> [AlertRow]
  ) {
    self.configuration = configuration
    self.writer = writer
    self.recovery = recovery
    self.openAlerts = openAlerts
  }

  /// The state after the last entry of the journal. Blocks on the disk.
  mutating func run() throws(JournalError) -> RealtimeCore {
    var core = restored()
    let start = (sequence: core.lastSequence, instant: core.now)
    let told = try writer.transitions(after: start.sequence, start.instant)
    let decided = try replay(into: &core)
    report.doubt = doubt(core, since: start, told, decided)
    report.isExact = report.doubt == nil
    let decider = decider
    if report.isExact {
      report.decidedUntil = max(core.now, told.outcomes.last?.instant ?? .zero)
      let known = Dictionary(uniqueKeysWithValues: recovery.episodes.map { (Counter($0), $0.next) })
      try? writer.noteEpisodes(core.episodes.filter { known[Counter($0), default: 0] < $0.next })
      if recovery.decider != decider { try? writer.noteDecider(decider) }
      return core
    }
    try rebuild(&core)
    if CoreBuilder.keepSnapshot(of: core, writer, wall: recovery.lastWall) {
      try? writer.noteEpisodes(core.episodes)
      try? writer.noteDecider(decider)
    }
    return core
  }

  private struct Counter: Hashable {
    let holder: EpisodeHolder
    let number: UInt32
    let counter: UInt8

    init(_ episode: AlertEpisode) { (holder, number, counter) = (episode.holder, episode.number, episode.counter) }
  }

  /// Who decides from now on: this program with these sizes.
  private var decider: String {
    "\(KnutepunktVersion.current) \(configuration.patientsMax) \(configuration.devicesMax) \(configuration.alertsMax)"
  }

  // MARK: The snapshot

  /// The core as the newest readable snapshot has it, with room for it; else an empty one, with room for who is registered.
  private mutating func restored() -> RealtimeCore {
    let asked = configuration
    for snapshot in recovery.snapshots {
      configuration = asked
      report.grown = []
      // Each attempt makes one size large enough.
      for _ in 0...CoreSize.allCases.count {
        do throws(SnapshotError) {
          let core = try RealtimeCore(configuration, snapshot: snapshot.state)
          report.fromSnapshot = snapshot.sequence
          return core
        } catch .doesNotFit(let size, let needed, let configured) {
          grow(size, needed: needed, configured: configured)
        } catch {
          report.refusals.append("\(error)")
          break
        }
      }
    }
    configuration = asked
    report.grown = []
    for (size, needed, configured) in [
      (CoreSize.patientsMax, recovery.registeredPatients, configuration.patientsMax),
      (.devicesMax, recovery.registeredDevices, configuration.devicesMax),
    ] where needed > configured { grow(size, needed: needed, configured: configured) }
    return RealtimeCore(configuration)
  }

  /// Nobody is dropped because a number in a file is too small: this run has the room, and a few places for newcomers.
  private mutating func grow(_ size: CoreSize, needed: Int, configured: Int) {
    report.grown.append(CoreBuilder.Growth(size: size, needed: needed, configured: configured))
    configuration.set(size, to: needed + max(8, needed / 4))
  }

  // MARK: The replay

  /// Takes every entry after the state; gives what was decided about alerts. It was decided, stored and told before, so it goes nowhere.
  private mutating func replay(into core: inout RealtimeCore) throws(JournalError) -> [Outcome] {
    var outcomes = OutcomeBuffer(capacity: CoreThread.outcomesMax)
    var decided: [Outcome] = []
    var replayed: UInt64 = 0
    try writer.replay(after: core.lastSequence) { stored in
      var entry = stored
      var isTaken = false
      while !isTaken {
        isTaken = core.ingest(&entry, into: &outcomes)
        outcomes.forEach { if $0.isTransition { decided.append($0) } }
        outcomes.removeAll()
      }
      replayed += 1
    }
    report.replayed = replayed
    return decided
  }

  /// Why the state is not exactly what it was; nil: it is.
  private func doubt(
    _ core: borrowing RealtimeCore, since start: (sequence: UInt64, instant: MonotonicInstant), _ told: ToldTransitions,
    _ decided: [Outcome]
  ) -> RecoveryDoubt? {
    if report.fromSnapshot == 0, recovery.purgedThrough > 0 { return .purged(through: recovery.purgedThrough) }
    if told.shed > 0 { return .shed(entries: told.shed) }
    // Nothing remains to be decided after a clean stop: then it does not matter who decided before.
    if report.replayed > 0, let before = recovery.decider, before != decider { return .decidedByAnother(before) }
    if report.replayed > 0, let before = recovery.lastRun?.version, before != KnutepunktVersion.current {
      return .decidedByAnother(before)
    }
    // The journal takes no decision on an entry below its last number.
    if core.lastSequence < recovery.lastSequence { return .liftedNumbers(to: recovery.lastSequence) }
    // Some of what was told at the snapshot's own instant may have been decided before it.
    let before = told.outcomes.prefix { $0.cause == start.sequence && $0.instant == start.instant }.count
    var first: RecoveryDoubt?
    for seen in stride(from: before, through: 0, by: -1) {
      let doubt = doubt(core, Array(told.outcomes.dropFirst(seen)), decided)
      if doubt == nil { return nil }
      first = first ?? doubt
    }
    return first
  }

  private func doubt(_ core: borrowing RealtimeCore, _ told: [Outcome], _ decided: [Outcome]) -> RecoveryDoubt? {
    if let different = zip(told, decided).first(where: { !$0.isSameTransition(as: $1) }) { return .differs(at: different.1.cause) }
    if told.count < decided.count { return .differs(at: decided[told.count].cause) }
    return doubtAfterLastEntry(core, Array(told.dropFirst(decided.count)))
  }

  /// What deadlines decided after the last entry is not in the replay: the core decides it again when it runs, and the journal knows
  /// it by its content. So a copy of the core must give it; and only then do the counters stand where the journal says.
  private func doubtAfterLastEntry(_ core: borrowing RealtimeCore, _ told: [Outcome]) -> RecoveryDoubt? {
    guard let last = told.last else { return lowCounter(core).map { .counter($0) } }
    guard var copy = (try? core.snapshot()).flatMap({ try? RealtimeCore(configuration, snapshot: $0) }) else {
      return .differs(at: core.lastSequence)
    }
    var outcomes = OutcomeBuffer(capacity: CoreThread.outcomesMax)
    var decided: [Outcome] = []
    var isDone = false
    while !isDone {
      isDone = copy.advance(to: last.instant, into: &outcomes)
      outcomes.forEach { if $0.isTransition { decided.append($0) } }
      outcomes.removeAll()
    }
    guard decided.count >= told.count, zip(told, decided).allSatisfy({ $0.isSameTransition(as: $1) }) else {
      return .differs(at: core.lastSequence)
    }
    return lowCounter(copy).map { .counter($0) }
  }

  private func lowCounter(_ core: borrowing RealtimeCore) -> AlertEpisode? {
    for episode in recovery.episodes where core.next(episode) < episode.next { return episode }
    return nil
  }

  // MARK: The rebuilding

  private mutating func rebuild(_ core: inout RealtimeCore) throws(JournalError) {
    core.forgetAlerts(episodesFloor: recovery.alertsEver)
    core.raise(to: recovery.episodes)
    core.goOn(after: recovery.lastSequence, idEpoch: max(1, UInt32(truncatingIfNeeded: writer.around.random())))
    for row in try openAlerts() {
      core.adopt(row.transition, patient: row.patient, device: row.device)
      report.adopted += 1
    }
  }
}

/// Why a state is not taken for exact.
enum RecoveryDoubt: Equatable {
  /// No snapshot can be read, and entries have been removed since.
  case purged(through: UInt64)
  /// The disk was full: entries that the core saw are not there.
  case shed(entries: Int)
  /// Another version, or other sizes, decided what came after the snapshot.
  case decidedByAnother(String)
  /// The journal gives its next number from above this, and its last entry stands below: after a restore.
  case liftedNumbers(to: UInt64)
  /// The replay gives something else about an alert than what was told.
  case differs(at: UInt64)
  /// A counter of alert ids stands below what was given.
  case counter(AlertEpisode)
}

extension RecoveryDoubt: CustomStringConvertible {
  var description: String {
    switch self {
    case .purged(let through): "no snapshot can be read, and entries up to \(through) are no longer all there"
    case .shed(let entries): "\(entries) entries after the snapshot were not stored because the disk was full"
    case .decidedByAnother(let who): "another version or other sizes decided what came after the snapshot: \(who)"
    case .liftedNumbers(let last): "numbers go on from above \(last), and the last entry stands below"
    case .differs(let sequence): "the replay decides otherwise than what was told, at entry \(sequence)"
    case .counter(let episode): "a counter of alert ids is lower than what was given: \(episode.holder) \(episode.number)"
    }
  }
}

extension Outcome {
  fileprivate var isTransition: Bool { if case .alert = payload { true } else { false } }

  /// Whether both say the same of the same alert. The journal does not keep the counter behind the id.
  fileprivate func isSameTransition(as other: Outcome) -> Bool {
    guard case .alert(var mine) = payload, case .alert(var theirs) = other.payload else { return false }
    mine.episode = nil
    theirs.episode = nil
    return mine == theirs && cause == other.cause && instant == other.instant && patient == other.patient && device == other.device
  }
}

extension CoreConfiguration {
  fileprivate mutating func set(_ size: CoreSize, to room: Int) {
    switch size {
    case .patientsMax: patientsMax = min(room, 1_000_000)
    case .devicesMax: devicesMax = min(room, 4_000_000)
    case .alertsMax: alertsMax = min(room, 1_000_000)
    }
  }
}
