// A journal whose bytes were changed on the disk: by a failing card, a cut copy, or a hand.

import Foundation
import Journal
import JournalValues
import VitalSigns

enum JournalFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "journal", summary: "changes to a small journal and its log: which file, how, where, and the new bytes",
      seeds: { _ in
        [
          [0, 0, 16, 0, 0, 2, 0xFF, 0xFF], [1, 1, 100, 0, 0], [0, 2, 1, 0, 0], [0, 0, 100, 0, 0, 1, 0x0D], [1, 2, 0, 0, 0, 0, 3, 2, 0, 0],
        ]
      },
      prepare: { _ in
        let original = try SmallJournal()
        return { bytes in attempt(bytes, original) }
      })
  }

  private static let changesMax = 16

  /// Opened for reading and for writing, read to its end, written to and forgotten from. Errors are answers.
  private static func attempt(_ bytes: [UInt8], _ original: SmallJournal) {
    var files = original.files
    var input = InputReader(bytes)
    for _ in 0..<changesMax where !input.isEmpty { change(&files, &input) }
    original.place(files)
    defer { original.clear() }
    if let reader = try? JournalReader(path: original.path, connectionsMax: 1) { readAll(reader) }
    guard let writer = try? JournalWriter(original.configuration) else { return }
    _ = try? writer.recover()
    try? writer.replay(after: 0) { _ in }
    _ = try? writer.purge(
      RetentionLimits(samplesBefore: WallTime(rawValue: .max / 2), deliveriesBefore: WallTime(rawValue: .max / 2)), rowsMax: 10)
    _ = try? writer.commit(JournalGroup(wall: WallTime(rawValue: 1_800_000_100_000)))
    writer.checkpointIfIdle()
  }

  private static func change(_ files: inout [[UInt8]], _ input: inout InputReader) {
    let file = Int(input.byte()) % files.count
    let kind = input.byte() % 3
    let place = Int(input.byte()) | Int(input.byte()) << 8 | Int(input.byte()) << 16
    guard !files[file].isEmpty else { return }
    let start = place % files[file].count
    switch kind {
    case 0:
      let new = input.take(Int(input.byte() % 32))
      for (index, byte) in new.enumerated() where start + index < files[file].count { files[file][start + index] = byte }
    case 1: files[file].removeSubrange(start...)
    default:
      // A page of zeros.
      let page = start / 4_096 * 4_096
      for index in page..<min(page + 4_096, files[file].count) { files[file][index] = 0 }
    }
  }

  private static func readAll(_ reader: JournalReader) {
    _ = try? reader.counts()
    _ = try? reader.lastSequence()
    _ = try? reader.patients(includingEnded: true)
    _ = try? reader.devices(includingRemoved: true)
    _ = try? reader.openAlerts()
    _ = try? reader.alerts()
    _ = try? reader.verifyAccessLog()
    _ = try? reader.accessLog()
    _ = try? reader.outboxStatus()
    _ = try? reader.deadLetters()
    for patient in 0..<3 {
      let id = PatientID(rawValue: UInt32(patient))
      _ = try? reader.plan(of: id, includingEnded: true)
      _ = try? reader.latestObservations(of: id)
      _ = try? reader.explainScore(patient: id)
    }
    for sequence in 0..<8 { _ = try? reader.entry(UInt64(sequence)) }
  }
}

/// A journal of a few rows: its files as bytes, and a place where changed copies of them are put.
private final class SmallJournal {
  let path: String
  /// The database and its log.
  let files: [[UInt8]]
  private let folder: String
  private static let suffixes = ["", "-wal"]

  var configuration: JournalConfiguration { JournalConfiguration(path: path, controller: "974760673", ballastBytes: 0) }

  init() throws {
    folder = NSTemporaryDirectory() + "fuzz-journal-\(getpid())"
    path = folder + "/journal.sqlite"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    files = try Self.made(at: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private static func made(at path: String) throws -> [[UInt8]] {
    let writer = try JournalWriter(JournalConfiguration(path: path, controller: "974760673", ballastBytes: 0))
    var group = JournalGroup(wall: WallTime(rawValue: 1_800_000_000_000))
    let payloads: [IntakePayload] = [
      .registry(.patientAdded), .registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 60))), .registry(.deviceAssigned),
      .observation(Observation(code: .oxygenSaturation, value: Quantity(mantissa: 93), unit: .percent)), .event(DeviceEvent(kind: .sos)),
      .location(LocationFix(latitudeE7: 599_000_000, longitudeE7: 107_000_000, accuracyMetres: 5)),
    ]
    for (number, payload) in payloads.enumerated() {
      var entry = IntakeEntry(
        instant: MonotonicInstant(rawValue: Int64(number + 1) * 1_000_000_000), wall: WallTime(rawValue: 1_800_000_000_000 + Int64(number)),
        device: DeviceID(rawValue: 1), patient: PatientID(rawValue: 1), payload: payload)
      entry.sequence = UInt64(number + 1)
      group.append(
        entry, attachment: number == 0 ? Attachment(actor: .hub, reason: "vedtak", .patient(PatientDetails(name: "Kari Test"))) : nil)
    }
    group.access.append(AccessRecord(wall: WallTime(rawValue: 1_800_000_000_000), actor: .hub, action: "read"))
    _ = try writer.commit(group)
    return try suffixes.map { Array(try Data(contentsOf: URL(fileURLWithPath: path + $0))) }
  }

  /// Puts changed files where the journal lies.
  func place(_ files: [[UInt8]]) {
    clear()
    for (bytes, suffix) in zip(files, Self.suffixes) {
      // Without a place for the files nothing is tried: no run may pass so.
      guard (try? Data(bytes).write(to: URL(fileURLWithPath: path + suffix))) != nil else { fatalError("\(path): cannot be written") }
    }
  }

  func clear() {
    for suffix in Self.suffixes + ["-shm", ".writer"] { unlink(path + suffix) }
  }
}
