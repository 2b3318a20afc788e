// What is said while a journal of an older version is brought up to date at a start: in the log, and to whoever waits for the start.

import JournalValues
import Logging
import Synchronization

/// Thread-safe; used by the one that opens the journal.
final class UpgradeNews: Sendable {
  /// Between two lines in the log.
  static let logInterval = Duration.seconds(10)
  /// Between two words to whoever waits.
  static let busyInterval = Duration.milliseconds(500)

  private let logger: Logger
  private let busy: @Sendable (String) -> Void
  private let said = Mutex(Said())

  private struct Said {
    var version = 0
    var logged = ContinuousClock.now
    var told: ContinuousClock.Instant?
  }

  init(logger: Logger, busy: @escaping @Sendable (String) -> Void) {
    self.logger = logger
    self.busy = busy
  }

  /// After each step.
  @Sendable func step(_ progress: UpgradeProgress) {
    let now = ContinuousClock.now
    let (isForLog, isForBusy) = said.withLock { said in
      let isForLog = progress.version != said.version || progress.percent >= 100 || now - said.logged >= Self.logInterval
      let isForBusy = said.told.map { now - $0 >= Self.busyInterval } ?? true
      said.version = progress.version
      if isForLog { said.logged = now }
      if isForBusy { said.told = now }
      return (isForLog, isForBusy)
    }
    if isForLog {
      logger.notice(
        "the journal is brought up to date",
        metadata: ["version": "\(progress.version)", "part": "\(progress.part)", "percent": "\(progress.percent)"])
    }
    if isForBusy { busy("\(progress)") }
  }
}
