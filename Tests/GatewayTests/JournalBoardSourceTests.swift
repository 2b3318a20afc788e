// The console's source with a core that a test speaks for: what the core tells is on the board though no journal can be read, and what
// the core answers to a nurse is never said to be more certain than it is.

import Foundation
import Journal
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console
@testable import CoreAPI
@testable import HubConfiguration
@testable import LocalAPI

/// The console's end of the source's updates.
private actor Updates {
  private let iterator: AsyncStream<BoardUpdate>.AsyncIterator

  init(_ stream: AsyncStream<BoardUpdate>) { iterator = stream.makeAsyncIterator() }

  func next() async -> BoardUpdate? {
    var next = iterator
    return await next.next(isolation: self)
  }
}

/// One at a time: each has a server of its own.
@Suite(.serialized, .timeLimit(.minutes(5))) struct JournalBoardSourceTests {
  private let folder = TemporaryFolder()
  private let configuration: KnutepunktConfiguration
  private let core: FakeCore
  private let source: JournalBoardSource
  private let alert = AlertID(high: 0xABCD_EF01_2345_6789, low: 1)

  init() throws {
    configuration = try Street.configuration(in: folder)
    core = FakeCore(socketPath: configuration.hub.socketPath)
    source = JournalBoardSource(
      configuration: configuration, core: LocalAPIClient(socketPath: configuration.hub.socketPath), logger: Street.logger)
  }

  private func pulse(live: Bool = true, problems: [API.Problem]? = nil) -> ServerEvent {
    ServerEvent(
      "core",
      API.CorePulse(
        live: live, summary: "", durable: 1, at: Street.noon.description, problems: problems, ready: true,
        lastHeard: Street.noon.description))
  }

  /// Listens until `body` returns.
  private func listening(_ body: (Updates) async throws -> Void) async throws {
    try await core.open()
    let updates = Updates(source.updates())
    try await eventually("it listens") { core.roles == ["console"] }
    try await body(updates)
    await core.close()
  }

  // MARK: The board

  @Test func beforeTheCoreHasEverRunTheBoardIsEmptyAndSaysSo() async throws {
    let board = try await source.board()
    #expect(board.open.isEmpty && board.closed.isEmpty && board.health == nil)
    #expect(!board.isCurrent)
    #expect(board.core == .lost(since: nil))
  }

  /// Before the first pulse it asks once; a core that answers lives, also one without a journal.
  @Test func aCoreThatAnswersLives() async throws {
    try await core.open()
    let board = try await source.board()
    #expect(board.core == .live && !board.isCurrent)
    await core.close()
  }

  @Test func whatTheJournalHasIsOnTheBoard() async throws {
    let journal = try SmallJournal(configuration)
    journal.takeAlert(transition(.raised, firstCause: 7))
    try journal.commit()
    let board = try await source.board()
    #expect(board.isCurrent)
    #expect(board.open.map(\.id) == [alert])
    #expect(board.open.first?.person?.displayName == "Kari Test" && board.open.first?.device == "sos-1")
  }

  @Test func whatTheCoreTellsIsOnTheBoardThoughNoJournalIs() async throws {
    try await listening { updates in
      try core.send(transition(.raised))
      #expect(await updates.next() == .alert(alert))
      // The same again, as after a broken stream, is the same alert.
      try core.send(transition(.raised))
      #expect(await updates.next() == .alert(alert))
      var board = try await source.board()
      #expect(board.open.map(\.id) == [alert] && !board.isCurrent)
      #expect(board.open.first?.person?.displayName == "Kari Test")
      #expect(board.open.first?.escalatesAt == Street.noon.adding(milliseconds: 99_000), "the deadline by the wall clock")
      var escalated = transition(.escalated)
      escalated.level = 1
      try core.send(escalated, at: 50)
      #expect(await updates.next() == .alert(alert))
      #expect(try await source.board().open.map(\.level) == [1])
      // An older word that comes late changes nothing.
      try core.send(transition(.raised), at: 39)
      #expect(await updates.next() == .alert(alert))
      #expect(try await source.board().open.map(\.level) == [1])
      try core.send(transition(.cleared, .cleared), at: 60)
      #expect(await updates.next() == .alert(alert))
      board = try await source.board()
      #expect(board.open.isEmpty)
    }
  }

  @Test func whatIsOnlySuspectedIsNotShown() async throws {
    try await listening { updates in
      try core.send(transition(.raised, .suspected))
      #expect(await updates.next() == .alert(alert))
      #expect(try await source.board().open.isEmpty)
    }
  }

  // MARK: Updates

  @Test func aPulseTellsThatTheCoreLivesAndWhatIsWrong() async throws {
    try await listening { updates in
      let problem = API.Problem(kind: .rule(.linkDown), name: "home", effect: .deaf, text: "Ingen hører huset.")
      core.send(pulse(problems: [problem]))
      let health = BoardHealth(problems: [BoardProblem(text: "Ingen hører huset.", isGrave: true)], lastHeard: Street.noon)
      #expect(await updates.next() == .health(health))
      #expect(await updates.next() == .core(.live))
      var board = try await source.board()
      #expect(board.core == .live && board.health == health)
      // A core of an earlier version says nothing of its health: what was known stays.
      core.send(pulse(problems: nil))
      #expect(await updates.next() == .core(.live))
      core.send(pulse(live: false, problems: nil))
      #expect(await updates.next() == .core(.lost(since: nil)))
      board = try await source.board()
      #expect(board.health == health)
    }
  }

  @Test func aCommitAndAnUnknownEventCostOneLookAtMost() async throws {
    try await listening { updates in
      core.send(ServerEvent("word-of-a-newer-core", API.Committed(sequence: 1)))
      core.send(ServerEvent("committed", API.Committed(sequence: 2)))
      #expect(await updates.next() == .score(.none))
    }
  }

  @Test func aBrokenStreamIsToldAndOpenedAgain() async throws {
    try await listening { updates in
      core.drop()
      #expect(await updates.next() == .core(.lost(since: nil)))
      try await eventually("it listens again") { core.roles == ["console", "console"] }
      core.send(pulse())
      #expect(await updates.next() == .core(.live))
    }
  }

  @Test func theConsoleShowsThatItWorksOnlyWhileItTakesPulses() async throws {
    try await listening { updates in
      core.send(pulse())
      #expect(await updates.next() == .core(.live))
      try await eventually("a sign of life") { core.bodies("/v1/roles").contains { $0.contains("console") } }
      // No pulse since: no further sign, however long it stands there.
      try await Task.sleep(for: RoleSignal.pause + .seconds(1))
      #expect(core.bodies("/v1/roles").count == 1)
    }
  }

  // MARK: Actions

  private var path: String { "/v1/alerts/\(alert)" }

  private func json(_ transition: AlertTransition, by actor: String?) throws -> FakeCore.Answer {
    var answer = try alertAsTold(transition)
    answer.actor = actor
    return .json(String(decoding: try LocalAPIJSON.encode(answer), as: UTF8.self))
  }

  @Test func anActionIsDoneWhenTheCoreHasAnswered() async throws {
    try await core.open()
    let resolution = BoardResolution(comment: "Fine.", cause: .mistakenPress, measure: .phoned, usefulness: .notActionable)
    core.setAnswer(path + "/acknowledge", try json(transition(.acknowledged, .acknowledged), by: "Nina"))
    core.setAnswer(path + "/resolve", try json(transition(.resolved, .resolved), by: "Nina"))
    try await source.act(on: alert, .acknowledge, by: "Nina")
    try await source.act(on: alert, .resolve(resolution), by: "Nina")
    #expect(core.asked.map(\.path) == [path + "/acknowledge", path + "/resolve"])
    let sent = try LocalAPIJSON.decode(API.ActOnAlert.self, from: Data(try #require(core.asked.last).body.utf8))
    #expect(sent.actor == "Nina" && sent.comment == "Fine." && sent.useful == false)
    #expect(sent.cause == ResolutionCause.mistakenPress.rawValue && sent.measure == ResolutionMeasure.phoned.rawValue)
    await core.close()
  }

  /// "Not recorded" is said only where nobody took the request.
  @Test func anActionThatFailedIsSaidToBeWhatItIs() async throws {
    await #expect(throws: BoardActionError.coreUnavailable) { try await source.act(on: alert, .acknowledge, by: "Nina") }
    try await core.open()
    let answers: [(FakeCore.Answer, FakeCore.Answer?, BoardActionError)] = [
      (.refused(404, "no alert"), nil, .unknownAlert),
      (.refused(503, "the store stands still"), nil, .outcomeUnknown),
      (.refused(400, "bad"), nil, .notAllowed),
      (.json("not what was promised"), nil, .outcomeUnknown),
      (
        .refused(409, "first"), try json(transition(.acknowledged, .acknowledged), by: "Ola"),
        .alreadyTaken(by: "Ola", state: .acknowledged)
      ),
      (.refused(409, "first"), try json(transition(.raised), by: nil), .notAllowed),
      (.refused(409, "closed"), try json(transition(.resolved, .resolved), by: "Ola"), .notOpen),
      (.refused(409, "closed"), .refused(503, "no"), .notOpen),
    ]
    for (answer, now, expected) in answers {
      core.setAnswer(path + "/acknowledge", answer)
      if let now { core.setAnswer(path, now) }
      await #expect(throws: expected) { try await source.act(on: alert, .acknowledge, by: "Nina") }
    }
    await core.close()
  }

  /// The page waits eight seconds; the nurse is told before that it is not known.
  @Test func aCoreThatSaysNothingIsNotWaitedFor() async throws {
    try await core.open()
    core.setAnswer(path + "/respond", .silence)
    let clock = ContinuousClock()
    let start = clock.now
    await #expect(throws: BoardActionError.outcomeUnknown) { try await source.act(on: alert, .respond, by: "Nina") }
    #expect(clock.now - start >= JournalBoardSource.actionPatience)
    await core.close()
  }

  /// A look that would be refused again is not told again; one that nobody took is.
  @Test(arguments: [(0, true), (400, true), (403, true), (503, false), (500, false)])
  func aLookIsToldUntilItIsTaken(status: Int, isTaken: Bool) async throws {
    #expect(await !source.look(at: [Street.kari], at: .board, by: "Nina"), "nobody is there")
    try await core.open()
    if status != 0 { core.setAnswer("/v1/access/looks", .refused(status, "no")) }
    #expect(await source.look(at: [Street.kari, Street.ola], at: .board, by: "Nina") == isTaken)
    let sent = try LocalAPIJSON.decode(API.Looks.self, from: Data(try #require(core.bodies("/v1/access/looks").first).utf8))
    #expect(sent.actor == "Nina" && sent.patients == ["P1", "P2"])
    await core.close()
  }
}
