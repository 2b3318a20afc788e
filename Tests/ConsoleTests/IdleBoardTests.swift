// A console that nobody looks at reads the journal for alerts alone; whoever comes first sees a board that was read then.

import NIOCore
import Testing
import VitalSigns

@testable import Console

@Suite struct IdleBoardTests {
  @Test func scoresAndTimeMakeNobodysBoardReadNothing() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { _ in
      let feed = fixture.service.feed
      try await eventually("the first read") { await feed.isReady }
      await fixture.source.say(.core(.live))
      // The first read, and the one that the core's first sign of life asks for. There is no other reason to read.
      try await eventually("both reads") { await feed.readCount == 2 }
      for _ in 0..<10 {
        for _ in 0..<20 { await fixture.source.say(.score(PatientID(rawValue: 1))) }
        await fixture.source.say(.core(.live))
        fixture.clock.advance(seconds: 60)
        try await Task.sleep(for: .milliseconds(30))
      }
      // Updates come in their order: with this one all before it have been heard.
      await fixture.source.setHealth(BoardHealth(problems: [BoardProblem(text: "Batteri", isGrave: false)]))
      try await eventually("everything is heard") { await feed.newest.beat.problems.count == 1 }
      try await Task.sleep(for: BoardFeed.refreshPause + .milliseconds(250))
      #expect(await feed.readCount == 2)
    }
  }

  @Test func anAlertIsReadThoughNobodyLooks() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { _ in
      let feed = fixture.service.feed
      try await eventually("the first read") { await feed.isReady }
      let before = await feed.readCount
      await fixture.source.add(Fixture.alert(2))
      try await eventually("reread for the alert") { await feed.readCount > before }
    }
  }

  @Test func whoComesFirstGetsABoardOfNow() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { browser in
      let feed = fixture.service.feed
      try await eventually("the first read") { await feed.isReady }
      await fixture.source.say(.score(PatientID(rawValue: 1)))
      fixture.clock.advance(seconds: 3_600)
      // Without a word, as a lost update would be.
      await fixture.source.replace([Fixture.alert(2, .fall, name: "Ola Prøve")])
      let page = try await browser.signedIn().get("/").text
      #expect(page.contains("Ola Prøve") && !page.contains("Kari Testesen"))
    }
  }

  @Test func aScreensFirstBoardIsNotAnOldOne() async throws {
    let fixture = try Fixture([Fixture.alert()])
    try await fixture.run { _ in
      let feed = fixture.service.feed
      try await eventually("the first read") { await feed.isReady }
      fixture.clock.advance(seconds: 3_600)
      await fixture.source.replace([Fixture.alert(2, .fall, name: "Ola Prøve")])
      let (_, wakes) = try #require(await feed.join("a session"))
      for await _ in wakes { break }
      #expect(String(buffer: await feed.newest.board).contains("Ola Prøve"))
    }
  }
}
