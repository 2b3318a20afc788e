// From committed rows, and from the core's own event, to what connectors are handed. A real journal in a temporary folder.

import Forwarding
import Foundation
import Journal
import JournalValues
import People
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console
@testable import CoreAPI
@testable import Delivery
@testable import HubConfiguration
@testable import HubRegistry
@testable import HubRuntime
@testable import LocalAPI

@Suite struct RecordBuilderTests {
  private let folder = TemporaryFolder()
  private let configuration: KnutepunktConfiguration
  private let writer: JournalWriter
  private var group = JournalGroup()
  private var next: UInt64 = 1

  init() throws {
    configuration = try Street.configuration(
      in: folder,
      """
      destinations:
        - { name: record, kind: fhir, url: "https://fhir.example.org/r4" }
        - { name: nurses, kind: webhook, url: "https://nurses.example.org", secretFile: s }
        - { name: nobody, kind: webhook, url: "https://nobody.example.org", secretFile: s }
      sharing:
        - { destination: record, controller: "974760673", share: [observations, scores, alerts, doses], patients: all, basis: a }
        - { destination: nurses, controller: "974760673", share: [alerts], patients: [P1], basis: b }
      """)
    writer = try JournalWriter(
      JournalConfiguration(path: folder.path + "/journal.sqlite", controller: Street.controller, ballastBytes: 0))
    try writer.setSharing(configuration.sharingRules)
    take(
      .registry(.patientAdded), at: 0, device: .none,
      JournalValues.Attachment(.patient(PatientDetails(name: "Kari Test", nationalID: Street.kariNationalID))))
    take(
      .registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))), at: 0, patient: .none,
      JournalValues.Attachment(
        .device(DeviceDetails(label: "Cuff", profile: "bridge/blood-pressure", address: "cuff-1", serialNumber: "S1"))))
    take(.registry(.deviceAssigned), at: 0)
  }

  private mutating func take(
    _ payload: IntakePayload, at seconds: Int64, wall: WallTime? = nil, patient: PatientID = Street.kari, device: DeviceID = Street.cuff,
    _ attachment: JournalValues.Attachment? = nil
  ) {
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: seconds * 1_000_000_000), wall: wall ?? Street.noon.adding(milliseconds: seconds * 1_000),
      device: device, patient: patient, payload: payload)
    entry.sequence = next
    next += 1
    group.append(entry, attachment: attachment)
  }

  private func pressure(_ code: ObservationCode, _ value: Int64) -> IntakePayload {
    .observation(Observation(code: code, value: Quantity(mantissa: value), unit: .millimetreOfMercury))
  }

  private func builder() throws -> RecordBuilder {
    RecordBuilder(
      configuration: configuration, reader: try JournalReader(path: folder.path + "/journal.sqlite"), sentences: try AlertSentences())
  }

  private func rules(_ name: String) throws -> SharingDestination {
    try #require(configuration.sharingRules.destinations.first { $0.name == name })
  }

  /// Commits, and gives the records of one lane as `name` gets them.
  private func records(_ name: String, _ lane: OutboxLane = .routine, as rules: SharingDestination? = nil) throws -> [DeliveryItem] {
    try writer.commit(group)
    let builder = try builder()
    let rows = try builder.reader.outboxPending(destination: stableNumber(of: name), lane: lane)
    let rules = try rules ?? self.rules(name)
    return rows.compactMap { builder.item($0, for: rules) }
  }

  // MARK: Observations

  @Test mutating func thePartsOfABloodPressureKnowTheirPanel() throws {
    take(pressure(.systolic, 128), at: 10)
    take(pressure(.diastolic, 82), at: 10)
    take(pressure(.meanArterialPressure, 97), at: 10)
    take(.observation(Observation(code: .pulseRateCuff, value: Quantity(mantissa: 72), unit: .perMinute)), at: 10)
    take(pressure(.systolic, 131), at: 11)
    let items = try records("record")
    let panels = items.map { item -> PressurePanel? in
      if case .observation(let record) = item.record { record.panel } else { nil }
    }
    // Sequences 4 to 6 are one measurement; the pulse is no pressure, and the last stands alone.
    let panel = PressurePanel(frame: 4, parts: 3)
    #expect(Array(panels.prefix(3)) == [panel, panel, panel])
    #expect(items.map(\.key.rawValue) == ["o/4", "o/5", "o/6", "o/7", "o/8"])
    guard case .observation(let first) = items[0].record, case .observation(let last) = items[4].record else {
      Issue.record("these are observations")
      return
    }
    #expect(last.panel?.parts != 3)
    #expect(first.observation.value == Quantity(mantissa: 128))
    #expect(first.receivedAt == Street.noon.adding(milliseconds: 10_000))
    #expect(first.measuredAt == .unknown)
    #expect(first.controller == Street.controller)
    #expect(
      first.device
        == DeviceIdentity(hubDevice: Street.cuff, label: "Cuff", serialNumber: "S1", vendor: "bridge", model: "blood-pressure"))
    #expect(first.patient.nationalID == NationalID(kind: .nationalIdentityNumber, value: Street.kariNationalID))
    #expect(first.patient.displayName == "Kari Test")
  }

  @Test(arguments: [(false, false), (true, false), (false, true), (true, true)])
  mutating func theIdentityThatTheAgreementWithholdsStaysHere(nationalID: Bool, name: Bool) throws {
    take(Street.spo2(97), at: 10)
    var narrowed = try rules("record")
    narrowed.agreements = [
      SharingPermission(
        controllers: [Street.controller], kinds: [.observation],
        parts: Set([nationalID ? .nationalID : nil, name ? .name : nil].compactMap(\.self)))
    ]
    guard case .observation(let record)? = try records("record", as: narrowed).first?.record else {
      Issue.record("there is an observation")
      return
    }
    #expect(record.patient.hubPatient == Street.kari)
    #expect((record.patient.nationalID != nil) == nationalID)
    #expect((record.patient.displayName != nil) == name)
  }

  /// Field by field: each part alone, and what is restricted with an open alert alone.
  @Test mutating func ofARecordGoesWhatTheAgreementNames() throws {
    let all = PersonRecord(
      stored: Dictionary(PersonField.allCases.map { ($0.key, "x") }, uniquingKeysWith: { first, _ in first }))
    for part in SharedPart.allCases {
      let shared = all.shared([part], withOpenAlert: true).fields.map(\.field)
      #expect(shared == PersonField.allCases.filter { SharedPart($0.section) == part }, "\(part)")
      #expect(shared.isEmpty == SharedPart.identity.contains(part))
      #expect(all.shared([part], withOpenAlert: false).fields.map(\.field) == shared.filter { !$0.isRestricted })
    }
    #expect(all.shared([], withOpenAlert: true).isEmpty)
  }

  @Test mutating func anObservationWhoseAgreementHasEndedHasNoForm() throws {
    take(Street.spo2(97), at: 10)
    var ended = try rules("record")
    ended.agreements = []
    #expect(try records("record", as: ended).isEmpty)
  }

  @Test(arguments: [
    ("01815090000", NationalID.Kind.nationalIdentityNumber), ("41815090185", .dNumber), ("81815090000", .commonHelpNumber),
  ])
  func kindsOfNationalIDs(digits: String, kind: NationalID.Kind) { #expect(NationalID(digits: digits).kind == kind) }

  // MARK: Doses

  /// Planned minute, when the event came (Oslo summer time is UTC+2), and which moment was planned.
  @Test(
    arguments: [
      // Five minutes to midnight, taken ten minutes after it: yesterday's dose.
      (1_435, "2026-06-01T22:10:00.000Z", "2026-06-01T21:55:00.000Z"),
      // Five past midnight, taken ten minutes before it: tomorrow's.
      (5, "2026-06-01T21:50:00.000Z", "2026-06-01T22:05:00.000Z"),
      (480, "2026-06-02T06:20:00.000Z", "2026-06-02T06:00:00.000Z"),
      (480, "2026-01-15T07:20:00.000Z", "2026-01-15T07:00:00.000Z"),
      // The evening before the clock goes forward, taken in the morning after it; and back: each day has its own offset.
      (1_380, "2026-03-29T02:30:00.000Z", "2026-03-28T22:00:00.000Z"),
      (1_380, "2026-10-25T02:30:00.000Z", "2026-10-24T21:00:00.000Z"),
    ] as [(UInt16, String, String)])
  mutating func aDoseBelongsToTheNearestPlannedMoment(minute: UInt16, came: String, planned: String) throws {
    take(.registry(.planItem(.dose(slot: 2, PlannedDose(minuteOfDay: minute, graceSeconds: 1_800)))), at: 1, device: .none)
    take(.event(DeviceEvent(kind: .doseTaken, detail: 2)), at: 10, wall: try wall(came))
    guard case .dose(let record)? = try records("record").first?.record else {
      Issue.record("there is a dose")
      return
    }
    #expect(record.event == .taken)
    #expect(record.slot == 2)
    #expect(record.occurredAt.description == came)
    #expect(record.plannedAt.description == planned)
  }

  @Test mutating func aDoseOfNoPlanHasNoPlannedMoment() throws {
    take(.event(DeviceEvent(kind: .doseRefused, detail: 0)), at: 10)
    guard case .dose(let record)? = try records("record").first?.record else {
      Issue.record("there is a dose")
      return
    }
    #expect(record.event == .refused)
    #expect(record.plannedAt == .unknown)
  }

  private func wall(_ text: String) throws -> WallTime {
    let date = try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text)
    return WallTime(rawValue: Int64((date.timeIntervalSince1970 * 1_000).rounded()))
  }

  // MARK: Alerts

  /// The outcome of the press that is the next entry.
  private func outcome(_ transition: AlertTransition) -> Outcome {
    Outcome(
      cause: next - 1, instant: MonotonicInstant(rawValue: 40_000_000_000), wall: Street.noon.adding(milliseconds: 40_000),
      patient: Street.kari, device: Street.cuff, payload: .alert(transition))
  }

  private func settings(_ name: String) throws -> KnutepunktConfiguration.DestinationSettings {
    try #require(configuration.destinations.first { $0.name == name })
  }

  @Test(arguments: [AlertTransitionKind.raised, .escalated])
  mutating func anAlertIsTheSameRecordBothWays(_ kind: AlertTransitionKind) throws {
    take(Street.sos, at: 40)
    let transition = transition(kind, firstCause: next - 1)
    let outcome = outcome(transition)
    group.append(outcome)
    guard case .alert(let stored)? = try records("nurses", .alarm).first?.record else {
      Issue.record("there is an alert")
      return
    }
    let builder = try builder()
    let registry = try Registry(profiles: [], reader: builder.reader)
    let event = API.Alert(transition, outcome, registry: registry, text: builder.sentences)
    let told = try #require(event.alertTransition)
    #expect(told == transition)
    let raw = try #require(event.transition)
    let nurses = try settings("nurses")
    let live = try #require(builder.alert(told, raw, for: nurses))
    #expect(live.key == stored.key)
    #expect(event.changeID == stored.key.rawValue)
    #expect(live.transition == stored.transition)
    #expect(live.instant == stored.instant)
    #expect(live.occurredAt == stored.occurredAt)
    #expect(live.patient == stored.patient)
    #expect(live.device == stored.device)
    #expect(live.controller == stored.controller)
    #expect(live.text == stored.text)
    #expect(!live.text.nb.isEmpty && live.text.nb != live.text.en)
    #expect(!live.text.nb.contains("Kari"))
  }

  /// The alarm lane never waits for the disk: who was added after the last reading is not looked up on the way.
  @Test mutating func anAlarmIsBuiltFromMemory() throws {
    try writer.commit(group)
    let builder = try builder()
    group = JournalGroup()
    take(
      .registry(.patientAdded), at: 1, patient: Street.ola, device: .none,
      JournalValues.Attachment(.patient(PatientDetails(name: "Ola Test", nationalID: nil))))
    try writer.commit(group)
    let registry = try Registry(profiles: [], reader: builder.reader)
    let transition = transition(.raised)
    var outcome = outcome(transition)
    outcome.patient = Street.ola
    let raw = try #require(API.Alert(transition, outcome, registry: registry, text: builder.sentences).transition)
    #expect(!builder.isKnown(raw))
    let early = try #require(builder.alert(transition, raw, for: try settings("record")))
    #expect(early.patient?.hubPatient == Street.ola && early.patient?.displayName == nil)
    builder.learn(raw)
    #expect(builder.isKnown(raw))
    #expect(builder.alert(transition, raw, for: try settings("record"))?.patient?.displayName == "Ola Test")
  }

  @Test mutating func withoutAnAgreementNoAlertIsBuilt() throws {
    try writer.commit(group)
    let builder = try builder()
    let registry = try Registry(profiles: [], reader: builder.reader)
    let transition = transition(.raised)
    var outcome = outcome(transition)
    let raw = try #require(API.Alert(transition, outcome, registry: registry, text: builder.sentences).transition)
    #expect(builder.alert(transition, raw, for: try settings("nobody")) == nil)
    // The nurses' agreement names Kari alone.
    outcome.patient = Street.ola
    let other = try #require(API.Alert(transition, outcome, registry: registry, text: builder.sentences).transition)
    #expect(builder.alert(transition, other, for: try settings("nurses")) == nil)
  }

  @Test func aNewerCoresWordsAreRefusedInsteadOfGuessed() throws {
    let outcome = outcome(transition(.raised))
    let registry = Registry(profiles: [], patients: [], devices: [])
    let event = API.Alert(transition(.raised), outcome, registry: registry, text: try AlertSentences())
    var unknown = event
    unknown.transition?.rule = .unknown(250)
    #expect(unknown.alertTransition == nil)
    unknown = event
    unknown.transition?.kind = .unknown(250)
    #expect(unknown.alertTransition == nil)
    unknown = event
    unknown.id = "none"
    #expect(unknown.alertTransition == nil)
    unknown = event
    unknown.transition = nil
    #expect(unknown.alertTransition == nil)
  }
}
