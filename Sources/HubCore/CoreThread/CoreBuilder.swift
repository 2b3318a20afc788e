// From the configuration and the journal to a core that knows everything again: the newest snapshot that fits this
// program's layout, then every entry after it. Before any link opens.
//
// Without a snapshot that fits, a replay from the beginning is exact only while nothing has been purged and this version decided all
// of it. Else the core is rebuilt: people, plans and values from what is left, the open alerts from the journal, and ids from above
// every one that was ever given. It says so, and is never taken for exact.

package import HubConfiguration
import Journal
import JournalValues
import Logging
package import RealtimeCore
import VitalSigns

/// Makes the core.
package enum CoreBuilder {
  /// What recovery did, for the log.
  package struct Report: Sendable {
    package var replayed: UInt64 = 0
    package var fromSnapshot: UInt64 = 0
    /// Snapshots that another layout or another size wrote.
    package var snapshotsRefused = 0
    /// Whether a replay gave the state exactly. False: alerts were taken over from the journal, and ids start anew.
    package var isExact = true
    /// Open alerts that were taken over from the journal.
    package var adopted = 0
  }

  package static func configuration(_ configuration: KnutepunktConfiguration, salt: UInt64) -> CoreConfiguration {
    CoreConfiguration(
      patientsMax: configuration.realtime.patientsMax, devicesMax: configuration.realtime.devicesMax,
      alertsMax: configuration.realtime.alertsMax, hubSalt: salt,
      liveWindowSeconds: seconds(configuration.realtime.liveWindow), escalation: escalation(configuration),
      singleThreePriority: singleThree(configuration.escalation.singleThree))
  }

  private static func singleThree(_ priority: KnutepunktConfiguration.EscalationSettings.Priority) -> AlertPriority {
    switch priority {
    case .low: .low
    case .medium: .medium
    case .high: .high
    }
  }

  /// The state after the last entry of the journal. Blocks on the disk.
  ///
  /// - Parameter openAlerts: the alerts that are open by the journal; asked for only when the state cannot be exact.
  static func recover(
    _ configuration: CoreConfiguration, writer: JournalWriter, recovery: JournalRecovery, report: inout Report,
    openAlerts: () throws(JournalError) -> [AlertRow] = { () throws(JournalError) in [] }
  ) throws(JournalError) -> RealtimeCore {
    var configuration = configuration
    var core = RealtimeCore(configuration)
    var isRestored = false
    for snapshot in recovery.snapshots {
      do {
        core = try RealtimeCore(configuration, snapshot: snapshot.state.span)
        report.fromSnapshot = snapshot.sequence
        isRestored = true
        break
      } catch {
        report.snapshotsRefused += 1
      }
    }
    // Another version, or other sizes, may have decided otherwise than this core: then its counters stand elsewhere.
    let decider = decider(configuration)
    let wasOurs =
      (recovery.lastRun.map { $0.version == KnutepunktVersion.current } ?? true) && (recovery.decider.map { $0 == decider } ?? true)
    report.isExact = isRestored || (recovery.purgedThrough == 0 && report.snapshotsRefused == 0 && wasOurs)
    if !report.isExact {
      configuration.episodesFloor = recovery.alertsEver
      core = RealtimeCore(configuration)
    }
    var outcomes = OutcomeBuffer(capacity: 512)
    var replayed: UInt64 = 0
    // What the replay decides was decided, stored and told before, so it is dropped.
    try writer.replay(after: core.lastSequence) { stored in
      var entry = stored
      while !core.ingest(&entry, into: &outcomes) { outcomes.removeAll() }
      outcomes.removeAll()
      replayed += 1
    }
    report.replayed = replayed
    if report.isExact {
      try? writer.noteDecider(decider)
      return core
    }
    core.forgetAlerts()
    for row in try openAlerts() {
      core.adopt(row.transition, patient: row.patient, device: row.device)
      report.adopted += 1
    }
    if keepSnapshot(of: core, writer, wall: recovery.lastWall) { try? writer.noteDecider(decider) }
    return core
  }

  private static func decider(_ configuration: CoreConfiguration) -> String {
    "\(KnutepunktVersion.current) \(configuration.patientsMax) \(configuration.devicesMax) \(configuration.alertsMax)"
  }

  /// Keeps a rebuilt state at once: the next start must not rebuild it from what will then be there. A disk that refuses only makes
  /// that start rebuild once more.
  @discardableResult static func keepSnapshot(of core: borrowing RealtimeCore, _ writer: JournalWriter, wall: WallTime) -> Bool {
    guard core.lastSequence > 0 else { return true }
    var bytes = [UInt8](repeating: 0, count: core.snapshotSize)
    bytes.withUnsafeMutableBytes { core.writeSnapshot(into: $0) }
    do {
      try writer.saveSnapshot(bytes, sequence: core.lastSequence, wall: wall)
      return true
    } catch {
      return false
    }
  }

  // MARK: Escalation

  /// The configuration counts each step from the one before; the core counts from the raise.
  private static func escalation(_ configuration: KnutepunktConfiguration) -> EscalationPolicy {
    let settings = configuration.escalation
    // A console's board is watched, so it counts as a first receiver, also when nobody else is told.
    var levels: UInt8 = configuration.console.listen != nil ? 1 : 0
    for receivers in settings.receivers
    where receivers.level <= Int(EscalationPolicy.levelMax) && receivers.destinations.contains(where: configuration.maySendAlerts) {
      levels |= 1 << UInt8(receivers.level)
    }
    let retrigger = seconds(settings.retriggerAcknowledged)
    return EscalationPolicy(
      high: steps(settings.high, retrigger, settings.repeatUntaken.high),
      medium: steps(settings.medium, retrigger, settings.repeatUntaken.medium),
      low: steps(settings.low, retrigger, settings.repeatUntaken.low),
      receiverLevels: levels)
  }

  private static func steps(_ waits: [Duration], _ retrigger: UInt32, _ again: Duration) -> EscalationPolicy.Steps {
    var sum: UInt32 = 0
    var times: [UInt32] = []
    for wait in waits.prefix(3) {
      let (next, overflow) = sum.addingReportingOverflow(seconds(wait))
      sum = overflow ? EscalationPolicy.never : next
      times.append(sum)
    }
    while times.count < 3 { times.append(EscalationPolicy.never) }
    return EscalationPolicy.Steps(
      level1Seconds: times[0], level2Seconds: times[1], level3Seconds: times[2], retriggerSeconds: retrigger,
      repeatSeconds: seconds(again))
  }

  private static func seconds(_ duration: Duration) -> UInt32 { duration.wholeSeconds }
}
