// From the journal's rows, or from the core's own event, to the neutral records that connectors are handed. What the
// destination's agreement does not cover is left out here.

import Console
import DeviceProfile
import Forwarding
import Foundation
import Journal
import Synchronization
import VitalSigns

/// Builds records for one process. Any thread; looks up people and devices in the journal.
struct RecordBuilder: Sendable {
  let configuration: KnutepunktConfiguration
  let reader: JournalReader
  let sentences: AlertSentences
  private let known = KnownSubjects()

  init(configuration: KnutepunktConfiguration, reader: JournalReader, sentences: AlertSentences) {
    self.configuration = configuration
    self.reader = reader
    self.sentences = sentences
    known.learn(from: reader)
  }

  /// The item that one outbox row asks for; nil for a record that this kind of destination has no form for.
  func item(_ row: OutboxItem, for rules: SharingDestination) -> DeliveryItem? {
    let patient = row.patient.flatMap { identity($0, row.kind, rules) }
    switch row.content {
    case .observation(let observation, let frame):
      guard let patient else { return nil }
      return DeliveryItem(row: row.row, record: .observation(record(observation, frame, patient, row.device)))
    case .score(let score, let sources, let frames):
      guard let patient else { return nil }
      var inputs: [ScoreRecord.Input] = []
      for parameter in NEWS2Parameter.allCases {
        let index = Int(parameter.rawValue)
        guard let source = sources[index] else { continue }
        inputs.append(.init(parameter: parameter, sequence: source.sequence, panel: panel(frames[index] ?? [])))
      }
      return DeliveryItem(
        row: row.row,
        record: .score(
          ScoreRecord(
            score: score.score, instant: score.instant, cause: score.cause, scoredAt: score.wall, patient: patient,
            controller: score.controller, inputs: inputs)))
    case .alert(let transition, let alert, let evidence):
      guard rules.identity(for: .alert, controller: alert.controller, patient: row.patient?.id ?? .none) != nil else { return nil }
      let record = AlertRecord(
        transition: transition.transition, instant: transition.instant, occurredAt: transition.wall,
        raisedAt: alert.raisedWall ?? alert.firstWall, patient: patient, device: row.device.map(identity), controller: alert.controller,
        evidence: evidence.map { AlertRecord.Evidence(sequence: $0.sequence) },
        text: text(transition.transition, raisedAt: alert.raisedWall ?? alert.firstWall))
      return DeliveryItem(row: row.row, record: .alert(record))
    case .dose(let event, let planned):
      guard let patient, let kind = DoseRecord.Event(event.event.kind) else { return nil }
      let record = DoseRecord(
        sequence: event.sequence, event: kind, slot: UInt8(clamping: event.event.detail),
        occurredAt: event.measuredAt == .unknown ? event.wall : event.measuredAt, plannedAt: plannedAt(planned, event.wall),
        patient: patient, device: row.device.map(identity), controller: event.controller)
      return DeliveryItem(row: row.row, record: .dose(record))
    case .location:
      // Where somebody is goes out under an open alert or a granted look-up only; no destination here asks for it.
      return nil
    }
  }

  /// An alert's change straight from the core. Nil when no agreement lets this destination have it.
  ///
  /// Needs no disk for whom it has seen before. Who was never seen and cannot be read goes without name and number, under
  /// the hub's own agreement: a call for help from "person P7" is better than none.
  func alert(
    _ transition: AlertTransition, _ raw: API.Transition, for settings: KnutepunktConfiguration.DestinationSettings
  ) -> AlertRecord? {
    guard let rules = configuration.sharingRules.destinations.first(where: { $0.name == settings.name }) else { return nil }
    var controller = configuration.hub.controller
    var patient: PatientIdentity?
    if raw.patient != 0 {
      let id = PatientID(rawValue: raw.patient)
      if let row = known.patient(id, from: reader) {
        controller = row.controller
        patient = identity(row, .alert, rules)
      } else {
        patient = PatientIdentity(hubPatient: id, nationalID: nil, displayName: nil)
      }
    }
    guard rules.identity(for: .alert, controller: controller, patient: PatientID(rawValue: raw.patient)) != nil else { return nil }
    let device = raw.device == 0 ? nil : known.device(DeviceID(rawValue: raw.device), from: reader).map(identity)
    return AlertRecord(
      transition: transition, instant: MonotonicInstant(rawValue: raw.instant), occurredAt: WallTime(rawValue: raw.wall),
      raisedAt: WallTime(rawValue: raw.raisedWall), patient: patient, device: device, controller: controller,
      evidence: transition.firstCause == 0 ? [] : [AlertRecord.Evidence(sequence: transition.firstCause)],
      text: text(transition, raisedAt: WallTime(rawValue: raw.raisedWall)))
  }

  // MARK: Parts

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

  private func identity(_ row: PatientRow, _ kind: RecordKind, _ rules: SharingDestination) -> PatientIdentity? {
    guard let allowed = rules.identity(for: kind, controller: row.controller, patient: row.id) else { return nil }
    return PatientIdentity(
      hubPatient: row.id, nationalID: allowed.nationalID ? row.nationalID.map(NationalID.init(digits:)) : nil,
      displayName: allowed.name ? row.name : nil)
  }

  private func identity(_ row: DeviceRow) -> DeviceIdentity {
    let parts = row.profile.split(separator: "/", maxSplits: 1).map(String.init)
    return DeviceIdentity(
      hubDevice: row.id, label: row.label, serialNumber: row.serialNumber, vendor: parts.first ?? "", model: parts.last ?? "",
      eui64: row.eui64)
  }

  /// The planned minute of the local day that is nearest to when the event came.
  private func plannedAt(_ dose: PlannedDose?, _ wall: WallTime) -> WallTime {
    guard let dose else { return .unknown }
    let civil = CivilClock(zone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt)
    let offset = Int64(civil.utcOffsetSeconds(at: wall)) * 1_000
    let day: Int64 = 86_400_000
    let local = wall.rawValue + offset
    let midnight = local - ((local % day) + day) % day
    let candidates = [-day, 0, day].map { midnight + $0 + Int64(dose.minuteOfDay) * 60_000 }
    let nearest = candidates.min { abs($0 - local) < abs($1 - local) } ?? local
    return WallTime(rawValue: nearest - offset)
  }
}

/// People and devices as they were last read. Bound: the registry's own, some hundred bytes each.
private final class KnownSubjects: Sendable {
  private struct State {
    var patients: [PatientID: PatientRow] = [:]
    var devices: [DeviceID: DeviceRow] = [:]
  }
  private let state = Mutex(State())

  func patient(_ id: PatientID, from reader: JournalReader) -> PatientRow? {
    guard let row = try? reader.patient(id) else { return state.withLock { $0.patients[id] } }
    state.withLock { $0.patients[id] = row }
    return row
  }

  func device(_ id: DeviceID, from reader: JournalReader) -> DeviceRow? {
    guard let row = try? reader.device(id) else { return state.withLock { $0.devices[id] } }
    state.withLock { $0.devices[id] = row }
    return row
  }

  /// Reads everybody once, so that a disk that fails later is not asked who they are.
  func learn(from reader: JournalReader) {
    guard let patients = try? reader.patients(), let devices = try? reader.devices() else { return }
    state.withLock { state in
      for row in patients { state.patients[row.id] = row }
      for row in devices { state.devices[row.id] = row }
    }
  }
}

extension DoseRecord.Event {
  init?(_ kind: DeviceEventKind) {
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
  init(digits: String) {
    switch digits.first {
    case "4", "5", "6", "7": self.init(kind: .dNumber, value: digits)
    case "8", "9": self.init(kind: .commonHelpNumber, value: digits)
    default: self.init(kind: .nationalIdentityNumber, value: digits)
    }
  }
}
