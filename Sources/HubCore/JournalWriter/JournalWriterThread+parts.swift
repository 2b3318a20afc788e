// What the journal writer is made from: its settings, what it begins with, and what it tells the rest of the hub.

package import Journal
package import JournalValues
package import VitalSigns

extension JournalWriterThread {
  package struct Settings: Sendable {
    /// How long a routine value may wait for company. Nanoseconds.
    package var groupWindow: Int64
    /// Entries in one transaction; bounds its length and what one failed commit holds back.
    package var groupMax: Int
    package var snapshotEveryEntries: UInt64
    package var retentionMilliseconds: Int64

    package init(groupWindow: Int64, groupMax: Int, snapshotEveryEntries: UInt64, retentionMilliseconds: Int64) {
      self.groupWindow = groupWindow
      self.groupMax = groupMax
      self.snapshotEveryEntries = snapshotEveryEntries
      self.retentionMilliseconds = retentionMilliseconds
    }
  }

  /// What the writer tells the rest of the hub. Called on the writer thread; must return at once.
  package struct Hooks: Sendable {
    package var committed: @Sendable (_ sequence: UInt64) -> Void
    /// Everything that was decided up to this instant is in the journal. After each commit that holds something decided.
    package var stored: @Sendable (MonotonicInstant) -> Void
    /// A condition of the store begins or ends. False: nobody could be told, call again. Called on the watching thread.
    package var tell: @Sendable (HubCondition) -> Bool
    /// A journal to go on with when this one is lost; the sequence is the last that was committed.
    package var openEmergency: @Sendable (JournalLoss, _ last: UInt64) -> Result<EmergencyJournal, JournalError>
    /// Readers meet damaged pages, which the writer may not touch for long.
    package var isDamaged: @Sendable () -> Bool
    /// Another file is the journal from now on.
    package var journalMoved: @Sendable (_ path: String) -> Void

    package init(
      committed: @escaping @Sendable (_ sequence: UInt64) -> Void, stored: @escaping @Sendable (MonotonicInstant) -> Void,
      tell: @escaping @Sendable (HubCondition) -> Bool,
      openEmergency: @escaping @Sendable (JournalLoss, _ last: UInt64) -> Result<EmergencyJournal, JournalError>,
      isDamaged: @escaping @Sendable () -> Bool, journalMoved: @escaping @Sendable (_ path: String) -> Void
    ) {
      self.committed = committed
      self.stored = stored
      self.tell = tell
      self.openEmergency = openEmergency
      self.isDamaged = isDamaged
      self.journalMoved = journalMoved
    }
  }

  /// What a start found in the journal.
  struct Start {
    var writer: JournalWriter
    var lastSequence: UInt64
    /// Entries that the newest snapshot covers.
    var lastSnapshot: UInt64
    /// Technical alerts about the store that an earlier run left open: this run tells how it is now.
    var told: Set<AlertRule>
    var loss: JournalLoss?
  }
}
