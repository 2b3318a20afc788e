// The seam between the web pages and the rest of the hub. `JournalBoardSource` implements `ConsoleSource`: it reads the journal
// (read-only) and speaks with the core's local API. The pages know neither, so they can be shown and tested alone. Vocabulary: a *board* is every open alert plus what was closed lately; an *actor* is the person signed in.

public import AlertTexts
public import VitalSigns

/// What the console shows and does. `JournalBoardSource` is the real one; tests bring their own.
public protocol ConsoleSource: Sendable {
  /// The board as it is now. Called at every change (at most a few times a second) and at every page load.
  func board() async throws(BoardReadError) -> BoardSnapshot

  /// Changes as they happen, in order.
  ///
  /// Contract: yields `.core(.live)` at least once a second while the core answers, and `.core(.lost)` as soon as it is known
  /// not to. The console does not trust silence: without a `.core(.live)` for `CoreWatch.patience` it shows the banner by itself.
  /// The console consumes one such stream at a time and asks for a new one when it ends. Bounding it with
  /// `.bufferingNewest` is right: the console rereads the whole board at any change.
  func updates() -> AsyncStream<BoardUpdate>

  /// Does something to an alert in the name of a signed-in person. Returns when the core has taken it durably.
  ///
  /// - Parameter actor: the display name from the sign-in link, 1…`SignInLink.actorBytesMax` bytes of UTF-8.
  func act(on alert: AlertID, _ action: BoardAction, by actor: String) async throws(BoardActionError)

  /// Writes to the access log that a signed-in person has looked at these people there. False: not written; the console asks again.
  func look(at people: [PatientID], at place: LookPlace, by actor: String) async -> Bool

  /// A person with the versions of their record, newest first, and `version` among them if there is one. Nil: there is no such person.
  func person(_ id: PatientID, version: Int?) async throws(PersonReadError) -> PersonFile?

  /// What of the person's record is restricted. The access log has a row of it when this returns, or the answer says that it has not.
  func access(to person: PatientID, for purpose: AccessPurpose, by actor: String) async throws(PersonActionError) -> ShownAccess

  /// Makes a new version of the person's record. Returns when it is durable.
  func edit(_ person: PatientID, _ edit: PersonEdit, by actor: String) async throws(PersonActionError)
}

/// Where people are looked at, as the access log names it.
public enum LookPlace: String, Sendable, Hashable {
  case board
  case personPage = "person page"
}

/// The board could not be read. The console keeps the last one on screen, says so loudly, and tries again.
public struct BoardReadError: Error, Sendable {
  /// For the log: what failed, without personal data.
  public let reason: String
  public init(reason: String) { self.reason = reason }
}

/// Whether the core is known to be running.
public enum CoreLiveness: Sendable, Hashable {
  case live
  /// `since`: when it was last known to live; nil when that is not known.
  case lost(since: WallTime?)
}

/// One change, small on purpose: the console rereads the board.
public enum BoardUpdate: Sendable, Hashable {
  case alert(AlertID)
  /// A score changed for a person who may have an open alert.
  case score(PatientID)
  case core(CoreLiveness)
  /// What the hub says of itself has changed, or a device was heard.
  case health(BoardHealth)
}

/// What a person does to an alert.
public enum BoardAction: Sendable, Hashable {
  case acknowledge
  /// "I am on my way". On an alert that nobody has acknowledged it acknowledges too.
  case respond
  /// Closes it. On an alert that nobody has acknowledged it acknowledges too.
  case resolve(BoardResolution)
}

/// What a person writes when an alert is closed.
public struct BoardResolution: Sendable, Hashable {
  /// Required: 1…`commentCharactersMax` characters, without control characters other than line feeds.
  public var comment: String
  public var cause: ResolutionCause
  public var measure: ResolutionMeasure
  public var usefulness: AlertUsefulness

  /// Enough for a page of notes; the record is elsewhere.
  public static let commentCharactersMax = EntryLimits.commentCharactersMax

  public init(comment: String, cause: ResolutionCause, measure: ResolutionMeasure, usefulness: AlertUsefulness) {
    self.comment = comment
    self.cause = cause
    self.measure = measure
    self.usefulness = usefulness
  }
}

/// Why an action on an alert did not happen.
public enum BoardActionError: Error, Sendable, Hashable {
  /// Somebody was first. Not a failure for the person on duty; trying again does not help.
  case alreadyTaken(by: String, state: AlertState)
  /// Closed by a person, or cleared by itself. Trying again does not help.
  case notOpen
  case unknownAlert
  /// The core did not take the command: nothing is recorded. Trying again may help.
  case coreUnavailable
  /// The command was sent, and no answer came: it may or may not be recorded. Trying again is safe.
  case outcomeUnknown
  /// The alert's state does not allow this action.
  case notAllowed

  /// Whether the same action may succeed a little later.
  public var retryHelps: Bool { self == .coreUnavailable || self == .outcomeUnknown }
}
