// The board, its live events, and what a person does to an alert. Every POST needs the session's token; what happened is
// told as a notice on the next page, or as short JSON when the page's script asked.

import AlertTexts
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import VitalSigns

/// The routes `/`, `/hendelser` and `/varsler/…`.
struct BoardRoutes: Sendable {
  let source: any ConsoleSource
  let feed: BoardFeed
  let signIn: SignInRoutes
  let pages: Pages
  let clock: ConsoleClock
  let looks: LookLog

  private var catalogue: Catalogue { pages.catalogue }

  func add(to router: Router<ConsoleContext>) {
    router.get("") { request, _ in await board(request) }
    router.get("hendelser") { request, _ in await events(request) }
    router.post("varsler/:alert/kvitter") { request, context in try await act(.acknowledge, request, context) }
    router.post("varsler/:alert/rykk-ut") { request, context in try await act(.respond, request, context) }
    router.get("varsler/:alert/avslutt") { request, context in await resolveForm(request, context) }
    router.post("varsler/:alert/avslutt") { request, context in try await resolve(request, context) }
  }

  private func board(_ request: Request) async -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let notice = await signIn.desk.takeNotice(of: cookie)
    let state = await feed.current()
    await looks.saw(state.people, at: .board, session: session)
    return .html(pages.board(state, session: session, notice: notice, now: clock.wall()))
  }

  // MARK: Live events

  private func events(_ request: Request) async -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    guard await feed.hasRoom(for: session.csrf) else {
      return Response(status: .serviceUnavailable, headers: [.retryAfter: "10"])
    }
    return Response(
      status: .ok,
      // The last one asks an nginx in front not to hold events back.
      headers: [.contentType: "text/event-stream; charset=utf-8", .named("X-Accel-Buffering"): "no"],
      body: ResponseBody { writer in
        if let (screen, wakes) = await feed.join(session.csrf) {
          do {
            try await send(to: screen, wakes, cookie: cookie, &writer)
          } catch {
            await feed.leave(screen)
            throw error
          }
          await feed.leave(screen)
        }
        try await writer.finish(nil)
      })
  }

  /// Sends the newest board and heartbeat at each wake, until the screen goes, the session ends or the console stops.
  @concurrent private func send(
    to screen: UInt64, _ wakes: AsyncStream<Void>, cookie: String, _ writer: inout any ResponseBodyWriter
  ) async throws {
    try await writer.write(ByteBuffer(string: "retry: 1000\n\n"))
    var sentBoard: UInt64 = 0
    var sentBeat: UInt64 = 0
    for await _ in wakes.cancelOnGracefulShutdown() {
      // An open board is a board in use: each wake counts as a sign of the person, within the session's absolute end.
      guard let session = await signIn.desk.session(cookie) else {
        try await writer.write(BoardFeed.event("signed-out", lines: ""))
        return
      }
      let newest = await feed.take(screen)
      if newest.boardRevision != sentBoard {
        sentBoard = newest.boardRevision
        await looks.saw(newest.people, at: .board, session: session)
        try await writer.write(newest.board)
      }
      if newest.beatNumber != sentBeat {
        sentBeat = newest.beatNumber
        var beat = newest.beat
        beat.endsIn = max(0, session.endsAt.rawValue - clock.monotonic().rawValue) / 1_000_000_000
        try await writer.write(BoardFeed.event(beat))
      }
    }
  }

  // MARK: Actions

  private func act(_ action: BoardAction, _ request: Request, _ context: ConsoleContext) async throws -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let form = try await ConsoleForm(request)
    if let problem = signIn.forgery(request, form, session) { return await signIn.answer(problem, .forbidden, request, cookie) }
    guard let id = AlertID(text: context.parameters.get("alert") ?? "") else {
      return await signIn.answer(Notice(kind: .problem, text: catalogue.text("problem", "unknownAlert")), .notFound, request, cookie)
    }
    let (notice, status) = await perform(action, on: id, by: session.actor)
    return await signIn.answer(notice, status, request, cookie)
  }

  private func resolveForm(_ request: Request, _ context: ConsoleContext) async -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let state = await feed.current()
    guard let alert = openAlert(context, state) else {
      await signIn.desk.leave(notice: Notice(kind: .information, text: catalogue.text("problem", "notOpen")), for: cookie)
      return .seeOther("/")
    }
    return .html(
      pages.resolve(alert, form: ResolveForm(), problem: nil, state: state, session: session, now: clock.wall()))
  }

  private func resolve(_ request: Request, _ context: ConsoleContext) async throws -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let posted = try await ConsoleForm(request)
    if let problem = signIn.forgery(request, posted, session) { return await signIn.answer(problem, .forbidden, request, cookie) }
    let state = await feed.current()
    guard let alert = openAlert(context, state) else {
      return await signIn.answer(Notice(kind: .information, text: catalogue.text("problem", "notOpen")), .conflict, request, cookie)
    }
    let form = ResolveForm(posted)
    // What a nurse wrote is never lost: a refused form comes back filled.
    let again = { (problem: String, status: HTTPResponse.Status) in
      Response.html(
        pages.resolve(alert, form: form, problem: problem, state: state, session: session, now: clock.wall()), status: status)
    }
    switch form.resolution(catalogue) {
    case .failure(let problem): return again(problem.text, .unprocessableContent)
    case .success(let resolution):
      let (notice, status) = await perform(.resolve(resolution), on: alert.id, by: session.actor)
      if notice.kind == .problem { return again(notice.text, status) }
      return await signIn.answer(notice, status, request, cookie)
    }
  }

  private func openAlert(_ context: ConsoleContext, _ state: BoardState) -> BoardAlert? {
    guard let id = AlertID(text: context.parameters.get("alert") ?? "") else { return nil }
    return state.snapshot.open.first { $0.id == id && $0.state.isOpen && $0.state != .suspected }
  }

  /// Does it, and says how it went. The board is reread first, so that the next page shows it.
  private func perform(_ action: BoardAction, on id: AlertID, by actor: String) async -> (Notice, HTTPResponse.Status) {
    let before = await feed.current().snapshot.open.first { $0.id == id }
    let who = before?.person?.displayName ?? catalogue.text("card", "hub")
    let name =
      switch action {
      case .acknowledge: "acknowledge"
      case .respond: "respond"
      case .resolve: "resolve"
      }
    let done = Notice(kind: .done, text: catalogue.text("done", name, ["who": who]))
    let group = AlertGroup.members(of: id, in: await feed.current().snapshot.open)
    do throws(BoardActionError) {
      try await source.act(on: id, action, by: actor)
    } catch {
      // The same person on a second click or a second screen: it is done.
      guard case .alreadyTaken(let by, let state) = error, by == actor, state == action.reaches else {
        _ = await feed.refreshed()
        return explain(error)
      }
    }
    let failure = await performRest(action, on: group.map(\.id), by: actor)
    _ = await feed.refreshed()
    return failure.map(explain) ?? (done, .ok)
  }

  /// Does it to the other alerts of the same card. Returns the first failure that is not somebody else's having been first.
  ///
  /// Bounded in number and time: what is left stays open on the board, with its number, and the next press takes it.
  @concurrent private func performRest(_ action: BoardAction, on ids: [AlertID], by actor: String) async -> BoardActionError? {
    let end = clock.monotonic().adding(nanoseconds: Self.groupNanosecondsMax)
    var failure: BoardActionError?
    var rest = ids.prefix(Self.groupMax)[...]
    while !rest.isEmpty, failure == nil, clock.monotonic() < end {
      let batch = rest.prefix(Self.groupWidth)
      rest = rest.dropFirst(batch.count)
      // At most `groupWidth` at once; the group has ended before the next batch begins, and before the answer.
      await withTaskGroup(of: BoardActionError?.self) { tasks in
        for id in batch {
          tasks.addTask {
            do throws(BoardActionError) {
              try await source.act(on: id, action, by: actor)
              return nil
            } catch {
              return error.retryHelps ? error : nil
            }
          }
        }
        for await error in tasks { failure = failure ?? error }
      }
    }
    return failure
  }

  /// Alerts of one card that one press acts on, at most; at once; and for how long. The page waits for eight seconds.
  private static let groupMax = 1_024
  private static let groupWidth = 16
  private static let groupNanosecondsMax: Int64 = 5_000_000_000

  private func explain(_ error: BoardActionError) -> (Notice, HTTPResponse.Status) {
    switch error {
    case .alreadyTaken(let by, let state):
      let text =
        switch state {
        case .responding: "alreadyResponding"
        case .resolved, .cleared: "alreadyClosed"
        default: "alreadyAcknowledged"
        }
      return (Notice(kind: .information, text: catalogue.text("problem", text, ["who": by])), .conflict)
    case .notOpen: return (Notice(kind: .information, text: catalogue.text("problem", "notOpen")), .conflict)
    case .notAllowed: return (Notice(kind: .information, text: catalogue.text("problem", "notAllowed")), .conflict)
    case .unknownAlert: return (Notice(kind: .problem, text: catalogue.text("problem", "unknownAlert")), .notFound)
    case .coreUnavailable: return (Notice(kind: .problem, text: catalogue.text("problem", "coreUnavailable")), .serviceUnavailable)
    case .outcomeUnknown: return (Notice(kind: .problem, text: catalogue.text("problem", "outcomeUnknown")), .gatewayTimeout)
    }
  }
}

extension BoardAction {
  /// The state that the action brings an alert to.
  fileprivate var reaches: AlertState {
    switch self {
    case .acknowledge: .acknowledged
    case .respond: .responding
    case .resolve: .resolved
    }
  }
}
