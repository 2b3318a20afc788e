// The live stream: changes and heartbeats arrive, the core's loss is told at once, a stream ends with its session and with
// the console, and screens are bounded.

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ServiceLifecycle
import Testing
import VitalSigns

@testable import Console
@testable import LocalAPI

@Suite struct LiveBoardTests {
  /// What a screen received until its session ended, `during` having done its part while it listened.
  func listen(_ fixture: Fixture, _ during: @escaping @Sendable () async throws -> Void) async throws -> String {
    let received = Received()
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      let csrf = try await nurse.csrf()
      async let stream = nurse.get("/hendelser")
      try await eventually("a screen") { await fixture.service.feed.screenCount == 1 }
      try await allScreensHave(fixture)
      try await during()
      _ = try await nurse.post("/ut", [("csrf", csrf)])
      await fixture.source.say(.alert(AlertID(high: 7, low: 1)))
      let response = try await stream
      #expect(response.status == .ok)
      #expect(response.headers[.contentType]?.hasPrefix("text/event-stream") == true)
      await received.set(response.text)
      try await eventually("no screen") { await fixture.service.feed.screenCount == 0 }
    }
    return await received.text
  }
  /// What a screen has taken is written before it looks at anything else.
  func allScreensHave(_ fixture: Fixture) async throws {
    try await eventually("every screen has the newest") { await fixture.service.feed.lag == 0 }
  }

  actor Received {
    var text = ""
    func set(_ text: String) { self.text = text }
  }

  @Test func boardAndHeartbeatArriveAtOnceAndAfterEveryChange() async throws {
    let fixture = try Fixture([Fixture.alert()])
    let text = try await listen(fixture) {
      let before = await fixture.service.feed.newest
      await fixture.source.add(Fixture.alert(2, .fall, name: "Ola Prøve"))
      try await eventually("a new board") { await fixture.service.feed.newest.boardRevision > before.boardRevision }
      let beat = await fixture.service.feed.newest.beatNumber
      fixture.clock.advance(seconds: 2)
      try await eventually("a heartbeat") { await fixture.service.feed.newest.beatNumber > beat }
      try await allScreensHave(fixture)
    }
    let boards = text.components(separatedBy: "event: board\n")
    #expect(boards.count >= 3)
    #expect(boards[1].contains("Kari Testesen") && !boards[1].contains("Ola Prøve"))
    #expect(text.contains("Ola Prøve") && text.contains("Mulig fall"))
    #expect(text.contains("event: heartbeat\ndata: {"))
    #expect(text.hasPrefix("retry: 1000\n\n") && text.contains("event: signed-out\n"))
    #expect(!text.contains("csrf"), "the stream is the same for every screen")
    for line in text.split(separator: "\n") {
      #expect(["event: ", "data: ", "id: ", "retry: "].contains { line.hasPrefix($0) }, "\(line)")
    }
  }

  @Test func aLostCoreIsToldAtOnceAndShownOnThePage() async throws {
    let fixture = try Fixture([])
    let text = try await listen(fixture) {
      await fixture.source.say(.core(.live))
      try await eventually("live") { await fixture.service.feed.newest.beat.core == "live" }
      await fixture.source.setCore(.lost(since: nil))
      await fixture.source.say(.core(.lost(since: WallTime(rawValue: 1_790_000_000_000))))
      try await eventually("lost") { await fixture.service.feed.newest.beat.core == "lost" }
      try await allScreensHave(fixture)
    }
    #expect(text.contains(#""core":"lost""#) && text.contains("Sist kontakt kl. "))
    #expect(text.contains("class=\"open blind\""), "an empty board that is blind says so")
    #expect(text.components(separatedBy: "Ingen åpne varsler").count == 2, "only the first board, which could see, was calm")
  }

  /// A busy hub scores all the time: the board is reread at most once a second for that, by the monotonic clock.
  @Test func scoresWaitAndAlertsDoNot() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      _ = try await browser.signedIn().get("/")
      let feed = fixture.service.feed
      // The clock stands still, so nothing can become due: scores alone bring no reread. One that was asked for before, at the start, may
      // still come on a loaded machine; a wrong one would come each time.
      try await eventually("scores are heard, and nothing is read") {
        let before = await feed.readCount
        for _ in 0..<20 { await fixture.source.say(.score(PatientID(rawValue: 1))) }
        try await Task.sleep(for: BoardFeed.refreshPause + .milliseconds(250))
        return await feed.readCount == before && before >= 1
      }
      let before = await feed.readCount
      fixture.clock.advance(seconds: 1)
      try await eventually("reread for the scores") { await feed.readCount > before }
      let after = await feed.readCount
      await fixture.source.add(Fixture.alert(2))
      try await eventually("reread for the alert") { await feed.readCount > after }
    }
  }

  /// The source has gone quiet without a word: three seconds of the monotonic clock, whether or not anything arrives.
  @Test func aSilentSourceRaisesTheBanner() async throws {
    let fixture = try Fixture([])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      await fixture.source.say(.core(.live))
      try await eventually("live") { await fixture.service.feed.newest.beat.core == "live" }
      #expect(try await nurse.get("/").text.contains("id=\"banner-core\" role=\"alert\" hidden"))
      fixture.clock.advance(seconds: 3)
      try await eventually("lost") { await fixture.service.feed.newest.beat.core == "lost" }
      let page = try await nurse.get("/").text
      #expect(page.contains("id=\"banner-core\" role=\"alert\">") && page.contains("nye alarmer kommer ikke fram"))
      await fixture.source.say(.core(.live))
      try await eventually("live again") { await fixture.service.feed.newest.beat.core == "live" }
    }
  }

  @Test func thePageShowsTheBannerBeforeAnySignOfLife() async throws {
    let fixture = try Fixture([])
    await fixture.source.setCore(.lost(since: WallTime(rawValue: 1_790_000_000_000)))
    try await fixture.run { browser in
      let page = try await browser.signedIn().get("/").text
      #expect(page.contains("id=\"banner-core\" role=\"alert\">") && page.contains("Ingen varsler å vise"))
      #expect(!page.contains("Ingen åpne varsler"))
    }
  }

  @Test func anUnreadableBoardKeepsTheLastOneAndSaysSo() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      #expect(try await nurse.get("/").text.contains("id=\"banner-read\" role=\"alert\" hidden"))
      await fixture.source.failReads(BoardReadError(reason: "test"))
      await fixture.source.say(.alert(AlertID(high: 7, low: 1)))
      try await eventually("unreadable") { await !fixture.service.feed.newest.beat.readable }
      let page = try await nurse.get("/").text
      #expect(page.contains("id=\"banner-read\" role=\"alert\">") && page.contains("Kari Testesen"))
    }
  }

  @Test func screensAreBounded() async throws {
    let fixture = try Fixture([])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      var joined: [UInt64] = []
      for _ in 0..<BoardFeed.screensMax {
        joined.append(try #require(await fixture.service.feed.join("\(joined.count / BoardFeed.screensPerSessionMax)")).id)
      }
      let refused = try await nurse.get("/hendelser")
      #expect(refused.status == .serviceUnavailable && refused.headers[.retryAfter] == "10")
      for id in joined { await fixture.service.feed.leave(id) }
      #expect(await fixture.service.feed.hasRoom(for: "test"))
    }
  }

  /// One session takes no other's screens.
  @Test func screensOfOneSessionAreBounded() async throws {
    let fixture = try Fixture([])
    try await fixture.run { _ in
      let feed = fixture.service.feed
      for _ in 0..<BoardFeed.screensPerSessionMax { #expect(await feed.join("greedy") != nil) }
      #expect(await feed.join("greedy") == nil)
      #expect(await feed.join("other") != nil)
    }
  }

  /// A tick and a green dot only when the hub says that everything works; not knowing is not good.
  @Test func greenOnlyWhenEverythingWorks() async throws {
    let fixture = try Fixture([])
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      await fixture.source.say(.core(.live))
      try await eventually("live") { await fixture.service.feed.newest.beat.core == "live" }
      var page = try await nurse.get("/").text
      #expect(
        page.contains("id=\"banner-hub\" role=\"alert\" hidden") && page.contains("empty-calm") && page.contains("data-known=\"true\""))
      #expect(!page.contains("core-part\" id"))
      await fixture.source.setHealth(
        BoardHealth(
          problems: [BoardProblem(text: "Ingen forbindelse til hjem. Følg nødrutinen.", isGrave: true)], lastHeard: fixture.clock.wall))
      try await eventually("told") { await fixture.service.feed.newest.beat.problems.count == 1 }
      page = try await nurse.get("/").text
      #expect(page.contains("id=\"banner-hub\" role=\"alert\">") && page.contains("<li>Ingen forbindelse til hjem. Følg nødrutinen.</li>"))
      #expect(!page.contains("empty-calm") && page.contains("core-part\" id") && page.contains("Siste melding fra utstyr kl. "))
      await fixture.source.setHealth(BoardHealth(problems: [BoardProblem(text: "Batteri", isGrave: false)]))
      try await eventually("less grave") { await fixture.service.feed.newest.beat.problems.first?.isGrave == false }
      page = try await nurse.get("/").text
      #expect(page.contains("id=\"banner-part\" role=\"status\">") && !page.contains("empty-calm"))
      await fixture.source.setHealth(.well)
      try await eventually("well") { await fixture.service.feed.newest.beat.problems.isEmpty }
      #expect(try await nurse.get("/").text.contains("empty-calm"))
    }
  }

  @Test func aHubThatHasNotSaidHowItIsIsNotGreen() async throws {
    let fixture = try Fixture([])
    await fixture.source.setHealth(nil)
    try await fixture.run { browser in
      let page = try await browser.signedIn().get("/").text
      #expect(!page.contains("empty-calm") && page.contains("Venter på tilstanden"))
    }
  }

  /// Who sees whose alerts is told once a quarter of an hour, and kept while the hub does not take it.
  @Test func looksAreTold() async throws {
    let fixture = try Fixture([Fixture.alert(), Fixture.alert(2, person: 9)])
    let looks = fixture.service.looks
    try await fixture.run { browser in
      let nurse = try await browser.signedIn()
      _ = try await nurse.get("/")
      _ = try await nurse.get("/")
      try await eventually("told") { await fixture.source.looks.count == 1 }
      let first = try #require(await fixture.source.looks.first)
      #expect(first.actor == "Nina Nattevakt" && first.people == [PatientID(rawValue: 1), PatientID(rawValue: 9)])
      fixture.clock.advance(seconds: 899)
      _ = try await nurse.get("/")
      fixture.clock.advance(seconds: 1)
      _ = try await nurse.get("/")
      try await eventually("told again") { await fixture.source.looks.count == 2 }
      _ = looks
    }
  }

  /// A slow screen has no queue: however many changes, it is woken once and finds the newest.
  @Test func aSlowScreenSkipsWhatIsOutdated() async throws {
    let fixture = try Fixture([])
    try await fixture.run { _ in
      let feed = fixture.service.feed
      let (id, wakes) = try #require(await feed.join("test"))
      for number in 0..<50 {
        await fixture.source.add(Fixture.alert(UInt64(number)))
        _ = await feed.refreshed()
      }
      await feed.leave(id)
      var woken = 0
      for await _ in wakes { woken += 1 }
      #expect(woken == 1)
      #expect(String(buffer: await feed.newest.board).contains("50 åpne varsler"))
    }
  }

  /// Over a real socket: shutdown ends an open stream at once instead of waiting for the browser to go.
  @Test(.timeLimit(.minutes(5))) func shutdownEndsOpenStreams() async throws {
    let clock = TestClock()
    let source = FakeSource([Fixture.alert()], clock: clock)
    let (ports, port) = AsyncStream<Int>.makeStream()
    let service = try ConsoleService(
      configuration: ConsoleConfiguration(host: "127.0.0.1", port: 0, timeZone: .gmt, linkKey: Fixture.key), source: source,
      clock: clock.console, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onListening: { port.yield($0) })
    let group = ServiceGroup(services: [service], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let number = try #require(await ports.first { _ in true })
      let client = TestClient(host: "127.0.0.1", port: number, configuration: .init(timeout: .seconds(120)))
      client.connect()
      let token = try SignInLink.issue(key: Fixture.key, actor: "Nina", now: clock.wall)
      let entered = try await client.execute(
        TestClient.Request("/inn", method: .post, authority: "127.0.0.1", headers: [:], body: ByteBuffer(string: "link=\(token)")))
      let cookie = try #require(entered.headers[.setCookie]?.split(separator: ";").first)
      let request = TestClient.Request("/hendelser", method: .get, authority: "127.0.0.1", headers: [.cookie: String(cookie)], body: nil)
      async let stream = client.execute(request)
      try await eventually("a screen") { await service.feed.screenCount == 1 }
      await group.triggerGracefulShutdown()
      let text = String(buffer: try await stream.body ?? ByteBuffer())
      #expect(text.contains("event: board"))
      try await tasks.waitForAll()
      try await client.shutdown()
    }
  }
}
