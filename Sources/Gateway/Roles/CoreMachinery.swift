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
  let destinations: DestinationStates
  /// Why the observability port is closed, and since when; nil: it is open, or not wanted.
  let closedPort = Mutex<(reason: String, since: WallTime)?>(nil)
  let dispatch: DispatchThread
  let registry: Registry
  let reader: JournalReader
  let actors: ActorBook
  let links: [RunningLink]
  /// Nil when the configuration has no Bluetooth link.
  let bluetooth: RunningBluetooth?
  let startedAt: WallTime
  /// Calls for help that were open when the journal was lost: raised again, since rather twice than never.
  private let openCalls: [OpenCall]
  /// What was changed in the registry while the journal was lost: done again, now that it is back.
  private let changesMeanwhile: [RegistryChangeRow]
  /// What people should know of journals that lie beside the one in use.
  let journalNotes: [String]
  let hubID: String
  /// False: this run began with a state that no replay could give exactly (CoreBuilder).
  let isRecoveryExact: Bool
  let logger: Logger

  /// Entries in the journal ring: several in-flight windows of a link with all that they can cause, so that a disk that
  /// stands still for seconds does not reach the core. 16 384 × some 200 bytes.
  static let journalRingCapacity = 16_384
  /// Alert changes that wait for dispatch. One person or device fills a sixteenth at most, see `AlarmRoom`.
  static let alarmRingCapacity = 4_096

  /// For Bluetooth devices to be let go: bluetoothd drops a connection two seconds after it was asked to.
  static let lettingGo = Duration.seconds(4)

  /// Opens the journal, recovers the core and starts the threads. Links are made, not yet connected. Blocks on the disk.
  init(_ configuration: KnutepunktConfiguration, catalogue: ProfileCatalogue, alertText: AlertSentences, logger: Logger) throws {
    self.configuration = configuration
    self.logger = logger
    let opening = JournalOpening(configuration: configuration, profiles: catalogue.profiles, logger: logger)
    let opened = try opening.open()
    let (recovery, report, clock) = (opened.recovery, opened.report, opened.clock)
    let civil = CivilClock(zone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt)
    isRecoveryExact = report.isExact
    startedAt = opened.reading.wall
    openCalls = opened.openCalls
    changesMeanwhile = opened.changesMeanwhile
    journalNotes = opened.notes
    reader = opened.reader
    registry = opened.registry
    // The console may not write here. Without the key no sign-in link can be made, which the first request for one tells.
    if configuration.console.listen != nil { _ = try? ConsoleKey.blocking(configuration.hub.statePath) }
    let parts = (writer: opened.writer, told: opened.told, loss: opened.loss, accounts: opened.accounts)
    logger.notice(
      "the core is restored",
      metadata: ["entries": "\(recovery.lastSequence)", "replayed": "\(report.replayed)", "snapshot": "\(report.fromSnapshot)"])
    if !report.isExact {
      logger.warning(
        "no snapshot fits and a replay cannot be exact: open alerts were taken over from the journal, ids start above all that were given",
        metadata: ["alerts": "\(report.adopted)", "refused": "\(report.snapshotsRefused)", "purgedThrough": "\(recovery.purgedThrough)"])
    }

    let coreWake = try Wake()
    let journalWake = try Wake()
    let alarmWake = try Wake()
    intakeRing = IntakeRing(
      capacity: configuration.realtime.intakeCapacity, reserve: configuration.realtime.intakeCapacity / 8,
      firstSequence: recovery.lastSequence + 1)
    let journalRing = SingleProducerRing<JournalItem>(capacity: Self.journalRingCapacity)
    let alarmRing = SingleProducerRing<Outcome>(capacity: Self.alarmRingCapacity)
    let alarmRoom = AlarmRoom()
    let companions = Companions()
    intake = Intake(ring: intakeRing, coreWake: coreWake, journal: journalRing, companions: companions, clock: clock)
    requests = JournalRequests(wake: journalWake)
    core = CoreThread(
      core: opened.core, intake: intakeRing, journal: journalRing, alarms: alarmRing, alarmRoom: alarmRoom, wake: coreWake,
      journalWake: journalWake,
      alarmWake: alarmWake, clock: clock,
      settings: .init(wantsRealtime: configuration.realtime.scheduler == .fifo, priority: Int32(configuration.realtime.priority)))
    let commitRequest = CommitRequest(wake: journalWake)
    durable = DurableSequence(startingAt: recovery.lastSequence) { commitRequest.raise() }
    hub = EventHub()
    destinations = DestinationStates(since: clock.now())
    actors = ActorBook(known: parts.accounts, highest: recovery.highestActor, requests: requests)
    dispatch = DispatchThread(
      ring: alarmRing, room: alarmRoom, wake: alarmWake, hub: hub, registry: registry, text: alertText, conditions: intake.conditions,
      clock: clock)
    writer = JournalWriterThread(
      writer: parts.writer, ring: journalRing, requests: requests, companions: companions, core: core, wake: journalWake,
      clock: clock, lastSequence: recovery.lastSequence, lastSnapshot: report.fromSnapshot,
      // Left open by a run that ended before its disk was well: this run tells how it is now.
      told: parts.told, loss: parts.loss,
      settings: Self.writerSettings(configuration.journal), hooks: Self.hooks(hub: hub, intake: intake, opening: opening, reader: reader),
      durable: durable,
      commitRequest: commitRequest, logger: logger)
    self.clock = clock
    self.civil = civil
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
    tellRegistryRoom()
    takeChangesMeanwhile()
    for call in openCalls {
      let event = DeviceEvent(kind: call.rule == .fall ? .fall : .sos)
      if intake.submit(.event(event), device: call.device, patient: call.patient) == nil {
        logger.error("the intake had no room for a call for help that was open")
      }
    }
    writer.start()
    renewAbilities()
    for link in links { try link.start(subscriptions: registry.subscriptions()) }
    bluetooth?.start()
  }

  /// Says whether everybody and everything that is registered is watched over, or is so again.
  private func tellRegistryRoom() {
    let people = registry.patients.count { $0.ended == nil }
    let devices = registry.devices.count { !$0.removed }
    let isFull = people > configuration.realtime.patientsMax || devices > configuration.realtime.devicesMax
    if isFull {
      logger.error(
        "more people or devices are registered than there is room for; raise realtime.patientsMax or realtime.devicesMax",
        metadata: ["people": "\(people)", "devices": "\(devices)"])
    } else {
      // Nothing to take back when it was never told.
      guard let told = try? reader.alerts(AlertFilter(rule: .registryFull, limit: 1)), !told.isEmpty else { return }
    }
    _ = intake.submit(.hubCondition(HubCondition(rule: .registryFull, holds: isFull)))
  }

  /// Whoever was registered in an emergency goes on being watched when the journal is back.
  private func takeChangesMeanwhile() {
    for change in changesMeanwhile {
      guard case .registry(let what) = change.entry.payload else { continue }
      var attachment = change.attachment
      if let account = change.account { attachment.actor = actors.number(of: account, role: "staff") ?? .hub }
      let sequence = intake.submit(
        change.entry.payload, device: change.entry.device, patient: change.entry.patient,
        companion: Companion(attachment: attachment, mark: nil))
      guard let sequence else {
        logger.error("the intake had no room for a change of the registry that was made while the journal was lost")
        return
      }
      registry.apply(what, change, by: sequence, at: clock.wall(), controller: configuration.hub.controller)
    }
    if !changesMeanwhile.isEmpty {
      logger.notice("changes of the registry from the emergency are taken over", metadata: ["changes": "\(changesMeanwhile.count)"])
    }
  }

  /// Tells the core how the wall clock and the local zone stand to its timeline. False when the intake was full.
  func anchorClock() -> Bool {
    intake.submit(.clock(ClockAnchor(utcOffsetSeconds: civil.utcOffsetSeconds(at: clock.wall())))) != nil
  }

  /// Ends in the reverse order: nothing new comes in, what is in is decided and stored, then everybody is let go.
  ///
  /// - Returns: false when the store stood still for longer than `limit`: its thread is left behind, the process may end.
  @discardableResult func stop(within limit: Duration = .seconds(10)) async -> Bool {
    var end = ContinuousClock.now + limit
    for link in links { link.stop(within: limit / 2) }
    bluetooth?.stop(within: Self.lettingGo)
    for link in links { await link.ended() }
    if let bluetooth {
      await bluetooth.ended()
      // What the devices took of the time is not taken from the disk.
      end = max(end, ContinuousClock.now + limit / 2)
    }
    core.stop()
    writer.stop()
    // A disk that hangs is not waited for: what is not durable has not been acknowledged, and comes again.
    while !writer.stopped.load(ordering: .acquiring), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
    dispatch.stop()
    hub.close()
    return writer.stopped.load(ordering: .acquiring)
  }

  private func lockMemory() {
    let refusal = lockAllMemory()
    core.vitals.memoryLocked.store(refusal == 0, ordering: .relaxed)
    if refusal != 0 {
      logger.notice("memory is not locked; allow it with LimitMEMLOCK=infinity in the unit", metadata: ["errno": "\(refusal)"])
    }
  }

  // MARK: Parts

  private static func writerSettings(_ settings: KnutepunktConfiguration.JournalSettings) -> JournalWriterThread.Settings {
    JournalWriterThread.Settings(
      groupWindow: settings.groupWindow.nanoseconds, groupMax: settings.groupMax, snapshotEveryEntries: UInt64(settings.snapshotEvery),
      retentionMilliseconds: settings.retention.nanoseconds / 1_000_000)
  }

  private static func hooks(
    hub: EventHub, intake: Intake, opening: JournalOpening, reader: JournalReader
  ) -> JournalWriterThread.Hooks {
    JournalWriterThread.Hooks(
      committed: { hub.send(ServerEvent("committed", API.Committed(sequence: $0))) },
      tell: { intake.submit(.hubCondition($0)) != nil },
      openEmergency: { loss, last throws(JournalError) in
        let emergency = try opening.places.openEmergency(loss, running: last, wall: HubClock.wall())
        try emergency.writer.setSharing(opening.configuration.sharingRules)
        return emergency
      },
      isDamaged: { reader.isDamaged }, journalMoved: { opening.point(to: $0) })
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
