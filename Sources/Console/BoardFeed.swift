// One feed for all screens: it listens to the source, rereads the board when something changed, and holds two encoded
// events, the newest board and the newest heartbeat. A screen has no queue: it is woken, and takes whichever of the two it
// has not sent yet. So a slow screen skips what is outdated, and nothing grows. While nobody looks, an alert alone makes it read: scores,
// heartbeats and the net under lost updates wait for the first who comes, and the first gets a board that was read then.

import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import VitalSigns

/// What a screen sends next.
struct FeedPage: Sendable {
  var boardRevision: UInt64
  /// Encoded `board` event.
  var board: ByteBuffer
  var beatNumber: UInt64
  var beat: Heartbeat
  /// Whose alerts are on it.
  var people: [PatientID]
}

/// What every screen must know every two seconds.
struct Heartbeat: Sendable, Encodable {
  var core: String
  var since: String
  var readable: Bool
  /// Whether the hub has said how it is.
  var known: Bool
  var problems: [BoardProblem]
  /// "Siste melding fra utstyr kl. 03:12:45.", or nothing.
  var heard: String
  var now: Int64
  var zone: Int
  var revision: UInt64
  /// When the newest open alert was raised, ms since 1970; 0 when there is none.
  var newest: Int64
  /// Seconds until the screen's session ends; filled in per screen.
  var endsIn: Int64
}

/// The live board.
actor BoardFeed: Service {
  /// Open boards at once: one for each session there can be. Each costs one connection and two wake-ups in two seconds; beyond it
  /// the answer is 503.
  static let screensMax = 256
  /// Open boards of one session: a wall of screens and a phone. Beyond it the answer is 503, and others have their place.
  static let screensPerSessionMax = 8
  /// Lines of what does not work, on each screen and in each heartbeat. The gravest come first; the last says that there are more.
  static let problemsMax = 12
  /// The page shows its banner after 4 s without a heartbeat, so one lost heartbeat raises nothing.
  static let beatInterval: Int64 = 2_000_000_000
  /// At most this many rereads a second, so that a flood of changes costs the journal's reader no more.
  static let refreshPause: Duration = .milliseconds(150)
  /// Scores change with every reading of every person; beside an alert they may be this old. Alerts never wait.
  static let scoreInterval: Int64 = 1_000_000_000
  /// The board is reread this often even without a change, in case an update was lost.
  static let refreshInterval: Int64 = 15 * 1_000_000_000
  /// A page that was asked for is looked at for this long though no stream is open: its script was stopped, or it is about to open one.
  static let glanceNanoseconds: Int64 = 60 * 1_000_000_000
  private static let tick: Duration = .milliseconds(100)
  private static let reopenPause: Duration = .milliseconds(500)

  private let source: any ConsoleSource
  private let pages: Pages
  private let clock: ConsoleClock
  private let logger: Logger
  private var watch: CoreWatch
  private var state: BoardState
  private var page: FeedPage
  private var shownFragment = ""
  private var scoresChanged = false
  private var readsBegun: UInt64 = 0
  private var readShown: UInt64 = 0
  private var refreshedAt: MonotonicInstant
  private var beatAt: MonotonicInstant
  /// When somebody asked for the board last.
  private var glancedAt: MonotonicInstant?
  /// Whether the board has ever been read.
  private(set) var isReady = false
  private struct Screen {
    let wake: AsyncStream<Void>.Continuation
    /// The session's, which tells one from another.
    let session: String
    /// Number of the last heartbeat that it took.
    var taken: UInt64 = 0
  }
  private var screens: [UInt64: Screen] = [:]
  private var screensEver: UInt64 = 0
  /// Something changed; bounded to one, because one reread covers every change before it.
  private let changed: AsyncStream<Void>
  private let change: AsyncStream<Void>.Continuation
  /// Somebody looks: ends the rest of `watchTime`.
  private let glanced: AsyncStream<Void>
  private let glance: AsyncStream<Void>.Continuation

  init(source: any ConsoleSource, pages: Pages, clock: ConsoleClock, logger: Logger) {
    self.source = source
    self.pages = pages
    self.clock = clock
    self.logger = logger
    let now = clock.monotonic()
    watch = CoreWatch(at: now)
    state = BoardState(
      snapshot: BoardSnapshot(open: [], takenAt: clock.wall(), core: .lost(since: nil)), revision: 0, core: .lost(since: nil),
      isReadable: false)
    page = FeedPage(
      boardRevision: 0, board: ByteBuffer(), beatNumber: 0,
      beat: Heartbeat(
        core: "lost", since: "", readable: false, known: false, problems: [], heard: "", now: 0, zone: 0, revision: 0, newest: 0, endsIn: 0),
      people: [])
    refreshedAt = now
    beatAt = now
    (changed, change) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    (glanced, glance) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      // The actor stays alive for as long as its children: the group ends with them, and they with the shutdown.
      await withDiscardingTaskGroup { group in
        group.addTask { await self.listen() }
        group.addTask { await self.refreshOnChange() }
        group.addTask { await self.watchTime() }
      }
    }
    for screen in screens.values { screen.wake.finish() }
    screens = [:]
  }

  /// The board as last read, for a page. Reads it now when it never has been, or when it was left to grow old because nobody looked.
  func current() async -> BoardState {
    let rested = noteGlance()
    if !isReady || (rested && isOutdated) { await refresh() } else if rested { publish() }
    return state
  }

  /// Reads the board now: after a person did something, so that the next page shows it.
  func refreshed() async -> BoardState {
    noteGlance()
    await refresh()
    return state
  }

  func hasRoom(for session: String) -> Bool {
    screens.count < Self.screensMax && screens.values.count { $0.session == session } < Self.screensPerSessionMax
  }
  var screenCount: Int { screens.count }

  /// Joins a screen; nil when there is no room. The stream wakes it whenever `newest` has changed, and ends at shutdown.
  func join(_ session: String) -> (id: UInt64, wakes: AsyncStream<Void>)? {
    guard hasRoom(for: session) else { return nil }
    screensEver += 1
    let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let rested = noteGlance()
    screens[screensEver] = Screen(wake: wake, session: session)
    switch (rested, isOutdated) {
    case (false, _): wake.yield()
    // With a heartbeat of now.
    case (true, false): publish()
    // `watchTime` was woken and reads; the read wakes the screen. An old board is never its first.
    case (true, true): break
    }
    return (screensEver, wakes)
  }

  /// Somebody looks. Returns whether nobody did before, so that the clock has not been looked at for a while.
  @discardableResult private func noteGlance() -> Bool {
    let now = clock.monotonic()
    let rested = !isLookedAt(at: now)
    glancedAt = now
    guard rested else { return false }
    if watch.advance(to: now) { change.yield() }
    glance.yield()
    return true
  }

  private func isLookedAt(at now: MonotonicInstant) -> Bool {
    !screens.isEmpty || glancedAt.map { now < $0.adding(nanoseconds: Self.glanceNanoseconds) } ?? false
  }

  /// Something changed beside the alerts, or too long ago to be sure that nothing did.
  private var isOutdated: Bool {
    scoresChanged || refreshedAt.adding(nanoseconds: Self.refreshInterval) <= clock.monotonic()
  }

  func leave(_ id: UInt64) { screens.removeValue(forKey: id)?.wake.finish() }

  var newest: FeedPage { page }
  var readCount: UInt64 { readsBegun }

  /// The newest, for this screen to send.
  func take(_ id: UInt64) -> FeedPage {
    screens[id]?.taken = page.beatNumber
    return page
  }

  /// How many heartbeats the slowest screen is behind; 0 when all have the newest.
  var lag: UInt64 { screens.values.map { page.beatNumber - min($0.taken, page.beatNumber) }.max() ?? 0 }

  private func listen() async {
    while !Task.isCancelled {
      for await update in source.updates() { receive(update) }
      try? await Task.sleep(for: Self.reopenPause)
    }
  }

  private func receive(_ update: BoardUpdate) {
    switch update {
    case .alert: change.yield()
    case .score: scoresChanged = true
    case .health(let health):
      let hasChanged = health.problems != state.health?.problems
      state.health = health
      // A device that was heard is news for the next heartbeat.
      if hasChanged { publish() }
    case .core(let liveness):
      if watch.event(liveness, at: clock.monotonic(), wall: clock.wall()) {
        // The board says at once that it is blind, or sees again; the read that follows may take its time.
        publish()
        change.yield()
      }
    }
  }

  private func refreshOnChange() async {
    for await _ in changed {
      await refresh()
      try? await Task.sleep(for: Self.refreshPause)
    }
  }

  private func watchTime() async {
    change.yield()
    var glances = glanced.makeAsyncIterator()
    while !Task.isCancelled {
      let now = clock.monotonic()
      guard isLookedAt(at: now) else {
        await glances.next()
        // Before the first heartbeat, which would wake the new screen with the board of before. A read that is under way may have begun too
        // early.
        if isOutdated || readsBegun > readShown { await refresh() }
        continue
      }
      if watch.advance(to: now) {
        publish()
        change.yield()
      }
      if beatAt.adding(nanoseconds: Self.beatInterval) <= now { beat() }
      let patience = scoresChanged ? Self.scoreInterval : Self.refreshInterval
      if refreshedAt.adding(nanoseconds: patience) <= now { change.yield() }
      try? await Task.sleep(for: Self.tick)
    }
  }

  private func refresh() async {
    refreshedAt = clock.monotonic()
    scoresChanged = false
    readsBegun += 1
    let read = readsBegun
    do {
      let snapshot = try await source.board()
      // Two reads may overlap; the one that began earlier must not overwrite the later one.
      guard read > readShown else { return }
      readShown = read
      if snapshot.isCurrent != state.isReadable && isReady {
        logger.notice("\(snapshot.isCurrent ? "The board can be read again" : "The board cannot be read; what is told since is shown")")
      }
      state.snapshot = snapshot
      if let health = snapshot.health { state.health = health }
      state.isReadable = snapshot.isCurrent
      isReady = true
    } catch {
      if state.isReadable || !isReady { logger.error("The board cannot be read", metadata: ["reason": "\(error.reason)"]) }
      state.isReadable = false
    }
    publish()
  }

  private func publish() {
    updateCore()
    let fragment = pages.fragment(state)
    if fragment != shownFragment {
      shownFragment = fragment
      state.revision += 1
      page.boardRevision = state.revision
      page.board = Self.event("board", id: state.revision, lines: fragment)
      page.people = state.people
    }
    beat()
  }

  /// The heartbeats decide. Until the first one arrives, the state found when the board was read is used.
  private func updateCore() {
    state.core =
      switch (watch.liveness, state.snapshot.core) {
      case (.lost(let since)?, _): .lost(since: since)
      case (.live?, _): .live
      case (nil, let core): core
      }
  }

  private func beat() {
    updateCore()
    let now = clock.wall()
    beatAt = clock.monotonic()
    page.beatNumber += 1
    page.beat = Heartbeat(
      core: state.core == .live ? "live" : "lost", since: pages.sinceText(state.core), readable: state.isReadable,
      known: state.health != nil, problems: pages.problems(state), heard: pages.heardText(state.health, now: now),
      now: now.rawValue, zone: pages.zoneOffset(at: now), revision: state.revision,
      newest: state.snapshot.open.filter { $0.state != .suspected }.map(\.raisedAt.rawValue).max() ?? 0, endsIn: 0)
    for screen in screens.values { screen.wake.yield() }
  }

  /// One server-sent event; every line of the text becomes a `data:` line.
  static func event(_ name: String, id: UInt64? = nil, lines: String) -> ByteBuffer {
    var text = "event: \(name)\n"
    if let id { text += "id: \(id)\n" }
    // CR, LF and CRLF all end a line in an event stream, and a name may hold any of them.
    for line in lines.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) { text += "data: \(line)\n" }
    return ByteBuffer(string: text + "\n")
  }

  static func event(_ beat: Heartbeat) -> ByteBuffer {
    guard let json = try? JSONEncoder().encode(beat) else { preconditionFailure("a heartbeat holds nothing that JSON cannot") }
    return event("heartbeat", lines: String(decoding: json, as: UTF8.self))
  }
}
