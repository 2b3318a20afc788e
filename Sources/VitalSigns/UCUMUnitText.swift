// UCUM codes as text. Not for the realtime path: it makes strings.

extension UCUMUnit {
  /// The case-sensitive UCUM code: what FHIR's `Quantity.code` and a profile's `unit:` hold.
  public var code: String {
    switch self {
    case .one: "1"
    case .percent: "%"
    case .perMinute: "/min"
    case .millimetreOfMercury: "mm[Hg]"
    case .kilopascal: "kPa"
    case .degreeCelsius: "Cel"
    case .degreeFahrenheit: "[degF]"
    case .kilogram: "kg"
    case .pound: "[lb_av]"
    case .millimolePerLitre: "mmol/L"
    case .milligramPerDecilitre: "mg/dL"
    case .litrePerMinute: "L/min"
    case .metre: "m"
    case .second: "s"
    case .kilogramPerSquareMetre: "kg/m2"
    case .kilojoule: "kJ"
    case .inch: "[in_i]"
    case .volt: "V"
    case .minute: "min"
    case .metrePerSecond: "m/s"
    case .lux: "lx"
    }
  }

  /// The sign that people read beside a number.
  public var sign: String {
    switch self {
    case .one: ""
    case .percent: "%"
    case .perMinute: "/min"
    case .millimetreOfMercury: "mmHg"
    case .degreeCelsius: "°C"
    case .degreeFahrenheit: "°F"
    case .pound: "lb"
    case .inch: "in"
    case .kilogramPerSquareMetre: "kg/m²"
    default: code
    }
  }

  /// The unit with this UCUM code, or nil.
  public init?(code: some StringProtocol) {
    guard let unit = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = unit
  }
}
