// A journal with thousands of people and a million records, written as the gateway writes one: each entry goes through the
// core, its outcomes into the same group, a thousand entries a transaction. What writing it costs is row 4; starting on it is rows 5
// and 6.

import Foundation
import Journal
import JournalValues
import RealtimeCore
import VitalSigns

/// Fills one journal file. One thread.
final class LoadedJournal {
  /// Entries in one transaction: the gateway's default.
  static let groupSize = 1_000

  /// What the observations have cost so far; the people's registration is not in it.
  struct Cost {
    var observations = 0
    /// Rows of outcomes beside them: scores and alerts.
    var outcomes = 0
    var nanoseconds: UInt64 = 0
    var cpuNanoseconds: UInt64 = 0
    /// Of the wall time: what the core took.
    var coreNanoseconds: UInt64 = 0
    /// Of each commit.
    var commits = Latencies()

    var observationsPerSecond: Double { Double(observations) * 1e9 / Double(max(nanoseconds, 1)) }
  }

  private(set) var cost = Cost()
  private let writer: JournalWriter
  private var population: Population
  private var core: RealtimeCore
  private var outcomes = OutcomeBuffer(capacity: 512)
  private var group = JournalGroup()

  /// A new journal at `path` with `patients` people, for `observations` of theirs.
  ///
  /// - Parameter sharesWithOne: one destination gets every observation and score, so that outbox rows are written too.
  init(path: String, patients: Int, observations: Int, sharesWithOne: Bool = false) throws {
    writer = try JournalWriter(JournalConfiguration(path: path, controller: Hub.controller, version: "benchmark"))
    let recovery = try writer.recover()
    if sharesWithOne { try writer.setSharing(Self.oneDestination) }
    // The last entry will be of about now: the hub that starts on this journal continues its timeline.
    let seconds = Int64(observations / (patients * Population.signalsPerSecond))
    let (begin, wall) = (Int64(1_000_000_000), Clock.wallMilliseconds() - seconds * 1_000)
    population = Population(patients: patients, instant: begin, wall: wall)
    try writer.beginRun(
      RunRecord(
        bootID: Self.bootID(), boottimeNanoseconds: Clock.boottime() - seconds * 1_000_000_000, instant: MonotonicInstant(rawValue: begin),
        wall: WallTime(rawValue: wall), version: "benchmark"))
    core = RealtimeCore(Population.coreConfiguration(patients: patients, salt: recovery.hubSalt))
    for entry in population.registration() {
      add(entry, attachment: Self.attachment(of: entry))
      if group.entries.count >= Self.groupSize { try commit() }
    }
    if !group.isEmpty { try commit() }
  }

  /// Decides and commits one group.
  func writeGroup() throws {
    let (start, startCPU) = (Clock.now(), Clock.threadCPU())
    for _ in 0..<Self.groupSize { add(population.next(), attachment: nil) }
    let decided = Clock.now()
    cost.outcomes += group.outcomes.count
    try commit()
    cost.commits.record(Clock.now() - decided)
    writer.checkpointIfNeeded()
    cost.observations += Self.groupSize
    cost.coreNanoseconds += decided - start
    cost.nanoseconds += Clock.now() - start
    cost.cpuNanoseconds += Clock.threadCPU() - startCPU
  }

  /// A journal of about this many observations, for a hub to start on.
  static func write(path: String, patients: Int, observations: Int, progress what: String) throws {
    var progress = ProgressLine(what)
    defer { progress.done() }
    let journal = try LoadedJournal(path: path, patients: patients, observations: observations)
    while journal.cost.observations < observations {
      try journal.writeGroup()
      progress.step(journal.cost.observations, of: observations)
    }
  }

  private func add(_ entry: IntakeEntry, attachment: Attachment?) {
    var entry = entry
    while !core.ingest(&entry, into: &outcomes) {
      outcomes.forEach { group.append($0) }
      outcomes.removeAll()
    }
    group.append(entry, attachment: attachment)
    outcomes.forEach { group.append($0) }
    outcomes.removeAll()
  }

  private func commit() throws {
    try writer.commit(group)
    group.removeAll()
  }

  /// Who the synthetic person is, what the device is.
  private static func attachment(of entry: IntakeEntry) -> Attachment? {
    guard case .registry(let change) = entry.payload else { return nil }
    switch change {
    case .patientAdded: return Attachment(.patient(PatientDetails(name: "Benchmark Person \(entry.patient.rawValue)")))
    case .deviceAdded:
      let kinds = ["bridge/pulse-oximeter", "bridge/blood-pressure", "bridge/thermometer"]
      let kind = kinds[Int(entry.device.rawValue - 1) % Population.devicesPerPatient]
      return Attachment(
        .device(DeviceDetails(label: "Device \(entry.device.rawValue)", profile: kind, address: "bench-\(entry.device.rawValue)")))
    default: return nil
    }
  }

  private static var oneDestination: SharingRules {
    let agreement = SharingPermission(controllers: [Hub.controller], kinds: [.observation, .score])
    return SharingRules(destinations: [
      SharingDestination(number: 1, name: "record", wants: [.observation, .score], agreements: [agreement])
    ])
  }

  private static func bootID() -> String {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
  }
}
