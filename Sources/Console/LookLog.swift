// Who has looked at whom, for the access log: one row a person looked at, page, session and quarter of an hour, because a board
// that is open all night is one look and not ten thousand. What cannot be logged at once waits and is tried again; an alarm is
// never held back for it.

import HubRuntime
import Logging
import ServiceLifecycle
import VitalSigns

/// Which looks are new: a value without clock or I/O.
struct LookBook: Sendable {
  /// A look is told again after this: the log says in which quarter of an hour a board was open.
  static let interval: Int64 = 900 * 1_000_000_000
  /// As many as there can be sessions, on the board and on pages of people; the one longest unseen is forgotten first, and then told once
  /// more.
  static let sessionsMax = 2 * SignInBook.sessionsMax

  private struct Looks {
    var people: [PatientID: MonotonicInstant] = [:]
    var last: MonotonicInstant
  }
  private var sessions: [String: Looks] = [:]

  /// Those of `people` whom this session has not looked at for an interval; marks them as looked at.
  mutating func new(_ people: [PatientID], session: String, at now: MonotonicInstant) -> [PatientID] {
    if sessions[session] == nil, sessions.count >= Self.sessionsMax,
      let oldest = sessions.min(by: { ($0.value.last, $0.key) < ($1.value.last, $1.key) })
    {
      sessions[oldest.key] = nil
    }
    var looks = sessions[session] ?? Looks(last: now)
    looks.last = now
    let new = people.filter { looks.people[$0].map { $0.adding(nanoseconds: Self.interval) <= now } ?? true }
    for person in new { looks.people[person] = now }
    if looks.people.count > 2 * people.count + 64 {
      looks.people = looks.people.filter { $0.value.adding(nanoseconds: Self.interval) > now }
    }
    sessions[session] = looks
    return new
  }
}

/// Tells the hub who looked.
actor LookLog: Service {
  struct Look: Sendable {
    let actor: String
    let people: [PatientID]
    let place: LookPlace
  }
  /// Looks that wait while the hub cannot log: hours of a board in use. Beyond it the newest are lost, and the log says so.
  static let waitingMax = 1_024
  /// The console ends within five seconds; a hub that is there answers in milliseconds.
  private static let lastSeconds: Duration = .seconds(1)
  private static let retryPause: Duration = .seconds(2)

  private let source: any ConsoleSource
  private let clock: ConsoleClock
  private let logger: Logger
  private var book = LookBook()
  private var waiting: [Look] = []
  private let more: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  init(source: any ConsoleSource, clock: ConsoleClock, logger: Logger) {
    self.source = source
    self.clock = clock
    self.logger = logger
    (more, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Somebody sees these people there now. Returns at once.
  func saw(_ people: [PatientID], at place: LookPlace, session: Session) {
    let new = book.new(people, session: "\(place.rawValue) \(session.csrf)", at: clock.monotonic())
    guard !new.isEmpty else { return }
    guard waiting.count < Self.waitingMax else {
      return logger.error("A look at people is not in the access log: the hub takes none", metadata: ["people": "\(new.count)"])
    }
    waiting.append(Look(actor: session.actor, people: new, place: place))
    wake.yield()
  }

  func run() async throws {
    await cancelWhenGracefulShutdown { await self.drain() }
    // What was seen in the last moments, if the hub takes it at once.
    _ = await within(Self.lastSeconds) { await self.flush() }
  }

  private func flush() async {
    while let look = waiting.first, await source.look(at: look.people, at: look.place, by: look.actor) { waiting.removeFirst() }
  }

  private func drain() async {
    for await _ in more {
      while let look = waiting.first, !Task.isCancelled {
        if await source.look(at: look.people, at: look.place, by: look.actor) {
          waiting.removeFirst()
        } else {
          try? await Task.sleep(for: Self.retryPause)
        }
      }
    }
  }
}
