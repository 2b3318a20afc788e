// What the core is told by the configuration, and what a start says of how it came by its state (CoreRecovery.swift). Before any link
// opens.

package import CoreState
package import HubConfiguration
import Journal
import JournalValues
package import RealtimeCore
package import VitalSigns

/// Makes the core.
package enum CoreBuilder {
  /// What recovery did, for the log.
  package struct Report: Sendable {
    package var replayed: UInt64 = 0
    package var fromSnapshot: UInt64 = 0
    /// Of each snapshot that could not be read, why.
    package var refusals: [String] = []
    /// Sizes that this run has larger than they are configured.
    package var grown: [Growth] = []
    /// What the core has room for.
    package var sizes = CoreConfiguration()
    /// Why the state is not exactly what it was. Alerts were taken over from the journal then, and ids start anew.
    var doubt: RecoveryDoubt?
    package var isExact = true
    /// Until when the run before decided by itself, for all that the journal and its snapshots know; `.zero` of a state that is not exact.
    package var decidedUntil = MonotonicInstant.zero
    /// Open alerts that were taken over from the journal.
    package var adopted = 0

    /// In words, for the log; nil of an exact one.
    package var reason: String? { doubt.map { "\($0)" } }
  }

  /// A size of the configuration that is too small for what is there.
  package struct Growth: Sendable, Equatable {
    package var size: CoreSize
    package var needed: Int
    package var configured: Int

    /// Names the key, what is allowed, and what to do.
    package var sentence: String {
      "\(size.configurationKey) is \(configured), and what is here needs \(needed): this run has the room all the same; allowed: at least \(needed), and room for those to come"
    }
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

  /// The state after the last entry of the journal, and how it was come by. Blocks on the disk.
  ///
  /// - Parameter openAlerts: the alerts that are open by the journal; asked for only when the state cannot be exact.
  static func recover(
    _ configuration: CoreConfiguration, writer: JournalWriter, recovery: JournalRecovery, report: inout Report,
    openAlerts: @escaping () throws(JournalError) -> [AlertRow] = { () throws(JournalError) in [] }
  ) throws(JournalError) -> RealtimeCore {
    var run = CoreRecovery(configuration, writer: writer, recovery: recovery, openAlerts: openAlerts)
    let core = try run.run()
    report = run.report
    report.sizes = run.configuration
    return core
  }

  /// Keeps a rebuilt state at once: the next start must not rebuild it from what will then be there. A disk that refuses only makes
  /// that start rebuild once more.
  @discardableResult static func keepSnapshot(of core: borrowing RealtimeCore, _ writer: JournalWriter, wall: WallTime) -> Bool {
    guard core.lastSequence > 0 else { return true }
    do {
      try writer.saveSnapshot(try core.snapshot(), sequence: core.lastSequence, wall: wall)
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
