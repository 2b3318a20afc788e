// The core role's parts, put together once: journal, core thread, writer thread, intake, links. Order matters and is
// this: the journal opens, the core is recovered, the threads start, and only then does any door open.

import Console
import DeviceProfile
import Foundation
import Journal
import Logging
import MQTTLink
import ProfileCatalogue
import RealtimeCore
import Synchronization
import VitalSigns

/// Everything that the core role owns. Made by `start`, ended by `stop`.
final class CoreMachinery: Sendable {
  let configuration: KnutepunktConfiguration
  let clock: HubClock
  let civil: CivilClock
  let core: CoreThread
  let writer: JournalWriterThread
  let intake: Intake
  let intakeRing: IntakeRing
  let requests: JournalRequests
  let durable: DurableSequence
  let hub: EventHub
  let dispatch: DispatchThread
  let registry: Registry
  let reader: JournalReader
  let actors: ActorBook
  let links: [RunningLink]
  /// Nil when the configuration has no Bluetooth link.
  let bluetooth: RunningBluetooth?
  let startedAt: WallTime
  let hubID: String
  let logger: Logger

  /// Entries in the journal ring: several in-flight windows of a link with all that they can cause, so that a disk that
  /// stands still for seconds does not reach the core. 16 384 × some 200 bytes.
  static let journalRingCapacity = 16_384
  /// Alert changes that wait for dispatch: more than all open alerts at once.
  static let alarmRingCapacity = 4_096

  /// Opens the journal, recovers the core and starts the threads. Links are made, not yet connected. Blocks on the disk.
  init(_ configuration: KnutepunktConfiguration, catalogue: ProfileCatalogue, alertText: AlertSentences, logger: Logger) throws {
    self.configuration = configuration
    self.logger = logger
    let (writerHandle, recovery) = try Self.openJournal(configuration)
    let reading = ClockReading.current()
    let clock = HubClock(
      continuing: recovery.lastRun, lastInstant: recovery.lastInstant, lastWall: recovery.lastWall, now: reading)
    let civil = CivilClock(zone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt)
    try writerHandle.beginRun(
      RunRecord(
        bootID: reading.bootID, boottimeNanoseconds: reading.boottime,
        instant: MonotonicInstant(rawValue: reading.boottime &+ clock.offset), wall: reading.wall, version: KnutepunktVersion.current))

    var report = CoreBuilder.Report()
    let recovered = try CoreBuilder.recover(
      CoreBuilder.configuration(configuration, salt: recovery.hubSalt), writer: writerHandle, recovery: recovery, report: &report)
    logger.notice(
      "the core is restored",
      metadata: ["entries": "\(recovery.lastSequence)", "replayed": "\(report.replayed)", "snapshot": "\(report.fromSnapshot)"])

    let coreWake = try Wake()
    let journalWake = try Wake()
    let alarmWake = try Wake()
    intakeRing = IntakeRing(
      capacity: configuration.realtime.intakeCapacity, reserve: configuration.realtime.intakeCapacity / 8,
      firstSequence: recovery.lastSequence + 1)
    let journalRing = SingleProducerRing<JournalItem>(capacity: Self.journalRingCapacity)
    let alarmRing = SingleProducerRing<Outcome>(capacity: Self.alarmRingCapacity)
    let companions = Companions()
    intake = Intake(ring: intakeRing, coreWake: coreWake, journal: journalRing, companions: companions, clock: clock)
    requests = JournalRequests(wake: journalWake)
    core = CoreThread(
      core: recovered, intake: intakeRing, journal: journalRing, alarms: alarmRing, wake: coreWake, journalWake: journalWake,
      alarmWake: alarmWake, clock: clock,
      settings: .init(wantsRealtime: configuration.realtime.scheduler == .fifo, priority: Int32(configuration.realtime.priority)))
    let commitRequest = CommitRequest(wake: journalWake)
    durable = DurableSequence(startingAt: recovery.lastSequence) { commitRequest.raise() }
    hub = EventHub()
    reader = try JournalReader(path: configuration.hub.journalPath)
    registry = try Registry(profiles: catalogue.profiles, reader: reader)
    actors = try ActorBook(reader: reader, highest: recovery.highestActor, requests: requests)
    dispatch = DispatchThread(ring: alarmRing, wake: alarmWake, hub: hub, registry: registry, text: alertText)
    writer = JournalWriterThread(
      writer: writerHandle, ring: journalRing, requests: requests, companions: companions, core: core, wake: journalWake,
      clock: clock, lastSequence: recovery.lastSequence, lastSnapshot: report.fromSnapshot,
      // Left open by a run that ended before its disk was well: this run tells how it is now.
      toldFailing: try !reader.alerts(AlertFilter(rule: .storeFailing, openOnly: true, limit: 1)).isEmpty,
      settings: Self.writerSettings(configuration.journal), hooks: Self.hooks(hub: hub, intake: intake), durable: durable,
      commitRequest: commitRequest, logger: logger)
    self.clock = clock
    self.civil = civil
    startedAt = reading.wall
    hubID = recovery.hubID
    let (registry, intake, requests, durable, writer) = (registry, intake, requests, durable, writer)
    links = try configuration.mqttLinks.map { settings throws(GatewayError) in
      try RunningLink(
        settings, controller: configuration.hub.controller, hub: configuration.hub.name, registry: registry, intake: intake,
        requests: requests, durable: durable, civil: civil,
        marks: recovery.deliveryMarks.filter { $0.link == stableNumber(of: settings.name) }, lastSequence: recovery.lastSequence,
        logger: logger)
    }
    bluetooth = try configuration.bluetooth.map { settings throws(GatewayError) in
      try RunningBluetooth(
        settings, catalogue: catalogue, registry: registry, intake: intake, requests: requests, durable: durable, civil: civil,
        marks: recovery.deliveryMarks, writer: writer, logger: logger)
    }
  }

  /// Starts the threads, then sets the clock, then opens the links.
  func start() throws(GatewayError) {
    if configuration.realtime.locksMemory { lockMemory() }
    dispatch.start()
    core.start(logger: logger)
    if !anchorClock() { logger.error("the intake had no room for the clock") }
    writer.start()
    renewAbilities()
    for link in links { try link.start(subscriptions: registry.subscriptions()) }
    bluetooth?.start()
  }

  /// Tells the core how the wall clock and the local zone stand to its timeline. False when the intake was full.
  func anchorClock() -> Bool {
    intake.submit(.clock(ClockAnchor(utcOffsetSeconds: civil.utcOffsetSeconds(at: clock.wall())))) != nil
  }

  /// Ends in the reverse order: nothing new comes in, what is in is decided and stored, then everybody is let go.
  func stop() async {
    for link in links { link.stop(within: .seconds(5)) }
    bluetooth?.stop(within: .seconds(5))
    for link in links { await link.ended() }
    await bluetooth?.ended()
    core.stop()
    writer.stop()
    while !writer.stopped.load(ordering: .acquiring) { try? await Task.sleep(for: .milliseconds(5)) }
    dispatch.stop()
    hub.close()
  }

  private func lockMemory() {
    let refusal = lockAllMemory()
    core.vitals.memoryLocked.store(refusal == 0, ordering: .relaxed)
    if refusal != 0 {
      logger.notice("memory is not locked; allow it with LimitMEMLOCK=infinity in the unit", metadata: ["errno": "\(refusal)"])
    }
  }

  // MARK: Parts

  private static func openJournal(_ configuration: KnutepunktConfiguration) throws -> (JournalWriter, JournalRecovery) {
    try makeFolder(configuration.hub.statePath)
    do {
      let writer = try JournalWriter(
        JournalConfiguration(
          path: configuration.hub.journalPath, controller: configuration.hub.controller,
          ballastBytes: configuration.journal.ballastBytes, version: KnutepunktVersion.current))
      let recovery = try writer.recover()
      try writer.setSharing(configuration.sharingRules)
      return (writer, recovery)
    } catch JournalError.writerRunning {
      throw GatewayError.alreadyRunning(path: configuration.hub.statePath)
    } catch {
      throw GatewayError.journal("\(error)")
    }
  }

  private static func writerSettings(_ settings: KnutepunktConfiguration.JournalSettings) -> JournalWriterThread.Settings {
    JournalWriterThread.Settings(
      groupWindow: settings.groupWindow.nanoseconds, groupMax: settings.groupMax, snapshotEveryEntries: UInt64(settings.snapshotEvery),
      retentionMilliseconds: settings.retention.nanoseconds / 1_000_000)
  }

  private static func hooks(hub: EventHub, intake: Intake) -> JournalWriterThread.Hooks {
    JournalWriterThread.Hooks(
      committed: { hub.send(ServerEvent("committed", API.Committed(sequence: $0))) },
      storeChanged: { intake.submit(.hubCondition(HubCondition(rule: .storeFailing, holds: $0))) != nil })
  }
}

/// Creates a folder that only the service's user may enter.
func makeFolder(_ path: String, mode: Int = 0o700) throws(GatewayError) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
  } catch {
    throw .folder(path: path, reason: error.localizedDescription)
  }
  if access(path, W_OK | X_OK) != 0 { throw .folder(path: path, reason: String(cString: strerror(errno))) }
}

extension Duration {
  /// Whole nanoseconds, held at the ends of Int64.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : whole &+ attoseconds / 1_000_000_000
  }
}
