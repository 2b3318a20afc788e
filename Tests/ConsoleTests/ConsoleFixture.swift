// A source that tests can turn, clocks that stand still until told, and a browser that keeps one cookie.

import Foundation
import HTTPTypes
import HubRuntime
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import People
import Testing
import VitalSigns

@testable import Console
@testable import LocalAPI

/// Clocks that a test turns by hand.
final class TestClock: @unchecked Sendable {
  // `lock` guards both.
  private let lock = NSLock()
  private var wallValue = WallTime(rawValue: 1_790_000_000_000)
  private var monotonicValue = MonotonicInstant.zero

  var wall: WallTime { lock.withLock { wallValue } }

  func advance(seconds: Int64) {
    lock.withLock {
      wallValue = wallValue.adding(milliseconds: seconds * 1_000)
      monotonicValue = monotonicValue.adding(nanoseconds: seconds * 1_000_000_000)
    }
  }

  var console: ConsoleClock {
    ConsoleClock(wall: { [self] in wall }, monotonic: { [self] in lock.withLock { monotonicValue } })
  }
}

/// The hub as a value.
actor FakeSource: ConsoleSource {
  struct Act: Equatable {
    let alert: AlertID
    let action: BoardAction
    let actor: String
  }

  private(set) var acts: [Act] = []
  private var alerts: [BoardAlert]
  private var closed: [BoardAlert] = []
  private let clock: TestClock
  private var core = CoreLiveness.live
  private var refusal: BoardActionError?
  private var readFailure: BoardReadError?
  private var health: BoardHealth? = .well
  private(set) var looks: [(people: [PatientID], place: LookPlace, actor: String)] = []
  private var people: [PatientID: PersonFile] = [:]
  private(set) var accesses: [(person: PatientID, purpose: AccessPurpose, actor: String)] = []
  private(set) var edits: [(edit: PersonEdit, actor: String)] = []
  private var codes = ShownAccess(fields: [], isLogged: true)
  private var personRefusal: PersonActionError?
  private var areRecordsReadable = true
  private var takesLooks = true
  private let stream: AsyncStream<BoardUpdate>
  private let continuation: AsyncStream<BoardUpdate>.Continuation

  init(_ alerts: [BoardAlert], clock: TestClock) {
    self.alerts = alerts
    self.clock = clock
    (stream, continuation) = AsyncStream.makeStream()
  }

  nonisolated func updates() -> AsyncStream<BoardUpdate> { stream }

  func board() async throws(BoardReadError) -> BoardSnapshot {
    if let readFailure { throw readFailure }
    return BoardSnapshot(open: alerts, closed: closed, takenAt: clock.wall, core: core, health: health)
  }

  func act(on alert: AlertID, _ action: BoardAction, by actor: String) async throws(BoardActionError) {
    if let refusal { throw refusal }
    guard let index = alerts.firstIndex(where: { $0.id == alert }) else { throw .unknownAlert }
    switch action {
    case .acknowledge:
      if let by = alerts[index].acknowledgement?.by { throw .alreadyTaken(by: by, state: .acknowledged) }
      alerts[index].acknowledgement = BoardMark(by: actor, at: clock.wall)
      alerts[index].state = .acknowledged
    case .respond:
      alerts[index].response = BoardMark(by: actor, at: clock.wall)
      alerts[index].state = .responding
    case .resolve:
      var done = alerts.remove(at: index)
      done.state = .resolved
      done.closure = BoardMark(by: actor, at: clock.wall)
      closed.append(done)
    }
    acts.append(Act(alert: alert, action: action, actor: actor))
  }

  func look(at people: [PatientID], at place: LookPlace, by actor: String) async -> Bool {
    if takesLooks { looks.append((people, place, actor)) }
    return takesLooks
  }

  func person(_ id: PatientID, version: Int?) async throws(PersonReadError) -> PersonFile? {
    guard areRecordsReadable else { throw PersonReadError() }
    return people[id]
  }

  func access(to person: PatientID, for purpose: AccessPurpose, by actor: String) async throws(PersonActionError) -> ShownAccess {
    if let personRefusal { throw personRefusal }
    accesses.append((person, purpose, actor))
    return codes
  }

  func edit(_ person: PatientID, _ edit: PersonEdit, by actor: String) async throws(PersonActionError) {
    if let personRefusal { throw personRefusal }
    guard people[person]?.current == edit.basedOn else { throw .conflict }
    edits.append((edit, actor))
    var record = people[person]?.record.record ?? PersonRecord()
    for (field, text) in edit.changes { try? record.set(field, to: text) }
    write(record, of: person, by: actor, reason: edit.reason, changed: edit.changes.keys.sorted { $0.key < $1.key })
  }

  /// A new version of a person's record.
  func write(_ record: PersonRecord, of person: PatientID, by author: String, reason: String, changed: [PersonField]? = nil) {
    var file = people[person] ?? PersonFile(id: person, displayName: "Kari Testesen")
    file.versions.insert(
      PersonVersion(
        number: file.current + 1, author: author, reason: reason, at: clock.wall, record: ShownRecord(record), changed: changed), at: 0)
    people[person] = file
  }
  func add(_ file: PersonFile) { people[file.id] = file }
  func give(_ codes: ShownAccess) { self.codes = codes }
  func refusePeople(_ error: PersonActionError?) { personRefusal = error }
  func failRecords() { areRecordsReadable = false }

  func say(_ update: BoardUpdate) { continuation.yield(update) }
  func setHealth(_ health: BoardHealth?) {
    self.health = health
    if let health { continuation.yield(.health(health)) }
  }
  func takeLooks(_ takes: Bool) { takesLooks = takes }
  func add(_ alert: BoardAlert) {
    alerts.append(alert)
    continuation.yield(.alert(alert.id))
  }
  /// Without a word of it.
  func replace(_ alerts: [BoardAlert]) { self.alerts = alerts }
  func refuse(_ error: BoardActionError?) { refusal = error }
  func failReads(_ error: BoardReadError?) { readFailure = error }
  func setCore(_ liveness: CoreLiveness) { core = liveness }
}

/// A console on a fake source, with its clocks.
struct Fixture {
  static let key = [UInt8](0..<32)
  let clock = TestClock()
  let source: FakeSource
  let service: ConsoleService

  init(_ alerts: [BoardAlert] = [], language: TextLanguage = .nb, port: Int = 0) throws {
    source = FakeSource(alerts, clock: clock)
    let configuration = ConsoleConfiguration(
      port: port, publicURL: "http://tavle.example", language: language, timeZone: try #require(TimeZone(identifier: "Europe/Oslo")),
      linkKey: Self.key)
    service = try ConsoleService(
      configuration: configuration, source: source, clock: clock.console, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// Runs the console without sockets.
  func run(_ body: @escaping @Sendable (Browser) async throws -> Void) async throws {
    try await service.application().test(.router) { client in try await body(Browser(client: client, clock: clock)) }
  }

  static func alert(
    _ number: UInt64 = 1, _ rule: AlertRule = .sos, _ priority: AlertPriority = .high, state: AlertState = .raised,
    name: String = "Kari Testesen", person: UInt32 = 1, at: WallTime = WallTime(rawValue: 1_789_999_880_000)
  ) -> BoardAlert {
    BoardAlert(
      id: AlertID(high: 7, low: number), rule: rule, priority: priority, state: state,
      person: BoardPerson(id: PatientID(rawValue: person), displayName: name), raisedAt: at)
  }
}

/// A browser with one cookie.
struct Browser: Sendable {
  let client: any TestClientProtocol
  let clock: TestClock
  var cookie: String?

  init(client: any TestClientProtocol, clock: TestClock) {
    self.client = client
    self.clock = clock
  }

  func get(_ path: String, headers extra: HTTPFields = [:]) async throws -> TestResponse {
    try await client.execute(uri: path, method: .get, headers: headers(extra))
  }

  func post(_ path: String, _ fields: [(String, String)], headers extra: HTTPFields = [:]) async throws -> TestResponse {
    let body = fields.map { "\($0)=\(Self.encode($1))" }.joined(separator: "&")
    var headers = headers(extra)
    headers[.contentType] = "application/x-www-form-urlencoded"
    return try await client.execute(uri: path, method: .post, headers: headers, body: ByteBuffer(string: body))
  }

  func token(_ actor: String = "Nina Nattevakt", key: [UInt8] = Fixture.key) throws -> String {
    try SignInLink.issue(key: key, actor: actor, now: clock.wall)
  }

  /// The same browser, signed in.
  func signedIn(as actor: String = "Nina Nattevakt") async throws -> Browser {
    let response = try await post("/inn", [("link", try token(actor))])
    #expect(response.status == .seeOther)
    var browser = self
    browser.cookie = try #require(response.headers[.setCookie]).split(separator: ";").first.map(String.init)
    return browser
  }

  /// The token that the board's forms carry.
  func csrf() async throws -> String { try Self.csrf(in: try await get("/").text) }

  static func csrf(in page: String) throws -> String {
    let match = try #require(page.firstMatch(of: /name="csrf" value="([^"]+)"/))
    return String(match.1)
  }

  private func headers(_ extra: HTTPFields) -> HTTPFields {
    var headers = extra
    if let cookie { headers[.cookie] = cookie }
    return headers
  }

  private static func encode(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
  }
}

extension TestResponse {
  var text: String { String(buffer: body) }
}

/// Waits for something that another task brings about; fails the test after a minute of it not coming. Hundreds of tests start at once
/// and share the threads: a task may wait for its turn for many seconds.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(60)
  repeat {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  } while clock.now < end
  Issue.record("never happened: \(what)")
}
