// The table that ties an observation's MDC code to LOINC, its usual unit and its name. Facts from the LOINC and
// ISO/IEEE 11073 tables. Not for the realtime path: it holds strings.

/// What every screen and every connector needs to know about one kind of observation.
public struct CodeSystemEntry: Sendable {
  public let code: ObservationCode
  /// LOINC code, or nil where LOINC has none for a home device.
  public let loinc: String?
  /// The MDC reference identifier.
  public let mdcName: String
  /// The unit in which devices usually report it.
  public let unit: UCUMUnit
  /// English display, as sent in FHIR `Coding.display`.
  public let display: String
  /// Short key for command lines, profiles and catalogues: `spo2`, `pulse`, …
  public let key: String
}

extension ObservationCode {
  // One row a code, so that the table reads as a table.
  // swift-format-ignore
  /// All codes that the product itself knows. Profiles may declare others.
  public static let known: [CodeSystemEntry] = [
    .init(code: .oxygenSaturation, loinc: "2708-6", mdcName: "MDC_PULS_OXIM_SAT_O2", unit: .percent, display: "Oxygen saturation", key: "spo2"),
    .init(code: .pulseRateOximeter, loinc: "8867-4", mdcName: "MDC_PULS_OXIM_PULS_RATE", unit: .perMinute, display: "Pulse rate", key: "pulse"),
    .init(code: .pulseRateCuff, loinc: "8867-4", mdcName: "MDC_PULS_RATE_NON_INV", unit: .perMinute, display: "Pulse rate", key: "pulseCuff"),
    .init(code: .heartRate, loinc: "8867-4", mdcName: "MDC_ECG_HEART_RATE", unit: .perMinute, display: "Heart rate", key: "heartRate"),
    .init(code: .systolic, loinc: "8480-6", mdcName: "MDC_PRESS_BLD_NONINV_SYS", unit: .millimetreOfMercury, display: "Systolic blood pressure", key: "systolic"),
    .init(code: .diastolic, loinc: "8462-4", mdcName: "MDC_PRESS_BLD_NONINV_DIA", unit: .millimetreOfMercury, display: "Diastolic blood pressure", key: "diastolic"),
    .init(code: .meanArterialPressure, loinc: "8478-0", mdcName: "MDC_PRESS_BLD_NONINV_MEAN", unit: .millimetreOfMercury, display: "Mean blood pressure", key: "meanPressure"),
    .init(code: .bodyTemperature, loinc: "8310-5", mdcName: "MDC_TEMP_BODY", unit: .degreeCelsius, display: "Body temperature", key: "temperature"),
    .init(code: .respirationRate, loinc: "9279-1", mdcName: "MDC_RESP_RATE", unit: .perMinute, display: "Respiratory rate", key: "respiration"),
    .init(code: .bodyWeight, loinc: "29463-7", mdcName: "MDC_MASS_BODY_ACTUAL", unit: .kilogram, display: "Body weight", key: "weight"),
    .init(code: .bodyHeight, loinc: "8302-2", mdcName: "MDC_LEN_BODY_ACTUAL", unit: .metre, display: "Body height", key: "height"),
    .init(code: .bodyMassIndex, loinc: "39156-5", mdcName: "MDC_RATIO_MASS_BODY_LEN_SQ", unit: .kilogramPerSquareMetre, display: "Body mass index", key: "bmi"),
    .init(code: .glucose, loinc: "15074-8", mdcName: "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", unit: .millimolePerLitre, display: "Glucose", key: "glucose"),
    .init(code: .batteryLevel, loinc: nil, mdcName: "MDC_ATTR_VAL_BATT_CHARGE", unit: .percent, display: "Battery level", key: "battery"),
    .init(code: .pulseAmplitudeIndex, loinc: "61006-3", mdcName: "MDC_BLD_PERF_INDEX", unit: .percent, display: "Perfusion index", key: "perfusion"),
    .init(code: .consciousness, loinc: "67775-7", mdcName: "KNUTEPUNKT_ACVPU", unit: .one, display: "Level of consciousness ACVPU", key: "consciousness"),
    .init(code: .supplementalOxygen, loinc: "3151-8", mdcName: "KNUTEPUNKT_SUPPLEMENTAL_OXYGEN", unit: .litrePerMinute, display: "Inhaled oxygen flow rate", key: "oxygen"),
  ]

  /// The table's row for this code, or nil for a code that only a profile declares.
  public var entry: CodeSystemEntry? { Self.known.first { $0.code == self } }

  /// The code with this short key (`spo2`), or nil.
  public init?(key: String) {
    guard let entry = Self.known.first(where: { $0.key == key }) else { return nil }
    self = entry.code
  }
}
