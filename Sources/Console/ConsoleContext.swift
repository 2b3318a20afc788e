// What a request carries through the router, and the two middlewares around every page: security headers outermost, then
// errors as pages that people can read.

import AlertTexts
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// A request's context.
struct ConsoleContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Where failed sign-ins are counted. Behind a proxy that is the proxy, and all share.
  let address: String

  /// Room for the longest comment, percent-encoded, and the form around it.
  static let bodyBytesMax = 32 * 1_024

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    address = source.channel.remoteAddress?.ipAddress ?? "unknown"
  }
}

/// Headers that hold for every answer. Nothing but our own files runs, no page is framed, nothing is kept.
struct SecurityHeaders: RouterMiddleware {
  typealias Context = ConsoleContext
  let isHTTPS: Bool

  private static let contentSecurityPolicy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "form-action 'self'",
    "base-uri 'none'", "frame-ancestors 'none'",
  ].joined(separator: "; ")

  func handle(
    _ request: Request, context: ConsoleContext, next: @concurrent (Request, ConsoleContext) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    response.headers[values: .contentSecurityPolicy] = [Self.contentSecurityPolicy]
    response.headers[values: .xContentTypeOptions] = ["nosniff"]
    response.headers[.named("Referrer-Policy")] = "no-referrer"
    response.headers[.named("X-Frame-Options")] = "DENY"
    response.headers[.named("Cross-Origin-Opener-Policy")] = "same-origin"
    response.headers[.named("Cross-Origin-Resource-Policy")] = "same-origin"
    response.headers[.named("Permissions-Policy")] = "camera=(), geolocation=(), microphone=()"
    if isHTTPS { response.headers[.strictTransportSecurity] = "max-age=31536000" }
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    return response
  }
}

/// Turns what went wrong into a page in the reader's language.
struct ProblemPages: RouterMiddleware {
  typealias Context = ConsoleContext
  let pages: Pages

  func handle(
    _ request: Request, context: ConsoleContext, next: @concurrent (Request, ConsoleContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch is NIOTooManyBytesError {
      return page(.contentTooLarge, "tooLarge")
    } catch let error as HTTPError {
      return page(error.status, error.status == .notFound ? "notFound" : "internal")
    } catch {
      // The type only: an error's text may quote what a person wrote.
      context.logger.error("A page failed", metadata: ["error": "\(type(of: error))", "path": "\(context.endpointPath ?? "unknown")"])
      return page(.internalServerError, "internal")
    }
  }

  private func page(_ status: HTTPResponse.Status, _ problem: String) -> Response {
    .html(pages.problem(pages.catalogue.text("problem", problem)), status: status)
  }
}

extension HTTPField.Name {
  /// A header name written in this file: a wrong one is our bug.
  static func named(_ name: String) -> Self {
    guard let field = Self(name) else { preconditionFailure("\(name) is no header name") }
    return field
  }
}

extension Response {
  static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "text/html; charset=utf-8"], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  /// After a POST: the browser asks for the page with GET, and reloading it repeats nothing.
  static func seeOther(_ path: String) -> Response { Response(status: .seeOther, headers: [.location: path]) }
}
