// The journal is lost while the hub runs: its file was deleted, renamed, replaced or cut, or it cannot be read or written any
// more. Nothing is acknowledged until a commit is in a file that has a name. All of it happens on the writer's thread; alarms go
// out meanwhile.

import Foundation
import Journal
package import JournalValues
import Logging
import Synchronization
package import VitalSigns

extension JournalWriterThread {
  /// For how long people see that the journal was lost when it could be written anew at once. Nanoseconds.
  static let mentionNanoseconds: Int64 = 60_000_000_000

  /// The files have no names, or others have them.
  package func goOn(after standing: JournalStanding) {
    guard let problem = standing.problem else { return }
    var loss = JournalLoss(kind: .removed, path: writer.path, detail: problem)
    // Told before anything else is tried: a copy of a large journal takes its time.
    announce(loss)
    do {
      let next = try writer.rescued()
      writer = next
      self.loss = self.loss.flatMap { $0.emergencyPath == nil ? nil : $0 }
      // First, so that no screen is green between the two.
      problems.withLock { $0.rescuedUntil = clock.now().adding(nanoseconds: Self.mentionNanoseconds) }
      change { $0.committed(isShedding: next.isShedding, loss: self.loss) }
      logger.critical("the journal was written anew from the open file; nothing is lost", metadata: ["reason": "\(problem)"])
      taken()
    } catch {
      logger.error("the open journal cannot be written anew", metadata: ["reason": "\(error)"])
      loss.path = writer.path
      begin(loss)
    }
  }

  /// The journal cannot be read or written, whatever is tried.
  func leaveJournal(_ error: JournalError) {
    // An emergency journal that fails too is left only for one that is not in the same folder; then there is nothing better than trying.
    if loss?.emergencyPath != nil { return pause(Self.hopelessMilliseconds) }
    begin(JournalLoss(error, path: writer.path))
  }

  private func announce(_ loss: JournalLoss) {
    change { state in
      state = .emergency(loss)
      return .proceed
    }
  }

  /// Goes on in a new journal that knows the registry and the open alerts.
  private func begin(_ loss: JournalLoss) {
    do {
      let emergency = try hooks.openEmergency(loss, lastCommitted).get()
      emergency.writer.takeOpenAlerts(from: writer)
      writer = emergency.writer
      self.loss = emergency.loss
      announce(emergency.loss)
      hopelessFailures = 0
      taken()
    } catch {
      logger.error("no journal for the emergency can be made", metadata: ["reason": "\(error)"])
      pause(Self.hopelessMilliseconds)
    }
  }

  /// Another file is the journal.
  private func taken() {
    hooks.journalMoved(writer.path)
    refreshCopies()
    // The core's whole state, so that a restart needs nothing of the lost file.
    requestSnapshot()
  }
}

/// What is wrong beside the store's state; any thread.
package struct StoreProblems: Sendable {
  /// Copies of the registry that cannot be written.
  var copies: [String] = []
  /// What is wrong with the access log's end.
  var accessLog: String?
  /// The journal was lost and written anew; people are told until then.
  var rescuedUntil: MonotonicInstant?
}

extension JournalWriterThread {
  /// The journal was lost and written anew less than a minute ago.
  package func wasRescued(at now: MonotonicInstant) -> Bool { problems.withLock { $0.rescuedUntil }.map { now < $0 } ?? false }

  /// What somebody should know of the store, in words.
  package var notes: [String] {
    let problems = problems.withLock { $0 }
    var notes: [String] = []
    if let problem = problems.accessLog {
      notes.append("\(problem): keep the journal as it is and tell who is responsible for information security; knutepunkt audit verify")
    }
    for path in problems.copies {
      notes.append(
        "no copy of the registry can be written to \(path): if the journal is lost, the hub may know nobody; make that folder writable")
    }
    let bytes = logBytes.load(ordering: .relaxed)
    if bytes > StoreWatch.logBytesMax / 4 {
      notes.append(
        "the journal's log has \(bytes >> 20) MiB: another program has stood in the middle of reading it for long; fuser shows which")
    }
    return notes
  }
}
