// Thousands of synthetic people at home, each with an oximeter, a cuff and a thermometer, and the values they send: a
// slow walk about each person's own normal, so that scores change as seldom as they do in life. Reproducible: the same
// seed gives the same entries. No real person stands behind any number.

import RealtimeCore
import VitalSigns

/// People, devices, and an endless stream of their observations.
struct Population {
  /// Devices of one person.
  static let devicesPerPatient = 3
  /// Signals of one person in a second, as docs/architecture.md counts a full hub.
  static let signalsPerSecond = 2

  let patients: Int
  private(set) var sequence: UInt64 = 0
  private(set) var instant: Int64
  private var wall: Int64
  private var nanosecondsOverMilliseconds: Int64 = 0
  /// Between two observations of all people together, nanoseconds.
  private let step: Int64
  private var random: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var values: [Vitals]

  /// What one person's devices would show now.
  private struct Vitals {
    var saturation: Int8
    var pulse: Int16
    var respiration: Int8
    var systolic: Int16
    /// Tenths of a degree.
    var temperature: Int16

    init(number: Int) {
      // Every twentieth lives with a chronic lung disease.
      saturation = number % 20 == 0 ? 91 : 96
      pulse = 62 + Int16(number % 24)
      respiration = 14 + Int8(number % 4)
      systolic = 118 + Int16(number % 25)
      temperature = 365 + Int16(number % 7)
    }
  }

  /// - Parameters:
  ///   - instant: the hub's timeline at the first entry, nanoseconds.
  ///   - wall: the wall clock then, milliseconds since 1970.
  ///   - step: nanoseconds between two observations of all people together; nil: those of a full hub.
  init(patients: Int, instant: Int64 = 1_000_000_000, wall: Int64 = 1_767_225_600_000, step: Int64? = nil) {
    self.patients = patients
    self.instant = instant
    self.wall = wall
    self.step = step ?? 1_000_000_000 / Int64(patients * Self.signalsPerSecond)
    values = (0..<patients).map { Vitals(number: $0) }
  }

  /// Room for everybody, and for the alerts that a bad day brings.
  static func coreConfiguration(patients: Int, salt: UInt64 = 0) -> CoreConfiguration {
    CoreConfiguration(patientsMax: patients, devicesMax: patients * devicesPerPatient, alertsMax: 1_024, hubSalt: salt)
  }

  // MARK: Registration

  /// What makes the people known to the core: the clock, each person, plan and devices, and one entry by staff (alert,
  /// as NEWS2 asks). In order.
  mutating func registration() -> [IntakeEntry] {
    var entries = [entry(.clock(ClockAnchor(utcOffsetSeconds: 3_600)))]
    for number in 1...UInt32(patients) {
      let patient = PatientID(rawValue: number)
      entries.append(entry(.registry(.patientAdded), patient: patient))
      entries.append(entry(.registry(.planItem(.oxygen(.air))), patient: patient))
      if number % 20 == 1 { entries.append(entry(.registry(.planItem(.spo2Scale(.scale2))), patient: patient)) }
      if number % 4 == 0 {
        let limits = PlanLimits(redLow: 85, yellowLow: 88, delaySeconds: 60, hysteresis: 1)
        entries.append(entry(.registry(.planItem(.limits(.oxygenSaturation, limits))), patient: patient))
      }
      for index in 0..<UInt32(Self.devicesPerPatient) {
        let device = Self.device(of: number, index)
        let liveness = DeviceLiveness(expectedIntervalSeconds: 86_400, isContinuous: index == 0)
        entries.append(entry(.registry(.deviceAdded(liveness)), device: device))
        entries.append(entry(.registry(.deviceAssigned), device: device, patient: patient))
      }
      entries.append(
        entry(
          .observation(Observation(code: .consciousness, value: Quantity(mantissa: 0), unit: .one, origin: .staff)), patient: patient))
    }
    return entries
  }

  /// Device 0 is the oximeter, 1 the cuff, 2 the thermometer.
  static func device(of patient: UInt32, _ index: UInt32) -> DeviceID {
    DeviceID(rawValue: (patient - 1) * UInt32(devicesPerPatient) + index + 1)
  }

  // MARK: Observations

  /// The next observation of somebody: mostly the oximeter's saturation and pulse, sometimes respiration, pressure, temperature.
  mutating func next() -> IntakeEntry {
    advance()
    let draw = nextRandom()
    let person = Int(truncatingIfNeeded: (draw >> 32) % UInt64(patients))
    // One value in sixteen moves by one step.
    let drift: Int16 = draw & 0xF == 0 ? (draw & 0x10 == 0 ? 1 : -1) : 0
    let kind = (draw >> 8) & 0xFF
    let (code, mantissa, exponent, unit, device): (ObservationCode, Int64, Int8, UCUMUnit, UInt32)
    switch kind {
    case 0..<108:
      let normal = Int8(person % 20 == 0 ? 91 : 96)
      values[person].saturation = min(max(values[person].saturation + Int8(drift), normal - 2), normal + 2)
      (code, mantissa, exponent, unit, device) = (.oxygenSaturation, Int64(values[person].saturation), 0, .percent, 0)
    case 108..<216:
      values[person].pulse = min(max(values[person].pulse + drift, 54), 96)
      (code, mantissa, exponent, unit, device) = (.pulseRateOximeter, Int64(values[person].pulse), 0, .perMinute, 0)
    case 216..<236:
      values[person].respiration = min(max(values[person].respiration + Int8(drift), 12), 21)
      (code, mantissa, exponent, unit, device) = (.respirationRate, Int64(values[person].respiration), 0, .perMinute, 0)
    case 236..<248:
      values[person].systolic = min(max(values[person].systolic + drift, 108), 168)
      (code, mantissa, exponent, unit, device) = (.systolic, Int64(values[person].systolic), 0, .millimetreOfMercury, 1)
    default:
      values[person].temperature = min(max(values[person].temperature + drift, 361), 382)
      (code, mantissa, exponent, unit, device) = (.bodyTemperature, Int64(values[person].temperature), -1, .degreeCelsius, 2)
    }
    return entry(
      .observation(Observation(code: code, value: Quantity(mantissa: mantissa, exponent: exponent), unit: unit)),
      device: Self.device(of: UInt32(person) + 1, device))
  }

  /// Numbers and times an entry that was made before as the next one.
  mutating func restamp(_ entry: inout IntakeEntry) {
    advance()
    sequence += 1
    entry.sequence = sequence
    entry.instant = MonotonicInstant(rawValue: instant)
    entry.wall = WallTime(rawValue: wall)
    entry.patient = .none
  }

  private mutating func advance() {
    instant += step
    nanosecondsOverMilliseconds += step
    if nanosecondsOverMilliseconds >= 1_000_000 {
      wall += nanosecondsOverMilliseconds / 1_000_000
      nanosecondsOverMilliseconds %= 1_000_000
    }
  }

  private mutating func entry(_ payload: IntakePayload, device: DeviceID = .none, patient: PatientID = .none) -> IntakeEntry {
    sequence += 1
    var entry = IntakeEntry(
      instant: MonotonicInstant(rawValue: instant), wall: WallTime(rawValue: wall), device: device, patient: patient, payload: payload)
    entry.sequence = sequence
    return entry
  }

  /// xorshift64*: fast, and the same everywhere.
  private mutating func nextRandom() -> UInt64 {
    random ^= random >> 12
    random ^= random << 25
    random ^= random >> 27
    return random &* 0x2545_F491_4F6C_DD1D
  }
}
