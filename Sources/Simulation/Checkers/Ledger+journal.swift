// The checkers that read the journal: after each start, and at the end, when a fresh core must decide all of it again.

import CoreAPI
import Forwarding
import HubConfiguration
import HubCore
import Journal
import RealtimeCore
import Synchronization
import VitalSigns

extension Ledger {
  mutating func started(_ hub: SimulatedHub, at now: Int64) {
    forgetUnstored(after: hub.parts.pipeline.durable.sequence)
    if let doubt = hub.parts.recoveryDoubt {
      wasInexact = true
      // Nothing was purged, nothing shed, and no exact start has followed an operation yet: else a start has no excuse.
      let isShed = try? hasGaps(hub.parts.reader)
      if !diskHasLied, isShed != true, !copies.mayBeInexact { report(.replayIsEqual, "a start is not exact: \(doubt)", at: now) }
    }
    if hub.parts.recoveryDoubt == nil { copies.mayBeInexact = false }
    if let loss = hub.parts.pipeline.writer.loss, !diskHasLied, !copies.excuses(loss) {
      report(.hubStarts, "it takes its journal for lost: \(loss.sentence)", at: now)
    }
  }

  /// What the run before took and did not store is no entry, and its number is given again.
  private mutating func forgetUnstored(after durable: UInt64) {
    pressIDs.runBegan(after: durable)
    owners.undo(after: durable)
    for number in taken.keys.sorted() { taken[number]?.sequences.removeAll { $0 > durable } }
    cameAt = cameAt.filter { $0.key <= durable }
    old = old.filter { $0.key <= durable }
    newest = durable
  }

  /// Every promise is still kept, and nothing that was told is forgotten.
  mutating func check(afterStartOf hub: SimulatedHub, broker: SimulatedBroker, at now: Int64) {
    let reader = hub.parts.reader
    do {
      try verifyOwners(reader, from: max(0, verified - 200), at: now)
      try verifyPromises(hub, from: max(0, verified - 200), at: now)
      try verifyAccess(reader, at: now)
      let alerts = try reader.alerts(AlertFilter(limit: .max))
      checkCopies(alerts, at: now)
      noteUnstored(beyond: Dictionary(alerts.map { ($0.id, $0.transition.revision) }, uniquingKeysWith: max))
      for alert in alerts {
        if let raised = durableAlerts[alert.id], raised != alert.transition.raisedAt, alert.transition.state != .suspected, !diskHasLied {
          report(.identityIsUnique, "\(alert.id) was raised at \(raised) and at \(alert.transition.raisedAt)", at: now)
        }
        if alert.raisedWall != nil { durableAlerts[alert.id] = alert.transition.raisedAt }
      }
      try findPresses(reader)
      lost = Set(try reader.openAlerts().filter { $0.transition.rule == .signalLoss }.map(\.device))
    } catch {
      report(.hubStarts, "its journal cannot be read: \(error)", at: now)
    }
    for index in presses.indices where presses[index].due == .max && isTaken(presses[index].message, by: hub) {
      presses[index].due = now + Self.tellWithin
    }
  }

  /// A press that the journal has told of needs no second word.
  private mutating func findPresses(_ reader: JournalReader) throws {
    if presses.isEmpty { return }
    var causes: Set<UInt64> = []
    for alert in try reader.alerts(AlertFilter(rule: .sos, limit: .max)) {
      causes.formUnion(try reader.alertHistory(alert.id).map(\.cause))
    }
    for press in presses where !causes.isDisjoint(with: taken[press.message]?.sequences ?? []) { heardOf.insert(press.message) }
    presses.removeAll { heardOf.contains($0.message) }
  }

  /// Whether the journal has it; else its message comes again, and is a press anew.
  private func isTaken(_ message: UInt64, by hub: SimulatedHub) -> Bool {
    guard let taken = taken[message] else { return false }
    return taken.sequences.contains { $0 <= hub.parts.pipeline.durable.sequence && (try? hub.parts.reader.entry($0))??.isAlarm == true }
  }

  /// `journal.retention` in a world, and a minute.
  private static let kept: Int64 = 86_400_000 - 60_000

  private mutating func verifyPromises(_ hub: SimulatedHub, from first: Int, at now: Int64) throws {
    let reader = hub.parts.reader
    guard !diskHasLied else { return }
    var entries = EntryPages(reader)
    for number in promised[first...] {
      guard let taken = taken[number] else { continue }
      let isKept = try taken.sequences.contains { sequence in
        guard let entry = try entries.entry(sequence) else { return false }
        return entry.device.rawValue == UInt32(taken.message.device + 1) && (taken.message.meaning != .press || entry.isAlarm)
      }
      if !isKept, !isOld(taken, hub), try !wasShed(taken, reader) {
        let what = "message \(number) (\(taken.message.meaning))"
        report(.acknowledgedIsKept, "\(what) was acknowledged as \(taken.sequences) and is gone", at: now)
        return
      }
    }
    verified = promised.count
  }

  /// Retention may have removed it.
  private func isOld(_ taken: Taken, _ hub: SimulatedHub) -> Bool {
    mayForget && hub.parts.clock.wall().rawValue - taken.wall.rawValue > Self.kept
  }

  /// On a full disk a routine value may be counted instead of kept; a press never.
  private func wasShed(_ taken: Taken, _ reader: JournalReader) throws -> Bool {
    guard taken.message.meaning != .press else { return false }
    return try hasGaps(reader)
  }

  private mutating func verifyAccess(_ reader: JournalReader, at now: Int64) throws {
    let found = try reader.verifyAccessLog()
    // On a disk that lied the end may be gone, and the hub says so itself, because the head of the chain is written apart.
    let mayLack = diskHasLied && found.problem != "changed"
    if !found.isIntact, !mayLack { report(.accessLogIsWhole, "row \(found.firstBroken ?? 0) is \(found.problem ?? "broken")", at: now) }
    if found.rows < accessRows, !diskHasLied { report(.accessLogIsWhole, "it had \(accessRows) rows and has \(found.rows)", at: now) }
    accessRows = found.rows
  }

  /// What was told and is not in the journal is on no board, and reaches nobody who was away when it was told.
  private mutating func verifyTold(_ reader: JournalReader, at now: Int64) throws {
    guard !diskHasLied else { return }
    for (alert, told) in pressIDs.toldInRun.sorted(by: { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) }) {
      let stored = try reader.alert(alert)?.transition
      if let stored, stored.revision >= told { continue }
      let rule = known[alert].map { "\($0.rule)" } ?? "alert"
      let there = stored.map { "has \($0.revision)" } ?? "has none"
      report(.toldIsStored, "\(rule) \(alert) was told up to change \(told), and the journal \(there)", at: now)
      return
    }
  }

  // MARK: The end

  /// In the quiet time everything has come right.
  mutating func check(beforeEndOf hub: SimulatedHub, _ destinations: [SimulatedDestination], at now: Int64) {
    checkDeliveries(destinations, at: now)
    if let press = presses.first { report(.pressIsTold, "message \(press.message) is a press, and nobody has heard of it", at: now) }
    checkCopiesAtEnd(at: now)
    guard let centre = destinations.first(where: \.isAlwaysWell) else { return }
    do {
      // Each alert that was raised has reached the centre.
      let late = hub.parts.clock.wall().adding(milliseconds: -60_000)
      let there = Set(centre.received.keys.compactMap { $0.parsedTransition?.alert })
      for alert in try hub.parts.reader.alerts(AlertFilter(limit: .max)) where alert.raisedWall.map({ $0 < late }) ?? false {
        if !there.contains(alert.id) {
          report(.pressIsTold, "\(alert.transition.rule) \(alert.id) has not reached \(centre.name)", at: now)
        }
      }
    } catch {
      report(.hubStarts, "its journal cannot be read: \(error)", at: now)
    }
  }

  mutating func check(afterEndOf hub: SimulatedHub, _ configuration: KnutepunktConfiguration, broker: SimulatedBroker, at now: Int64) {
    do {
      try verifyOwners(hub.parts.reader, from: 0, at: now)
      try verifyPromises(hub, from: 0, at: now)
      try verifyAccess(hub.parts.reader, at: now)
      try verifyTold(hub.parts.reader, at: now)
      if !wasInexact, !wasResized, !diskHasLied, !mayForget { try verifyReplay(hub, configuration, at: now) }
    } catch {
      report(.hubStarts, "its journal cannot be read: \(error)", at: now)
    }
  }

  /// The entries through a fresh core give the alerts that the journal has.
  private mutating func verifyReplay(_ hub: SimulatedHub, _ configuration: KnutepunktConfiguration, at now: Int64) throws {
    let reader = hub.parts.reader
    guard try reader.counts().gaps.isEmpty else { return }
    var core = RealtimeCore(CoreBuilder.configuration(configuration, salt: try reader.hub().salt))
    var outcomes = OutcomeBuffer(capacity: 512)
    var again: Set<AlertTransition> = []
    func take(_ outcomes: inout OutcomeBuffer) {
      for index in 0..<outcomes.count {
        guard case .alert(var transition) = outcomes[index].payload else { continue }
        // The journal does not keep the counter behind the id beside each change.
        transition.episode = nil
        again.insert(transition)
      }
      outcomes.removeAll()
    }
    var last: UInt64 = 0
    while case let page = try reader.recordedEntries(after: last, limit: 1_000), let end = page.last?.sequence {
      last = end
      for var entry in page where mutant != .losesEntry || !entry.isAlarm {
        while !core.ingest(&entry, into: &outcomes) { take(&outcomes) }
        take(&outcomes)
      }
    }
    if last == 0 { return }
    while !core.advance(to: hub.now, into: &outcomes) { take(&outcomes) }
    take(&outcomes)
    for alert in try reader.alerts(AlertFilter(limit: .max)) {
      for row in try reader.alertHistory(alert.id) where !again.contains(row.transition) {
        let what = "\(row.transition.kind) of \(row.transition.rule) \(alert.id)"
        let others = again.filter { $0.id == alert.id && $0.revision == row.transition.revision }
        report(
          .replayIsEqual, "\(what) at \(row.instant.rawValue / 1_000_000) ms is not decided again: \(row.transition), but \(others)",
          at: now)
        return
      }
    }
  }
}
