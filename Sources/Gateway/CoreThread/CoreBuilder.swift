// From the configuration and the journal to a core that knows everything again: the newest snapshot that fits this
// program's layout, then every entry after it. Before any link opens.

import Journal
import Logging
import RealtimeCore
import VitalSigns

/// Makes the core.
enum CoreBuilder {
  /// What recovery did, for the log.
  struct Report: Sendable {
    var replayed: UInt64 = 0
    var fromSnapshot: UInt64 = 0
    /// Snapshots that another layout or another size wrote.
    var snapshotsRefused = 0
  }

  static func configuration(_ configuration: KnutepunktConfiguration, salt: UInt64) -> CoreConfiguration {
    CoreConfiguration(
      patientsMax: configuration.realtime.patientsMax, devicesMax: configuration.realtime.devicesMax,
      alertsMax: configuration.realtime.alertsMax, hubSalt: salt,
      liveWindowSeconds: seconds(configuration.realtime.liveWindow), escalation: escalation(configuration))
  }

  /// The state after the last entry of the journal. Blocks on the disk.
  static func recover(
    _ configuration: CoreConfiguration, writer: JournalWriter, recovery: JournalRecovery, report: inout Report
  ) throws(JournalError) -> RealtimeCore {
    var core = RealtimeCore(configuration)
    for snapshot in recovery.snapshots {
      do {
        core = try RealtimeCore(configuration, snapshot: snapshot.state.span)
        report.fromSnapshot = snapshot.sequence
        break
      } catch {
        report.snapshotsRefused += 1
      }
    }
    var outcomes = OutcomeBuffer(capacity: 512)
    var replayed: UInt64 = 0
    // What the replay decides was decided, stored and told before.
    try writer.replay(after: core.lastSequence) { stored in
      var entry = stored
      while !core.ingest(&entry, into: &outcomes) { outcomes.removeAll() }
      outcomes.removeAll()
      replayed += 1
    }
    report.replayed = replayed
    return core
  }

  // MARK: Escalation

  /// The configuration counts each step from the one before; the core counts from the raise.
  private static func escalation(_ configuration: KnutepunktConfiguration) -> EscalationPolicy {
    let settings = configuration.escalation
    // A console's board is watched: it counts as a first receiver, also when nobody else is told.
    var levels: UInt8 = configuration.console.listen != nil ? 1 : 0
    for receivers in settings.receivers where receivers.level <= Int(EscalationPolicy.levelMax) && !receivers.destinations.isEmpty {
      levels |= 1 << UInt8(receivers.level)
    }
    let retrigger = seconds(settings.retriggerAcknowledged)
    return EscalationPolicy(
      high: steps(settings.high, retrigger), medium: steps(settings.medium, retrigger), low: steps(settings.low, retrigger),
      receiverLevels: levels)
  }

  private static func steps(_ waits: [Duration], _ retrigger: UInt32) -> EscalationPolicy.Steps {
    var sum: UInt32 = 0
    var times: [UInt32] = []
    for wait in waits.prefix(3) {
      let (next, overflow) = sum.addingReportingOverflow(seconds(wait))
      sum = overflow ? EscalationPolicy.never : next
      times.append(sum)
    }
    while times.count < 3 { times.append(EscalationPolicy.never) }
    return EscalationPolicy.Steps(level1Seconds: times[0], level2Seconds: times[1], level3Seconds: times[2], retriggerSeconds: retrigger)
  }

  static func seconds(_ duration: Duration) -> UInt32 { UInt32(clamping: duration.components.seconds) }
}
