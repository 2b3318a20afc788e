// When the journal is damaged, the hub goes on at once in an emergency journal; meanwhile this reads the damaged one into a fresh one, on
// a thread of its own, once in a run. The next start goes on from the fresh one and takes over what came in meanwhile.

import CoreAPI
import Foundation
import HubConfiguration
import HubCore
import HubRuntime
import Journal
import JournalCopies
import Logging
import Synchronization
import VitalSigns

/// Reads a damaged journal into a fresh one. Any thread.
final class SalvageTurn: Sendable {
  private let parts: CoreParts
  private let logger: Logger
  private let hasBegun = Atomic(false)

  init(parts: CoreParts, logger: Logger) {
    self.parts = parts
    self.logger = logger
  }

  /// Looks once a pulse whether there is something to do. Returns at once.
  func look() {
    guard case .emergency(let loss) = parts.pipeline.writer.storeState, loss.isCorrupt, loss.isDurable,
      hasBegun.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
    else { return }
    WorkerThread(name: "salvage", stackBytes: 2 << 20).start { [self] in
      // The emergency's journal is on the same disk, and goes first.
      setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
      run(loss)
    }
  }

  private func run(_ loss: JournalLoss) {
    let hub = parts.configuration.hub
    let places = JournalOpening.places(of: parts.configuration)
    let damaged = DamagedJournal(journal: loss.path, controller: hub.controller)
    let act = JournalRestore.Act(
      actor: "knutepunkt", reason: "the journal is damaged", now: parts.clock.wall(), program: KnutepunktVersion.current)
    logger.notice("what can be read of the damaged journal is being copied; alarms go on", metadata: ["path": "\(loss.path)"])
    do {
      let outcome = try damaged.replace(act, known: places.knownThrough)
      say(Self.text(outcome, damaged))
    } catch {
      let next = "Stop the hub, and use knutepunkt salvage or a backup (docs/backup.md)"
      say("the damaged journal could not be exchanged for a fresh one: \(error). \(next)")
    }
  }

  private func say(_ text: String) {
    logger.critical("the damaged journal was looked at", metadata: ["outcome": "\(text)"])
    parts.add(note: text)
  }

  private static func text(_ outcome: DamagedJournal.Outcome, _ damaged: DamagedJournal) -> String {
    switch outcome {
    case .replaced(let report, let kept):
      "the damaged journal was read into a fresh one, which is in its place (\(report.sentence)); the damaged one is kept in \(kept). Restart knutepunkt-core at a quiet moment: it goes on from there. Tell who answers for the record"
    case .leftBeside(let report):
      "the damaged journal was read into \(damaged.fresh): \(report.sentence), and people, plans, alerts or the newest entries may be among what is lost. The hub goes on in the emergency journal, which knows them from the copies of the registry; restore a backup, or put that file in the journal's place (docs/backup.md)"
    case .alreadyBeside:
      "\(damaged.fresh) is there from an earlier run and was left as it is: restore a backup, or put that file in the journal's place (docs/backup.md)"
    case .again(let kept):
      "the journal is damaged for the second time within a day (\(kept) is the first): look for what damages it, then use knutepunkt salvage or a backup (docs/backup.md)"
    }
  }

  /// Before the journal is opened.
  static func finishCutOff(journal: String, controller: String, logger: Logger) {
    guard DamagedJournal(journal: journal, controller: controller).finishCutOff() else { return }
    logger.notice("the journal that was read from a damaged one is in its place now", metadata: ["path": "\(journal)"])
  }
}
