// One HTTP request and its whole answer within one time limit, with the errors of the network named for the lane.
//
// Redirects are not followed: a credential and a person's data go to the configured address and nowhere else. The limit
// covers connecting, sending and reading the body, because a server that trickles its answer is as slow as one that is
// silent. Shared by every connector that speaks HTTP. Not here: what an answer means; that is each connector's own.

internal import AsyncHTTPClient
public import Forwarding
internal import NIOCore
public import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// An answer, read to its end.
public struct HTTPAnswer: Sendable {
  public var status: Int
  public var body: [UInt8]
  /// As the server asked with Retry-After; nil when it did not.
  public var retryAfter: Duration?

  public init(status: Int, body: [UInt8], retryAfter: Duration? = nil) {
    self.status = status
    self.body = body
    self.retryAfter = retryAfter
  }
}

/// The client of one destination. Safe from any task; `shutdown` must be awaited before it is dropped.
public struct HTTPExchange: Sendable {
  private let client: HTTPClient
  private let timeout: Duration
  private let responseBytesMax: Int

  /// Who vouches for the server. With an unreadable file nobody does: every attempt fails as `tlsFailed`, which raises the
  /// destination's alert, and the rest of the hub goes on.
  private enum Authorities {
    case system, file, unreadable
  }
  private let authorities: Authorities

  /// - Parameters:
  ///   - caFile: PEM with the authorities to trust, read once, now; nil: the system's.
  ///   - timeout: for one request, from connecting to the last byte of the answer.
  ///   - responseBytesMax: a longer answer is `malformedAnswer`.
  public init(caFile: String?, timeout: Duration, responseBytesMax: Int) {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout.connect = .nanoseconds(min(timeout, .seconds(10)).nanoseconds)
    configuration.httpVersion = .http1Only
    // The lane retries, with its back-off; a client that retries underneath would hide an outage from it.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 8
    var authorities: Authorities = .system
    if let caFile {
      if let certificates = try? NIOSSLCertificate.fromPEMFile(caFile), !certificates.isEmpty {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(certificates)
        configuration.tlsConfiguration = tls
        authorities = .file
      } else {
        authorities = .unreadable
      }
    }
    self.authorities = authorities
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    self.timeout = timeout
    self.responseBytesMax = responseBytesMax
  }

  /// Closes all connections. An error here means that it was shut down before: nothing is left to close.
  public func shutdown() async { try? await client.shutdown() }

  /// One attempt. Honours task cancellation; never throws and never tries twice.
  public func perform(
    method: HTTPMethod, url: String, fields: [(name: String, value: String)], body: [UInt8]?
  ) async -> Result<HTTPAnswer, ExchangeFailure> {
    if authorities == .unreadable { return .failure(ExchangeFailure(reason: .tlsFailed)) }
    var request = HTTPClientRequest(url: url)
    request.method = method
    for field in fields { request.headers.add(name: field.name, value: field.value) }
    if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
    let client = client
    let sent = request
    let limit = timeout
    let bytesMax = responseBytesMax
    return await withTaskGroup(of: Result<HTTPAnswer, ExchangeFailure>?.self) { group in
      group.addTask {
        do {
          let response = try await client.execute(sent, deadline: .now() + .nanoseconds(limit.nanoseconds))
          let bytes = try await response.body.collect(upTo: bytesMax)
          let after = HTTPVerdict.retryAfter(response.headers.first(name: "Retry-After"), date: response.headers.first(name: "Date"))
          return .success(HTTPAnswer(status: Int(response.status.code), body: Array(bytes.readableBytesView), retryAfter: after))
        } catch {
          return .failure(ExchangeFailure(reason: Self.reason(for: error)))
        }
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .failure(ExchangeFailure(reason: .timedOut))
    }
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
    // Larger than any answer that confirms something.
    case is NIOTooManyBytesError: .malformedAnswer
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

extension Duration {
  /// For NIO's clock. The configured limits are seconds to minutes, far from an overflow.
  var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
