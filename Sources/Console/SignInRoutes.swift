// Signing in and out. GET of a link only shows whose it is: mail scanners and browsers follow links on their own, and must
// not burn one. The POST uses it up and sets the cookie.

import AlertTexts
import Foundation
import HTTPTypes
import Hummingbird
import LocalAPI
import Logging
import NIOCore
import VitalSigns

/// The routes `/inn` and `/ut`, and who is signed in.
struct SignInRoutes: Sendable {
  let desk: SignInDesk
  let pages: Pages
  let configuration: ConsoleConfiguration
  let logger: Logger

  /// `__Host-` binds a cookie to this host and path, but needs `Secure`.
  private var cookieName: String { configuration.secureCookies ? "__Host-knutepunkt" : "knutepunkt" }

  func add(to router: Router<ConsoleContext>) {
    router.get("inn") { request, context in await show(request, context) }
    router.post("inn") { request, context in try await enter(request, context) }
    router.post("ut") { request, _ in try await leave(request) }
  }

  /// The cookie and session of a request; nil when nobody is signed in.
  func signedIn(_ request: Request) async -> (cookie: String, session: Session)? {
    guard let cookie = request.cookies[cookieName]?.value, let session = await desk.session(cookie) else { return nil }
    return (cookie, session)
  }

  /// The page of a screen where nobody is signed in. 401 tells the script to stop trying.
  func signedOut() -> Response { .html(pages.signedOut(), status: .unauthorized) }

  private func show(_ request: Request, _ context: ConsoleContext) async -> Response {
    guard let token = request.uri.queryParameters["lenke"].map(String.init) else { return signedOut() }
    do {
      return .html(pages.signIn(actor: try await desk.inspect(token), token: token))
    } catch {
      return await refuse(error, context)
    }
  }

  private func enter(_ request: Request, _ context: ConsoleContext) async throws -> Response {
    guard request.isSameSite(as: configuration.publicURL) else {
      return .html(pages.problem(pages.catalogue.text("problem", "otherSite")), status: .forbidden)
    }
    let token = try await ConsoleForm(request)["link"]
    do throws(LinkRefusal) {
      let cookie = try await desk.redeem(token)
      logger.info("Somebody signed in")
      var response = Response.seeOther("/")
      response.setCookie(sessionCookie(cookie, maxAge: nil))
      return response
    } catch {
      return await refuse(error, context)
    }
  }

  private func leave(_ request: Request) async throws -> Response {
    guard let (cookie, session) = await signedIn(request) else { return .seeOther("/") }
    guard request.isSameSite(as: configuration.publicURL), try await ConsoleForm(request).belongs(to: session) else {
      return .html(pages.problem(pages.catalogue.text("problem", "formExpired")), status: .forbidden)
    }
    await desk.end(cookie)
    var response = Response.seeOther("/")
    response.setCookie(sessionCookie("", maxAge: 0))
    return response
  }

  /// A link that opens nothing. Counted and, beyond the limit, answered shortly and no longer logged. A valid link is never
  /// held up by others' failures: a signature cannot be guessed, and a nurse behind the same proxy must get in.
  private func refuse(_ refusal: LinkRefusal, _ context: ConsoleContext) async -> Response {
    if await desk.failed(from: context.address) {
      var response = Response.html(pages.signedOut(problem: pages.catalogue.text("problem", "tooMany")), status: .tooManyRequests)
      response.headers[.retryAfter] = "\(SignInBook.failureWindow / 1_000_000_000)"
      return response
    }
    logger.notice("A sign-in link was refused", metadata: ["reason": "\(refusal)"])
    return .html(pages.signedOut(problem: pages.catalogue.text("link", "\(refusal)")), status: .forbidden)
  }

  /// Without `maxAge` the cookie lives as long as the browser; the server's book ends it anyway.
  private func sessionCookie(_ value: String, maxAge: Int?) -> Cookie {
    Cookie(
      name: cookieName, value: value, maxAge: maxAge, path: "/", secure: configuration.secureCookies, httpOnly: true, sameSite: .strict)
  }

  // MARK: Posts of who is signed in

  /// Why a POST is not believed; nil when it is.
  func forgery(_ request: Request, _ form: ConsoleForm, _ session: Session) -> Notice? {
    guard request.isSameSite(as: configuration.publicURL) else {
      return Notice(kind: .problem, text: pages.catalogue.text("problem", "otherSite"))
    }
    return form.belongs(to: session) ? nil : Notice(kind: .problem, text: pages.catalogue.text("problem", "formExpired"))
  }

  /// How it went: short JSON for the page's script, else a notice on the board.
  func answer(_ notice: Notice, _ status: HTTPResponse.Status, _ request: Request, _ cookie: String) async -> Response {
    if request.wantsJSON {
      let json = (try? JSONEncoder().encode(["kind": notice.kind.rawValue, "text": notice.text])) ?? Data()
      return Response(
        status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
    }
    if status == .forbidden { return .html(pages.problem(notice.text), status: status) }
    await desk.leave(notice: notice, for: cookie)
    return .seeOther("/")
  }
}
