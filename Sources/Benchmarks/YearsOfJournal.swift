// A journal as a hub has it after a year and more: people, devices and alarm buttons, ten million entries over 400 days, every one of
// them decided by the core and written by the hub's own writer: scores, alerts with their episodes, receipts, frame marks, an access log,
// and the last two snapshots. Deploy/years/years.py starts the hub on it. No real person stands behind any number.

import ArgumentParser
import CoreState
import Foundation
import GRDB
import HubConfiguration
import HubRuntime
import Journal
import JournalValues
import RealtimeCore
import VitalSigns

/// `Benchmarks years-journal FILE`: writes one.
struct YearsJournal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "years-journal", abstract: "Write the journal of a hub that has run for years.",
    discussion: """
      Person n has an oximeter (address oxN), a cuff (cuN), a thermometer (tN) and an alarm button (sN), counted from 0. Alerts went to \
      the destination "nurses", the observations and scores of the first people to "hospital".
      """)

  @Argument(help: "The file; it must not be there yet.")
  var file: String

  @Option(help: "How many entries.")
  var entries = 10_000_000

  @Option(help: "Over how many days, the last of which is today.")
  var days = 400

  @Option(help: "How many people.")
  var people = 120

  func validate() throws {
    guard entries >= 10_000, (1...10_000).contains(days), (20...10_000).contains(people) else {
      throw ValidationError("at least 10000 entries, 1 to 10000 days, 20 to 10000 people")
    }
    guard !FileManager.default.fileExists(atPath: file) else { throw ValidationError("\(file) is there already") }
  }

  func run() throws {
    var progress = ProgressLine("\(entries) entries")
    let journal = try YearsOfJournal(path: file, entries: entries, days: days, people: people)
    try journal.writeAll { progress.step($0, of: entries) }
    progress.done()
    print(journal.summary)
  }
}

/// Writes one file. One thread.
final class YearsOfJournal {
  /// Entries in one transaction. Ten times the hub's default: there are fewer flushes to wait for.
  private static let groupSize = 10_000
  /// Of so many entries one is a press.
  private static let entriesPerPress = 4_000
  /// Of so many entries one is somebody's look at a person's values.
  private static let entriesPerRead = 500
  /// People whose observations and scores a record system gets.
  private static let sharedPeople = 10
  /// Seconds after an alert at which it is known to be told, is taken, and is closed.
  private static let answers: [(seconds: UInt32, action: AlertAction)] = [(1, .delivered), (20, .acknowledge), (140, .resolve)]
  private static let nurse = ActorID(rawValue: 1)
  private static let nurses = stableNumber(of: "nurses")
  private static let hospital = stableNumber(of: "hospital")
  private static let link = stableNumber(of: "street")

  private let entries: Int
  private let people: Int
  /// Whether so much comes that no device is silent for a day. In a smaller file devices are not watched, as silence would be most of it.
  private let isDense: Bool
  private let writer: JournalWriter
  private var population: Population
  private var core: RealtimeCore
  private var random = SeededRandom(seed: 20_260)
  private var outcomes = OutcomeBuffer(capacity: 512)
  private var group = JournalGroup()
  private var written = 0
  private var raised = 0
  private var delivered = 0
  /// What staff and receivers will do, in the order of the time.
  private var due: [(at: MonotonicInstant, alert: AlertID, action: AlertAction)] = []
  /// Of the first entry, and between two.
  private let (begin, wall, step): (Int64, Int64, Int64)
  private var snapshotAt: Int

  init(path: String, entries: Int, days: Int, people: Int) throws {
    self.entries = entries
    self.people = people
    isDense = entries / (days * people) >= 100
    snapshotAt = entries - min(10_000, entries / 10)
    writer = try JournalWriter(JournalConfiguration(path: path, controller: Hub.controller, version: KnutepunktVersion.current))
    let recovery = try writer.recover()
    try writer.setSharing(Self.sharing)
    // The last entry is of about now: the hub that starts on this journal continues its timeline.
    let nanoseconds = Int64(days) * 86_400_000_000_000
    (begin, wall, step) = (1_000_000_000, Clock.wallMilliseconds() - nanoseconds / 1_000_000, nanoseconds / Int64(entries + 1))
    population = Population(patients: people, instant: begin, wall: wall, step: step)
    let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    try writer.beginRun(
      RunRecord(
        bootID: boot?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown",
        boottimeNanoseconds: Clock.boottime() - nanoseconds, instant: MonotonicInstant(rawValue: begin), wall: WallTime(rawValue: wall),
        version: KnutepunktVersion.current))
    core = RealtimeCore(
      CoreConfiguration(patientsMax: people + 8, devicesMax: people * 4 + 8, alertsMax: 1_024, hubSalt: recovery.hubSalt))
  }

  /// - Parameter told: called after each transaction with how many entries there are.
  func writeAll(told: (Int) -> Void) throws {
    group.actors.append(ActorRecord(id: Self.nurse, account: "nina", displayName: "Nina Nurse", role: "nurse"))
    try register()
    while written < entries {
      if !writeDue() { writeNext() }
      if group.entries.count >= Self.groupSize || written == entries || written == snapshotAt {
        try commit()
        if written >= snapshotAt { try saveSnapshot() }
        told(written)
      }
    }
    // Receipts of the last group.
    try commit()
    writer.checkpointIfIdle()
  }

  var summary: String { "\(written) entries, \(raised) alerts, \(delivered) records delivered" }

  private static var sharing: SharingRules {
    let listed = Set((1...UInt32(sharedPeople)).map { PatientID(rawValue: $0) })
    let alerts = SharingPermission(controllers: [Hub.controller], kinds: [.alert])
    let values = SharingPermission(controllers: [Hub.controller], kinds: [.observation, .score], patients: .listed(listed))
    return SharingRules(destinations: [
      SharingDestination(number: nurses, name: "nurses", wants: [.alert], agreements: [alerts]),
      SharingDestination(number: hospital, name: "hospital", wants: [.observation, .score, .alert, .dose], agreements: [values]),
    ])
  }

  // MARK: Entries

  private func register() throws {
    add(.clock(ClockAnchor(utcOffsetSeconds: 3_600)))
    for number in 1...UInt32(people) {
      let patient = PatientID(rawValue: number)
      add(
        .registry(.patientAdded), patient: patient,
        attachment: Attachment(actor: Self.nurse, reason: "moved in", .patient(PatientDetails(name: "Person \(number)"))))
      add(.registry(.planItem(.oxygen(.air))), patient: patient)
      if number % 4 == 0 {
        add(
          .registry(.planItem(.limits(.oxygenSaturation, PlanLimits(redLow: 85, yellowLow: 88, delaySeconds: 60, hysteresis: 1)))),
          patient: patient)
      }
      let kinds = [
        ("bridge/pulse-oximeter", "ox"), ("bridge/blood-pressure", "cu"), ("bridge/thermometer", "t"), ("zigbee2mqtt/sos-button", "s"),
      ]
      for (index, kind) in kinds.enumerated() {
        let device = device(of: number, index)
        // Each value comes minutes after the one before: spot checks.
        let abilities: DeviceAbilities = !isDense ? [] : index == 3 ? [.speaks] : [.measures, .speaks]
        let liveness = DeviceLiveness(expectedIntervalSeconds: 0, isSafetyAlarm: index == 3, abilities: abilities)
        let details = DeviceDetails(label: "Device \(device.rawValue)", profile: kind.0, address: "\(kind.1)\(number - 1)")
        add(.registry(.deviceAdded(liveness)), device: device, attachment: Attachment(actor: Self.nurse, .device(details)))
        add(.registry(.deviceAssigned), device: device, patient: patient)
      }
      // Whoever installs a button presses it: one that was never heard would be told of for ever.
      if isDense { add(.event(DeviceEvent(kind: .sos)), device: device(of: number, 3), isFrame: true) }
      add(.observation(Observation(code: .consciousness, value: Quantity(mantissa: 0), unit: .one, origin: .staff)), patient: patient)
      if group.entries.count >= 1_000 { try commit() }
    }
  }

  /// 0 to 2 as `Population` numbers them; 3 is the button.
  private func device(of person: UInt32, _ index: Int) -> DeviceID {
    if index < Population.devicesPerPatient { return Population.device(of: person, UInt32(index)) }
    return DeviceID(rawValue: UInt32(people * Population.devicesPerPatient) + person)
  }

  /// What somebody does about an alert before the next value comes. False: nothing.
  private func writeDue() -> Bool {
    guard let next = due.first, next.at.rawValue <= population.instant + step else { return false }
    due.removeFirst()
    let note: Attachment.Content = next.action == .resolve ? .note(AlertNote(comment: "helped", cause: "wanted company")) : .none
    let actor = next.action == .delivered ? ActorID.hub : Self.nurse
    add(
      .command(AlertCommand(alert: next.alert, action: next.action, actor: actor)), at: next.at, attachment: Attachment(actor: actor, note))
    return true
  }

  private func writeNext() {
    let draw = Int(random.next() % UInt64(Self.entriesPerPress))
    // The last day brings no press, so that all are closed when the file ends.
    if draw == 0, written < entries - entries / 400 {
      add(.event(DeviceEvent(kind: .sos)), device: device(of: UInt32(random.next() % UInt64(people)) + 1, 3), isFrame: true)
    } else {
      var entry = population.next()
      take(&entry, attachment: nil, isFrame: true)
    }
    if draw % Self.entriesPerRead == 1 {
      let person = PatientID(rawValue: UInt32(random.next() % UInt64(people)) + 1)
      group.access.append(AccessRecord(wall: group.wall, actor: Self.nurse, action: "read", patient: person, purpose: "care"))
    }
  }

  private func add(
    _ payload: IntakePayload, device: DeviceID = .none, patient: PatientID = .none, at: MonotonicInstant? = nil,
    attachment: Attachment? = nil, isFrame: Bool = false
  ) {
    var entry = IntakeEntry(instant: .zero, wall: .unknown, device: device, payload: payload)
    population.restamp(&entry)
    if let at { (entry.instant, entry.wall) = (at, WallTime(rawValue: wall + (at.rawValue - begin) / 1_000_000)) }
    entry.patient = patient
    take(&entry, attachment: attachment, isFrame: isFrame)
  }

  /// The core decides; both go into the group.
  private func take(_ entry: inout IntakeEntry, attachment: Attachment?, isFrame: Bool) {
    while !core.ingest(&entry, into: &outcomes) { gather() }
    let mark =
      isFrame
      ? DeliveryMark(
        link: Self.link, message: UInt32(truncatingIfNeeded: entry.sequence % 65_535 + 1), hash: random.next(), wall: entry.wall) : nil
    group.append(entry, attachment: attachment, mark: mark)
    written += 1
    gather()
  }

  private func gather() {
    outcomes.forEach { outcome in
      group.append(outcome)
      guard case .alert(let change) = outcome.payload, change.kind == .raised else { return }
      raised += 1
      for answer in Self.answers {
        let at = outcome.instant.adding(seconds: answer.seconds)
        due.insert((at, change.id, answer.action), at: due.firstIndex { $0.at > at } ?? due.endIndex)
      }
    }
    outcomes.removeAll()
  }

  // MARK: The file

  /// With the group's rows of the outbox delivered in the next.
  private func commit() throws {
    if group.isEmpty { return }
    try writer.commit(group)
    group.removeAll()
    writer.checkpointIfNeeded()
    group.receipts = try waiting()
    delivered += group.receipts.count
  }

  private func waiting() throws -> [DeliveryReceipt] {
    try writer.queue.writeWithoutTransaction { db in
      try Row.fetchAll(db, sql: "SELECT destination, lane, row FROM outbox").map { row in
        let lane: OutboxLane = row["lane"] == Int64(OutboxLane.alarm.rawValue) ? .alarm : .routine
        return DeliveryReceipt(
          destination: row["destination"], lane: lane, item: .row(UInt64(bitPattern: row["row"] as Int64)),
          result: .delivered(remoteID: row["destination"] == Int64(Self.hospital) ? "Observation/\(row["row"] as Int64)" : nil))
      }
    }
  }

  private func saveSnapshot() throws {
    try writer.saveSnapshot(
      try core.snapshot(), sequence: core.lastSequence, wall: WallTime(rawValue: Clock.wallMilliseconds()))
  }
}
