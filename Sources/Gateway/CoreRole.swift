// The core role as a service: parts, local API, metrics, the pulse. On SIGTERM it ends cleanly: links let go, everything that was
// taken in is decided and stored, then the doors close.

import AlertTexts
import CoreAPI
import Foundation
import HTTPServing
import HTTPTypes
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Hummingbird
import HummingbirdCore
import LocalAPI
import Logging
import Metrics
import Observability
import ProfileCatalogue
import ServiceLifecycle
import Synchronization
import VitalSigns

/// Links, core, journal and the local API.
struct CoreRole: Service {
  /// Pulses to listeners, and looks at the clocks.
  static let pulse = Duration.seconds(1)
  /// The forward role gets one pulse in so many. It only has to see within ten seconds that the stream lives
  /// (LocalAPIClient.swift).
  static let pulsesPerForwardPulse = 4
  /// A wall clock that moved by more than this against the timeline was set by somebody: tell the core.
  static let clockStepMilliseconds: Int64 = 1_000

  /// How long requests under way may take when the core is told to stop. A request that waits for a disk that stands still is left
  /// behind then.
  static let farewell = Duration.milliseconds(1_500)
  /// How long the last entries may take to be decided and stored. Together with `farewell` this stays within the 5 s that systemd,
  /// people and a battery can wait. What is not on the disk by then was never acknowledged, and comes again.
  static let storing = Duration.milliseconds(2_500)
  /// Between two attempts at a listener that failed.
  static let listenPause = Duration.seconds(10)

  /// Streams of the roles (`EventHub.listenersMax`), and people's commands besides.
  static let localConnections = ConnectionBook.Limits(connectionsMax: 160, headSeconds: 10, idleSeconds: 120)
  /// Connections to the observability port: a scraper or two, a probe, and somebody who looks.
  static let observers = ConnectionBook.Limits(connectionsMax: 32, headSeconds: 10, idleSeconds: 120)
  /// The largest head of a request: a path and a few headers.
  static let headBytesMax = 16 * 1_024

  let service: CoreService
  let parts: CoreParts
  let registry: MetricsRegistry
  let notifier: ServiceNotifier
  let logger: Logger
  private let localRoom = ConnectionRoom(localConnections)
  private let observerRoom = ConnectionRoom(observers)
  private let door = Door()
  private let salvage: SalvageTurn

  private final class Door: Sendable {
    /// The inode number of the socket's file that the local API listens on; 0 while it does not listen.
    let number = Atomic<UInt64>(0)
    /// Why the door was closed last, so that the same reason is said once.
    let lastReason = Mutex("")
    /// Whom to wake when the file is gone. The pulse looks at the file.
    let waiting = Mutex<AsyncStream<Void>.Continuation?>(nil)
  }

  /// Opens and recovers everything; nothing listens yet. Blocks on the disk.
  init(
    _ configuration: KnutepunktConfiguration, sentences: AlertSentences, registry: MetricsRegistry, notifier: ServiceNotifier,
    logger: Logger
  ) throws {
    notifier.status("recovering the journal")
    var broken: [ProfileDiagnostic] = []
    let catalogue = try configuration.usableProfiles(&broken)
    for problem in broken {
      logger.error("a device profile is not loaded; its devices are not understood", metadata: ["reason": "\(problem)"])
    }
    // The registered people and devices get room even when a number in the file is too small for them.
    let roomy = configuration.withRoomForRegistered()
    for warning in roomy.warnings.dropFirst(configuration.warnings.count) { logger.error("\(warning.message)") }
    let configuration = roomy
    SalvageTurn.finishCutOff(journal: configuration.hub.journalPath, controller: configuration.hub.controller, logger: logger)
    let parts = try CoreParts(
      configuration, catalogue: catalogue, alertText: sentences, logger: logger, busy: { notifier.starting(status: $0) })
    let gauges = CoreMetrics()
    let hub = HubProblems(parts: parts, sentences: sentences)
    let health = Health(
      vitals: parts.pipeline.core.vitals, clock: parts.clock, hub: hub,
      warnings: configuration.warnings.map(\.message) + broken.map { "a device profile is not loaded: \($0)" },
      metricsText: { problems in
        gauges.update(from: parts, problems: problems)
        return registry.exposition()
      })
    self.parts = parts
    salvage = SalvageTurn(parts: parts, logger: logger)
    self.registry = registry
    self.notifier = notifier
    self.logger = logger
    service = CoreService(parts: parts, health: health, sentences: sentences, logger: logger)
  }

  func run() async throws {
    let socket = parts.configuration.hub.socketPath
    try prepareSocket(socket)
    try parts.start()
    await serve(socket)
    notifier.stopping(status: "storing what came in last")
    if await !parts.stop(within: Self.storing) {
      logger.error("the store stands still: what came in last is not stored; it was not acknowledged and comes again")
    }
    unlink(socket)
    logger.notice("the core has stopped")
  }

  /// Serves until graceful shutdown. A listener that fails does not end the core: alarms need none.
  private func serve(_ socket: String) async {
    // The task is no child of the group: a request that waits for a disk cannot be cancelled, and must not hold up the end.
    let serving = Task { await openDoor(socket) }
    await withDiscardingTaskGroup { group in
      group.addTask { await observe() }
      group.addTask { await pulse() }
      try? await gracefulShutdown()
      // Event streams never end by themselves, and a listener that is told nothing would hold the shutdown up.
      parts.hub.close()
      await Self.end(of: serving, within: Self.farewell)
      group.cancelAll()
    }
    serving.cancel()
  }

  private static func end(of task: Task<Void, Never>, within limit: Duration) async {
    let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
    // The tasks have no parent: a group would wait for a task that cannot be cancelled. The watcher ends with that task; the clock
    // is ended here.
    let watcher = Task {
      await task.value
      continuation.finish()
    }
    let clock = Task {
      try? await Task.sleep(for: limit)
      continuation.finish()
    }
    for await _ in ends {}
    clock.cancel()
    watcher.cancel()
  }

  /// Serves the local API until graceful shutdown. It is opened again when it ends for whatever reason, and when its socket's file
  /// is removed or replaced, because nobody can reach it then.
  private func openDoor(_ socket: String) async {
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      door.number.store(0, ordering: .relaxed)
      // The task has no parent, for the same reason as `serving`. There is one at a time, and it is ended below as far as it can
      // be.
      let server = Task {
        var reason = "it ended"
        do {
          try prepareSocket(socket)
          try await localAPI(socket).run()
        } catch {
          reason = ListenProblem.text(error, key: "hub.runtime", address: socket)
        }
        if Task.isShuttingDownGracefully || Task.isCancelled { return }
        let isNews = door.lastReason.withLock { last in
          defer { last = reason }
          return last != reason
        }
        if isNews { logger.error("the local API cannot be served; it is opened again", metadata: ["reason": "\(reason)"]) }
      }
      await untilGone(or: server)
      if Task.isShuttingDownGracefully || Task.isCancelled { return await server.value }
      if isGone(socket) { logger.error("the local API's socket was taken away; it is opened again", metadata: ["socket": "\(socket)"]) }
      server.cancel()
      // A request that waits for a disk cannot be cancelled, and must not keep the next server from opening.
      await Self.end(of: server, within: Self.farewell)
      await cancelWhenGracefulShutdown { try? await Task.sleep(for: .milliseconds(500)) }
    }
  }

  /// Returns when the server ended or its socket's file is not the one that it listens on.
  private func untilGone(or server: Task<Void, Never>) async {
    let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
    door.waiting.withLock { $0 = continuation }
    // The task has no parent, because a group would wait for it. It ends with the server, which the caller ends.
    let ending = Task {
      await server.value
      continuation.finish()
    }
    for await _ in ends {}
    ending.cancel()
  }

  private func isGone(_ socket: String) -> Bool {
    let own = door.number.load(ordering: .relaxed)
    return own != 0 && Self.file(socket) != own
  }

  /// The file's number; 0 when there is none.
  private static func file(_ path: String) -> UInt64 {
    let found = try? FileManager.default.attributesOfItem(atPath: path)
    return (found?[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
  }

  /// Serves liveness and metrics until graceful shutdown. Without them the core still raises alarms.
  private func observe() async {
    guard let listen = parts.configuration.observabilityListen else { return }
    let address = "\(listen.host):\(listen.port)"
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      do {
        try await observability(listen).run()
        if Task.isShuttingDownGracefully || Task.isCancelled { return }
        logger.error("the observability port closed; it is opened again")
      } catch {
        if Task.isShuttingDownGracefully || Task.isCancelled { return }
        let reason = ListenProblem.text(error, key: "observability.listen", address: address)
        let now = parts.clock.wall()
        parts.closedPort.withLock { $0 = (reason, $0?.since ?? now) }
        logger.error("no metrics are served", metadata: ["reason": "\(reason)", "again": "in \(Self.listenPause)"])
      }
      await cancelWhenGracefulShutdown { try? await Task.sleep(for: Self.listenPause) }
    }
  }

  // MARK: Listeners

  private func prepareSocket(_ path: String) throws(StartError) {
    try makeFolder(parts.configuration.hub.runtimePath, mode: opensToOthers ? 0o755 : 0o750)
    // One core owns the state folder (by the journal's lock), so a socket that is still here is a dead core's.
    unlink(path)
  }

  private var opensToOthers: Bool {
    let settings = parts.configuration.localAPI
    return !settings.allowedGroups.isEmpty || !settings.allowedUsers.isEmpty
  }

  private static func http(_ room: ConnectionRoom) -> HTTPServerBuilder {
    .http1(
      configuration: .init(
        additionalChannelHandlers: [ConnectionGuard(room)],
        httpDecoderConfiguration: .init(maxHeaderFieldSize: headBytesMax, maxHeaderListSize: headBytesMax, maxHeaderFieldCount: 100)))
  }

  private func localAPI(_ path: String) -> some ApplicationProtocol {
    var unknown: [String] = []
    let settings = parts.configuration.localAPI
    let policy = PeerPolicy(userNames: settings.allowedUsers, groupNames: settings.allowedGroups, unknown: &unknown)
    for name in unknown { logger.warning("localAPI allows somebody whom this system does not know", metadata: ["name": "\(name)"]) }
    let router = LocalAPIServer(service: service, policy: policy, logger: logger).router()
    let opensToOthers = opensToOthers
    return HTTPService(
      responder: router.buildResponder(), server: Self.http(localRoom),
      configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
      onServerRunning: { [self, service, notifier, logger] _ in
        // The peer check lets others in, and knows them by name. The mode only lets them reach that check.
        chmod(path, opensToOthers ? 0o666 : 0o600)
        door.number.store(Self.file(path), ordering: .relaxed)
        notifier.ready(status: service.health.summary(of: service))
        logger.notice("ready", metadata: ["socket": "\(path)"])
      }, logger: logger)
  }

  /// Liveness and metrics over TCP, for machines that watch machines. They hold no personal data.
  private func observability(_ listen: ListenAddress) -> some ApplicationProtocol {
    let router = Router(context: BasicRequestContext.self)
    let health = service.health
    router.get("livez") { _, _ in health.livez() }
    router.get("readyz") { _, _ in health.readyz() }
    router.get("metrics") { _, _ in try await health.metrics() }
    return HTTPService(
      responder: router.buildResponder(), server: Self.http(observerRoom),
      configuration: ApplicationConfiguration(address: .hostname(listen.host, port: Int(listen.port))),
      onServerRunning: { [parts] _ in parts.closedPort.withLock { $0 = nil } }, logger: logger)
  }

  // MARK: Pulse

  /// Once a second: tell listeners that the core lives, tell systemd, keep the core's view of the wall clock right.
  private func pulse() async {
    await cancelWhenGracefulShutdown {
      await Ticker(name: "pulse", period: Self.pulse).run {
        var watchdog = ProgressWatchdog(parts: [.core, .journal], progress: progress)
        var pulses = 0
        var lastStatus = ""
        var anchor = Anchor(difference: clockDifference, offset: parts.civil.utcOffsetSeconds(at: parts.clock.wall()))
        return {
          pulses &+= 1
          tell(isForAll: pulses % Self.pulsesPerForwardPulse == 0, &lastStatus)
          if case .feed = watchdog.look(at: progress) { notifier.alive() }
          keepClock(&anchor)
        }
      }
    }
  }

  /// Looks at everything, and tells listeners and systemd how the hub does. `isForAll`: the forward role hears of it, too.
  private func tell(isForAll: Bool, _ lastStatus: inout String) {
    service.health.look()
    salvage.look()
    localRoom.sweep()
    observerRoom.sweep()
    if isGone(parts.configuration.hub.socketPath) { door.waiting.withLock { $0?.finish() } }
    let problems = service.health.problems
    let summary = service.health.summary(of: service, problems)
    parts.hub.send(.core(service.pulse(problems, summary)), sparing: isForAll ? nil : .forward)
    if summary != lastStatus { notifier.status(summary) }
    lastStatus = summary
  }

  /// How the wall clock stood to the timeline when the core was told of it last.
  private struct Anchor {
    var difference: Int64
    var offset: Int32
    /// For how long the machine has slept since it started, nanoseconds.
    var slept = SystemClock.boottime() &- SystemClock.monotonic().rawValue
  }

  private func keepClock(_ anchor: inout Anchor) {
    let now = Anchor(difference: clockDifference, offset: parts.civil.utcOffsetSeconds(at: parts.clock.wall()))
    let slept = now.slept &- anchor.slept
    if slept > 1_000_000_000 {
      // The timeline went on meanwhile, so the core has decided what was due by now.
      logger.notice("the machine slept; what was due meanwhile is decided now", metadata: ["seconds": "\(slept / 1_000_000_000)"])
      anchor.slept = now.slept
    }
    guard abs(now.difference - anchor.difference) > Self.clockStepMilliseconds || now.offset != anchor.offset else { return }
    let step = now.difference - anchor.difference
    if abs(step) > Self.clockStepMilliseconds {
      logger.notice("the wall clock was set", metadata: ["milliseconds": "\(step)"])
      parts.clockWasSet(by: step)
    }
    if parts.anchorClock() { anchor = now }
  }

  /// Wall clock minus timeline, milliseconds: constant unless somebody sets the clock.
  private var clockDifference: Int64 { parts.clock.wall().milliseconds(aheadOf: parts.clock.now()) }

  private var progress: RoleProgress {
    RoleProgress(
      core: parts.pipeline.core.vitals.turns.load(ordering: .relaxed), journal: parts.pipeline.writer.progress.load(ordering: .relaxed),
      outbox: 0)
  }
}
