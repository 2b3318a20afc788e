// The board as values: what `JournalBoardSource` reads from the journal, ready to be shown. Names are texts for people and never
// reach a log. Nothing here decides; the order on the screen is made in `BoardView`.

public import VitalSigns

/// Every open alert, and those closed during the last hour.
public struct BoardSnapshot: Sendable {
  /// In any order. Alerts that are only suspected are left out by the console.
  public var open: [BoardAlert]
  /// In any order.
  public var closed: [BoardAlert]
  /// When it was read, by the hub's wall clock.
  public var takenAt: WallTime
  public var core: CoreLiveness
  /// What the hub says of itself; nil: nothing yet.
  public var health: BoardHealth?
  /// False: the journal could not be read now. What is shown is the last that was read, with what has been told since.
  public var isCurrent: Bool

  public init(
    open: [BoardAlert], closed: [BoardAlert] = [], takenAt: WallTime, core: CoreLiveness, health: BoardHealth? = nil, isCurrent: Bool = true
  ) {
    self.open = open
    self.closed = closed
    self.takenAt = takenAt
    self.core = core
    self.health = health
    self.isCurrent = isCurrent
  }
}

/// One alert with what a nurse needs beside it.
public struct BoardAlert: Sendable, Identifiable {
  public var id: AlertID
  public var rule: AlertRule
  public var priority: AlertPriority
  public var state: AlertState
  /// Nil for the hub's own alerts.
  public var person: BoardPerson?
  /// What the device is called, if one is concerned: "Trygghetsalarm, bad".
  public var device: String?
  public var raisedAt: WallTime
  /// 0 the first receivers, rising at each missed deadline.
  public var level: UInt8
  /// When the next level is told if nobody acts; nil when nothing is due.
  public var escalatesAt: WallTime?
  /// As in `AlertTransition`: in the rule's steps, 0 if none.
  public var value: Int32
  public var limit: Int32
  public var subject: UInt32
  /// As in `AlertTransition`: the most that `value` may be, and a second rule that the same measurement broke.
  public var upper: Int32
  public var also: AlertReason?
  /// What the configuration calls the link, receiver or role that a hub alert concerns.
  public var subjectName: String?
  /// Whether that receiver is a record system, which calls nobody.
  public var subjectFiles = false
  /// When `value` was first told; `.unknown`: when the alert was raised.
  public var valueAt: WallTime
  public var acknowledgement: BoardMark?
  public var response: BoardMark?
  /// Set exactly when the alert is not open.
  public var closure: BoardMark?
  /// Whom it was sent to, and whom it has not reached: receivers that are called, not systems that file records.
  public var receipts: [BoardReceipt]
  /// No receiver will ever be told: only who looks at the board knows.
  public var isBoardOnly = false
  /// More open alerts of the same kind, which are known only by their number.
  public var alsoOpen: Int
  /// The person's latest score, whichever rule raised the alert.
  public var news2: BoardNEWS2?

  public init(
    id: AlertID, rule: AlertRule, priority: AlertPriority, state: AlertState, person: BoardPerson?, raisedAt: WallTime,
    device: String? = nil, level: UInt8 = 0, escalatesAt: WallTime? = nil, value: Int32 = 0, limit: Int32 = 0,
    subject: UInt32 = 0, upper: Int32? = nil, also: AlertReason? = nil, subjectName: String? = nil, valueAt: WallTime = .unknown,
    acknowledgement: BoardMark? = nil, response: BoardMark? = nil, closure: BoardMark? = nil,
    receipts: [BoardReceipt] = [], alsoOpen: Int = 0, news2: BoardNEWS2? = nil
  ) {
    self.id = id
    self.rule = rule
    self.priority = priority
    self.state = state
    self.person = person
    self.device = device
    self.raisedAt = raisedAt
    self.level = level
    self.escalatesAt = escalatesAt
    self.value = value
    self.limit = limit
    self.subject = subject
    self.upper = upper ?? value
    self.also = also
    self.subjectName = subjectName
    self.valueAt = valueAt
    self.acknowledgement = acknowledgement
    self.response = response
    self.closure = closure
    self.receipts = receipts
    self.alsoOpen = alsoOpen
    self.news2 = news2
  }
}

/// Whom an alert concerns.
public struct BoardPerson: Sendable, Hashable {
  public var id: PatientID
  public var displayName: String
  /// Where help must go, whom to call, what to do; nil: it could not be read. Who has no record has an empty one.
  public var record: ShownRecord?

  public init(id: PatientID, displayName: String, record: ShownRecord? = nil) {
    self.id = id
    self.displayName = displayName
    self.record = record
  }
}

/// Who did something, and when.
public struct BoardMark: Sendable, Hashable {
  /// A display name; nil when the hub did it (an alert that cleared by itself).
  public var by: String?
  public var at: WallTime

  public init(by: String?, at: WallTime) {
    self.by = by
    self.at = at
  }
}

/// A score beside an alert.
public struct BoardNEWS2: Sendable, Hashable {
  public var low: Int
  public var high: Int
  public var band: NEWS2Band
  /// In the chart's order.
  public var missing: [NEWS2Parameter]
  /// Points of what is known and not 0, in the chart's order.
  public var points: [NEWS2Points]
  public var changeSinceLast: Int?
  public var changeOver24Hours: Int?
  /// When the score last changed.
  public var at: WallTime

  public init(
    low: Int, high: Int, band: NEWS2Band, missing: [NEWS2Parameter] = [], points: [NEWS2Points] = [],
    changeSinceLast: Int? = nil, changeOver24Hours: Int? = nil, at: WallTime
  ) {
    self.low = low
    self.high = high
    self.band = band
    self.missing = missing
    self.points = points
    self.changeSinceLast = changeSinceLast
    self.changeOver24Hours = changeOver24Hours
    self.at = at
  }

  /// Whether the missing inputs cannot change the band.
  public var isBandKnown: Bool { band.holds(low: low, high: high) }

  /// From the core's score.
  public init(_ score: NEWS2Score, at: WallTime) {
    var points: [NEWS2Points] = []
    for parameter in NEWS2Parameter.allCases {
      let value = score.points[Int(parameter.rawValue)]
      if value > 0 { points.append(NEWS2Points(parameter: parameter, points: Int(value))) }
    }
    self.init(
      low: Int(score.low), high: Int(score.high), band: score.band,
      missing: NEWS2Parameter.allCases.filter { score.missing & (1 << $0.rawValue) != 0 }, points: points,
      changeSinceLast: score.changeSinceLast == .min ? nil : Int(score.changeSinceLast),
      changeOver24Hours: score.changeOver24Hours == .min ? nil : Int(score.changeOver24Hours), at: at)
  }
}

/// The points of one parameter, 1…3.
public struct NEWS2Points: Sendable, Hashable {
  public var parameter: NEWS2Parameter
  public var points: Int

  public init(parameter: NEWS2Parameter, points: Int) {
    self.parameter = parameter
    self.points = points
  }
}
