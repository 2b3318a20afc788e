// The journal at start: the hub's own where that can be used, else one for the emergency, so that alarms go on at once. And
// the link by which the other roles find the one in use.

package import DeviceProfile
import Foundation
package import HubConfiguration
package import HubRegistry
package import HubRuntime
package import Journal
import JournalValues
package import Logging
package import RealtimeCore
import Synchronization
package import VitalSigns

/// A journal that is open, and everything that it gave back. Nothing runs yet.
package struct OpenedJournal: ~Copyable {
  package var writer: JournalWriter
  package var recovery: JournalRecovery
  package var core: RealtimeCore
  package var report: CoreBuilder.Report
  package var clock: HubClock
  package var reading: ClockReading
  package var reader: JournalReader
  package var registry: Registry
  package var accounts: [(ActorID, String)]
  /// Technical alerts about the store that an earlier run left open.
  package var told: Set<AlertRule>
  /// Why it is not the hub's own journal, or not all of it.
  package var loss: JournalLoss?
  /// Calls for help to be raised again.
  package var openCalls: [OpenCall] = []
  /// What was changed in the registry while the journal was lost.
  package var changesMeanwhile: [RegistryChangeRow] = []
  /// What people should know of journals that lie beside it.
  package var notes: [String] = []
  /// Keeps the same hub from running from another state folder; nil where that cannot be told.
  package var hubLock: HubLock?

  /// The core, which exists once: everything else is to be read before.
  package consuming func takeCore() -> RealtimeCore { core }
}

/// A journal that can be used, and must not be.
private struct StrangeJournal: Error {
  var loss: JournalLoss
}

/// Opens the journal. Blocks on the disk.
package struct JournalOpening {
  package let configuration: KnutepunktConfiguration
  package let profiles: [DeviceProfile]
  package let logger: Logger
  package let machine: Machine
  /// Told what the start is busy with, while that takes long: whoever waits for it must not give it up.
  let busy: @Sendable (String) -> Void

  package init(
    configuration: KnutepunktConfiguration, profiles: [DeviceProfile], logger: Logger, machine: Machine = .real,
    busy: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.machine = machine
    self.configuration = configuration
    self.profiles = profiles
    self.logger = logger
    self.busy = busy
  }

  /// How long another program may hold the journal's lock at start before alarms go on without it.
  static let busyMax = Duration.seconds(5)

  /// Where a hub's journal, its copies and its emergency journals lie.
  package static func places(of configuration: KnutepunktConfiguration) -> JournalPlaces {
    JournalPlaces(configuration.journalConfiguration, volatileFolder: configuration.hub.runtimePath)
  }

  package var places: JournalPlaces {
    var journal = configuration.journalConfiguration
    if case .virtual(let machine) = machine {
      journal.surroundings = JournalSurroundings(
        monotonic: { machine.boottime.load(ordering: .relaxed) }, random: { machine.chance.withLock { $0.next() } },
        freeBytes: { _ in machine.freeBytes.load(ordering: .relaxed) })
    }
    return JournalPlaces(journal, volatileFolder: configuration.hub.runtimePath)
  }

  /// The hub's own journal; where that fails, one for the emergency.
  ///
  /// - Throws: `alreadyRunning`, or what is wrong when no folder at all can be written.
  package func open() throws(StartError) -> OpenedJournal {
    let problem: JournalLoss
    do {
      try makeFolder(configuration.hub.statePath)
      if let missing = places.missing() {
        problem = missing
      } else {
        return try openOwn()
      }
    } catch let error as StartError {
      switch error {
      case .alreadyRunning, .hubRunsElsewhere: throw error
      default: break
      }
      problem = places.missing() ?? JournalLoss(kind: .unusable, path: configuration.hub.journalPath, detail: "\(error)")
    } catch let error as StrangeJournal {
      problem = error.loss
    } catch {
      problem = JournalLoss((error as? JournalError) ?? .refused(code: -1, detail: "\(error)"), path: configuration.hub.journalPath)
    }
    return try openEmergency(problem)
  }

  private func openOwn() throws -> OpenedJournal {
    let places = places
    let writer = try ownWriter()
    if let loss = places.anotherHubs(writer) { throw StrangeJournal(loss: loss) }
    let wall = machine.wall()
    var loss = places.behind(writer)
    if let known = places.accessHead(of: writer) { try writer.checkAccessLog(against: known) }
    if loss != nil {
      loss?.isDurable = true
      try writer.lift(reason: .journalBehind, wall: wall)
    }
    if configuration.hub.runtimePath != configuration.hub.statePath { writer.keepMark(in: configuration.hub.runtimePath) }
    var opened = try restored(writer)
    if let begun = try writer.begunAnew() {
      loss = begun
      loss?.isDurable = true
    }
    opened.loss = loss
    let kept = places.keepEmergencies()
    opened.notes += kept.all.map { "\($0) holds what came in while the journal was lost; its values are in no record yet: keep it" }
    for path in kept.now {
      do {
        let emergency = try JournalReader(path: path, connectionsMax: 1)
        opened.changesMeanwhile += try emergency.registryChangesOfEmergency()
        // What this journal has too goes on by itself.
        for call in try emergency.openCalls() where try opened.reader.alert(call.alert) == nil { opened.openCalls.append(call) }
        // Whoever was told of the loss hears that it is over, under the same id.
        for row in try emergency.alerts(AlertFilter(rule: .journalLost, openOnly: true)) where try opened.reader.alert(row.id) == nil {
          opened.core.adopt(row.transition, patient: row.patient, device: row.device)
          opened.told.insert(.journalLost)
          CoreBuilder.keepSnapshot(of: opened.core, opened.writer, wall: wall)
        }
      } catch {
        logger.error("the registry of the emergency cannot be read", metadata: ["path": "\(path)", "reason": "\(error)"])
      }
    }
    if let loss { logger.critical("the journal is older than it was", metadata: ["reason": "\(loss.sentence)"]) }
    return opened
  }

  /// Another program that looks at the file for a moment is waited for.
  private func ownWriter() throws -> JournalWriter {
    let end = ContinuousClock.now + Self.busyMax
    var settings = places.configuration
    settings.onUpgrade = UpgradeNews(logger: logger, busy: busy).step
    while true {
      let result = Result { () throws(JournalError) in try JournalWriter(settings) }
      switch result {
      case .success(let writer): return writer
      case .failure(.writerRunning): throw StartError.alreadyRunning(path: configuration.hub.statePath)
      case .failure(.busy) where ContinuousClock.now < end: usleep(200_000)
      case .failure(let error): throw error
      }
    }
  }

  private func openEmergency(_ problem: JournalLoss) throws(StartError) -> OpenedJournal {
    try makeFolder(configuration.hub.runtimePath, mode: 0o750)
    do {
      let emergency = try places.openEmergency(problem, wall: machine.wall())
      logger.critical("the journal is lost: alarms go on without it", metadata: ["reason": "\(emergency.loss.sentence)"])
      var opened = try restored(emergency.writer)
      opened.loss = emergency.loss
      opened.openCalls = emergency.openCalls
      return opened
    } catch JournalError.writerRunning {
      throw .alreadyRunning(path: configuration.hub.statePath)
    } catch let error as StartError {
      throw error
    } catch {
      throw .journal("\(problem.detail); and no journal for the emergency can be made: \(error)")
    }
  }

  /// Everything that is read from it, so that a journal that cannot be read to its end is known before anything relies on it.
  private func restored(_ writer: JournalWriter) throws -> OpenedJournal {
    let recovery = try writer.recover()
    let hubLock = try lock(recovery.hubID)
    try writer.setSharing(configuration.sharingRules)
    let former = try writer.passOnCalls()
    if former.passedOn > 0 {
      logger.notice(
        "calls that waited for destinations without a place in the configuration go to those that have one",
        metadata: ["calls": "\(former.passedOn)"])
    }
    let reading = machine.reading()
    let clock = HubClock(
      continuing: recovery.lastRun, lastInstant: recovery.lastInstant, lastWall: recovery.lastWall, now: reading,
      machine: machine)
    try writer.beginRun(
      RunRecord(
        bootID: reading.bootID, boottimeNanoseconds: reading.boottime,
        instant: MonotonicInstant(rawValue: reading.boottime &+ clock.offset), wall: reading.wall, version: KnutepunktVersion.current))
    let judged = try judge(clock, reading, writer, recovery)
    point(to: writer.path)
    let reader = try JournalReader(path: writer.path, pointer: configuration.hub.journalPointer)
    var report = CoreBuilder.Report()
    let core = try CoreBuilder.recover(
      CoreBuilder.configuration(configuration, salt: recovery.hubSalt), writer: writer, recovery: recovery, report: &report,
      openAlerts: { () throws(JournalError) in try reader.openAlerts() })
    for growth in report.grown {
      logger.critical("the core needs more room than is configured", metadata: ["reason": "\(growth.sentence)"])
    }
    let registry = try Registry(profiles: profiles, reader: reader)
    registry.giveNumbers(abovePatient: recovery.highestPatient, device: recovery.highestDevice)
    // A list that says "never" of a device that was lost before the restart would send nobody to look.
    for device in registry.devices {
      if let heard = core.lastHeard(device.id) { registry.seen(device.id, at: heard) }
    }
    var told: Set<AlertRule> = []
    for rule in [AlertRule.storeFailing, .journalLost, .recordsDropped]
    where try !reader.alerts(AlertFilter(rule: rule, openOnly: true, limit: 1)).isEmpty { told.insert(rule) }
    for failure in writer.refreshCopies() {
      logger.warning("a copy of the registry could not be written", metadata: ["path": "\(failure.path)", "reason": "\(failure.reason)"])
    }
    return OpenedJournal(
      writer: writer, recovery: recovery, core: core, report: report, clock: judged, reading: reading, reader: reader, registry: registry,
      accounts: try reader.actors().map { ($0.id, $0.account) }, told: told,
      notes: report.grown.map(\.sentence)
        + former.waiting.map {
          "\($0.rows) records wait for destination \"\($0.name)\", which the configuration does not name: they go out when it does again"
        }, hubLock: hubLock)
  }

  /// Whether the wall clock is believed, by what the journal knows of it; a doubt is kept before the first entry.
  private func judge(
    _ clock: HubClock, _ reading: ClockReading, _ writer: JournalWriter, _ recovery: JournalRecovery
  ) throws(JournalError) -> HubClock {
    let machineClock = machine.wallClock()
    let known = try writer.clockStanding()
    var notes: [ClockNote] = []
    let belief = ClockBelief(
      ClockBelief.Known(believed: known.believed, doubt: known.doubt, lastWall: recovery.lastWall), bootID: reading.bootID,
      at: ClockBelief.Look(
        wall: reading.wall, instant: MonotonicInstant(rawValue: reading.boottime &+ clock.offset), machine: machineClock,
        nextSequence: recovery.lastSequence + 1), notes: &notes)
    // On a full disk the writer's thread keeps them once there is room.
    do { try writer.keep(notes) } catch {
      logger.warning("what is known of the clock cannot be kept now", metadata: ["reason": "\(error)"])
      return clock.judged(by: ClockStanding(belief, machine: machineClock, notes: notes, source: machine))
    }
    return clock.judged(by: ClockStanding(belief, machine: machineClock, source: machine))
  }

  private func lock(_ hubID: String) throws(StartError) -> HubLock? {
    // Simulated worlds of one seed have one id, and run side by side.
    guard case .real = machine else { return nil }
    switch HubLock.take(hubID: hubID) {
    case .taken(let lock): return lock
    case .held(let process): throw .hubRunsElsewhere(path: configuration.hub.statePath, processID: process)
    case .unknown: return nil
    }
  }

  /// Tells the other roles which journal is in use.
  package func point(to path: String) {
    let link = configuration.hub.journalPointer
    let fresh = link + ".new"
    unlink(fresh)
    if symlink(path, fresh) != 0 || rename(fresh, link) != 0 {
      logger.warning("the other roles may read another journal than this", metadata: ["path": "\(link)", "errno": "\(errno)"])
    }
  }
}

extension KnutepunktConfiguration {
  /// Where the journal lies, and where copies of the registry do: beside it, in the service's cache folder (often another disk), and
  /// in the runtime folder (memory), which outlives a lost disk until the machine is switched off.
  var journalConfiguration: JournalConfiguration {
    var folders = [hub.statePath]
    // systemd's CacheDirectory=.
    if let cache = ProcessInfo.processInfo.environment["CACHE_DIRECTORY"], !cache.isEmpty, !cache.contains(":") { folders.append(cache) }
    if hub.runtimePath != hub.statePath { folders.append(hub.runtimePath) }
    return JournalConfiguration(
      path: hub.journalPath, controller: hub.controller, copyFolders: folders, ballastBytes: journal.ballastBytes,
      version: KnutepunktVersion.current)
  }
}
