// Row 6: from the spawn of the real binary to READY, when alarms are accepted: with an empty journal, and with a million
// records to recover, without and with the core's snapshot.

import Foundation

enum StartTime {
  private static let patients = 1_000

  static func measure(_ scale: Scale, _ surroundings: Surroundings, broker: PrivateBroker) throws -> [Measurement] {
    let records = scale.pick(full: 1_000_000, quick: 20_000)
    let repeats = scale.pick(full: 10, quick: 3)
    var progress = ProgressLine("start with an empty journal")
    var first = Starts()
    var again = Starts()
    for index in 0..<repeats {
      let hub = try Hub(surroundings, broker: broker.port)
      first.add(try start(hub, .standard))
      again.add(try start(hub, .standard))
      progress.step(index + 1, of: repeats)
    }
    progress.done()
    let loaded = try Hub(surroundings, broker: broker.port)
    try LoadedJournal.write(
      path: loaded.journalPath, patients: patients, observations: records, progress: "\(records) records to recover")
    var settings = HubSettings(patientsMax: patients + 24, devicesMax: (patients + 24) * Population.devicesPerPatient)
    // Later than the journal is long: no snapshot is taken, every record is replayed.
    settings.snapshotEvery = 10_000_000
    let replaying = try starts(loaded, settings, max(repeats / 3, 2), "start, replaying \(records) records")
    settings.snapshotEvery = 10_000
    try takeSnapshot(loaded, settings)
    let fromSnapshot = try starts(loaded, settings, repeats, "start from a snapshot, \(records) records")
    return report(first: first, again: again, replaying: replaying, fromSnapshot: fromSnapshot, records: records)
  }

  /// Several starts of one kind.
  private struct Starts {
    private var milliseconds: [Double] = []
    /// Entries that the last one replayed.
    private var replayed: Int?

    var typical: Double { median(milliseconds) }

    mutating func add(_ started: Hub.Started) {
      milliseconds.append(Double(started.nanoseconds) / 1e6)
      replayed = started.replayed
    }

    var figures: [String: Double] {
      var figures = ["slowest ms": milliseconds.max() ?? 0, "starts": Double(milliseconds.count)]
      if let replayed { figures["entries replayed"] = Double(replayed) }
      return figures
    }
  }

  private static func report(first: Starts, again: Starts, replaying: Starts, fromSnapshot: Starts, records: Int) -> [Measurement] {
    let count = records >= 1_000_000 ? "1 M" : "\(records)"
    return [
      Measurement(
        key: "start.empty", what: "start until alarms are accepted, empty journal", ours: again.typical, unit: "ms",
        target: .init(direction: .atMost, value: 50), figures: again.figures.merging(["the very first start ms": first.typical]) { $1 }),
      Measurement(
        key: "start.snapshot", what: "start, \(count) records, from the core's snapshot", ours: fromSnapshot.typical, unit: "ms",
        target: .init(direction: .atMost, value: 300), figures: fromSnapshot.figures),
      Measurement(
        key: "start.replay", what: "start, \(count) records, all replayed", ours: replaying.typical, unit: "ms",
        figures: replaying.figures, remark: "what happens when a new version cannot read the old one's snapshot"),
    ]
  }

  /// One start; ends the hub again.
  private static func start(_ hub: Hub, _ settings: HubSettings) throws -> Hub.Started {
    let running = try hub.start(role: "core", settings)
    running.process.stop()
    return running
  }

  private static func starts(_ hub: Hub, _ settings: HubSettings, _ count: Int, _ what: String) throws -> Starts {
    var progress = ProgressLine(what)
    defer { progress.done() }
    var starts = Starts()
    for index in 0..<count {
      starts.add(try start(hub, settings))
      progress.step(index + 1, of: count)
    }
    return starts
  }

  /// One run that is long enough for the hub to notice that a snapshot is due, and to store it.
  private static func takeSnapshot(_ hub: Hub, _ settings: HubSettings) throws {
    let running = try hub.start(role: "core", settings)
    Clock.sleep(milliseconds: 3_000)
    running.process.stop()
  }
}
