// One HTTP request and its whole answer within one time limit, with the errors of the network named for the lane.
//
// A redirect is followed with the same method, body and credential, within the configured origin only: a credential and a
// person's data go to the configured host and nowhere else. The limit covers connecting, sending, redirects and reading the
// body, because a server that trickles its answer is as slow as one that is silent. Shared by every connector that speaks
// HTTP. Not here: what an answer means; that is each connector's own.

internal import AsyncHTTPClient
public import Forwarding
internal import HubRuntime
internal import NIOCore
public import NIOHTTP1
// Comes with AsyncHTTPClient, whose interface it is part of.
internal import NIOHTTPCompression
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// An answer, read to its end.
public struct HTTPAnswer: Sendable {
  public var status: Int
  public var body: [UInt8]
  /// Without parameters, in small letters; empty when the server did not say.
  public var mediaType: String
  /// As the server asked with Retry-After; nil when it did not.
  public var retryAfter: Duration?
  /// When the server answered, by its own clock, milliseconds since 1970; nil when it did not say.
  public var dateMilliseconds: Int64?
  /// The body is longer than the connector takes: `body` is its beginning, as far as it was read.
  public var isTooLong: Bool
  /// The body is compressed in a way that was not asked for and cannot be read: `body` is empty.
  public var isUnreadable: Bool

  public init(
    status: Int, body: [UInt8], mediaType: String = "", retryAfter: Duration? = nil, isTooLong: Bool = false, isUnreadable: Bool = false
  ) {
    self.status = status
    self.body = body
    self.mediaType = mediaType
    self.retryAfter = retryAfter
    self.isTooLong = isTooLong
    self.isUnreadable = isUnreadable
  }
}

/// The client of one destination. Safe from any task; `shutdown` must be awaited before it is dropped.
public final class HTTPExchange: Sendable {
  /// Redirects of one request. More is a loop.
  static let redirectsMax = 3
  /// A kept connection that was idle for longer is not used again: servers close theirs after 5 s (Node.js) to 60 s.
  static let idleMax = TimeAmount.seconds(4)

  private let client: HTTPClient
  private let timeout: Duration
  private let responseBytesMax: Int
  private let tls: TLSConfiguration
  /// Whether a connection may have been kept: the server may close it just when we send (RFC 9112, 9.3.1).
  private let mayHaveKept = Atomic<Bool>(false)

  /// Who vouches for the server. With an unreadable file nobody does: every attempt fails as `tlsFailed`, which raises the
  /// destination's alert, and the rest of the hub goes on.
  private enum Authorities {
    case system, file, unreadable
  }
  private let authorities: Authorities

  /// - Parameters:
  ///   - url: where requests go; its host's name is looked up without waiting for another host's.
  ///   - caFile: PEM with the authorities to trust, read once, now; nil: the system's.
  ///   - timeout: for one request, from connecting to the last byte of the answer.
  ///   - responseBytesMax: a longer body is not read, compressed or not.
  public init(url: String, caFile: String?, timeout: Duration, responseBytesMax: Int) {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout.connect = TimeAmount(min(timeout, .seconds(10)))
    configuration.httpVersion = .http1Only
    // Bounded by the bytes that come out of it, so that a small bomb stays small.
    configuration.decompression = .enabled(limit: .size(responseBytesMax))
    // The lane retries, with its back-off; a client that retries underneath would hide an outage from it.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 8
    configuration.connectionPool.idleTimeout = Self.idleMax
    var tls = TLSConfiguration.makeClientConfiguration()
    var authorities: Authorities = .system
    if let caFile {
      if let certificates = try? NIOSSLCertificate.fromPEMFile(caFile), !certificates.isEmpty {
        tls.trustRoots = .certificates(certificates)
        configuration.tlsConfiguration = tls
        authorities = .file
      } else {
        authorities = .unreadable
      }
    }
    self.authorities = authorities
    self.tls = tls
    client = HTTPClient(eventLoopGroupProvider: .shared(HostLoops.group(for: HTTPOrigin(url)?.host ?? "")), configuration: configuration)
    self.timeout = timeout
    self.responseBytesMax = responseBytesMax
  }

  /// Closes all connections. An error here means that it was shut down before: nothing is left to close.
  public func shutdown() async { try? await client.shutdown() }

  /// Whether the server can be reached: a connection, and with https the handshake, and nothing sent. Nil: it can.
  public func probe(url: String) async -> RetryReason? {
    if authorities == .unreadable { return .tlsFailed }
    guard let origin = HTTPOrigin(url) else { return .unreachable }
    return await ConnectionProbe(origin: origin, tls: tls, timeout: min(timeout, .seconds(10))).run()
  }

  /// One attempt. Honours task cancellation and never throws. Sent twice only when a kept connection turned out to be closed.
  public func perform(
    method: HTTPMethod, url: String, fields: [(name: String, value: String)], body: [UInt8]?
  ) async -> Result<HTTPAnswer, ExchangeFailure> {
    if authorities == .unreadable { return .failure(ExchangeFailure(reason: .tlsFailed)) }
    let sent = Request(method: method, url: url, fields: fields, body: body)
    let limit = timeout
    let answer = await within(limit) { await self.follow(sent, deadline: .now() + TimeAmount(limit)) }
    return answer ?? .failure(ExchangeFailure(reason: .timedOut))
  }

  private struct Request: Sendable {
    var method: HTTPMethod
    var url: String
    var fields: [(name: String, value: String)]
    var body: [UInt8]?
  }

  /// The request, and what it is redirected to.
  private func follow(_ request: Request, deadline: NIODeadline) async -> Result<HTTPAnswer, ExchangeFailure> {
    var request = request
    for _ in 0...Self.redirectsMax {
      let response: (answer: HTTPAnswer, location: String?)
      do {
        response = try await once(request, deadline: deadline)
      } catch {
        return .failure(ExchangeFailure(reason: Self.reason(for: error)))
      }
      guard [301, 302, 303, 307, 308].contains(response.answer.status), let location = response.location,
        let target = HTTPOrigin.target(of: location, from: request.url)
      else { return .success(response.answer) }
      request.url = target
      if response.answer.status == 303 {
        // "It is done; look there" (RFC 9110, 15.4.4): the only redirect that asks for another method.
        request.method = .GET
        request.body = nil
        request.fields.removeAll { $0.name.lowercased() == "content-type" }
      }
    }
    return .success(HTTPAnswer(status: 310, body: []))
  }

  private func once(_ request: Request, deadline: NIODeadline) async throws -> (HTTPAnswer, location: String?) {
    do {
      return try await exchange(request, deadline: deadline)
    } catch  where mayHaveKept.load(ordering: .relaxed) && Self.isClosedConnection(error) {
      // The server closed a kept connection while the request was on its way. What we send bears being sent twice.
      return try await exchange(request, deadline: deadline)
    }
  }

  private func exchange(_ request: Request, deadline: NIODeadline) async throws -> (HTTPAnswer, location: String?) {
    var outgoing = HTTPClientRequest(url: request.url)
    outgoing.method = request.method
    for field in request.fields { outgoing.headers.add(name: field.name, value: field.value) }
    if !outgoing.headers.contains(name: "Accept-Encoding") { outgoing.headers.add(name: "Accept-Encoding", value: "gzip") }
    if let body = request.body { outgoing.body = .bytes(ByteBuffer(bytes: body)) }
    let response = try await client.execute(outgoing, deadline: deadline)
    let headers = response.headers
    var answer = HTTPAnswer(
      status: Int(response.status.code), body: [], mediaType: Self.mediaType(headers.first(name: "Content-Type")),
      retryAfter: HTTPVerdict.retryAfter(headers.first(name: "Retry-After"), date: headers.first(name: "Date")))
    answer.dateMilliseconds = HTTPVerdict.dateMilliseconds(headers.first(name: "Date"))
    do {
      for try await part in response.body {
        let room = responseBytesMax - answer.body.count
        answer.body += part.readableBytesView.prefix(room)
        if part.readableBytes > room {
          answer.isTooLong = true
          break
        }
      }
    } catch {
      guard Self.isTooLong(error) else { throw error }
      answer.isTooLong = true
    }
    let coding = (headers.first(name: "Content-Encoding") ?? "identity").lowercased()
    if !["identity", "", "gzip", "deflate"].contains(coding) {
      answer.isUnreadable = true
      answer.body = []
    }
    mayHaveKept.store(true, ordering: .relaxed)
    return (answer, headers.first(name: "Location"))
  }

  private static func mediaType(_ field: String?) -> String {
    (field ?? "").prefix { $0 != ";" }.split(whereSeparator: \.isWhitespace).joined().lowercased()
  }

  // MARK: errors

  private static func isTooLong(_ error: any Error) -> Bool {
    error as? NIOHTTPDecompression.DecompressionError == .limit
  }

  private static func isClosedConnection(_ error: any Error) -> Bool {
    if let error = error as? HTTPClientError { return error == .remoteConnectionClosed }
    if let error = error as? IOError { return error.errnoCode == ECONNRESET || error.errnoCode == EPIPE }
    return error is ChannelError
  }

  private static func reason(for error: any Error) -> RetryReason {
    switch error {
    case let error as HTTPClientError:
      switch error {
      case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout: .unreachable
      case .deadlineExceeded, .readTimeout, .writeTimeout, .cancelled: .timedOut
      default: .connectionLost
      }
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: .tlsFailed
    case is NIOConnectionError, is IOError: .unreachable
    case is CancellationError: .timedOut
    // Broken HTTP, a reset in mid-answer: it may have been stored.
    default: .connectionLost
    }
  }
}

/// No answer.
public struct ExchangeFailure: Error, Sendable {
  public var reason: RetryReason

  public init(reason: RetryReason) { self.reason = reason }
}
