// The forward role: drains the outbox to every destination. It reads the journal (read-only), hears of alarms from the core at
// once, and tells the core what became of each delivery. It stores nothing: after a crash everything unsettled is in the outbox,
// and goes out again under the same keys.

package import AlertTexts
import FHIRForwarder
import Forwarding
import Foundation
package import HubConfiguration
import HubRegistry
import HubRuntime
import Journal
import JournalValues
package import LocalAPI
package import Logging
import NIOPosix
import ServiceLifecycle
package import Synchronization
import VitalSigns
import WebhookForwarder

/// One process's deliveries.
package final class ForwardRole: Service {
  /// Pause before the core is tried again. A core that starts answers within a second.
  static let reconnectPause = Duration.milliseconds(300)
  /// How long an alarm about somebody or something that is not in memory waits for the disk to tell who that is. A healthy
  /// disk answers within milliseconds; one that hangs must not hold a call for help.
  package static let learningPatience = Duration.milliseconds(250)
  /// How long a change whose outbox row says more (who acknowledged and why, where somebody is) waits for that row. The row comes
  /// within milliseconds. Without it the change goes out as it is.
  static let rowPatience = Duration.seconds(1)
  /// Changes that wait for their row at once. One more is left to its row.
  static let patientMax = 1_024
  /// How often all people and devices are read anew, whatever was heard of the core.
  static let learnEvery = Duration.seconds(60)
  /// After commits, whether somebody was changed is looked at no more often than this. An address that was changed goes out with the next
  /// alarm after that.
  static let lookEvery = Duration.seconds(1)

  /// For so long what was taken already goes out when another hub has taken this one's place, and with it the alert that says so.
  static let lastWords = Duration.seconds(20)

  /// One destination at work.
  private struct Receiver: Sendable {
    var settings: KnutepunktConfiguration.DestinationSettings
    var alertLevelMin: UInt8
    var forwarder: any Forwarder
    var runner: DestinationRunner
  }

  private let configuration: KnutepunktConfiguration
  private let core: any CoreConnection
  private let sentences: AlertSentences
  private let logger: Logger
  /// Rises every three seconds while every destination's runner answers, each second while something is not well or waits, and while the
  /// role waits for the journal. The watchdog looks at it.
  package let progress = Atomic<UInt64>(0)
  private let waiting = Atomic<Int>(0)

  package init(_ configuration: KnutepunktConfiguration, core: any CoreConnection, sentences: AlertSentences, logger: Logger) {
    self.configuration = configuration
    self.core = core
    self.sentences = sentences
    self.logger = logger
  }

  /// For the watchdog: rises while no destination's runner is stuck, whether or not the core answers.
  package func beat() -> UInt64 { progress.load(ordering: .relaxed) }

  package func run() async throws {
    guard let (reader, hubID) = await openJournal() else { return }
    let hub = HubIdentity(id: hubID, name: configuration.hub.name, eui64: networkEUI64())
    let records = RecordBuilder(configuration: configuration, reader: reader, sentences: sentences)
    while true {
      let mayDeliver = !isReplaced
      let receivers = mayDeliver ? receivers(hub, reader, records) : []
      await cancelWhenGracefulShutdown { await self.work(receivers, records, mayDeliver: mayDeliver) }
      for receiver in receivers { await receiver.forwarder.shutdown() }
      if Task.isCancelled || Task.isShuttingDownGracefully { return }
    }
  }

  private func receivers(_ hub: HubIdentity, _ reader: JournalReader, _ records: RecordBuilder) -> [Receiver] {
    let rulesOfAll = configuration.sharingRules.destinations
    var made: [Receiver] = []
    for settings in configuration.destinations {
      guard let rules = rulesOfAll.first(where: { $0.name == settings.name }) else { continue }
      let forwarder = forwarder(settings, hub: hub)
      let book = OutboxBook(rules: rules, reader: reader, records: records, core: core, logger: logger)
      made.append(
        Receiver(
          settings: settings, alertLevelMin: rules.alertLevelMin, forwarder: forwarder,
          runner: DestinationRunner(
            name: settings.name, forwarder: forwarder, book: book, lanes: lanes(settings), watch: DestinationWatch(bounds(settings)),
            now: { MonotonicInstant(rawValue: SystemClock.boottime()) },
            logger: logger)))
    }
    return made
  }

  /// Until it is cancelled, or another hub takes this one's place, or this one's place is its own again.
  private func work(_ receivers: [Receiver], _ records: RecordBuilder, mayDeliver: Bool) async {
    let (commits, committed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withDiscardingTaskGroup { group in
      for receiver in receivers { group.addTask { await receiver.runner.run() } }
      group.addTask { await self.listen(receivers, records, committed) }
      group.addTask { await self.learn(records) }
      group.addTask { await self.learnChanges(records, after: commits) }
      await self.watch(receivers, mayDeliver: mayDeliver)
      group.cancelAll()
    }
  }

  /// Another hub has taken this one's place: it tells everybody, and this one nobody.
  private var isReplaced: Bool { ReplacedMark.isThere(in: configuration.hub.statePath) }

  /// The journal appears when the core has started for the first time.
  private func openJournal() async -> (JournalReader, hubID: String)? {
    var told = false
    while !Task.isCancelled && !Task.isShuttingDownGracefully {
      do {
        let reader = try JournalReader(path: configuration.hub.journalPath, pointer: configuration.hub.journalPointer)
        return (reader, try reader.hub().id)
      } catch {
        if !told { logger.notice("waiting for the core's journal", metadata: ["reason": "\(error)"]) }
        told = true
        progress.wrappingAdd(1, ordering: .relaxed)
        try? await Task.sleep(for: Self.reconnectPause)
      }
    }
    return nil
  }

  /// A destination whose credential has no place is a failing destination, like one whose credential cannot be read: it is
  /// told as such, and the others go on.
  private func forwarder(_ settings: KnutepunktConfiguration.DestinationSettings, hub: HubIdentity) -> any Forwarder {
    do {
      switch settings.kind {
      case .fhir(let token, _):
        return FHIRForwarder(
          .init(
            baseURL: settings.url, caFile: settings.caFile,
            authorizer: try token.map { BearerTokenFile(path: try $0.path()) } ?? NoAuthorization(),
            hub: hub, attemptTimeout: settings.timeout))
      case .webhook(let secret, let previous):
        return WebhookForwarder(
          .init(
            url: settings.url, caFile: settings.caFile, secretFile: try secret.path(), previousSecretFile: try previous?.path(),
            hubID: hub.id, attemptTimeout: settings.timeout),
          now: { SystemClock.wall() })
      }
    } catch {
      logger.error(
        "a destination has no credential; nothing goes to it", metadata: ["destination": "\(settings.name)", "reason": "\(error)"])
      return ForwarderWithoutCredential()
    }
  }

  /// A receiver of level 0 is told of alarms first, so its silence is told sooner.
  private func bounds(_ settings: KnutepunktConfiguration.DestinationSettings) -> DestinationWatch.Bounds {
    guard case .webhook = settings.kind, configuration.alertLevelMin(of: settings) == 0 else { return .records }
    return .alarms
  }

  private func lanes(_ settings: KnutepunktConfiguration.DestinationSettings) -> DestinationLanes {
    var alarms = RetryPolicy.alarms
    var routine = RetryPolicy.routine
    // The lane waits a little longer than the connector, which knows better what went wrong.
    alarms.attemptTimeout = settings.timeout + .seconds(2)
    routine.attemptTimeout = settings.timeout + .seconds(2)
    if case .fhir(_, let batchMax) = settings.kind {
      routine.batchItemsMax = min(batchMax, routine.windowItemsMax - 2)
      // A record system calls nobody: an alert that it cannot place is a dead letter, which somebody is told of.
      alarms.soloFailuresMax = routine.soloFailuresMax
    }
    return DestinationLanes(alarms: alarms, routine: routine, seed: .random(in: .min ... .max))
  }

  /// Ends when it turns out that the deliveries must end, or may begin again.
  private func watch(_ receivers: [Receiver], mayDeliver: Bool) async {
    let signal = RoleSignal(role: .forward, core: core)
    var replacedSince: MonotonicInstant?
    while !Task.isCancelled {
      let now = MonotonicInstant(rawValue: SystemClock.boottime())
      if isReplaced == mayDeliver {
        let since = replacedSince ?? now
        replacedSince = since
        if !mayDeliver || now >= since.adding(Self.lastWords) {
          logger.critical(mayDeliver ? "another hub has taken this one's place: nothing is delivered any more" : "deliveries begin again")
          return
        }
      }
      var isCalm = true
      for receiver in receivers { if await !receiver.runner.beat() { isCalm = false } }
      progress.wrappingAdd(1, ordering: .relaxed)
      signal.worked()
      try? await Task.sleep(for: isCalm ? RoleSignal.pause : .seconds(1))
    }
  }

  // MARK: The core's events

  /// Hears the core until cancelled; a lost core is looked for again and again. Nothing in this loop waits for a disk or for a
  /// destination: what must wait does so beside it.
  private func listen(_ receivers: [Receiver], _ records: RecordBuilder, _ committed: AsyncStream<Void>.Continuation) async {
    await withDiscardingTaskGroup { beside in
      var isConnected = false
      while !Task.isCancelled {
        do {
          for try await event in core.hear(as: .forward) {
            if !isConnected {
              isConnected = true
              logger.notice("connected to the core")
              for receiver in receivers { receiver.runner.reconnected() }
            }
            switch event {
            case .alert(let alert): hear(alert, receivers, records, &beside)
            case .committed:
              for receiver in receivers { receiver.runner.outboxChanged() }
              committed.yield()
            case .core, .destinations, .other: break
            }
          }
        } catch {
          if isConnected && !Task.isCancelled {
            logger.warning("the core does not answer; deliveries go on from the journal", metadata: ["reason": "\(error)"])
          }
          isConnected = false
        }
        try? await Task.sleep(for: Self.reconnectPause)
      }
    }
  }

  private func hear(_ alert: API.Alert, _ receivers: [Receiver], _ records: RecordBuilder, _ beside: inout DiscardingTaskGroup) {
    guard let change = alert.transition, let transition = alert.alertTransition, transition.mustBeSent else { return }
    let isForSomebody = receivers.contains { takesAtOnce($0, transition) }
    guard isForSomebody else { return }
    let saysMoreInItsRow =
      [.acknowledged, .responding, .resolved].contains(transition.kind) || transition.rule == .geofenceExit
    let isKnown = records.isKnown(change)
    if !saysMoreInItsRow, isKnown { return tell(transition, change, receivers, records) }
    if waiting.load(ordering: .relaxed) >= Self.patientMax {
      for receiver in receivers { receiver.runner.outboxChanged() }
      return isKnown ? () : tell(transition, change, receivers, records)
    }
    waiting.wrappingAdd(1, ordering: .relaxed)
    beside.addTask {
      if !isKnown { await Self.learn(change, records) }
      if saysMoreInItsRow { try? await Task.sleep(for: Self.rowPatience) }
      self.tell(transition, change, receivers, records)
      self.waiting.wrappingSubtract(1, ordering: .relaxed)
    }
  }

  /// Reads who and what an alarm is about, within `learningPatience`; the read itself may go on.
  private static func learn(_ change: API.Transition, _ records: RecordBuilder) async {
    let (done, finish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    NIOThreadPool.singleton.submit { _ in
      // A flood of somebody who was registered a moment ago: the first read was for all of it.
      if !records.isKnown(change) { records.learn(change) }
      finish.yield()
    }
    // The task is cancelled as soon as the read is done.
    let patience = Task {
      try? await Task.sleep(for: learningPatience)
      finish.yield()
    }
    for await _ in done { break }
    patience.cancel()
  }

  /// Reads all people and devices anew, once a minute, off the event loops.
  private func learn(_ records: RecordBuilder) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.learnEvery)
      _ = try? await NIOThreadPool.singleton.runIfActive { records.learn() }
    }
  }

  /// Reads them anew when somebody was changed. A hub at which nothing happens is not woken for it.
  private func learnChanges(_ records: RecordBuilder, after commits: AsyncStream<Void>) async {
    for await _ in commits {
      _ = try? await NIOThreadPool.singleton.runIfActive { records.learnChanges() }
      try? await Task.sleep(for: Self.lookEvery)
    }
  }

  /// Whether the receiver hears of this change before its outbox row. A record system gets the alert with all its evidence,
  /// from the row.
  private func takesAtOnce(_ receiver: Receiver, _ transition: AlertTransition) -> Bool {
    guard case .webhook = receiver.settings.kind else { return false }
    return transition.level >= receiver.alertLevelMin
  }

  /// An alert's change, at once and before its outbox row, to those who receive alarms.
  private func tell(_ transition: AlertTransition, _ change: API.Transition, _ receivers: [Receiver], _ records: RecordBuilder) {
    for receiver in receivers where takesAtOnce(receiver, transition) {
      // A flood costs no more than the look at it: beyond a person's share the outbox row is enough.
      guard receiver.runner.hasRoom(for: change.patient) else {
        receiver.runner.outboxChanged()
        continue
      }
      guard let record = records.alert(transition, change, for: receiver.settings) else { continue }
      receiver.runner.alarm(DeliveryItem(row: nil, record: .alert(record)))
    }
  }
}

/// Stands in for a connector that cannot be made: every attempt says that our credential cannot be read.
private struct ForwarderWithoutCredential: Forwarder {
  func deliver(_ batch: [DeliveryItem]) async -> DeliveryReport { DeliveryReport(.failed(.unauthorised(status: 0), retryAfter: nil)) }
  func probe() async -> RetryReason? { .unauthorised(status: 0) }
  func shutdown() async {}
}
