// The core role's parts, put together once and in this order: the journal opens, the core is recovered, the threads start, and only
// then does any link connect and any listener open.

package import AlertTexts
package import DeviceIntake
import DeviceProfile
import Foundation
import HubClaims
package import HubConfiguration
package import HubCore
package import HubRegistry
package import HubRuntime
package import Journal
import JournalValues
import LocalAPI
package import Logging
import MQTTLink
package import ProfileCatalogue
import RealtimeCore
package import Synchronization
package import VitalSigns

/// Everything that the core role owns. Made by `init`, started by `start`, ended by `stop`.
package final class CoreParts: Sendable {
  package let configuration: KnutepunktConfiguration
  package let civil: CivilClock
  /// The way in, the core, the journal's writer.
  package let pipeline: CorePipeline
  /// The links over which devices reach the hub.
  package let links: DeviceLinks
  /// Who is told at once.
  package let hub: EventHub
  package let destinations: DestinationStates
  /// Why the observability port is closed, and since when; nil: it is open, or not wanted.
  package let closedPort = Mutex<(reason: String, since: WallTime)?>(nil)
  package let dispatch: DispatchThread
  package let registry: Registry
  package let reader: JournalReader
  package let actors: ActorBook
  package let startedAt: WallTime
  /// Calls for help that were open when the journal was lost. They are raised again, because twice is better than never.
  private let openCalls: [OpenCall]
  /// What was changed in the registry while the journal was lost. It is done again, now that the journal is back.
  private let changesMeanwhile: [RegistryChangeRow]
  /// What people should know of journals that lie beside the one in use.
  private let journalNotes: [String]
  /// What came of things that were begun in this run, for people.
  private let addedNotes = Mutex<[String]>([])
  package let hubID: String
  package let backups = BackupWatch()
  /// Held for as long as the core lives.
  private let hubLock: HubLock?
  /// Why this run began with a state that no replay could give exactly (CoreBuilder); nil: it began exactly.
  package let recoveryDoubt: String?
  /// Until when the run before decided by itself.
  private let decidedUntil: MonotonicInstant
  /// What the core has room for in this run.
  private let sizes: CoreConfiguration
  package let logger: Logger

  package var notes: [String] { journalNotes + addedNotes.withLock { $0 } + links.claimNotes }
  package func add(note: String) { addedNotes.withLock { $0.append(note) } }

  package var clock: HubClock { pipeline.clock }
  package var intake: Intake { pipeline.intake }

  /// Opens the journal and recovers the core. Links are made, not yet connected; no thread runs. Blocks on the disk.
  ///
  /// - Parameter busy: told what takes long, again and again while it does.
  package init(
    _ configuration: KnutepunktConfiguration, catalogue: ProfileCatalogue, alertText: AlertSentences, logger: Logger,
    machine: Machine = .real, busy: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    self.configuration = configuration
    self.logger = logger
    let opening = JournalOpening(
      configuration: configuration, profiles: catalogue.profiles, logger: logger, machine: machine, busy: busy)
    let opened = try opening.open()
    let (recovery, report, reader, registry) = (opened.recovery, opened.report, opened.reader, opened.registry)
    let isEmergency = opened.loss?.emergencyPath != nil
    let civil = CivilClock(zone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt)
    recoveryDoubt = report.isExact ? nil : report.reason
    decidedUntil = report.decidedUntil
    sizes = report.sizes
    startedAt = opened.reading.wall
    openCalls = opened.openCalls
    changesMeanwhile = opened.changesMeanwhile
    journalNotes = opened.notes
    self.reader = reader
    self.registry = registry
    self.civil = civil
    hubID = recovery.hubID
    hubLock = opened.hubLock
    // The key is made here because the console may not write in this folder. Without the key no sign-in link can be made, which the
    // first request for one tells.
    if configuration.console.listen != nil { _ = try? SignInKey.blocking(configuration.hub.statePath) }
    Self.tell(recovery, report, to: logger)
    let accounts = opened.accounts
    let hub = EventHub()
    self.hub = hub
    pipeline = try CorePipeline(
      opened, configuration, hooks: { Self.hooks(hub: hub, intake: $0, opening: opening, reader: reader) }, logger: logger)
    destinations = DestinationStates(since: pipeline.clock.now())
    actors = ActorBook(known: accounts, highest: recovery.highestActor, requests: pipeline.requests)
    dispatch = DispatchThread(
      pipeline.alarms, hub: hub, registry: registry, text: alertText, conditions: pipeline.intake.conditions, clock: pipeline.clock)
    var services = LinkServices(registry: registry, pipeline: pipeline, civil: civil, logger: logger)
    // A clock that is known wrongly is worse than one that is not known.
    if let claims = try? reader.newestClaims(limit: DeviceClocks.claimsMax) {
      services.clocks = DeviceClocks(remembering: claims, civil: civil)
    }
    // A simulated hub has no broker of its own kind, and a journal without a key none to prove itself with. In an emergency the hub may know
    // an older generation than its own, and must not stand down for itself.
    if case .real = machine, !recovery.claimKey.isEmpty, !isEmergency {
      services.identity = ClaimIdentity(
        hubID: recovery.hubID, generation: recovery.generation, run: Hexadecimal.text(UInt64.random(in: .min ... .max), digits: 16),
        began: startedAt, key: recovery.claimKey)
    }
    services.waitedSince = (try? reader.waitedSince(lastHeard: recovery.deliveryMarks.map(\.wall).max() ?? .unknown)) ?? .unknown
    links = try DeviceLinks(
      configuration, services, catalogue: catalogue,
      writer: pipeline.writer, marks: recovery.deliveryMarks, lastSequence: recovery.lastSequence)
  }

  private static func tell(_ recovery: JournalRecovery, _ report: CoreBuilder.Report, to logger: Logger) {
    logger.notice(
      "the core is restored",
      metadata: ["entries": "\(recovery.lastSequence)", "replayed": "\(report.replayed)", "snapshot": "\(report.fromSnapshot)"])
    for refusal in report.refusals { logger.warning("a snapshot of the core was passed over", metadata: ["reason": "\(refusal)"]) }
    if report.isExact { return }
    logger.warning(
      "the state cannot be given again exactly: open alerts were taken over from the journal, ids start above all that were given",
      metadata: ["reason": "\(report.reason ?? "")", "alerts": "\(report.adopted)"])
  }

  /// Sets the clock, then starts the threads, then opens the links. The anchor is the first that the core sees: what fell due while the
  /// hub was away is told once.
  package func start() throws(StartError) {
    if configuration.realtime.locksMemory { lockMemory() }
    dispatch.start()
    if !anchorClock(beginsRun: true) { logger.error("the intake had no room for the clock") }
    pipeline.startCore()
    tellCore()
    pipeline.startWriter()
    renewAbilities()
    try links.start()
  }

  /// What the core hears after its clock and before any device: what became of the hub meanwhile.
  package func tellCore() {
    tellRegistryRoom()
    takeChangesMeanwhile()
    for call in openCalls {
      let event = DeviceEvent(kind: call.rule == .fall ? .fall : .sos)
      if intake.submit(.event(event), device: call.device, patient: call.patient) == nil {
        logger.error("the intake had no room for a call for help that was open")
      }
    }
  }

  /// Says whether everybody and everything that is registered is watched over, or is so again.
  private func tellRegistryRoom() {
    let people = registry.patients.count { $0.ended == nil }
    let devices = registry.devices.count { !$0.removed }
    let isFull = people > sizes.patientsMax || devices > sizes.devicesMax
    if isFull {
      logger.error(
        "more people or devices are registered than there is room for; raise realtime.patientsMax or realtime.devicesMax",
        metadata: ["people": "\(people)", "devices": "\(devices)"])
    } else {
      // A lack of room that was never told has nothing to take back. It is about no person: only such alerts are looked through.
      let filter = AlertFilter(patient: PatientID.none, rule: .registryFull, limit: 1)
      guard let told = try? reader.alerts(filter), !told.isEmpty else { return }
    }
    _ = intake.submit(.hubCondition(HubCondition(rule: .registryFull, holds: isFull)))
  }

  /// People and devices that were registered in an emergency go on being watched when the journal is back.
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

  /// Somebody set the hub's wall clock by so many milliseconds.
  package func clockWasSet(by step: Int64) {
    let wall = clock.wall()
    clock.standing.stepped(by: step, at: wall)
    registry.clockWasSet(by: step, now: wall)
  }

  /// Tells the core how the wall clock and the local zone stand to its timeline. False when the intake was full.
  package func anchorClock(beginsRun: Bool = false) -> Bool {
    let anchor = ClockAnchor(
      utcOffsetSeconds: civil.utcOffsetSeconds(at: clock.wall()), endsAbsence: beginsRun, decidedUntil: beginsRun ? decidedUntil : .zero)
    return intake.submit(.clock(anchor)) != nil
  }

  /// Ends in the reverse order: nothing new comes in, what is in is decided and stored, then everybody is let go.
  ///
  /// - Returns: false when the store stood still for longer than `limit`. Its thread is left behind, and the process may end.
  @discardableResult package func stop(within limit: Duration = .seconds(10)) async -> Bool {
    var end = ContinuousClock.now + limit
    // The time that Bluetooth devices took is not taken from the disk.
    if await links.stop(within: limit / 2) { end = max(end, ContinuousClock.now + limit / 2) }
    let isStored = await pipeline.stop(by: end)
    dispatch.stop()
    hub.close()
    return isStored
  }

  private func lockMemory() {
    let refusal = lockAllMemory()
    pipeline.core.vitals.memoryLocked.store(refusal == 0, ordering: .relaxed)
    if refusal != 0 {
      logger.notice("memory is not locked; allow it with LimitMEMLOCK=infinity in the unit", metadata: ["errno": "\(refusal)"])
    }
  }

  // MARK: Parts

  private static func hooks(
    hub: EventHub, intake: Intake, opening: JournalOpening, reader: JournalReader
  ) -> JournalWriterThread.Hooks {
    JournalWriterThread.Hooks(
      committed: { hub.send(.committed(API.Committed(sequence: $0))) }, stored: { hub.stored(through: $0) },
      tell: { intake.submit(.hubCondition($0)) != nil },
      openEmergency: { loss, last in
        Result { () throws(JournalError) in
          let emergency = try opening.places.openEmergency(loss, running: last, wall: opening.machine.wall())
          try emergency.writer.setSharing(opening.configuration.sharingRules)
          return emergency
        }
      },
      isDamaged: { reader.isDamaged }, journalMoved: { opening.point(to: $0) })
  }
}
