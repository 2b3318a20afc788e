// `knutepunkt run`: logging, metrics, then the services of the role under one ServiceGroup, which ends them in order on
// SIGTERM and SIGINT. Without a role all three run in this process and meet where separate processes would: at the
// journal and at what the local API offers, called without the socket between them.

import AlertTexts
import Console
import CoreAPI
import Delivery
import Foundation
public import HubConfiguration
import HubRegistry
import HubRuntime
import LocalAPI
import Logging
import Metrics
import Observability
import ServiceLifecycle
import UnixSignals

/// What a process does.
public enum GatewayRole: String, Sendable {
  /// Everything in one process: a trial, or a very small board.
  case all
  /// Links, core, journal and the local API: the only writer.
  case core
  /// Outbox to destinations.
  case forward
  /// The nurses' web pages.
  case console
}

/// Runs until SIGTERM or SIGINT, then ends cleanly. Call once a process.
///
/// - Parameter path: where the configuration came from, to be read again at SIGHUP.
/// - Throws: `StartError` when it cannot start; its `exitCode` is the command's.
public func runGateway(_ configuration: KnutepunktConfiguration, path: String, role: GatewayRole) async throws {
  let level = Logger.Level(rawValue: configuration.logLevel.rawValue) ?? .info
  LoggingSystem.bootstrap { JournaldLogHandler(label: $0, level: level) }
  let metrics = MetricsRegistry(help: CoreMetrics.help)
  MetricsSystem.bootstrap(metrics)
  let logger = Logger(label: "knutepunkt.\(role.rawValue)")
  let notifier = ServiceNotifier()
  // A peer that hangs up must end a write with an error, not the process with a signal.
  signal(SIGPIPE, SIG_IGN)
  raiseDescriptorLimit()
  let sentences: AlertSentences
  do {
    sentences = try AlertSentences(configuration)
  } catch {
    throw StartError.profiles("the text catalogues do not load: \(error)")
  }

  var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
  var connection: any CoreConnection = LocalAPIClient(socketPath: configuration.hub.socketPath)
  if role == .all || role == .core {
    let core = try CoreRole(configuration, sentences: sentences, registry: metrics, notifier: notifier, logger: logger)
    services.append(.init(service: core))
    connection = InsideConnection(core.service)
  }
  if role == .all || role == .forward {
    let forward = ForwardRole(configuration, core: connection, sentences: sentences, logger: Logger(label: "knutepunkt.forward"))
    services.append(.init(service: EnduringRole(name: "forward", logger: logger, explain: { "\($0)" }, role: { try await forward.run() })))
    if role == .forward {
      services.append(.init(service: RoleHeartbeat(notifier: notifier, name: "forward", progress: { forward.beat() })))
    }
  }
  if role == .all || role == .console {
    let console = ConsoleRole(configuration: configuration, core: connection, logger: Logger(label: "knutepunkt.console"))
    let address = configuration.console.listen.map { "\($0.host):\($0.port)" } ?? ""
    services.append(
      .init(
        service: EnduringRole(
          name: "console", logger: logger, explain: { ListenProblem.text($0, key: "console.listen", address: address) },
          role: { try await console.run() })))
    if role == .console { services.append(.init(service: RoleHeartbeat(notifier: notifier, name: "console", progress: nil))) }
  }
  services.append(.init(service: ReloadService(path: path, notifier: notifier, logger: logger)))
  // The service that is last in the list is told to stop first.
  services.append(.init(service: LastResort(logger: logger)))
  let group = ServiceGroup(
    configuration: .init(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
  try await group.run()
}

/// Ends the process when an orderly end takes too long. What is not on the disk was never acknowledged, and comes again.
struct LastResort: Service {
  /// All roles of one process end well within this. systemd would kill the process later, without a word.
  static let seconds = 10.0
  let logger: Logger

  func run() async throws {
    try? await gracefulShutdown()
    let logger = logger
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: Self.seconds)
      logger.critical("not ended in order after \(Int(Self.seconds)) s: ending now; what is not stored was not acknowledged")
      _exit(StartError.localAPI(path: "", reason: "").exitCode)
    }
  }
}

/// READY, STATUS and the watchdog of a role that is not the core.
package struct RoleHeartbeat: Service {
  let notifier: ServiceNotifier
  package let name: String
  /// Turns of the role's loop; nil for a role that systemd does not watch.
  package let progress: (@Sendable () -> UInt64)?

  package func run() async throws {
    notifier.ready(status: "\(name) runs")
    await cancelWhenGracefulShutdown {
      var watchdog = ProgressWatchdog(parts: .outbox, progress: RoleProgress(outbox: progress?() ?? 0))
      while !Task.isCancelled {
        try? await Task.sleep(for: .seconds(1))
        guard let progress else {
          notifier.alive()
          continue
        }
        if case .feed = watchdog.look(at: RoleProgress(outbox: progress())) { notifier.alive() }
      }
    }
    notifier.stopping(status: "\(name) stops")
  }
}
