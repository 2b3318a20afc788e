// What the writer remembers between commits. Loaded from the file at start and after any failed commit, so that memory
// never believes in something that the disk does not have.

internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

/// Small enough to copy for each commit: the copy becomes the state once the transaction is on disk.
struct WriterState {
  var lastSequence: UInt64 = 0
  var lastInstant = MonotonicInstant.zero
  var lastWall = WallTime.unknown
  /// Decisions stored with `lastSequence` as their cause: after a crash the core decides them again.
  var tail: Set<DecisionKey> = []
  var outcomeCounter: Int64 = 0
  var outboxCounter: Int64 = 0
  /// Alerts ever raised; never falls.
  var alertCounter: Int64 = 0
  var quarantineCounter: Int64 = 0
  var controllers: [String: Int64] = [:]
  var hubController: Int64 = 0
  var patientController: [UInt32: Int64] = [:]
  var deviceController: [UInt32: Int64] = [:]
  /// Frames marked so far, by link.
  var marks: [UInt32: Int64] = [:]
  /// The newest of them, by link: the readings of one frame share a row.
  var newestMark: [UInt32: DeliveryMark] = [:]
  var access = AccessChain()
  /// Who needs what retention could take.
  var needs = NeedsState()
  /// The open gap's row, while routine samples are shed.
  var openGap: Int64?

  static func load(_ db: Database, configuration: JournalConfiguration) throws -> Self {
    var state = Self()
    if let row = try Row.fetchOne(db, sql: "SELECT sequence, instant, wall FROM entry ORDER BY sequence DESC LIMIT 1") {
      state.lastSequence = UInt64(bitPattern: try row[of: "sequence"] as Int64)
      state.lastInstant = MonotonicInstant(rawValue: try row[of: "instant"])
      state.lastWall = WallTime(rawValue: try row[of: "wall"])
    }
    let shed = try Int64.fetchOne(db, sql: "SELECT max(last_sequence) FROM gap") ?? 0
    state.lastSequence = max(state.lastSequence, UInt64(bitPattern: shed))
    if let row = try Row.fetchOne(db, sql: "SELECT instant, wall FROM outcome ORDER BY id DESC LIMIT 1") {
      state.lastInstant = max(state.lastInstant, MonotonicInstant(rawValue: try row[of: "instant"]))
      state.lastWall = max(state.lastWall, WallTime(rawValue: try row[of: "wall"]))
    }
    for outcome in try StoredOutcome.fetch(db, where: "cause = ?", [Int64(bitPattern: state.lastSequence)]) {
      state.tail.insert(DecisionKey(outcome.outcome))
    }
    for row in try Row.fetchAll(db, sql: "SELECT name, value FROM counter") {
      switch JournalCounter(rawValue: try row[of: "name"]) {
      case .outcome: state.outcomeCounter = try row[of: "value"]
      case .outboxRow: state.outboxCounter = try row[of: "value"]
      case .alert: state.alertCounter = try row[of: "value"]
      case .quarantine: state.quarantineCounter = try row[of: "value"]
      case nil: break
      }
    }
    for row in try Row.fetchAll(db, sql: "SELECT id, organisation_number FROM controller") {
      state.controllers[try row[of: "organisation_number"]] = try row[of: "id"]
    }
    for row in try Row.fetchAll(db, sql: "SELECT id, controller FROM patient") {
      state.patientController[try row[of: "id"]] = try row[of: "controller"]
    }
    for row in try Row.fetchAll(db, sql: "SELECT id, controller FROM device") {
      state.deviceController[try row[of: "id"]] = try row[of: "controller"]
    }
    for row in try Row.fetchAll(db, sql: "SELECT link, max(number) AS number FROM delivery_mark GROUP BY link") {
      state.marks[try row[of: "link"]] = try row[of: "number"]
    }
    state.access = try AccessChain.load(db)
    state.needs = try NeedsState.load(db)
    state.openGap = try Int64.fetchOne(db, sql: "SELECT id FROM gap WHERE is_open = 1 ORDER BY id DESC LIMIT 1")
    return state
  }

  /// Who answers for a record: its person's controller, else its device's, else the hub's.
  func controller(patient: PatientID, device: DeviceID) -> Int64 {
    if patient != .none, let id = patientController[patient.rawValue] { return id }
    if device != .none, let id = deviceController[device.rawValue] { return id }
    return hubController
  }
}

/// All of an outcome as numbers, to tell whether a decision is stored already.
struct DecisionKey: Hashable {
  private let words: [Int64]

  init(_ outcome: Outcome) {
    var words = [
      Int64(bitPattern: outcome.cause), outcome.instant.rawValue, Int64(outcome.patient.rawValue), Int64(outcome.device.rawValue),
    ]
    switch outcome.payload {
    case .scored(let score):
      words += [
        1, Int64(score.low), Int64(score.high), Int64(score.band.rawValue), Int64(score.scale.rawValue), Int64(score.missing),
        Int64(score.changeSinceLast), Int64(score.changeOver24Hours),
      ]
      for index in score.points.indices { words += [Int64(score.points[index]), Int64(bitPattern: score.sources[index])] }
    case .alert(let alert):
      words += [
        2, Int64(bitPattern: alert.id.high), Int64(bitPattern: alert.id.low), Int64(alert.rule.rawValue),
        Int64(alert.priority.rawValue), Int64(alert.state.rawValue), Int64(alert.previous.rawValue), Int64(alert.kind.rawValue),
        Int64(alert.level), alert.deadline.rawValue, Int64(bitPattern: alert.firstCause), alert.raisedAt.rawValue,
        Int64(alert.value), Int64(alert.limit), Int64(alert.subject), Int64(alert.actor.rawValue), Int64(alert.revision),
        Int64(alert.upper),
      ]
      if let also = alert.also {
        words += [Int64(also.rule.rawValue), Int64(also.value), Int64(also.limit), Int64(also.upper), Int64(also.subject)]
      }
    case .remark(let remark):
      words += [3, Int64(remark.rawValue)]
    }
    self.words = words
  }
}
