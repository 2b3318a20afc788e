// The other end of a wire, in the test's own process: a core that answers what a test wrote down, and a receiver of webhooks that notes
// what it gets. Real sockets and real HTTP; nothing behind them.

import Foundation
import Hummingbird
import Logging
import NIOCore
import Synchronization
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import HTTPServing
@testable import HubRegistry
@testable import LocalAPI

/// Serves until it is closed.
final class LoopbackServer: Sendable {
  /// What a listener on TCP got; 0 on a Unix socket.
  let port: Int
  private let serving: Task<Void, Never>

  init(
    _ address: BindAddress, _ respond: @escaping @Sendable (Request) async throws -> Response
  ) async throws {
    let (started, start) = AsyncStream.makeStream(of: Int.self)
    let application = HTTPService(
      responder: CallbackResponder<BasicRequestContext> { request, _ in try await respond(request) }, server: .http1(),
      configuration: ApplicationConfiguration(address: address),
      onServerRunning: { channel in start.yield(channel.localAddress?.port ?? 0) }, logger: Street.logger)
    serving = Task {
      do { try await application.run() } catch { if !Task.isCancelled { Issue.record("the server: \(error)") } }
      start.finish()
    }
    var iterator = started.makeAsyncIterator()
    port = try #require(await iterator.next(), "the server did not start")
  }

  func close() async {
    serving.cancel()
    await serving.value
  }
}

/// The core as a role sees it. Answers `Done` where nothing else was said.
final class FakeCore: Sendable {
  enum Answer: Sendable {
    case json(String)
    case refused(Int, String)
    /// It takes the request and says nothing.
    case silence
  }

  struct Asked: Sendable, Equatable {
    let path: String
    let body: String
  }

  private struct State {
    var answers: [String: Answer] = [:]
    var asked: [Asked] = []
    var listeners: [AsyncStream<ByteBuffer>.Continuation] = []
    var roles: [String] = []
  }

  let socketPath: String
  private let state = Mutex(State())
  private let server = Mutex<LoopbackServer?>(nil)

  /// Does not listen yet.
  init(socketPath: String) { self.socketPath = socketPath }

  func open() async throws {
    unlink(socketPath)
    let made = try await LoopbackServer(.unixDomainSocket(path: socketPath)) { [unowned self] in try await answer($0) }
    server.withLock { $0 = made }
  }

  /// As when the process ends.
  func close() async {
    drop()
    await server.withLock { $0 }?.close()
    unlink(socketPath)
  }

  func setAnswer(_ path: String, _ answer: Answer) { state.withLock { $0.answers[path] = answer } }

  /// Everything that was asked, in order; events are no question.
  var asked: [Asked] { state.withLock { $0.asked } }
  func bodies(_ path: String) -> [String] { asked.filter { $0.path == path }.map(\.body) }

  /// Which roles connected to the events so far, in order.
  var roles: [String] { state.withLock { $0.roles } }

  /// To everybody who listens now.
  func send(_ event: ServerEvent) {
    for listener in state.withLock({ $0.listeners }) { listener.yield(event.bytes) }
  }

  func send(_ transition: AlertTransition, patient: PatientID = Street.kari, device: DeviceID = Street.button, at seconds: Int64 = 40)
    throws
  {
    send(ServerEvent("alert", try alertAsTold(transition, patient: patient, device: device, at: seconds)))
  }

  /// Ends every event stream.
  func drop() {
    let listeners = state.withLock { state in
      defer { state.listeners = [] }
      return state.listeners
    }
    for listener in listeners { listener.finish() }
  }

  private func answer(_ request: Request) async throws -> Response {
    let path = request.uri.path
    if path == "/v1/events" { return events(request) }
    let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
    let answer = state.withLock { state in
      state.asked.append(Asked(path: path, body: body))
      return state.answers[path]
    }
    switch answer ?? .json(#"{"sequence":1}"#) {
    case .json(let text): return Response.text(text, type: "application/json")
    case .refused(let status, let error): return try Response.json(API.Failure(error: error), status: .init(code: status))
    case .silence:
      try await Task.sleep(for: .seconds(60))
      return Response.text("")
    }
  }

  private func events(_ request: Request) -> Response {
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    let role = request.uri.queryParameters["role"].map(String.init) ?? ""
    state.withLock { state in
      state.listeners.append(continuation)
      state.roles.append(role)
    }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: .init { writer in
        for await bytes in stream { try await writer.write(bytes) }
        try await writer.finish(nil)
      })
  }
}

/// An alert's change as the core tells it.
func alertAsTold(
  _ transition: AlertTransition, patient: PatientID = Street.kari, device: DeviceID = Street.button, at seconds: Int64 = 40
) throws -> API.Alert {
  let kari = RegisteredPatient(
    id: Street.kari, name: "Kari Test", nationalID: nil, controller: Street.controller, since: Street.noon, ended: nil)
  return API.Alert(
    transition, changed(transition, patient: patient, device: device, at: seconds),
    registry: Registry(profiles: [], patients: [kari], devices: []), text: try Street.sentences())
}

/// The core's outcome that holds an alert's change.
func changed(_ transition: AlertTransition, patient: PatientID = Street.kari, device: DeviceID = Street.button, at seconds: Int64 = 40)
  -> Outcome
{
  Outcome(
    cause: 1, instant: MonotonicInstant(rawValue: seconds * 1_000_000_000), wall: Street.noon.adding(milliseconds: seconds * 1_000),
    patient: patient, device: device, payload: .alert(transition))
}

/// Takes webhooks on a port of its own.
final class FakeReceiver: Sendable {
  private final class Notes: Sendable {
    let bodies = Mutex<[String]>([])
    let status = Mutex(200)
  }
  private let notes = Notes()
  private let server: LoopbackServer
  let url: String

  init() async throws {
    let notes = notes
    server = try await LoopbackServer(.hostname("127.0.0.1", port: 0)) { request in
      let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
      notes.bodies.withLock { $0.append(body) }
      return Response(status: .init(code: notes.status.withLock { $0 }))
    }
    url = "http://127.0.0.1:\(server.port)/alarms"
  }

  /// What came, in order.
  var taken: [String] { notes.bodies.withLock { $0 } }

  func setStatus(_ status: Int) { notes.status.withLock { $0 = status } }

  func close() async { await server.close() }
}
