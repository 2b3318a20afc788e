// The console as a service: reads its resources, wires feed, sign-in and routes, and serves them until it is told to stop.
// It knows neither journal nor core; both stand behind `ConsoleSource`.

import HTTPServing
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LocalAPI
public import Logging
import NIOCore
public import ServiceLifecycle
import VitalSigns

/// The nurses' web pages.
public struct ConsoleService: Service {
  /// Connections at once: every screen with its stream, and as many page loads. Beyond it new ones wait unaccepted. Half of the 1 024
  /// descriptors that a process has unless it is given more: the journal and the core must be reached too.
  static let connectionsMax = 512
  /// A connection between two requests is closed after this; one that never asked, sooner (`ConnectionGate`). As long as browsers and
  /// proxies keep theirs for use: what a nurse presses must seldom meet one that is being closed.
  static let idleSeconds: Int64 = 60
  /// One cookie and a link fit many times over.
  static let headerBytesMax = 8 * 1_024

  private let configuration: ConsoleConfiguration
  private let logger: Logger
  private let onListening: @Sendable (Int) async -> Void
  private let responder: RouterResponder<ConsoleContext>
  let feed: BoardFeed
  let looks: LookLog

  /// Reads all resources; serves nothing before `run()`.
  ///
  /// - Parameters:
  ///   - onListening: called with the port once connections are accepted.
  public init(
    configuration: ConsoleConfiguration, source: any ConsoleSource, clock: ConsoleClock = .system(), logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws(ConsoleStartError) {
    guard configuration.linkKey.count >= SignInLink.keyBytesMin else {
      throw .keyTooShort(bytes: configuration.linkKey.count, least: SignInLink.keyBytesMin)
    }
    let resources = try ConsoleResources(folder: configuration.resources, language: configuration.language)
    let pages = Pages(resources: resources, zone: configuration.timeZone)
    let desk = SignInDesk(configuration: configuration, clock: clock)
    let signIn = SignInRoutes(desk: desk, pages: pages, configuration: configuration, logger: logger)
    let feed = BoardFeed(source: source, pages: pages, clock: clock, logger: logger)
    self.configuration = configuration
    self.logger = logger
    self.onListening = onListening
    self.feed = feed
    let looks = LookLog(source: source, clock: clock, logger: logger)
    self.looks = looks
    let router = Router(context: ConsoleContext.self)
    router.add(middleware: SecurityHeaders(isHTTPS: configuration.publicURL.hasPrefix("https://")))
    router.add(middleware: ProblemPages(pages: pages))
    Self.addFiles(resources, to: router)
    Self.addProbes(feed, to: router)
    signIn.add(to: router)
    BoardRoutes(source: source, feed: feed, signIn: signIn, pages: pages, clock: clock, looks: looks).add(to: router)
    PersonRoutes(source: source, feed: feed, signIn: signIn, pages: pages, clock: clock, looks: looks).add(to: router)
    responder = router.buildResponder()
  }

  /// Serves until graceful shutdown or cancellation. Streams end at once; requests under way are answered.
  public func run() async throws { try await application().run() }

  func application() -> some ApplicationProtocol {
    let silent = SilentConnections()
    return HTTPService(
      responder: responder,
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [ConnectionGate(silent)], idleTimeout: .seconds(Self.idleSeconds),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: Self.headerBytesMax, maxHeaderListSize: 2 * Self.headerBytesMax, maxHeaderFieldCount: 100))),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port),
        availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionsMax, logger: logger)),
      services: [feed, looks],
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: logger)
  }

  /// Our own style, script and icon. The address names the content, so it may be kept for ever.
  private static func addFiles(_ resources: ConsoleResources, to router: Router<ConsoleContext>) {
    for file in [resources.style, resources.script, resources.icon] {
      router.get(RouterPath(file.path)) { _, _ in
        Response(
          status: .ok,
          headers: [.contentType: file.contentType, .cacheControl: "public, max-age=31536000, immutable"],
          body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
      }
    }
  }

  /// The console's own probes: alive when it answers, ready when it has a board to show. A lost core does not make it
  /// unready: then its banner is needed most.
  private static func addProbes(_ feed: BoardFeed, to router: Router<ConsoleContext>) {
    router.get("livez") { _, _ in "ok\n" }
    router.get("readyz") { _, _ -> Response in
      let isReady = await feed.isReady
      return Response(
        status: isReady ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: isReady ? "ready\n" : "the board has not been read yet\n")))
    }
  }
}
