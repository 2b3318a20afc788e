// Signing in and out through the router, as a browser does it.

import Foundation
import HTTPTypes
import HubRuntime
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import VitalSigns

@testable import Console

@Suite struct SignInFlowTests {
  @Test func withoutASessionNothingIsShown() async throws {
    try await Fixture([Fixture.alert()]).run { browser in
      for path in ["/", "/hendelser", "/varsler/\(AlertID(high: 7, low: 1))/avslutt"] {
        let response = try await browser.get(path)
        #expect(response.status == .unauthorized)
        #expect(response.text.contains("knutepunkt console link"))
        #expect(!response.text.contains("Kari"))
      }
      let post = try await browser.post("/varsler/\(AlertID(high: 7, low: 1))/kvitter", [("csrf", "")])
      #expect(post.status == .unauthorized)
    }
  }

  /// Mail scanners follow links: looking at one must not use it up.
  @Test func lookingAtALinkDoesNotUseItUp() async throws {
    try await Fixture().run { browser in
      let token = try browser.token("Åse & Co")
      for _ in 0..<3 {
        let page = try await browser.get("/inn?lenke=\(token)")
        #expect(page.status == .ok)
        #expect(page.text.contains("Logg inn som Åse &amp; Co"))
        #expect(page.headers[.setCookie] == nil)
      }
      #expect(try await browser.post("/inn", [("link", token)]).status == .seeOther)
    }
  }

  @Test func aLinkWorksOnce() async throws {
    try await Fixture().run { browser in
      let token = try browser.token()
      let first = try await browser.post("/inn", [("link", token)])
      let cookie = try #require(first.headers[.setCookie])
      #expect(first.headers[.location] == "/")
      for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] { #expect(cookie.contains(attribute), "\(attribute)") }
      let second = try await browser.post("/inn", [("link", token)])
      #expect(second.status == .forbidden)
      #expect(second.text.contains("Lenken er allerede brukt"))
      #expect(try await browser.get("/inn?lenke=\(token)").text.contains("Lenken er allerede brukt"))
    }
  }

  @Test func refusalsSayWhatToDo() async throws {
    let fixture = try Fixture()
    try await fixture.run { browser in
      let good = try browser.token()
      let foreign = try browser.token(key: [UInt8](repeating: 9, count: 32))
      #expect(try await browser.post("/inn", [("link", foreign)]).text.contains("ikke laget av dette knutepunktet"))
      #expect(try await browser.post("/inn", [("link", "x")]).text.contains("Lenken er ufullstendig"))
      fixture.clock.advance(seconds: 600)
      #expect(try await browser.post("/inn", [("link", good)]).text.contains("Lenken er for gammel"))
    }
  }

  @Test func failuresAreLimitedYetAValidLinkAlwaysOpens() async throws {
    try await Fixture().run { browser in
      for _ in 0..<SignInBook.failuresMax { #expect(try await browser.post("/inn", [("link", "x")]).status == .forbidden) }
      let limited = try await browser.post("/inn", [("link", "x")])
      #expect(limited.status == .tooManyRequests && limited.headers[.retryAfter] == "300")
      #expect(try await browser.post("/inn", [("link", try browser.token())]).status == .seeOther)
    }
  }

  @Test func aLinkPostedFromAnotherSiteOpensNothing() async throws {
    try await Fixture().run { browser in
      let token = try browser.token()
      let origins: [HTTPFields] = [[.named("Sec-Fetch-Site"): "cross-site"], [.origin: "https://evil.example"]]
      for headers in origins {
        #expect(try await browser.post("/inn", [("link", token)], headers: headers).status == .forbidden)
      }
      // What a browser sends for our own form under `no-referrer`.
      #expect(try await browser.post("/inn", [("link", token)], headers: [.origin: "null"]).status == .seeOther)
    }
  }

  @Test func signingOutEndsTheSession() async throws {
    try await Fixture().run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      #expect(try await nurse.post("/ut", [("csrf", "wrong")]).status == .forbidden)
      #expect(try await nurse.get("/").status == .ok)
      let out = try await nurse.post("/ut", [("csrf", csrf)])
      #expect(out.headers[.setCookie]?.contains("Max-Age=0") == true)
      #expect(try await nurse.get("/").status == .unauthorized)
    }
  }

  @Test func sessionsEndWithTheShift() async throws {
    let fixture = try Fixture()
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      fixture.clock.advance(seconds: 59 * 60)
      #expect(try await nurse.get("/").status == .ok)
      fixture.clock.advance(seconds: 60 * 60)
      #expect(try await nurse.get("/").status == .unauthorized)
    }
  }

  @Test func everyAnswerCarriesTheSecurityHeaders() async throws {
    try await Fixture().run { browser in
      let nurse = try await browser.signedIn()
      for path in ["/", "/inn", "/finnes-ikke", "/livez"] {
        let headers = try await nurse.get(path).headers
        let policy = headers[.contentSecurityPolicy] ?? ""
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"))
        #expect(headers[.xContentTypeOptions] == "nosniff")
        #expect(headers[.named("Referrer-Policy")] == "no-referrer")
        #expect(headers[.cacheControl] == "no-store", "\(path)")
      }
    }
  }

  /// The page names its files by their digest, and their bytes have it.
  @Test func filesMatchTheirIntegrity() async throws {
    let resources = try ConsoleResources(folder: nil, language: .nb)
    try await Fixture().run { browser in
      let page = try await browser.signedIn().get("/").text
      for file in [resources.style, resources.script] {
        #expect(page.contains("\"\(file.path)\" integrity=\"\(file.integrity)\""))
        let response = try await browser.get(file.path)
        #expect(Array(buffer: response.body) == file.bytes)
        #expect(response.headers[.cacheControl]?.contains("immutable") == true)
      }
      #expect(!page.contains("<script>") && !page.contains("style=") && !page.contains("onclick"))
    }
  }

  @Test func aShortKeyStopsTheStart() {
    #expect(throws: ConsoleStartError.keyTooShort(bytes: 31, least: 32)) {
      try ConsoleService(
        configuration: ConsoleConfiguration(timeZone: .gmt, linkKey: [UInt8](repeating: 1, count: 31)),
        source: FakeSource([], clock: TestClock()), logger: Logger(label: "test"))
    }
  }
}

extension Array where Element == UInt8 {
  init(buffer: ByteBuffer) { self = Array(buffer.readableBytesView) }
}
