// The other side of the core's Unix socket: the command line, the forward role and the console role speak through this. One request
// is one attempt; whoever wants to try again knows best when. The types of what travels are in docs/local-api.md. Not here: what an
// answer means.

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import VitalSigns

/// Why a request to the core gave no answer.
public enum LocalAPIError: Error, Sendable, CustomStringConvertible {
  /// Nobody listens on the socket. Trying again helps once the core runs.
  case notRunning(socket: String)
  /// The kernel does not let this user connect to the socket, or the core does not know the user.
  case notPermitted(socket: String)
  /// The core was reached and did not answer in time, or broke off. A change that was asked for may or may not have been made.
  case noAnswer(socket: String, reason: String)
  /// The core answered that it will not do what was asked. `status` as in docs/local-api.md.
  case refused(status: Int, API.Failure)
  /// The answer is not what this version expects: the core is of another version.
  case unexpectedAnswer(String)

  public var description: String {
    switch self {
    case .notRunning(let socket): "the core does not answer on \(socket)"
    case .notPermitted(let socket): "this user may not speak to the core on \(socket)"
    case .noAnswer(let socket, let reason): "the core on \(socket) gave no answer: \(reason)"
    case .refused(_, let failure): failure.error
    case .unexpectedAnswer(let what): "the core's answer cannot be read: \(what)"
    }
  }
}

/// A client of one core. A value: copy it freely; connections are pooled in the process.
public struct LocalAPIClient: Sendable {
  /// Answers are bounded: the longest, ten thousand alerts, has some 10 MiB.
  public static let answerBytesMax = 64 << 20
  /// How long one request may take, with the wait for its transaction, seconds. A commit takes milliseconds; a full disk is told
  /// within seconds.
  public static let timeoutSeconds = 30

  public let socketPath: String
  private let client: HTTPClient

  /// One client for the process, on the shared event loops. Like these it is never shut down. The core sends a pulse every second.
  /// A stream that is silent for ten seconds has lost its core (or the core is stopped), and the reader must hear of it.
  private static let shared = HTTPClient(
    eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration(.init(connect: .seconds(5), read: .seconds(10))))

  /// A client that waits longer for silent answers: reading and verifying a whole journal takes its time.
  private static let patient = HTTPClient(
    eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration(.init(connect: .seconds(5))))

  /// That a core is not there is an answer, at once. The client's own retries would wait up to minutes for a socket that appears a
  /// moment later, and the caller knows better when to look again.
  private static func configuration(_ timeout: HTTPClient.Configuration.Timeout) -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(timeout: timeout)
    configuration.connectionPool.retryConnectionEstablishment = false
    return configuration
  }

  public init(socketPath: String) {
    self.socketPath = socketPath
    client = Self.patient
  }

  // MARK: Requests

  /// Sends `GET path` with `query` and gives the answer as `Answer`.
  public func get<Answer: Decodable & Sendable>(
    _ path: String, query: [(name: String, value: String)] = [], as type: Answer.Type = Answer.self, timeoutSeconds: Int = timeoutSeconds
  ) async throws(LocalAPIError) -> Answer {
    let bytes = try await answer(to: request(.GET, path, query: query), timeoutSeconds: timeoutSeconds)
    return try decode(bytes, path)
  }

  /// Sends `POST path` with `body` as JSON and gives the answer as `Answer`. Returns only when the change is durable.
  public func post<Body: Encodable & Sendable, Answer: Decodable & Sendable>(
    _ path: String, _ body: Body, as type: Answer.Type = Answer.self
  ) async throws(LocalAPIError) -> Answer {
    var request = request(.POST, path)
    do {
      request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    } catch {
      throw .unexpectedAnswer("\(path): the request cannot be written as JSON")
    }
    request.headers.add(name: "content-type", value: "application/json")
    return try decode(try await answer(to: request, timeoutSeconds: Self.timeoutSeconds), path)
  }

  /// `GET path` as text: `/livez`, `/readyz`, `/metrics`.
  public func text(_ path: String) async throws(LocalAPIError) -> String {
    String(decoding: try await answer(to: request(.GET, path), timeoutSeconds: Self.timeoutSeconds), as: UTF8.self)
  }

  /// The core's events from now on, in order. Nothing is sent before the first `next()`, nothing is buffered beyond what
  /// the socket holds: a reader that falls behind too far is disconnected by the core and reads the journal instead.
  ///
  /// - Parameter role: who listens, for the core's status; nil: somebody.
  public func events(role: API.Word<API.Role>? = nil) -> LocalAPIEvents {
    let query = role.map { [(name: "role", value: $0.key)] } ?? []
    return LocalAPIEvents(socketPath: socketPath, request: request(.GET, "/v1/events", query: query), client: Self.shared)
  }

  // MARK: Parts

  private func request(_ method: HTTPMethod, _ path: String, query: [(name: String, value: String)] = []) -> HTTPClientRequest {
    var uri = path
    for (index, item) in query.enumerated() {
      uri += (index == 0 ? "?" : "&") + Self.escaped(item.name) + "=" + Self.escaped(item.value)
    }
    // The socket's path stands percent-encoded in the place of the host, which is the form that AsyncHTTPClient knows.
    var request = HTTPClientRequest(url: "http+unix://" + Self.escaped(socketPath) + uri)
    request.method = method
    request.headers.add(name: "accept", value: method == .GET && path == "/v1/events" ? "text/event-stream" : "application/json")
    return request
  }

  /// Percent-encodes one path segment or query value.
  public static func escaped(_ text: String) -> String { PercentEncoding.text(text) }

  private func answer(to request: HTTPClientRequest, timeoutSeconds: Int) async throws(LocalAPIError) -> [UInt8] {
    let status: Int
    let bytes: [UInt8]
    do {
      let response = try await client.execute(request, timeout: .seconds(Int64(timeoutSeconds)))
      status = Int(response.status.code)
      bytes = Array(buffer: try await response.body.collect(upTo: Self.answerBytesMax))
    } catch {
      throw Self.failure(error, socketPath)
    }
    guard !(200..<300).contains(status) else { return bytes }
    throw Self.refusal(status: status, bytes, socketPath)
  }

  package static func refusal(status: Int, _ bytes: [UInt8], _ socketPath: String) -> LocalAPIError {
    let failure = try? JSONDecoder().decode(API.Failure.self, from: Data(bytes))
    if status == 403, failure == nil { return .notPermitted(socket: socketPath) }
    return .refused(status: status, failure ?? API.Failure(error: "the core answered with HTTP status \(status)"))
  }

  /// What a failed attempt means. The socket is looked at again, to tell a missing core from a forbidden one.
  package static func failure(_ error: any Error, _ socketPath: String) -> LocalAPIError {
    if error is CancellationError { return .noAnswer(socket: socketPath, reason: "cancelled") }
    if let error = error as? HTTPClientError, [.readTimeout, .deadlineExceeded, .remoteConnectionClosed, .cancelled].contains(error) {
      if error != .deadlineExceeded || isListening(socketPath) {
        return .noAnswer(socket: socketPath, reason: error.shortDescription.lowercased())
      }
    }
    if access(socketPath, F_OK) == 0, access(socketPath, R_OK | W_OK) != 0, errno == EACCES { return .notPermitted(socket: socketPath) }
    if access(socketPath, F_OK) != 0, errno == EACCES { return .notPermitted(socket: socketPath) }
    if isListening(socketPath) { return .noAnswer(socket: socketPath, reason: "\(error)") }
    return .notRunning(socket: socketPath)
  }

  /// Whether a connection can be made now. A refused one leaves nothing behind.
  private static func isListening(_ path: String) -> Bool {
    var address = sockaddr_un()
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    } == 0
  }

  private func decode<Answer: Decodable>(_ bytes: [UInt8], _ path: String) throws(LocalAPIError) -> Answer {
    do { return try JSONDecoder().decode(Answer.self, from: Data(bytes)) } catch { throw .unexpectedAnswer("\(path): \(error)") }
  }
}
