// One HTTP server: a responder behind a listener, until graceful shutdown. Hummingbird's own `Application` writes the Date header from a
// timer that ticks each second for as long as it lives; a hub has up to three servers, and at rest those ticks were half of all its
// wake-ups. Here the date is made when an answer needs it.

package import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
import NIOPosix
package import ServiceLifecycle

/// What was asked could not be read to its end while the answer was on its way: the connection ends.
private struct RequestBrokeOff: Error {}

/// For requests under way when a server is cancelled.
private let farewell = Duration.milliseconds(500)

/// Serves `responder`, and beside it runs what belongs to it.
package struct HTTPService<Responder: HTTPResponder>: ApplicationProtocol
where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
  package let responder: Responder
  package let server: HTTPServerBuilder
  package let configuration: ApplicationConfiguration
  /// Run beside the server and end with it.
  package let services: [any Service]
  package let logger: Logger
  private let running: @Sendable (any Channel) async -> Void

  /// - Parameter onServerRunning: called once connections are accepted.
  package init(
    responder: Responder, server: HTTPServerBuilder, configuration: ApplicationConfiguration, services: [any Service] = [],
    onServerRunning: @escaping @Sendable (any Channel) async -> Void, logger: Logger
  ) {
    self.responder = responder
    self.server = server
    self.configuration = configuration
    self.services = services
    self.logger = logger
    running = onServerRunning
  }

  package func onServerRunning(_ channel: any Channel) async { await running(channel) }

  /// Until graceful shutdown or cancellation. Throws when the address cannot be listened on, or a service beside it fails.
  package func run() async throws {
    let date = DateHeader()
    let door = ListeningDoor()
    let listener = try server.buildServer(
      configuration: ServerConfiguration(
        address: configuration.address, serverName: configuration.serverName, backlog: configuration.backlog,
        reuseAddress: configuration.reuseAddress, availableConnectionsDelegate: configuration.availableConnectionsDelegate),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger
    ) { request, writer, channel in
      var response = try await answer(to: request, on: channel)
      response.headers[.date] = date.text()
      do {
        try await writer.write(response: response.head, body: response.body)
      } catch is HTTPParserError {
        // Thrown on, it would be answered once more.
        throw RequestBrokeOff()
      }
    } onServerRunning: { channel in
      door.opened(channel)
      await running(channel)
    }
    try await closingFirst(ServiceGroup(configuration: .init(services: services + [listener], logger: logger)), door)
  }

  /// Runs the group. A connection that is accepted while the listener closes is dropped by NIO with a trap. So an end of either kind first
  /// stops the accepting, lets what was accepted arrive, and only then reaches the group; a cancellation also leaves requests under way a moment.
  private func closingFirst(_ group: ServiceGroup, _ door: ListeningDoor) async throws {
    // Detached, because it must hear of the end only from here: ended below, and awaited here.
    let serving = Task.detached { try await group.run() }
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await serving.value
      } onGracefulShutdown: {
        // Without a parent, since the handler cannot wait; it ends with the door shut.
        Task.detached {
          await door.shut()
          await group.triggerGracefulShutdown()
        }
      }
    } onCancel: {
      // Without a parent for the same reason; it ends after its farewell.
      Task.detached {
        await door.shut()
        await group.triggerGracefulShutdown()
        try? await Task.sleep(for: farewell)
        serving.cancel()
      }
    }
  }

  private func answer(to request: Request, on channel: any Channel) async throws -> Response {
    let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
    do {
      return try await responder.respond(to: request, context: context)
    } catch let error as HTTPParserError {
      throw error
    } catch {
      logger.debug("a request ended with an unknown error", metadata: ["type": "\(type(of: error))"])
      return Response(status: .internalServerError)
    }
  }
}
