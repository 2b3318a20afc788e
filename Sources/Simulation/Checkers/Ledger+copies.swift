// What a restore may take, and what it may not (docs/backup.md). What came in after the copy is missing; what was told of it may be told once
// more. But the alerts that the copy has open go on, no id that the original gave after the copy is ever given again, and somebody hears
// that the hub was restored.

import CoreAPI
import Forwarding
import HubCore
import Journal
import JournalCopies
import JournalValues
import VitalSigns

extension Ledger {
  /// What a copy of the journal holds.
  struct Copy {
    let lastSequence: UInt64
    let accessRows: UInt64
    /// Each alert with its last change.
    let alerts: [AlertID: UInt16]
    let open: Set<AlertID>

    /// - Parameter reader: nothing was committed since the copy was taken.
    init(_ manifest: BackupManifest, _ reader: JournalReader) throws(JournalError) {
      lastSequence = manifest.lastSequence
      accessRows = UInt64(manifest.counts.accessRows)
      let rows = try reader.alerts(AlertFilter(limit: .max))
      alerts = Dictionary(rows.map { ($0.id, $0.transition.revision) }, uniquingKeysWith: max)
      open = Set(rows.filter(\.isOpen).map(\.id))
    }
  }

  /// The restores of a world.
  struct Copies {
    /// Ids that an original gave after a copy, and that nobody may give again.
    var gone: Set<AlertID> = []
    /// Open in the copy that was put back last, until a start was looked at.
    var open: Set<AlertID> = []
    /// Nobody has heard of the restore yet.
    var owesWord = false
    /// The first start after a restore, an upgrade or another size rebuilds the core.
    var mayBeInexact = false

    /// A restored journal is older than what was acknowledged, and says so.
    func excuses(_ loss: JournalLoss) -> Bool { owesWord && loss.kind == .behind }
  }

  /// The journal is that of the copy, in a new generation.
  ///
  /// - Parameter start: when the forward role begins anew.
  mutating func restored(from copy: Copy, startsAt start: Int64) {
    for number in taken.keys.sorted() { taken[number]?.sequences.removeAll { $0 > copy.lastSequence } }
    taken = taken.filter { !$0.value.sequences.isEmpty }
    promised.removeAll { taken[$0] == nil }
    verified = 0
    owners.undo(after: copy.lastSequence)
    // Those that nobody has acknowledged come again with their messages.
    presses.removeAll { taken[$0.message] == nil }
    copies.gone.formUnion(Set(known.keys).union(durableAlerts.keys).subtracting(copy.alerts.keys))
    for alert in copies.gone { (durableAlerts[alert], toldThrough[alert]) = (nil, nil) }
    noteUnstored(beyond: copy.alerts)
    for (alert, revision) in copy.alerts { if let told = toldThrough[alert] { toldThrough[alert] = min(told, revision) } }
    // What waited in the copy and was delivered or refused later goes out again.
    (lastChange, lastRecord) = ([:], [:])
    owed = owed.filter { isOwedStill($0.key, by: copy) }
    forwarderDied(until: start)
    accessRows = copy.accessRows + 1
    copies.open = copy.open
    (copies.owesWord, copies.mayBeInexact, wasInexact) = (true, true, true)
  }

  /// The next start is one of a program that goes on from what another has decided.
  mutating func upgraded(startsAt start: Int64) {
    (copies.mayBeInexact, wasInexact) = (true, true)
    forwarderDied(until: start)
  }

  private func isOwedStill(_ key: DeliveryKey, by copy: Copy) -> Bool {
    guard let change = key.parsedTransition, let revision = copy.alerts[change.alert] else { return false }
    switch change.kind {
    case .raised: return true
    default: return change.revision.map { $0 <= revision } ?? false
    }
  }

  // MARK: Looking

  /// A change that is told now.
  mutating func checkCopies(_ transition: AlertTransition, at now: Int64) {
    if copies.gone.contains(transition.id) {
      report(
        .identityIsUnique, "\(transition.id) (\(transition.rule)) is the id of an alert that the original gave after the copy", at: now)
    }
    if transition.rule == .journalLost, transition.state.isOpen { copies.owesWord = false }
  }

  /// The alerts that the journal has after a start.
  mutating func checkCopies(_ alerts: [AlertRow], at now: Int64) {
    if diskHasLied { return }
    let there = Set(alerts.map(\.id))
    if let missing = copies.open.subtracting(there).min(by: { ($0.high, $0.low) < ($1.high, $1.low) }) {
      report(.copyGoesOn, "\(missing) was open in the copy, and is not there", at: now)
    }
    copies.open = []
    if let again = alerts.first(where: { copies.gone.contains($0.id) }) {
      report(
        .identityIsUnique, "\(again.id) (\(again.transition.rule)) is the id of an alert that the original gave after the copy", at: now)
    }
    if alerts.contains(where: { $0.transition.rule == .journalLost && $0.isOpen }) { copies.owesWord = false }
  }

  mutating func checkCopiesAtEnd(at now: Int64) {
    if copies.owesWord, !diskHasLied { report(.copyGoesOn, "nobody was told that the journal was restored", at: now) }
  }

  /// Entries are missing that the hub did not store. Those of before a restore are known.
  func hasGaps(_ reader: JournalReader) throws(JournalError) -> Bool {
    try reader.counts().gaps.contains { $0.reason != .restored }
  }
}
