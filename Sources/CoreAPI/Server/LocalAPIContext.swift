// One request of the local API: its peer, its JSON in and out, and its errors as `API.Failure` bodies.

import Foundation
package import HTTPTypes
package import Hummingbird
import LocalAPI
import Logging
import NIOCore

/// Hummingbird's context plus the channel, which knows the peer.
package struct LocalAPIContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// The largest body, bytes. A plan, an observation, a list of receipts: all are far smaller.
  package let maxUploadSize = 1_048_576

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// An answer that says why what was asked for was not done.
package struct LocalAPIFailure: Error, HTTPResponseError {
  package var status: HTTPResponse.Status
  var failure: API.Failure

  init(_ status: HTTPResponse.Status, _ error: String, hint: String? = nil) {
    self.status = status
    self.failure = API.Failure(error: error, hint: hint)
  }

  static func bad(_ error: String, hint: String? = nil) -> Self { Self(.badRequest, error, hint: hint) }
  static func notFound(_ error: String, hint: String? = nil) -> Self { Self(.notFound, error, hint: hint) }
  static func conflict(_ error: String, hint: String? = nil) -> Self { Self(.conflict, error, hint: hint) }
  static func unavailable(_ error: String, hint: String? = nil) -> Self { Self(.serviceUnavailable, error, hint: hint) }

  package func response(from request: Request, context: some RequestContext) throws -> Response {
    try Response.json(failure, status: status)
  }
}

extension Response {
  /// A JSON answer.
  package static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    let data = try LocalAPIJSON.encode(value)
    return Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"], body: .init(byteBuffer: ByteBuffer(bytes: data)))
  }

  /// A plain-text answer.
  package static func text(_ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8") -> Response {
    Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}

extension Request {
  /// The body as `type`; a body that is not says which field is wrong.
  package func json<Value: Decodable>(_ type: Value.Type, context: LocalAPIContext) async throws -> Value {
    let body = body
    let buffer: ByteBuffer
    do {
      buffer = try await body.collect(upTo: context.maxUploadSize)
    } catch {
      throw LocalAPIFailure(.contentTooLarge, "the body is larger than \(context.maxUploadSize) bytes")
    }
    do {
      return try LocalAPIJSON.decode(type, from: Data(buffer.readableBytesView))
    } catch let DecodingError.keyNotFound(key, place) {
      throw LocalAPIFailure.bad("the body lacks \(path(place.codingPath + [key]))")
    } catch let DecodingError.typeMismatch(_, place) {
      throw LocalAPIFailure.bad("the body's \(path(place.codingPath)) has the wrong type: \(place.debugDescription)")
    } catch let DecodingError.valueNotFound(_, place) {
      throw LocalAPIFailure.bad("the body's \(path(place.codingPath)) must not be null")
    } catch {
      throw LocalAPIFailure.bad("the body is not the JSON that this path takes; docs/local-api.md lists it")
    }
  }

  private func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty ? "whole" : keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }
}

/// Lets in whom `PeerPolicy` allows. Liveness and metrics on the TCP listener do not pass here.
package struct PeerGate: RouterMiddleware {
  package typealias Input = Request
  package typealias Output = Response
  package typealias Context = LocalAPIContext
  let policy: PeerPolicy
  let logger: Logger

  package func handle(
    _ request: Input, context: LocalAPIContext, next: @concurrent (Input, LocalAPIContext) async throws -> Output
  ) async throws -> Output {
    guard let peer = await PeerCredentials.of(context.channel), policy.allows(peer) else {
      logger.warning("refused a peer of the local API", metadata: ["path": "\(request.uri.path)"])
      throw LocalAPIFailure(
        .forbidden, "this user may not speak to the core",
        hint: "run the command as root or as the service's user, or add the user under localAPI.allowedUsers")
    }
    return try await PeerCredentials.$currentName.withValue(peer.accountName) { try await next(request, context) }
  }
}
