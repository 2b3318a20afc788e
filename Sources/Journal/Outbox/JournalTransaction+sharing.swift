// Who gets a record: one row in the outbox for each destination that asks for it and has an agreement. What is asked for
// without an agreement is withheld, counted and logged.

internal import GRDB
internal import JournalFiles
import JournalValues
internal import VitalSigns

struct WithheldKey: Hashable {
  var destination: UInt32
  var patient: PatientID
  var kind: RecordKind
}

struct DestinationKind: Hashable {
  var destination: UInt32
  var kind: RecordKind
}

extension JournalTransaction {
  /// Queues an entry that is a record of its own for whom an agreement allows.
  mutating func share(_ entry: IntakeEntry, controller: Int64) throws {
    // Nobody's data goes nowhere: a device that is not assigned may lie in a cupboard or in the wrong home.
    guard entry.patient != .none else { return }
    let kind: RecordKind
    switch entry.payload {
    case .observation(let observation):
      if !observation.quality.isDisjoint(with: [.demo, .test]) { return }
      kind = .observation
    case .location: kind = .location
    case .event(let event):
      switch event.kind {
      case .doseDispensed, .doseTaken, .doseMissed, .doseRefused, .doseAssisted: kind = .dose
      default: return
      }
    default: return
    }
    try share(kind, entry.sequence, 0, entry.patient, controller, entry.wall)
  }

  /// - Parameter oldest: the oldest entry that the record rests on.
  mutating func share(
    _ kind: RecordKind, _ sequence: UInt64, _ outcome: UInt64, _ patient: PatientID, _ controller: Int64, _ wall: WallTime,
    level: UInt8 = .max, oldest: UInt64 = .max
  ) throws {
    if sharing.rules.destinations.isEmpty { return }
    let verdict = sharing.verdict(patient: patient, controller: controller) {
      state.controllers.first { $0.value == controller }?.key ?? configuration.controller
    }
    var allowed = verdict.allowed[Int(kind.rawValue)]
    while allowed != 0 {
      let receiver = sharing.rules.destinations[allowed.trailingZeroBitCount]
      allowed &= allowed - 1
      if level < receiver.alertLevelMin { continue }
      let destination = receiver.number
      state.outboxCounter += 1
      let row = statements.outbox
      row.bind(.destination, destination)
      row.bind(.lane, kind.lane.rawValue)
      row.bind(.row, state.outboxCounter)
      row.bind(.kind, kind.rawValue)
      row.bind(.sequence, sequence)
      row.bind(.outcome, outcome)
      row.bind(.patient, patient.rawValue)
      row.bind(.created, wall.rawValue)
      row.bind(.attempts, 0)
      try row.execute()
      try keepOld(state.outboxCounter, signed(sequence), signed(outcome), oldest: min(signed(sequence), Int64(clamping: oldest)))
      queued[DestinationKind(destination: destination, kind: kind), default: 0] += 1
      report.queued += 1
    }
    var withheldFrom = verdict.withheld[Int(kind.rawValue)]
    while withheldFrom != 0 {
      let destination = sharing.rules.destinations[withheldFrom.trailingZeroBitCount].number
      withheldFrom &= withheldFrom - 1
      withheld[WithheldKey(destination: destination, patient: patient, kind: kind), default: SequenceRange()].add(sequence)
    }
  }

  /// A reference for a row of the outbox that needs something which retention could take.
  mutating func keepOld(_ row: Int64, _ sequence: Int64, _ outcome: Int64, oldest: Int64) throws {
    guard oldest <= state.needs.line else { return }
    try needs.hold(row: row, sequence: sequence, outcome: outcome, through: state.needs.line)
    state.needs.add(row)
  }

  // MARK: Sums of the group

  /// Counts what was queued, and writes down what was withheld.
  mutating func closeSharing() throws {
    // Sorted, so that the access log's rows come in one order whatever the dictionary's.
    for (key, range) in withheld.sorted(by: { order($0.key) < order($1.key) }) { try writeWithheld(key, range) }
    for (key, count) in queued {
      let row = statements.queued
      row.bind(.destination, key.destination)
      row.bind(.kind, key.kind.rawValue)
      row.bind(.queued, count)
      try row.execute()
    }
  }

  private mutating func writeWithheld(_ key: WithheldKey, _ range: SequenceRange) throws {
    let known = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT records, logged_wall FROM withheld WHERE destination = ? AND patient = ? AND kind = ?"),
      arguments: [Int64(key.destination), Int64(key.patient.rawValue), Int64(key.kind.rawValue)])
    let logged = try known.map { WallTime(rawValue: try $0[of: "logged_wall"]) }
    let total = range.count + (try known.map { try $0[of: "records"] as Int64 } ?? 0)
    // Also when the clock went back: rather a row too many than silence until it has caught up.
    let interval = Int64(configuration.withheldLogIntervalSeconds) * 1_000
    let isDue = logged.map { wall < $0 || wall >= $0.adding(milliseconds: interval) } ?? true
    try db.insert(
      into: "withheld",
      [
        "destination": key.destination, "patient": key.patient.rawValue, "kind": key.kind.rawValue, "records": total,
        "first_sequence": signed(range.first), "last_sequence": signed(range.last), "last_wall": wall.rawValue,
        "logged_wall": isDue ? wall.rawValue : logged?.rawValue ?? wall.rawValue,
      ],
      .update(
        """
        DO UPDATE SET records = excluded.records, last_sequence = excluded.last_sequence, last_wall = excluded.last_wall,
          logged_wall = excluded.logged_wall
        """))
    if isDue {
      try state.access.append(
        AccessRecord(
          wall: wall, actor: .hub, action: "withheld", patient: key.patient, purpose: "no sharing agreement",
          detail: "destination \(key.destination) \(key.kind.key) \(total) in all, to sequence \(range.last)"), db)
    }
  }

  private func order(_ key: WithheldKey) -> (UInt32, UInt32, UInt8) { (key.destination, key.patient.rawValue, key.kind.rawValue) }
}

/// The rules with a verdict remembered per person and controller. Used by the writer's thread only.
final class CompiledSharing {
  let rules: SharingRules
  /// Bounded by the registry: one verdict a person and controller.
  private var verdicts: [UInt64: SharingVerdict] = [:]

  init(_ rules: SharingRules) { self.rules = rules }

  func verdict(patient: PatientID, controller: Int64, organisation: () -> String) -> SharingVerdict {
    let key = UInt64(patient.rawValue) << 32 | UInt64(UInt32(truncatingIfNeeded: controller))
    if let known = verdicts[key] { return known }
    let verdict = rules.verdict(patient: patient, controller: organisation())
    verdicts[key] = verdict
    return verdict
  }
}
