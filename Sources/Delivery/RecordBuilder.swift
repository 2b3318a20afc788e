// From the journal's rows, or from the core's own event, to the neutral records that connectors are handed. What the
// destination's agreement does not cover is left out here.

package import AlertTexts
import DeviceProfile
package import Forwarding
import Foundation
package import HubConfiguration
import HubRegistry
import HubRuntime
package import Journal
import JournalValues
package import LocalAPI
import People
import Synchronization
package import VitalSigns

/// Builds records for one process. Any thread; looks up people and devices in the journal.
package struct RecordBuilder: Sendable {
  let configuration: KnutepunktConfiguration
  let reader: JournalReader
  let sentences: AlertSentences
  private let known = KnownSubjects()
  /// The agreements by destination, compiled once.
  private let rules: [String: SharingDestination]

  package init(configuration: KnutepunktConfiguration, reader: JournalReader, sentences: AlertSentences) {
    self.configuration = configuration
    self.reader = reader
    self.sentences = sentences
    rules = Dictionary(configuration.sharingRules.destinations.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    known.learn(from: reader)
  }

  /// The item that one outbox row asks for; nil for a record that this kind of destination has no form for.
  func item(_ row: OutboxItem, for rules: SharingDestination) -> DeliveryItem? {
    var isOpen = false
    if case .alert(let transition, _, _) = row.content { isOpen = transition.transition.state.isOpen }
    let patient = row.patient.flatMap { identity($0, row.kind, rules, withOpenAlert: isOpen) }
    switch row.content {
    case .observation(let observation, let frame):
      guard let patient else { return nil }
      var record = record(observation, frame, patient, row.device)
      record.isTimeUncertain = row.isTimeUncertain
      return DeliveryItem(row: row.row, record: .observation(record))
    case .score(let score, let sources, let frames):
      guard let patient else { return nil }
      var inputs: [ScoreRecord.Input] = []
      for parameter in NEWS2Parameter.allCases {
        let index = Int(parameter.rawValue)
        guard let source = sources[index] else { continue }
        inputs.append(.init(parameter: parameter, sequence: source.sequence, panel: panel(frames[index] ?? [])))
      }
      var record = ScoreRecord(
        score: score.score, instant: score.instant, cause: score.cause, scoredAt: score.wall, patient: patient,
        controller: score.controller, inputs: inputs)
      record.isTimeUncertain = row.isTimeUncertain
      return DeliveryItem(row: row.row, record: .score(record))
    case .alert(let transition, let alert, let evidence):
      guard rules.parts(for: .alert, controller: alert.controller, patient: row.patient?.id ?? .none) != nil else { return nil }
      var record = AlertRecord(
        transition: transition.transition, instant: transition.instant, occurredAt: transition.wall,
        raisedAt: alert.raisedWall ?? alert.firstWall, patient: patient ?? row.patient.map { PatientIdentity(hubPatient: $0.id) },
        device: row.device.map(identity), controller: alert.controller,
        evidence: evidence.map { AlertRecord.Evidence(sequence: $0.sequence) },
        text: text(transition.transition, raisedAt: alert.raisedWall ?? alert.firstWall),
        position: position(transition, alert, row.patient, rules), handling: handling(transition))
      record.isTimeUncertain = row.isTimeUncertain
      return DeliveryItem(row: row.row, record: .alert(record))
    case .dose(let event, let planned):
      guard let patient, let kind = DoseRecord.Event(event.event.kind) else { return nil }
      var record = DoseRecord(
        sequence: event.sequence, event: kind, slot: UInt8(clamping: event.event.detail),
        occurredAt: event.measuredAt == .unknown ? event.wall : event.measuredAt, plannedAt: plannedAt(planned, event.wall),
        patient: patient, device: row.device.map(identity), controller: event.controller)
      record.isTimeUncertain = row.isTimeUncertain
      return DeliveryItem(row: row.row, record: .dose(record))
    case .location:
      // A location goes out with an open alert or a granted look-up only, and no destination here asks for look-ups.
      return nil
    }
  }

  /// An alert's change straight from the core. Nil when no agreement lets this destination have it.
  ///
  /// Never reads the disk: people and devices are known from memory, which is refreshed beside the alarms (`learn`,
  /// `isKnown`). Who is not known goes without name and number, under the hub's own agreement: a call for help from
  /// "person P7" is better than none.
  package func alert(
    _ transition: AlertTransition, _ change: API.Transition, for settings: KnutepunktConfiguration.DestinationSettings
  ) -> AlertRecord? {
    guard let rules = rules[settings.name] else { return nil }
    var controller = configuration.hub.controller
    var patient: PatientIdentity?
    if change.patient != .none {
      if let row = known.patient(change.patient) {
        controller = row.controller
        patient = identity(row, .alert, rules, withOpenAlert: transition.state.isOpen)
      } else {
        patient = PatientIdentity(hubPatient: change.patient, nationalID: nil, displayName: nil)
      }
    }
    guard rules.parts(for: .alert, controller: controller, patient: change.patient) != nil else { return nil }
    let device = change.device == .none ? nil : known.device(change.device).map(identity)
    var record = AlertRecord(
      transition: transition, instant: change.instant, occurredAt: change.wall,
      raisedAt: change.raisedWall, patient: patient, device: device, controller: controller,
      evidence: transition.firstCause == 0 ? [] : [AlertRecord.Evidence(sequence: transition.firstCause)],
      text: text(transition, raisedAt: change.raisedWall))
    record.isTimeUncertain = change.timeUncertain ?? false
    return record
  }

  /// Whether the alert's person and device are in memory.
  package func isKnown(_ change: API.Transition) -> Bool {
    (change.patient == .none || known.patient(change.patient) != nil)
      && (change.device == .none || known.device(change.device) != nil)
  }

  /// Reads all people and devices anew. Waits for the disk: never to be called on the way of an alarm.
  package func learn() { known.learn(from: reader) }

  /// Likewise, when somebody was changed since: an address of a minute ago may be the wrong door.
  package func learnChanges() { known.learn(from: reader, ifChanged: true) }

  /// Reads these two anew. Waits for the disk likewise.
  package func learn(_ change: API.Transition) {
    known.learn(change.patient, change.device, from: reader)
  }

  // MARK: Parts

  /// Where the person was when the alert about it changed, if an agreement covers locations.
  private func position(
    _ transition: AlertTransitionRow, _ alert: AlertRow, _ patient: PatientRow?, _ rules: SharingDestination
  ) -> AlertRecord.Position? {
    guard transition.transition.rule == .geofenceExit, let patient,
      rules.maySeePosition(controller: alert.controller, patient: patient.id),
      let row = try? reader.lastLocation(of: patient.id, upTo: transition.cause)
    else { return nil }
    return AlertRecord.Position(fix: row.fix, at: row.measuredAt == .unknown ? row.wall : row.measuredAt)
  }

  /// Who changed the alert and what they said; nil for the hub's own changes.
  private func handling(_ row: AlertTransitionRow) -> AlertRecord.Handling? {
    guard row.transition.actor != .hub else { return nil }
    func words(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
    return AlertRecord.Handling(
      actor: known.actor(row.transition.actor, from: reader), comment: words(row.note?.comment), cause: words(row.note?.cause),
      measure: words(row.note?.action))
  }

  private func text(_ transition: AlertTransition, raisedAt: WallTime) -> AlertRecord.Text {
    AlertRecord.Text(
      nb: sentences.sentence(transition, raisedAt: raisedAt, language: .nb),
      nn: sentences.sentence(transition, raisedAt: raisedAt, language: .nn),
      en: sentences.sentence(transition, raisedAt: raisedAt, language: .en))
  }

  private func record(
    _ row: ObservationRow, _ frame: [FrameMember], _ patient: PatientIdentity, _ device: DeviceRow?
  ) -> ObservationRecord {
    ObservationRecord(
      sequence: row.sequence, observation: row.observation, patient: patient, device: device.map(identity), controller: row.controller,
      measuredAt: row.measuredAt, deviceTime: row.deviceTime, receivedAt: row.wall, panel: panel(frame))
  }

  /// A blood pressure of at least systolic and diastolic, from the whole frame and not from the batch.
  private func panel(_ frame: [FrameMember]) -> PressurePanel? {
    let parts = frame.filter { [.systolic, .diastolic, .meanArterialPressure].contains($0.code) }
    guard let first = parts.first, (2...3).contains(parts.count), Set(parts.map(\.code)).count == parts.count else { return nil }
    return PressurePanel(frame: first.sequence, parts: UInt8(parts.count))
  }

  /// What the agreements let go of the person. The record is the one in memory: nothing is read from the disk for it.
  private func identity(
    _ row: PatientRow, _ kind: RecordKind, _ rules: SharingDestination, withOpenAlert isOpen: Bool
  ) -> PatientIdentity? {
    guard let parts = rules.parts(for: kind, controller: row.controller, patient: row.id) else { return nil }
    return PatientIdentity(
      hubPatient: row.id, nationalID: parts.contains(.nationalID) ? row.nationalID.map(NationalID.init(digits:)) : nil,
      displayName: parts.contains(.name) ? row.name : nil,
      record: known.record(row.id)?.shared(parts, withOpenAlert: isOpen) ?? PersonRecord())
  }

  private func identity(_ row: DeviceRow) -> DeviceIdentity {
    let parts = row.profile.split(separator: "/", maxSplits: 1).map(String.init)
    return DeviceIdentity(
      hubDevice: row.id, label: row.label, serialNumber: row.serialNumber, vendor: parts.first ?? "", model: parts.last ?? "",
      eui64: row.eui64)
  }

  /// The planned minute of the local day that is nearest to when the event came. Each day has its own offset from UTC: the
  /// clock may have been changed between the plan's minute and the event.
  private func plannedAt(_ dose: PlannedDose?, _ wall: WallTime) -> WallTime {
    guard let dose else { return .unknown }
    let civil = CivilClock(zone: zone)
    let day: Int64 = 86_400_000
    let local = wall.rawValue + Int64(civil.utcOffsetSeconds(at: wall)) * 1_000
    let midnight = local - ((local % day) + day) % day
    let candidates = [-day, 0, day].map { shift in
      let asUTC = WallTime(rawValue: midnight + shift + Int64(dose.minuteOfDay) * 60_000)
      let guess = asUTC.adding(milliseconds: -Int64(civil.utcOffsetSeconds(at: asUTC)) * 1_000)
      return asUTC.adding(milliseconds: -Int64(civil.utcOffsetSeconds(at: guess)) * 1_000)
    }
    return candidates.min { abs($0.rawValue - wall.rawValue) < abs($1.rawValue - wall.rawValue) } ?? .unknown
  }

  private var zone: TimeZone { TimeZone(identifier: configuration.hub.timeZone) ?? .gmt }
}

/// People, devices and staff as they were last read. Bound: the registry's own, some hundred bytes each.
private final class KnownSubjects: Sendable {
  private struct State {
    var patients: [PatientID: PatientRow] = [:]
    var devices: [DeviceID: DeviceRow] = [:]
    var actors: [ActorID: String] = [:]
    var records: [PatientID: PersonRecord] = [:]
    /// The registry's newest change when everybody was last read.
    var change: UInt64 = 0
  }
  private let state = Mutex(State())

  func patient(_ id: PatientID) -> PatientRow? { state.withLock { $0.patients[id] } }
  func device(_ id: DeviceID) -> DeviceRow? { state.withLock { $0.devices[id] } }
  func record(_ id: PatientID) -> PersonRecord? { state.withLock { $0.records[id] } }

  /// The name of who acted. For rows of the outbox, which are read from the disk in any case.
  func actor(_ id: ActorID, from reader: JournalReader) -> String? {
    if let name = state.withLock({ $0.actors[id] }) { return name }
    guard let rows = try? reader.actors() else { return nil }
    return state.withLock { state in
      for row in rows { state.actors[row.id] = row.displayName }
      return state.actors[id]
    }
  }

  func learn(_ patient: PatientID, _ device: DeviceID, from reader: JournalReader) {
    if patient != .none, let row = try? reader.patient(patient), let record = try? reader.record(of: patient)?.record ?? PersonRecord() {
      state.withLock { state in
        state.patients[patient] = row
        state.records[patient] = record
      }
    }
    if device != .none, let row = try? reader.device(device) { state.withLock { $0.devices[device] = row } }
  }

  /// Reads all people and devices once, so that a disk that fails later is not asked who they are.
  /// - Parameter ifChanged: only when the registry has changed since the last time.
  func learn(from reader: JournalReader, ifChanged: Bool = false) {
    let known = state.withLock { $0.change }
    guard let change = try? reader.lastRegistryChange(), !ifChanged || change != known,
      let patients = try? reader.patients(), let devices = try? reader.devices(),
      // Only what is new: each is a text to be read. Another journal, whose numbers stand lower, is read whole.
      let records = try? reader.newestRecords(after: change < known ? 0 : known)
    else { return }
    state.withLock { state in
      state.change = change
      for (patient, version) in records { state.records[patient] = version.record }
      for row in patients { state.patients[row.id] = row }
      for row in devices { state.devices[row.id] = row }
    }
  }
}

extension DoseRecord.Event {
  package init?(_ kind: DeviceEventKind) {
    switch kind {
    case .doseDispensed: self = .dispensed
    case .doseTaken: self = .taken
    case .doseAssisted: self = .assisted
    case .doseMissed: self = .missed
    case .doseRefused: self = .refused
    default: return nil
    }
  }
}

extension NationalID {
  /// D-numbers have 40 added to the day; common help numbers begin with 8 or 9.
  package init(digits: String) {
    switch digits.first {
    case "4", "5", "6", "7": self.init(kind: .dNumber, value: digits)
    case "8", "9": self.init(kind: .commonHelpNumber, value: digits)
    default: self.init(kind: .nationalIdentityNumber, value: digits)
    }
  }
}
