// Records as the gateway hands them over. Synthetic persons only: the month of the national id is raised by 80.

import Forwarding
import People
import VitalSigns

@testable import FHIRForwarder

enum Sample {
  static let hub = HubIdentity(id: "hub-7", name: "Knutepunkt", eui64: "0123456789abcdef")
  static let time = WallTime(rawValue: 1_769_862_896_789)  // 2026-01-31T12:34:56.789Z
  static let patient = PatientIdentity(
    hubPatient: PatientID(rawValue: 7), nationalID: NationalID(kind: .nationalIdentityNumber, value: "13815012345"),
    displayName: "Line Danser")
  static let device = DeviceIdentity(
    hubDevice: DeviceID(rawValue: 12), label: "Oximeter, bedroom", serialNumber: "SN-00418", vendor: "Nonin", model: "3230",
    eui64: "001c050100654321")

  static func observation(
    _ sequence: UInt64, _ code: ObservationCode, _ mantissa: Int64, _ exponent: Int8 = 0, _ unit: UCUMUnit,
    quality: ObservationQuality = [], origin: ObservationOrigin = .device, panel: PressurePanel? = nil, measured: WallTime = time,
    interpretation: ObservationInterpretation? = nil
  ) -> DeliveryItem {
    let isDevice = origin == .device
    return item(
      .observation(
        ObservationRecord(
          sequence: sequence,
          observation: Observation(
            code: code, value: Quantity(mantissa: mantissa, exponent: exponent), unit: unit, quality: quality, origin: origin),
          patient: patient, device: isDevice ? device : nil, controller: "964338531", measuredAt: measured,
          deviceTime: measured == .unknown ? .none : .epoch(measured), receivedAt: time.adding(milliseconds: 1500), panel: panel,
          interpretation: interpretation)))
  }

  static func item(_ record: DeliveryRecord) -> DeliveryItem { DeliveryItem(row: nil, record: record) }

  /// One value of each kind that the product knows, in its usual unit.
  static var everyVitalSign: [DeliveryItem] {
    ObservationCode.known.enumerated().map { index, entry in
      let byPerson = entry.code == .consciousness || entry.code == .supplementalOxygen
      let value: (Int64, Int8) =
        switch entry.unit {
        case .degreeCelsius: (3660, -2)
        case .one: (2, 0)
        case .litrePerMinute: (15, -1)
        case .kilogram: (814, -1)
        default: (97, 0)
        }
      return observation(UInt64(100 + index), entry.code, value.0, value.1, entry.unit, origin: byPerson ? .staff : .device)
    }
  }

  static func panel(frame: UInt64, mean: Bool = true) -> [DeliveryItem] {
    let panel = PressurePanel(frame: frame, parts: mean ? 3 : 2)
    let parts = [
      observation(frame, .systolic, 132, 0, .millimetreOfMercury, panel: panel),
      observation(frame + 1, .diastolic, 84, 0, .millimetreOfMercury, panel: panel),
      observation(frame + 2, .meanArterialPressure, 100, 0, .millimetreOfMercury, panel: panel),
    ]
    return mean ? parts : Array(parts.prefix(2))
  }

  static func score(complete: Bool, inputs: [ScoreRecord.Input] = [], scale: SpO2Scale = .scale1) -> DeliveryItem {
    var score = NEWS2Score()
    score.scale = scale
    score.low = 7
    score.high = complete ? 7 : 12
    score.band = .high
    score.missing = complete ? 0 : 0b000_0101
    for index in 0..<7 { score.points[index] = complete || score.missing & (1 << index) == 0 ? 1 : -1 }
    return item(
      .score(
        ScoreRecord(
          score: score, instant: MonotonicInstant(rawValue: 5_000), cause: 7, scoredAt: time, patient: patient, controller: "964338531",
          inputs: inputs)))
  }

  static func alert(
    _ state: AlertState, _ kind: AlertTransitionKind, from previous: AlertState = .raised, rule: AlertRule = .news2High,
    patient: PatientIdentity? = patient, instant: Int64 = 9_000, evidence: [AlertRecord.Evidence] = []
  ) -> DeliveryItem {
    let transition = AlertTransition(
      id: AlertID(high: 0x0123_4567_89ab_cdef, low: 0x0fed_cba9_8765_4321), rule: rule, priority: .high, state: state,
      previous: previous, kind: kind, level: 1, deadline: .never, firstCause: 100, raisedAt: MonotonicInstant(rawValue: 9_000),
      value: 7, limit: 7, subject: 0, actor: .hub)
    return item(
      .alert(
        AlertRecord(
          transition: transition, instant: MonotonicInstant(rawValue: instant), occurredAt: time.adding(milliseconds: 60_000),
          raisedAt: time, patient: patient, device: device, controller: "964338531", evidence: evidence,
          text: AlertRecord.Text(nb: "NEWS2 er 7: ring straks", nn: "NEWS2 er 7: ring straks", en: "NEWS2 is 7: call now"))))
  }

  /// An alert and a value of somebody with a whole record.
  static var withRecord: [DeliveryItem] {
    var known = patient
    known.record = PersonRecord(stored: [
      "birthDate": "1941-05-17", "street": "Storgata 1", "postalCode": "0155", "city": "Oslo", "phone.1": "22225555", "language": "nb",
      "gp.name": "Dr. Strand", "gp.clinic": "Sentrum legekontor", "kin.1.name": "Per", "kin.1.relation": "sønn", "kin.1.phone": "90000000",
      "kin.1.consent": "yes", "kin.2.name": "Ola", "kin.2.consent": "no", "kin.3.name": "Anne", "kin.3.phone": "90000003",
      "kin.3.consent": "yes", "critical": "Penicillin",
    ])
    var value = observation(1, .oxygenSaturation, 97, 0, .percent)
    if case .observation(var record) = value.record {
      record.patient = known
      value = item(.observation(record))
    }
    return [value, alert(.raised, .raised, patient: known)]
  }

  static func dose(_ sequence: UInt64, _ event: DoseRecord.Event) -> DeliveryItem {
    item(
      .dose(
        DoseRecord(
          sequence: sequence, event: event, slot: 2, occurredAt: time, plannedAt: time.adding(milliseconds: -600_000),
          patient: patient, device: device, controller: "964338531")))
  }
}
