// A person's page, the form of their record, and what of it is restricted. A page is a look in the access log; what is restricted is asked
// of the core, which writes its own row for each showing, and is in the answer to that one POST and nowhere else.

import AlertTexts
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import People
import VitalSigns

/// The routes `/personer/…` and `/varsler/…/adgang`.
struct PersonRoutes: Sendable {
  /// Room for a record with every field full, percent-encoded.
  static let bodyBytesMax = 256 * 1_024

  let source: any ConsoleSource
  let feed: BoardFeed
  let signIn: SignInRoutes
  let pages: Pages
  let clock: ConsoleClock
  let looks: LookLog

  private var catalogue: Catalogue { pages.catalogue }

  func add(to router: Router<ConsoleContext>) {
    router.get("personer/:person") { request, context in await page(request, context) }
    router.get("personer/:person/rediger") { request, context in await form(request, context) }
    router.post("personer/:person/rediger") { request, context in try await save(request, context) }
    router.post("personer/:person/adgang") { request, context in try await accessFromPage(request, context) }
    router.post("varsler/:alert/adgang") { request, context in try await accessFromBoard(request, context) }
  }

  /// Who asks, for whom, and how the board is.
  private struct Visit {
    let cookie: String
    let session: Session
    let file: PersonFile
    let board: BoardState
  }

  /// The person of the address, with a row in the access log; or the page that is answered instead.
  private func visit(_ request: Request, _ context: ConsoleContext, version: Int? = nil) async -> Result<Visit, InsteadOfPage> {
    guard let (cookie, session) = await signIn.signedIn(request) else { return .failure(InsteadOfPage(signIn.signedOut())) }
    guard let id = PatientID(text: context.parameters.get("person") ?? ""), id != .none else { return .failure(missing) }
    do throws(PersonReadError) {
      guard let file = try await source.person(id, version: version) else { return .failure(missing) }
      await looks.saw([id], at: .personPage, session: session)
      return .success(Visit(cookie: cookie, session: session, file: file, board: await feed.current()))
    } catch {
      return .failure(InsteadOfPage(.html(pages.problem(catalogue.text("person", "unreadable")), status: .serviceUnavailable)))
    }
  }

  private var missing: InsteadOfPage {
    InsteadOfPage(.html(pages.problem(catalogue.text("person", "unknown")), status: .notFound))
  }

  // MARK: The page

  private func page(_ request: Request, _ context: ConsoleContext) async -> Response {
    let version = request.uri.queryParameters["versjon"].flatMap { Int($0) }
    switch await visit(request, context, version: version) {
    case .failure(let instead): return instead.response
    case .success(let visit):
      if let version, visit.file.version(version) == nil { return missing.response }
      let notice = await signIn.desk.takeNotice(of: visit.cookie)
      return .html(show(visit, version: version, notice: notice))
    }
  }

  private func show(_ visit: Visit, version: Int? = nil, notice: Notice?, reason: String = "") -> String {
    let view = PersonView(
      visit.file, version: version, alerts: openAlerts(of: visit.file.id, visit.board), now: clock.wall(), catalogue: catalogue,
      zone: pages.zone)
    return pages.person(
      view, notice: notice, reason: reason, frame: PageFrame(board: visit.board, session: visit.session, now: clock.wall()))
  }

  /// The most urgent first.
  private func openAlerts(of person: PatientID, _ board: BoardState) -> [BoardAlert] {
    AlertGroup.all(board.snapshot.open.filter { $0.person?.id == person }).map(\.shown)
  }

  // MARK: What is restricted

  private func accessFromBoard(_ request: Request, _ context: ConsoleContext) async throws -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let posted = try await ConsoleForm(request)
    if let problem = signIn.forgery(request, posted, session) { return await signIn.answer(problem, .forbidden, request, cookie) }
    let board = await feed.current()
    guard let id = AlertID(text: context.parameters.get("alert") ?? ""),
      let alert = board.snapshot.open.first(where: { $0.id == id && $0.state.isOpen }), let person = alert.person
    else {
      return await signIn.answer(Notice(kind: .information, text: catalogue.text("problem", "notOpen")), .conflict, request, cookie)
    }
    do throws(PersonActionError) {
      let shown = try await source.access(to: person.id, for: .alert(id), by: session.actor)
      if request.wantsJSON { return AccessAnswer(shown, catalogue: catalogue).response() }
      let frame = PageFrame(board: board, session: session, now: clock.wall())
      return .html(pages.access(shown, who: person.displayName, back: "/", frame: frame))
    } catch {
      // An alarm that the disk has not taken yet is unknown to the core's journal: that is not "closed".
      let isOpen = await feed.refreshed().snapshot.open.contains { $0.id == id && $0.state.isOpen }
      let (text, status) = refusal(
        error, conflict: isOpen ? catalogue.text("person", "accessFailed") : catalogue.text("problem", "notOpen"))
      return await signIn.answer(Notice(kind: .problem, text: text), status, request, cookie)
    }
  }

  private func accessFromPage(_ request: Request, _ context: ConsoleContext) async throws -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let posted = try await ConsoleForm(request)
    if let problem = signIn.forgery(request, posted, session) { return await signIn.answer(problem, .forbidden, request, cookie) }
    switch await visit(request, context) {
    case .failure(let instead): return instead.response
    case .success(let visit):
      let reason = posted["reason"].trimmingCharacters(in: .whitespacesAndNewlines)
      let again = { (text: String, status: HTTPResponse.Status) in
        Response.html(show(visit, notice: Notice(kind: .problem, text: text), reason: reason), status: status)
      }
      let purpose: AccessPurpose
      if let alert = AlertID(text: posted["alert"]) {
        purpose = .alert(alert)
      } else {
        guard !reason.isEmpty else { return again(catalogue.text("person", "accessReasonMissing"), .unprocessableContent) }
        guard reason.count <= PersonEdit.reasonCharactersMax else { return again(tooLong, .unprocessableContent) }
        purpose = .reason(reason)
      }
      do throws(PersonActionError) {
        let shown = try await source.access(to: visit.file.id, for: purpose, by: session.actor)
        let frame = PageFrame(board: visit.board, session: session, now: clock.wall())
        return .html(pages.access(shown, who: visit.file.displayName, back: visit.file.path, frame: frame))
      } catch {
        let (text, status) = refusal(error, conflict: catalogue.text("person", "accessAlertClosed"))
        return again(text, status)
      }
    }
  }

  private var tooLong: String { catalogue.text("person", "reasonTooLong", ["n": "\(PersonEdit.reasonCharactersMax)"]) }

  /// Why nothing was shown. Nothing was changed either, so that trying again is always right.
  private func refusal(_ error: PersonActionError, conflict: String) -> (String, HTTPResponse.Status) {
    switch error {
    case .conflict: (conflict, .conflict)
    case .unknownPerson: (catalogue.text("person", "unknown"), .notFound)
    case .storeStands: (catalogue.text("person", "accessNotLogged"), .serviceUnavailable)
    case .coreUnavailable, .outcomeUnknown, .notAllowed: (catalogue.text("person", "accessFailed"), .serviceUnavailable)
    }
  }

  // MARK: The form

  private func form(_ request: Request, _ context: ConsoleContext) async -> Response {
    switch await visit(request, context) {
    case .failure(let instead): return instead.response
    case .success(let visit): return .html(edit(visit, PersonForm(visit.file)))
    }
  }

  private func edit(
    _ visit: Visit, _ form: PersonForm, unfit: Set<PersonField> = [], problem: String? = nil, conflict: [PersonVersion] = []
  ) -> String {
    let view = PersonFormView(visit.file, form: form, unfit: unfit, conflict: conflict, catalogue: catalogue, zone: pages.zone)
    return pages.personForm(
      view, problem: problem, frame: PageFrame(board: visit.board, session: visit.session, now: clock.wall()))
  }

  private func save(_ request: Request, _ context: ConsoleContext) async throws -> Response {
    guard let (cookie, session) = await signIn.signedIn(request) else { return signIn.signedOut() }
    let posted = try await ConsoleForm(request, upTo: Self.bodyBytesMax)
    if let problem = signIn.forgery(request, posted, session) { return await signIn.answer(problem, .forbidden, request, cookie) }
    let form = PersonForm(posted)
    switch await visit(request, context, version: form.basedOn > 0 ? form.basedOn : nil) {
    case .failure(let instead): return instead.response
    case .success(let visit): return await save(form, visit)
    }
  }

  /// What a nurse wrote is never lost: a form that is refused comes back filled.
  private func save(_ form: PersonForm, _ visit: Visit) async -> Response {
    let again = { (problem: String, status: HTTPResponse.Status) in Response.html(edit(visit, form, problem: problem), status: status) }
    let changes: [PersonField: String]
    switch form.changes(from: visit.file.base(of: form)) {
    case .failure(let problems):
      let text = catalogue.text("person", "unfit", ["n": "\(problems.unfit.count)"])
      return .html(edit(visit, form, unfit: problems.unfit, problem: text), status: .unprocessableContent)
    case .success(let found): changes = found
    }
    if form.reason.isEmpty { return again(catalogue.text("person", "reasonMissing"), .unprocessableContent) }
    if form.reason.count > PersonEdit.reasonCharactersMax { return again(tooLong, .unprocessableContent) }
    if changes.isEmpty {
      await signIn.desk.leave(notice: Notice(kind: .information, text: catalogue.text("person", "unchanged")), for: visit.cookie)
      return .seeOther(visit.file.path)
    }
    if form.basedOn != visit.file.current { return meet(form, visit) }
    do throws(PersonActionError) {
      let edit = PersonEdit(changes: changes, basedOn: form.basedOn, reason: form.reason)
      try await source.edit(visit.file.id, edit, by: visit.session.actor)
      await signIn.desk.leave(
        notice: Notice(kind: .done, text: catalogue.text("person", "saved", ["who": visit.file.displayName])), for: visit.cookie)
      return .seeOther(visit.file.path)
    } catch {
      return await refused(error, form, visit)
    }
  }

  private func refused(_ error: PersonActionError, _ form: PersonForm, _ visit: Visit) async -> Response {
    let again = { (name: String, status: HTTPResponse.Status) in
      Response.html(edit(visit, form, problem: catalogue.text("person", name)), status: status)
    }
    switch error {
    case .conflict:
      // Somebody was first between our reading and our asking: what they wrote is in the journal now.
      guard let file = try? await source.person(visit.file.id, version: form.basedOn > 0 ? form.basedOn : nil),
        file.current != form.basedOn
      else { return again("busy", .conflict) }
      return meet(form, Visit(cookie: visit.cookie, session: visit.session, file: file, board: visit.board))
    case .unknownPerson: return missing.response
    case .coreUnavailable: return again("notSaved", .serviceUnavailable)
    case .outcomeUnknown, .storeStands: return again("savedUnknown", .gatewayTimeout)
    case .notAllowed: return again("notTaken", .conflict)
    }
  }

  /// Shows what others have changed, with the nurse's own text kept, to be saved on top of it.
  private func meet(_ form: PersonForm, _ visit: Visit) -> Response {
    let rebased = form.rebased(from: visit.file.base(of: form), onto: visit.file)
    let page = edit(
      visit, rebased, problem: catalogue.text("person", "conflict"), conflict: visit.file.since(form.basedOn))
    return .html(page, status: .conflict)
  }
}

/// What is answered when there is no person to show.
private struct InsteadOfPage: Error {
  let response: Response
  init(_ response: Response) { self.response = response }
}

/// What the board's script gets: it shows it on the card.
private struct AccessAnswer: Encodable {
  struct Line: Encodable {
    let label: String
    let text: String
  }
  let kind = Notice.Kind.done.rawValue
  let text: String
  let fields: [Line]
  let seconds = ShownAccess.seconds

  init(_ shown: ShownAccess, catalogue: Catalogue) {
    text = shown.words(catalogue)
    fields = shown.fields.map { Line(label: catalogue.label($0.field), text: $0.text) }
  }

  private enum CodingKeys: CodingKey {
    case kind, text, fields, seconds
  }

  func response() -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: (try? JSONEncoder().encode(self)) ?? Data())))
  }
}

extension PersonFile {
  var path: String { "/personer/\(id)" }
}

extension ShownAccess {
  /// What the person who sees it is told: that it is logged or, loudly, that it is not; or that there is nothing.
  func words(_ catalogue: Catalogue) -> String {
    let said = fields.isEmpty ? catalogue.text("person", "accessNothing") : catalogue.text("person", "accessGone", ["n": "\(Self.seconds)"])
    return said + " " + catalogue.text("person", isLogged ? "accessLogged" : "accessUnlogged")
  }
}
