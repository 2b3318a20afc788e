// The console role: the nurses' web pages, fed from the journal (read-only) and the core's local API. It can die and come
// back without the core noticing, and it goes on showing the last board, with a loud banner, when the core is gone.

import Console
import Foundation
import Journal
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization
import VitalSigns

/// Makes and runs the console.
struct ConsoleRole: Service {
  let configuration: KnutepunktConfiguration
  let logger: Logger

  func run() async throws {
    guard let listen = configuration.console.listen else {
      logger.notice("no console: console.listen is off")
      try? await gracefulShutdown()
      return
    }
    let console = ConsoleConfiguration(
      host: listen.host, port: Int(listen.port), publicURL: configuration.console.publicURL,
      language: ConsoleLanguage(rawValue: configuration.hub.language.rawValue) ?? .nb,
      timeZone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt, sessionHours: configuration.console.sessionHours,
      linkKey: try ConsoleKey.readOrMake(in: configuration.hub.statePath))
    let source = JournalBoardSource(configuration: configuration, logger: logger)
    let service = try ConsoleService(configuration: console, source: source, logger: logger) { [logger] port in
      logger.notice("the console listens", metadata: ["port": "\(port)"])
    }
    try await service.run()
  }
}

/// The board from the journal, actions through the core.
final class JournalBoardSource: ConsoleSource {
  /// Closed alerts stay on the board for this long.
  static let closedMilliseconds: Int64 = 3_600_000

  /// Alerts that the core has told of and the journal does not have yet. More than this many at once are on their way only
  /// in a disaster, which the oldest of them show.
  static let heardMax = 256

  private let client: LocalAPIClient
  private let journal: JournalOnDemand
  private let heard = Mutex<[AlertID: BoardAlert]>([:])
  /// CLOCK_BOOTTIME of the last sign of life in the event stream, nanoseconds; 0 before the first.
  private let lastPulse = Atomic<Int64>(0)
  private let logger: Logger

  init(configuration: KnutepunktConfiguration, logger: Logger) {
    client = LocalAPIClient(socketPath: configuration.hub.socketPath)
    journal = JournalOnDemand(path: configuration.hub.journalPath, pointer: configuration.hub.journalPointer)
    self.logger = logger
  }

  // MARK: ConsoleSource

  func board() async throws(BoardReadError) -> BoardSnapshot {
    let live = await isCoreLive()
    do {
      let journal = journal
      var snapshot = try await NIOThreadPool.singleton.runIfActive {
        try Self.snapshot(try journal.reader(), core: live ? .live : .lost(since: nil))
      }
      addHeard(to: &snapshot)
      return snapshot
    } catch {
      throw BoardReadError(reason: "\(error)")
    }
  }

  /// What the core has told and the disk does not have yet: an alarm is on the board at once, whatever the store does.
  private func addHeard(to snapshot: inout BoardSnapshot) {
    let known = Set((snapshot.open + snapshot.closed).map(\.id))
    let waiting = heard.withLock { heard in
      heard = heard.filter { !known.contains($0.key) }
      return Array(heard.values)
    }
    snapshot.open += waiting
  }

  /// Keeps an alert's change until the journal shows the alert.
  private func hear(_ alert: API.Alert) {
    guard let transition = alert.alertTransition, let raw = alert.transition, transition.state != .suspected else { return }
    let card = BoardAlert(
      id: transition.id, rule: transition.rule, priority: transition.priority, state: transition.state,
      person: raw.patient == 0 ? nil : BoardPerson(id: PatientID(rawValue: raw.patient), displayName: alert.patientName ?? ""),
      raisedAt: WallTime(rawValue: raw.raisedWall), level: transition.level, value: transition.value, limit: transition.limit,
      subject: transition.subject)
    heard.withLock { heard in
      // A change of an alert that is over is the journal's to tell.
      heard[transition.id] = transition.state.isOpen && heard.count < Self.heardMax ? card : nil
    }
  }

  func updates() -> AsyncStream<BoardUpdate> {
    let client = client
    let (stream, continuation) = AsyncStream.makeStream(of: BoardUpdate.self, bufferingPolicy: .bufferingNewest(64))
    let task = Task { [weak self] in
      while !Task.isCancelled {
        do {
          for try await event in client.events(role: "console") {
            switch event {
            case .alert(let alert):
              self?.hear(alert)
              if let id = AlertID(text: alert.id) { continuation.yield(.alert(id)) }
            case .committed: continuation.yield(.score(.none))
            case .core(let pulse):
              if pulse.live { self?.lastPulse.store(HubClock.boottime(), ordering: .relaxed) }
              continuation.yield(.core(pulse.live ? .live : .lost(since: nil)))
            case .other: break
            }
          }
        } catch {
          if !Task.isCancelled { continuation.yield(.core(.lost(since: nil))) }
        }
        try? await Task.sleep(for: .milliseconds(300))
      }
      continuation.finish()
    }
    // The console takes one stream at a time and drops it when it ends; the task ends with it.
    continuation.onTermination = { _ in task.cancel() }
    return stream
  }

  func act(on alert: AlertID, _ action: BoardAction, by actor: String) async throws(BoardActionError) {
    var request = API.ActOnAlert(actor: actor)
    let path: String
    switch action {
    case .acknowledge: path = "acknowledge"
    case .respond: path = "respond"
    case .resolve(let resolution):
      path = "resolve"
      request.comment = resolution.comment
      request.cause = resolution.cause.rawValue
      request.measure = resolution.measure.rawValue
      request.useful = resolution.usefulness == .notStated ? nil : resolution.usefulness == .actionable
    }
    do {
      let _: API.Alert = try await client.post("/v1/alerts/\(alert)/\(path)", request)
    } catch {
      throw await reason(error, alert)
    }
  }

  // MARK: Parts

  private func reason(_ error: LocalAPIError, _ alert: AlertID) async -> BoardActionError {
    switch error {
    case .notRunning, .notPermitted: return .coreUnavailable
    case .noAnswer, .unexpectedAnswer: return .outcomeUnknown
    case .refused(404, _): return .unknownAlert
    case .refused(409, _):
      guard let now: API.Alert = try? await client.get("/v1/alerts/\(alert)") else { return .notOpen }
      guard let state = AlertState(key: now.state), state.isOpen else { return .notOpen }
      return now.actor.map { .alreadyTaken(by: $0, state: state) } ?? .notAllowed
    case .refused(503, _): return .coreUnavailable
    case .refused: return .notAllowed
    }
  }

  /// From the pulses, one a second. Asking would make every page wait for a core that hangs; so only before the first.
  private func isCoreLive() async -> Bool {
    let last = lastPulse.load(ordering: .relaxed)
    if last > 0 { return HubClock.boottime() - last < 3_000_000_000 }
    return (try? await client.text("/livez")) != nil
  }

  private static func snapshot(_ reader: JournalReader, core: CoreLiveness) throws(JournalError) -> BoardSnapshot {
    let now = HubClock.wall()
    var people: [PatientID: PatientRow] = [:]
    for row in try reader.patients(includingEnded: true) { people[row.id] = row }
    var devices: [DeviceID: DeviceRow] = [:]
    for row in try reader.devices(includingRemoved: true) { devices[row.id] = row }
    var scores: [PatientID: ScoreRow] = [:]
    for row in try reader.currentScores() { scores[row.patient] = row }
    var names: [ActorID: String] = [:]
    for actor in try reader.actors() { names[actor.id] = actor.displayName }
    let context = BoardContext(people: people, devices: devices, scores: scores, names: names)
    let recent = now.adding(milliseconds: -closedMilliseconds)
    let open = try reader.openAlerts()
    let closed = try reader.alerts(AlertFilter(since: now.adding(milliseconds: -24 * closedMilliseconds), limit: 500))
      .filter { !$0.isOpen && $0.raisedWall != nil && $0.changedWall >= recent }
    var openAlerts: [BoardAlert] = []
    for row in open { openAlerts.append(context.alert(row, history: try reader.alertHistory(row.id))) }
    var closedAlerts: [BoardAlert] = []
    for row in closed { closedAlerts.append(context.alert(row, history: try reader.alertHistory(row.id))) }
    return BoardSnapshot(open: openAlerts, closed: closedAlerts, takenAt: now, core: core)
  }
}

/// What the rows of one board are joined with.
private struct BoardContext {
  var people: [PatientID: PatientRow]
  var devices: [DeviceID: DeviceRow]
  var scores: [PatientID: ScoreRow]
  var names: [ActorID: String]

  func alert(_ row: AlertRow, history: [AlertTransitionRow]) -> BoardAlert {
    let transition = row.transition
    let escalates =
      transition.deadline == .never || !row.isOpen
      ? nil : row.changedWall.adding(milliseconds: (transition.deadline.rawValue &- row.changedInstant.rawValue) / 1_000_000)
    return BoardAlert(
      id: row.id, rule: transition.rule, priority: transition.priority, state: transition.state,
      person: people[row.patient].map { BoardPerson(id: $0.id, displayName: $0.name) }, raisedAt: row.raisedWall ?? row.firstWall,
      device: devices[row.device]?.label, level: transition.level, escalatesAt: escalates, value: transition.value,
      limit: transition.limit, subject: transition.subject, acknowledgement: mark(.acknowledged, history),
      response: mark(.responding, history), closure: row.isOpen ? nil : mark(.resolved, history) ?? mark(.cleared, history),
      news2: scores[row.patient].map { BoardNEWS2($0.score, at: $0.wall) })
  }

  private func mark(_ kind: AlertTransitionKind, _ history: [AlertTransitionRow]) -> BoardMark? {
    history.last { $0.transition.kind == kind }.map { BoardMark(by: names[$0.transition.actor], at: $0.wall) }
  }
}

/// The journal's reading end, opened when it is first needed: the console may start before the core has made the file.
final class JournalOnDemand: Sendable {
  private let path: String
  private let pointer: String
  private let opened = Mutex<JournalReader?>(nil)

  init(path: String, pointer: String) { (self.path, self.pointer) = (path, pointer) }

  func reader() throws(JournalError) -> JournalReader {
    if let reader = opened.withLock({ $0 }) { return reader }
    let reader = try JournalReader(path: path, pointer: pointer)
    opened.withLock { $0 = reader }
    return reader
  }
}
