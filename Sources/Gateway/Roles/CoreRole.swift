// The core role as a service: machinery, local API, metrics, the pulse. Ends cleanly on SIGTERM: links let go, everything
// taken in is decided and stored, then the doors close.

import Console
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import ProfileCatalogue
import ServiceLifecycle
import Synchronization
import VitalSigns

/// Links, core, journal and the local API.
struct CoreRole: Service {
  /// Pulses to listeners, and looks at the clocks.
  static let pulse = Duration.seconds(1)
  /// A wall clock that moved by more than this against the timeline was set by somebody: tell the core.
  static let clockStepMilliseconds: Int64 = 1_000

  /// For requests under way when the core is told to stop.
  static let farewell = Duration.seconds(3)

  let service: CoreService
  let machinery: CoreMachinery
  let registry: MetricsRegistry
  let notifier: ServiceNotifier
  let logger: Logger

  /// Opens and recovers everything; nothing listens yet. Blocks on the disk.
  init(
    _ configuration: KnutepunktConfiguration, sentences: AlertSentences, registry: MetricsRegistry, notifier: ServiceNotifier,
    logger: Logger
  ) throws {
    notifier.status("recovering the journal")
    let catalogue = try Self.catalogue(configuration)
    let machinery = try CoreMachinery(configuration, catalogue: catalogue, alertText: sentences, logger: logger)
    let gauges = CoreMetrics()
    let health = Health(
      vitals: machinery.core.vitals, clock: machinery.clock, hub: HubProblems(machinery: machinery, sentences: sentences),
      warnings: configuration.warnings.map(\.message),
      metricsText: {
        gauges.update(from: machinery)
        return registry.exposition()
      })
    self.machinery = machinery
    self.registry = registry
    self.notifier = notifier
    self.logger = logger
    service = CoreService(machinery: machinery, health: health, sentences: sentences, logger: logger)
  }

  static func catalogue(_ configuration: KnutepunktConfiguration) throws(GatewayError) -> ProfileCatalogue {
    do {
      return try ProfileCatalogue(
        folders: configuration.profiles.folders.map { URL(fileURLWithPath: $0) }, trust: try configuration.profiles.trustSettings())
    } catch let error as GatewayError {
      throw error
    } catch {
      throw .profiles("\(error)")
    }
  }

  func run() async throws {
    let socket = machinery.configuration.hub.socketPath
    try prepareSocket(socket)
    let api = try localAPI(socket)
    try machinery.start()
    var failure: (any Error)?
    do { try await serve(api) } catch { failure = error }
    notifier.stopping(status: "storing what came in last")
    await machinery.stop()
    unlink(socket)
    logger.notice("the core has stopped")
    if let failure { throw failure }
  }

  /// Until graceful shutdown, or until the local API fails.
  private func serve(_ api: some ApplicationProtocol) async throws {
    let observability = self.observability()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        // Without its metrics the core still raises alarms.
        do { try await observability?.run() } catch { logger.error("no metrics are served", metadata: ["reason": "\(error)"]) }
      }
      group.addTask { await pulse() }
      group.addTask {
        try? await gracefulShutdown()
        // Event streams never end by themselves, and a listener that is told nothing would hold the shutdown up.
        machinery.hub.close()
        // Nor can one end whose listener does not read: it is cut off, so that what came in last is stored all the same.
        try await Task.sleep(for: Self.farewell)
        throw CancellationError()
      }
      group.addTask {
        try await api.run()
        throw CancellationError()
      }
      do {
        for try await _ in group {}
      } catch is CancellationError {
        group.cancelAll()
      }
    }
  }

  // MARK: Listeners

  private func prepareSocket(_ path: String) throws(GatewayError) {
    try makeFolder(machinery.configuration.hub.runtimePath, mode: opensToOthers ? 0o755 : 0o750)
    // One core owns the state folder (the journal's lock), so a socket that is still here is a dead one's.
    unlink(path)
  }

  private var opensToOthers: Bool {
    let settings = machinery.configuration.localAPI
    return !settings.allowedGroups.isEmpty || !settings.allowedUsers.isEmpty
  }

  private func localAPI(_ path: String) throws -> some ApplicationProtocol {
    var unknown: [String] = []
    let settings = machinery.configuration.localAPI
    let policy = PeerPolicy(userNames: settings.allowedUsers, groupNames: settings.allowedGroups, unknown: &unknown)
    for name in unknown { logger.warning("localAPI allows somebody whom this system does not know", metadata: ["name": "\(name)"]) }
    let router = LocalAPIServer(service: service, policy: policy, logger: logger).router()
    let opensToOthers = opensToOthers
    return Application(
      router: router, configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
      onServerRunning: { [service, notifier, logger] _ in
        // Others are let in by the peer check, which knows them by name; the mode only opens the door to it.
        chmod(path, opensToOthers ? 0o666 : 0o600)
        notifier.ready(status: service.health.summary(of: service))
        logger.notice("ready", metadata: ["socket": "\(path)"])
      }, logger: logger)
  }

  /// Liveness and metrics over TCP, for machines that watch machines. No personal data.
  private func observability() -> (some ApplicationProtocol)? {
    guard let listen = machinery.configuration.observabilityListen else { return nil as Application<RouterResponder<BasicRequestContext>>? }
    let router = Router(context: BasicRequestContext.self)
    let health = service.health
    router.get("livez") { _, _ in health.livez() }
    router.get("readyz") { _, _ in health.readyz() }
    router.get("metrics") { _, _ in health.metrics() }
    return Application(
      responder: router.buildResponder(),
      configuration: ApplicationConfiguration(address: .hostname(listen.host, port: Int(listen.port))), logger: logger)
  }

  // MARK: Pulse

  /// Once a second: tell listeners that the core lives, tell systemd, keep the core's view of the wall clock right.
  private func pulse() async {
    await cancelWhenGracefulShutdown {
      var watchdog = ProgressWatchdog(parts: [.core, .journal], progress: progress)
      var lastAnchor = clockDifference
      var lastOffset = machinery.civil.utcOffsetSeconds(at: machinery.clock.wall())
      while !Task.isCancelled {
        service.health.look()
        machinery.hub.send(ServerEvent("core", service.pulse()))
        notifier.status(service.health.summary(of: service))
        if case .feed = watchdog.look(at: progress) { notifier.alive() }
        let difference = clockDifference
        let offset = machinery.civil.utcOffsetSeconds(at: machinery.clock.wall())
        if abs(difference - lastAnchor) > Self.clockStepMilliseconds || offset != lastOffset {
          logger.notice("the wall clock was set", metadata: ["milliseconds": "\(difference - lastAnchor)"])
          if machinery.anchorClock() { (lastAnchor, lastOffset) = (difference, offset) }
        }
        try? await Task.sleep(for: Self.pulse)
      }
    }
  }

  /// Wall clock minus timeline, milliseconds: constant unless somebody sets the clock.
  private var clockDifference: Int64 {
    machinery.clock.wall().rawValue - machinery.clock.now().rawValue / 1_000_000
  }

  private var progress: Progress {
    Progress(
      core: machinery.core.vitals.turns.load(ordering: .relaxed), journal: machinery.writer.progress.load(ordering: .relaxed), outbox: 0)
  }
}
