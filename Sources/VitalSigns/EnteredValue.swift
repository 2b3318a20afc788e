// The values that a person may enter by hand: which they are, the least and the most that can be meant, and how they are
// written. The command line and the core read the same table, so neither offers what the other refuses.

public enum EnteredValue {
  /// A value that is entered as a decimal.
  public struct Decimal: Sendable {
    /// The key of the table of observation codes. The pulse is the exception: a person counts it as a cuff does, so it has the
    /// cuff's code.
    public let key: String
    public let code: ObservationCode
    public let unit: UCUMUnit
    /// In the unit of `code`'s row, both ends included.
    public let range: ClosedRange<Int64>

    /// `20 to 45 °C`.
    public var allowed: String { "\(range.lowerBound) to \(range.upperBound) \(unit.sign)" }
  }

  /// Why a value is not taken. `text` names the value and what is allowed.
  public struct Refusal: Error, Sendable, Hashable {
    public var text: String
    /// Whether the text is a number, only none that can be meant. False: nobody can say what the text is.
    public var isNumber: Bool
  }

  public static let decimals = [
    Decimal(key: "spo2", code: .oxygenSaturation, unit: .percent, range: 1...100),
    Decimal(key: "pulse", code: .pulseRateCuff, unit: .perMinute, range: 1...300),
    Decimal(key: "systolic", code: .systolic, unit: .millimetreOfMercury, range: 20...320),
    Decimal(key: "diastolic", code: .diastolic, unit: .millimetreOfMercury, range: 10...250),
    Decimal(key: "temperature", code: .bodyTemperature, unit: .degreeCelsius, range: 20...45),
    Decimal(key: "respiration", code: .respirationRate, unit: .perMinute, range: 0...99),
    Decimal(key: "weight", code: .bodyWeight, unit: .kilogram, range: 1...400),
    Decimal(key: "glucose", code: .glucose, unit: .millimolePerLitre, range: 0...60),
  ]

  /// What people write for "no oxygen", in small letters.
  private static let airWords = ["air", "luft", "no", "nei"]
  /// The most oxygen that a home device gives is some 15 L/min; high-flow therapy reaches 60.
  private static let litresMax: Int64 = 60

  /// The value as an observation. Decimals have a point; letters and words may be written in either case.
  public static func observation(_ key: String, _ text: String, origin: ObservationOrigin) throws(Refusal) -> Observation {
    switch key {
    case "consciousness":
      guard let level = Consciousness(letter: text.uppercased()) else {
        let allowed = Consciousness.allCases.map(\.explained).joined(separator: ", ")
        throw Refusal(text: "consciousness is \(text.debugDescription); allowed: \(allowed)", isNumber: false)
      }
      return Observation(code: .consciousness, value: Quantity(mantissa: Int64(level.rawValue)), unit: .one, origin: origin)
    case "oxygen":
      let flow = airWords.contains(text.lowercased()) ? Quantity(mantissa: 0) : Quantity(decimal: text)
      guard let flow, let tenths = flow.rounded(toExponent: -1), (0...10 * litresMax).contains(tenths) else {
        throw Refusal(
          text: "oxygen is \(text.debugDescription); allowed: air, or the flow in litres a minute, 0 to \(litresMax)", isNumber: flow != nil
        )
      }
      return Observation(code: .supplementalOxygen, value: flow, unit: .litrePerMinute, origin: origin)
    default:
      guard let row = decimals.first(where: { $0.key == key }) else {
        let keys = decimals.map(\.key).joined(separator: ", ")
        throw Refusal(text: "\(key.debugDescription) cannot be entered; allowed: \(keys), consciousness, oxygen", isNumber: false)
      }
      let value = Quantity(decimal: text)
      // Thousandths are compared, because a value that only rounds into the range does not lie in it.
      guard let value, value.mantissa >= 0, let thousandths = value.rounded(toExponent: -3),
        (row.range.lowerBound * 1_000...row.range.upperBound * 1_000).contains(thousandths)
      else {
        throw Refusal(text: "\(key) is \(text.debugDescription); allowed: \(row.allowed)", isNumber: value != nil)
      }
      return Observation(code: row.code, value: value, unit: row.unit, origin: origin)
    }
  }
}
