// The hub's heart as one part: the way in, the core's thread, the journal writer's thread and what lies between them. Made in the
// one order that works, started together, and ended in the order in which nothing is lost. Not here: links, the local API, dispatch.

package import CoreRings
package import HubConfiguration
import HubRegistry
package import HubRuntime
import Journal
package import Logging
import RealtimeCore
package import VitalSigns

/// What leads from the core to whoever tells people at once.
package struct AlarmWay: Sendable {
  /// Alert changes that wait for dispatch. One person or device fills a sixteenth at most, see `AlarmRoom`.
  static let capacity = 4_096

  package let ring: SingleProducerRing<Outcome>
  package let room: AlarmRoom
  package let wake: Wake

  package init(ring: SingleProducerRing<Outcome>, room: AlarmRoom, wake: Wake) {
    self.ring = ring
    self.room = room
    self.wake = wake
  }
}

/// What leads from core, links and local API to the journal writer.
struct JournalWay: Sendable {
  /// Items in the ring: several in-flight windows of a link with all that they can cause, so that a disk that stands still for
  /// seconds does not reach the core. 16 384 × some 200 bytes.
  static let capacity = 16_384

  let ring: SingleProducerRing<JournalItem>
  let requests: JournalRequests
  let companions: Companions
  let commitRequest: CommitRequest
  let wake: Wake
}

/// The core, its journal and the way in. Any thread.
package final class CorePipeline: Sendable {
  package let clock: HubClock
  package let intake: Intake
  package let core: CoreThread
  package let alarms: AlarmWay
  package let requests: JournalRequests
  package let durable: DurableSequence
  package let writer: JournalWriterThread
  private let intakeRing: IntakeRing
  private let logger: Logger

  /// Recovers nothing and blocks on nothing: the journal is open. No thread runs before `start()`.
  ///
  /// - Parameter hooks: what the writer tells the rest of the hub, which may need the intake for it.
  /// - Throws: when the process has no descriptors left.
  package init(
    _ opened: consuming OpenedJournal, _ configuration: KnutepunktConfiguration,
    hooks: (Intake) -> JournalWriterThread.Hooks, logger: Logger
  ) throws(DescriptorShortage) {
    let (lastSequence, lastSnapshot) = (opened.recovery.lastSequence, opened.report.fromSnapshot)
    let start = JournalWriterThread.Start(
      writer: opened.writer, lastSequence: lastSequence, lastSnapshot: lastSnapshot, told: opened.told, loss: opened.loss)
    clock = opened.clock
    let (coreWake, journalWake) = (try Wake(), try Wake())
    intakeRing = IntakeRing(
      capacity: configuration.realtime.intakeCapacity, reserve: configuration.realtime.intakeCapacity / 8,
      firstSequence: lastSequence + 1)
    let journal = JournalWay(
      ring: SingleProducerRing(capacity: JournalWay.capacity), requests: JournalRequests(wake: journalWake), companions: Companions(),
      commitRequest: CommitRequest(wake: journalWake), wake: journalWake)
    alarms = AlarmWay(ring: SingleProducerRing(capacity: AlarmWay.capacity), room: AlarmRoom(), wake: try Wake())
    let vitals = CoreVitals()
    intake = Intake(
      ring: intakeRing, vitals: vitals, coreWake: coreWake, journal: journal.ring, companions: journal.companions, clock: clock)
    requests = journal.requests
    core = CoreThread(
      core: opened.takeCore(), vitals: vitals, intake: intakeRing, absence: intake.absence, wake: coreWake, journal: journal,
      alarms: alarms,
      clock: clock,
      settings: CoreThread.Settings(
        wantsRealtime: configuration.realtime.scheduler == .fifo, priority: Int32(configuration.realtime.priority)))
    let commitRequest = journal.commitRequest
    durable = DurableSequence(startingAt: lastSequence) { commitRequest.raise() }
    writer = JournalWriterThread(
      start, way: journal, core: core, clock: clock, durable: durable, settings: JournalWriterThread.Settings(configuration.journal),
      hooks: hooks(intake), logger: logger)
    self.logger = logger
  }

  /// Starts the core's thread. Nothing is written yet: what comes in waits for the writer.
  package func startCore() { core.start(logger: logger) }

  /// Starts the writer's thread.
  package func startWriter() { writer.start() }

  /// Ends both threads once what came in is decided and stored.
  ///
  /// - Returns: false when the store stood still until `end`. Its thread is left behind, and the process may end. What is not
  ///   durable has not been acknowledged, and comes again.
  package func stop(by end: ContinuousClock.Instant) async -> Bool {
    core.stop()
    writer.stop()
    return await writer.ended(within: end - .now)
  }
}

extension JournalWriterThread.Settings {
  package init(_ settings: KnutepunktConfiguration.JournalSettings) {
    self.init(
      groupWindow: settings.groupWindow.nanoseconds, groupMax: settings.groupMax, snapshotEveryEntries: UInt64(settings.snapshotEvery),
      retentionMilliseconds: settings.retention.wholeMilliseconds)
  }
}
