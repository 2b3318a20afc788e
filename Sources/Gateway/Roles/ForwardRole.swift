// The forward role: drains the outbox to every destination. It reads the journal (read-only), hears of alarms from the
// core at once, and tells the core what became of each delivery. It keeps nothing of its own: after a crash everything
// unsettled is in the outbox, and goes out again under the same keys.

import Console
import FHIRForwarder
import Forwarding
import Foundation
import Journal
import Logging
import ServiceLifecycle
import Synchronization
import VitalSigns
import WebhookForwarder

/// One process's deliveries.
final class ForwardRole: Service {
  /// Pause before the core is tried again. A core that starts answers within a second.
  static let reconnectPause = Duration.milliseconds(300)

  /// One destination at work.
  private struct Receiver: Sendable {
    var settings: KnutepunktConfiguration.DestinationSettings
    var forwarder: any Forwarder
    var runner: DestinationRunner
  }

  private let configuration: KnutepunktConfiguration
  private let client: LocalAPIClient
  private let sentences: AlertSentences
  private let logger: Logger
  /// Seconds in which every destination's runner answered; the watchdog looks at it.
  let progress = Atomic<UInt64>(0)

  init(_ configuration: KnutepunktConfiguration, sentences: AlertSentences, logger: Logger) {
    self.configuration = configuration
    self.client = LocalAPIClient(socketPath: configuration.hub.socketPath)
    self.sentences = sentences
    self.logger = logger
  }

  /// For the watchdog: moves while no destination's runner is stuck, whether or not the core answers.
  func beat() -> UInt64 { progress.load(ordering: .relaxed) }

  func run() async throws {
    guard let reader = await openJournal() else { return }
    let hub = HubIdentity(id: try reader.hub().id, name: configuration.hub.name, eui64: networkEUI64())
    let records = RecordBuilder(configuration: configuration, reader: reader, sentences: sentences)
    var made: [Receiver] = []
    for settings in configuration.destinations {
      let forwarder = try forwarder(settings, hub: hub)
      guard let rules = configuration.sharingRules.destinations.first(where: { $0.name == settings.name }) else { continue }
      let book = OutboxBook(rules: rules, reader: reader, records: records, client: client, logger: logger)
      made.append(
        Receiver(
          settings: settings, forwarder: forwarder,
          runner: DestinationRunner(
            name: settings.name, forwarder: forwarder, book: book, lanes: lanes(settings),
            now: { MonotonicInstant(rawValue: HubClock.boottime()) },
            logger: logger)))
    }
    let receivers = made
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        for receiver in receivers { group.addTask { await receiver.runner.run() } }
        group.addTask { await self.listen(receivers, records) }
        group.addTask { await self.watch(receivers) }
      }
    }
    for receiver in receivers { await receiver.forwarder.shutdown() }
  }

  /// The journal appears when the core has started for the first time.
  private func openJournal() async -> JournalReader? {
    var told = false
    while !Task.isCancelled && !Task.isShuttingDownGracefully {
      do {
        return try JournalReader(path: configuration.hub.journalPath, pointer: configuration.hub.journalPointer)
      } catch {
        if !told { logger.notice("waiting for the core's journal", metadata: ["reason": "\(error)"]) }
        told = true
        progress.wrappingAdd(1, ordering: .relaxed)
        try? await Task.sleep(for: Self.reconnectPause)
      }
    }
    return nil
  }

  private func forwarder(_ settings: KnutepunktConfiguration.DestinationSettings, hub: HubIdentity) throws -> any Forwarder {
    switch settings.kind {
    case .fhir(let token, _):
      return FHIRForwarder(
        .init(
          baseURL: settings.url, caFile: settings.caFile,
          authorizer: try token.map { BearerTokenFile(path: try $0.path()) } ?? NoAuthorization(),
          hub: hub, attemptTimeout: settings.timeout))
    case .webhook(let secret):
      return WebhookForwarder(
        .init(url: settings.url, caFile: settings.caFile, secretFile: try secret.path(), hubID: hub.id, attemptTimeout: settings.timeout),
        now: { HubClock.wall() })
    }
  }

  private func lanes(_ settings: KnutepunktConfiguration.DestinationSettings) -> DestinationLanes {
    var alarms = RetryPolicy.alarms
    var routine = RetryPolicy.routine
    // The lane's own patience is a little longer than the connector's, which says better what went wrong.
    alarms.attemptTimeout = settings.timeout + .seconds(2)
    routine.attemptTimeout = settings.timeout + .seconds(2)
    if case .fhir(_, let batchMax) = settings.kind { routine.batchItemsMax = min(batchMax, routine.windowItemsMax - 2) }
    return DestinationLanes(alarms: alarms, routine: routine, seed: .random(in: .min ... .max))
  }

  private func watch(_ receivers: [Receiver]) async {
    while !Task.isCancelled {
      for receiver in receivers { await receiver.runner.beat() }
      progress.wrappingAdd(1, ordering: .relaxed)
      try? await Task.sleep(for: .seconds(1))
    }
  }

  // MARK: The core's events

  /// Hears the core until cancelled; a lost core is looked for again and again.
  private func listen(_ receivers: [Receiver], _ records: RecordBuilder) async {
    var isConnected = false
    while !Task.isCancelled {
      do {
        for try await event in client.events(role: "forward") {
          if !isConnected {
            isConnected = true
            logger.notice("connected to the core")
            for receiver in receivers { receiver.runner.reconnected() }
          }
          switch event {
          case .alert(let alert): tell(alert, receivers, records)
          case .committed: for receiver in receivers { receiver.runner.outboxChanged() }
          case .core, .other: break
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

  /// An alert's change, at once and before its outbox row, to those who receive alarms.
  private func tell(_ alert: API.Alert, _ receivers: [Receiver], _ records: RecordBuilder) {
    guard let raw = alert.transition, let transition = alert.alertTransition, transition.mustBeSent else { return }
    for receiver in receivers {
      let settings = receiver.settings
      // A record system gets the alert with all its evidence, from its outbox row.
      guard case .webhook = settings.kind, transition.level >= configuration.alertLevelMin(of: settings) else { continue }
      guard let record = records.alert(transition, raw, for: settings) else { continue }
      receiver.runner.alarm(DeliveryItem(row: nil, record: .alert(record)))
    }
  }
}
