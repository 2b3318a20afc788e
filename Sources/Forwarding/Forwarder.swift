// The seam between a lane and a wire format: a batch goes in, what became of it comes out.
//
// A connector performs one attempt and tells the truth about it. It never retries, waits or remembers: that is the lane's
// (DeliveryLane+stateMachine.swift). "Unknown" is an answer of its own: after a timeout the destination may or may not
// have stored the batch, and the lane sends it again under the same keys.

public import VitalSigns

/// One item of a lane. Two with the same key are the same item, whatever way they came.
public struct DeliveryItem: Sendable, Hashable {
  /// The outbox row, or nil when the alarm left before its row was committed. Rises within a lane.
  public var row: UInt64?
  public let record: DeliveryRecord
  public let key: DeliveryKey
  /// What the lane orders and groups by, taken out of the record once: a window is gone through at every attempt.
  let alert: AlertID?
  let panel: PressurePanel?
  /// Whose record it is; `.none` for the hub's own. Within a lane people take turns.
  public let person: PatientID
  /// Of an alert; low for anything else.
  let priority: AlertPriority

  public init(row: UInt64?, record: DeliveryRecord) {
    self.row = row
    self.record = record
    self.key = record.key
    switch record {
    case .observation(let observation): (alert, person, priority) = (nil, observation.patient.hubPatient, .low)
    case .score(let score): (alert, person, priority) = (nil, score.patient.hubPatient, .low)
    case .dose(let dose): (alert, person, priority) = (nil, dose.patient.hubPatient, .low)
    case .alert(let record):
      (alert, person, priority) = (record.transition.id, record.patient?.hubPatient ?? .none, record.transition.priority)
    }
    if case .observation(let observation) = record { self.panel = observation.panel } else { self.panel = nil }
  }

  public static func == (a: Self, b: Self) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// A connector to one destination.
///
/// `deliver` makes one attempt within its own time limit, honours task cancellation, and is never called twice at once
/// for one lane; the alarm lane and the routine lane of a destination may call it at the same time.
public protocol Forwarder: Sendable {
  func deliver(_ batch: [DeliveryItem]) async -> DeliveryReport
  /// Whether the destination can be reached and our credential be read, without telling it anything. Nil: as far as that
  /// shows, all is well. Within the time limit of an attempt.
  func probe() async -> RetryReason?
  /// Closes what it holds open. Awaited once, after the last `deliver` has returned.
  func shutdown() async
}

extension Forwarder {
  /// A connector that has no way to look.
  public func probe() async -> RetryReason? { nil }
}

/// What became of one attempt.
public struct DeliveryReport: Sendable, Hashable {
  public enum Outcome: Sendable, Hashable {
    /// The destination answered for each item: as many results as the batch had items, in the same order.
    case each([ItemResult])
    /// The destination refused the request as a whole for good; which item is to blame is not known.
    case refusedTogether(Refusal)
    /// Nothing is known to be delivered.
    case failed(RetryReason, retryAfter: Duration?)
  }
  public var outcome: Outcome
  /// What somebody should look at although the delivery succeeded.
  public var notes: [RepairNote]

  public init(_ outcome: Outcome, notes: [RepairNote] = []) {
    self.outcome = outcome
    self.notes = notes
  }
}

/// What the destination said about one item.
public enum ItemResult: Sendable, Hashable {
  /// Stored there; its own id for it, where it told.
  case delivered(remoteID: String?)
  /// Not now.
  case retry(RetryReason, after: Duration?)
  /// Never: this item becomes a dead letter.
  case refused(Refusal)
}

/// Why an attempt is to be repeated.
public enum RetryReason: Sendable, Hashable {
  /// No connection: name, route or TCP. Nothing was sent.
  case unreachable
  /// The certificate or the TLS handshake failed. Needs a person.
  case tlsFailed
  /// No answer in time. The outcome is unknown.
  case timedOut
  /// The connection broke after the request had left. The outcome is unknown.
  case connectionLost
  /// 401 or 403, or our own credential could not be read. Needs a person.
  case unauthorised(status: Int)
  /// 404, 405, 410 or a redirect: the address in the configuration is not the service. Needs a person.
  case wrongAddress(status: Int)
  /// 408, 409, 425, 429, 503: asked to come again.
  case busy(status: Int)
  /// Other 5xx.
  case serverError(status: Int)
  /// A success whose body does not confirm anything. The outcome is unknown.
  case malformedAnswer
  /// The destination's data must be mended first (several patients share one identifier). Concerns single items.
  case conflictAtDestination

  /// Repeating alone will not help: the configuration or a credential must change.
  public var needsPerson: Bool {
    switch self {
    case .tlsFailed, .unauthorised, .wrongAddress: true
    default: false
    }
  }

  /// Whether one bad item could cause this for a whole batch, so that a smaller batch is worth trying.
  public var mayBeOneItem: Bool {
    switch self {
    case .timedOut, .connectionLost, .serverError, .malformedAnswer, .conflictAtDestination: true
    default: false
    }
  }

  /// Whether the destination answered and only this item is in the way: the destination lives.
  public var concernsItemAlone: Bool { self == .conflictAtDestination }

  /// Whether the destination may have stored the batch.
  public var outcomeUnknown: Bool { self == .timedOut || self == .connectionLost || self == .malformedAnswer }

  /// For metrics, the outbox list and log metadata: a closed vocabulary, no free text.
  public var key: String {
    switch self {
    case .unreachable: "unreachable"
    case .tlsFailed: "tlsFailed"
    case .timedOut: "timedOut"
    case .connectionLost: "connectionLost"
    case .unauthorised: "unauthorised"
    case .wrongAddress: "wrongAddress"
    case .busy: "busy"
    case .serverError: "serverError"
    case .malformedAnswer: "malformedAnswer"
    case .conflictAtDestination: "conflictAtDestination"
    }
  }
}

/// A refusal for good.
public struct Refusal: Sendable, Hashable {
  /// At most this many characters of what the destination said are kept: enough for its first issue, no room for a dump.
  public static let diagnosticsCharactersMax = 300

  /// HTTP status.
  public var status: Int
  /// The destination's own words, bounded and with personal data removed by the connector.
  public var diagnostics: String

  public init(status: Int, diagnostics: String) {
    self.status = status
    self.diagnostics = String(diagnostics.prefix(Self.diagnosticsCharactersMax))
  }
}

/// Delivered, yet something at the destination wants mending.
public enum RepairNote: Sendable, Hashable {
  /// The destination holds several records with this item's identifier (412).
  case severalMatches(DeliveryKey)
}
