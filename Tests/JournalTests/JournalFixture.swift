// A journal in a folder of its own, and short ways to make entries and outcomes. Instants, walls and sequences rise together.

import Foundation
import GRDB
import JournalValues
import VitalSigns

@testable import Journal

/// A folder that goes with the value, and what tests do with the journal in it.
final class JournalFolder {
  let url: URL
  var path: String { url.appendingPathComponent("knutepunkt.db").path }

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  init(mounted url: URL) { self.url = url }

  deinit { try? FileManager.default.removeItem(at: url) }

  func configuration(_ change: (inout JournalConfiguration) -> Void = { _ in }) -> JournalConfiguration {
    var configuration = JournalConfiguration(path: path, controller: Street.controller, ballastBytes: 0)
    change(&configuration)
    return configuration
  }

  func writer(_ change: (inout JournalConfiguration) -> Void = { _ in }) throws -> JournalWriter {
    try JournalWriter(configuration(change))
  }
  func reader() throws -> JournalReader { try JournalReader(path: path) }

  /// A plain connection, for what only a hand on the file can do.
  func rawConnection() throws -> DatabaseQueue { try DatabaseQueue(path: path) }

  /// The database and its log as they lie on disk now, in another folder: what a power cut would leave.
  func copyAsAfterCrash() throws -> JournalFolder {
    let copy = try JournalFolder()
    for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
      try FileManager.default.copyItem(atPath: path + suffix, toPath: copy.path + suffix)
    }
    return copy
  }
}

/// Names and numbers of the test street.
enum Street {
  static let controller = "974760673"
  static let otherController = "958935420"
  static let kari = PatientID(rawValue: 1)
  static let ola = PatientID(rawValue: 2)
  static let oximeter = DeviceID(rawValue: 1)
  static let start: Int64 = 1_800_000_000_000
  static let nurse = ActorID(rawValue: 7)
}

/// Gives entries their sequence, and both times.
struct Intake {
  var next: UInt64 = 1

  mutating func entry(
    _ payload: IntakePayload, patient: PatientID = Street.kari, device: DeviceID = Street.oximeter, measuredAt: WallTime = .unknown,
    attachment: UInt64 = 0
  ) -> IntakeEntry {
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: Int64(next) * 1_000_000_000), wall: WallTime(rawValue: Street.start + Int64(next) * 1_000),
      measuredAt: measuredAt, device: device, patient: patient, attachment: attachment, payload: payload)
    entry.sequence = next
    next += 1
    return entry
  }

  mutating func spo2(_ value: Int64, patient: PatientID = Street.kari) -> IntakeEntry {
    entry(.observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: value), unit: .percent)), patient: patient)
  }

  mutating func sos() -> IntakeEntry { entry(.event(DeviceEvent(kind: .sos))) }

  /// Kari and Ola move in, with an oximeter for Kari.
  mutating func registration() -> JournalGroup {
    var group = JournalGroup()
    group.append(
      entry(.registry(.patientAdded), device: .none),
      attachment: Attachment(
        actor: Street.nurse, reason: "vedtak", .patient(PatientDetails(name: "Kari Test", nationalID: "01810112345"))))
    group.append(
      entry(.registry(.patientAdded), patient: Street.ola, device: .none),
      attachment: Attachment(actor: Street.nurse, .patient(PatientDetails(name: "Ola Test", controller: Street.otherController))))
    group.append(
      entry(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 300, isContinuous: true))), patient: .none),
      attachment: Attachment(
        actor: Street.nurse,
        .device(DeviceDetails(label: "Oksymeter", profile: "sig/oximeter", address: "AA:BB", serialNumber: "S1", eui64: "0011223344556677"))
      ))
    group.append(entry(.registry(.deviceAssigned)), attachment: Attachment(actor: Street.nurse))
    return group
  }
}

/// An outcome that an entry caused.
func outcome(_ entry: IntakeEntry, _ payload: OutcomePayload, after nanoseconds: Int64 = 0) -> Outcome {
  Outcome(
    cause: entry.sequence, instant: MonotonicInstant(rawValue: entry.instant.rawValue + nanoseconds), wall: entry.wall,
    patient: entry.patient, device: entry.device, payload: payload)
}

func transition(
  _ number: UInt64, _ kind: AlertTransitionKind, _ state: AlertState, rule: AlertRule = .sos, firstCause: UInt64,
  deadline: MonotonicInstant = MonotonicInstant(rawValue: 99_000_000_000)
) -> AlertTransition {
  AlertTransition(
    id: AlertID(high: 0xABCD_EF01_2345_6789, low: number), rule: rule, priority: .high, state: state, previous: .raised, kind: kind,
    level: 1, deadline: deadline, firstCause: firstCause,
    raisedAt: MonotonicInstant(rawValue: Int64(truncatingIfNeeded: firstCause) &* 1_000_000_000),
    value: 9, limit: 7, subject: 0, actor: .hub)
}

func score(_ low: UInt8, sources: UInt64 = 0) -> NEWS2Score {
  var score = NEWS2Score()
  score.low = low
  score.high = low + 3
  score.band = .medium
  score.scale = .scale2
  score.missing = 0b000_1001
  score.changeSinceLast = -2
  for index in 0..<NEWS2Parameter.count { score.points[index] = Int8(index) - 1 }
  score.sources[NEWS2Parameter.oxygenSaturation.rawValue.index] = sources
  return score
}

extension UInt8 {
  var index: Int { Int(self) }
}

func group(_ entries: [IntakeEntry]) -> JournalGroup {
  var group = JournalGroup()
  for entry in entries { group.append(entry) }
  return group
}

extension JournalWriter {
  /// All entries after a sequence.
  func entries(after sequence: UInt64 = 0) throws -> [IntakeEntry] {
    var entries: [IntakeEntry] = []
    try replay(after: sequence) { entries.append($0) }
    return entries
  }
}
