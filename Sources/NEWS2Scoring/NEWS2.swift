// The National Early Warning Score 2 as a pure function. Source: Royal College of Physicians, National Early Warning
// Score (NEWS) 2, December 2017; attribution is due, the chart is not to be modified.
//
// Vocabulary: a step is the unit in which a parameter scores (whole /min, %, mmHg; tenths of °C). What is missing never
// counts as 0: the score is then an interval. Not here: where inputs come from and how long they stay valid.

public import VitalSigns

/// The inputs of one score, in steps, already rounded half up (`Quantity.steps`). Nil is missing. Realtime-safe.
public struct NEWS2Inputs: Sendable, Hashable {
  /// Breaths per minute.
  public var respiration: Int32?
  /// Per cent.
  public var oxygenSaturation: Int32?
  /// Whether the person breathes supplemental oxygen.
  public var supplementalOxygen: Bool?
  /// mmHg.
  public var systolic: Int32?
  /// Beats per minute.
  public var pulse: Int32?
  /// 0 Alert, 1 Confusion (new), 2 Voice, 3 Pain, 4 Unresponsive.
  public var consciousness: Int32?
  /// Tenths of a degree Celsius.
  public var temperature: Int32?
  /// Scale 2 only by a recorded prescription.
  public var scale: SpO2Scale

  @_noLocks public init(
    respiration: Int32? = nil, oxygenSaturation: Int32? = nil, supplementalOxygen: Bool? = nil, systolic: Int32? = nil,
    pulse: Int32? = nil, consciousness: Int32? = nil, temperature: Int32? = nil, scale: SpO2Scale = .scale1
  ) {
    self.respiration = respiration
    self.oxygenSaturation = oxygenSaturation
    self.supplementalOxygen = supplementalOxygen
    self.systolic = systolic
    self.pulse = pulse
    self.consciousness = consciousness
    self.temperature = temperature
    self.scale = scale
  }
}

/// The RCP's chart.
public enum NEWS2 {
  /// What can be a measurement at all, in steps. Wide on purpose: 0 is what a dying person's sensor says too, and a device
  /// that means "no signal" by 0 says so in its profile. Outside: the remark `outOfRange`, never a score.
  @_noLocks public static func possibleRange(of parameter: NEWS2Parameter) -> ClosedRange<Int32> {
    switch parameter {
    case .respiration: 0...200
    case .oxygenSaturation: 0...100
    case .supplementalOxygen: 0...100
    case .systolic: 0...400
    case .pulse: 0...400
    case .consciousness: 0...4
    case .temperature: 100...500
    }
  }

  /// Scores `inputs`. Sources and trend are left empty. Realtime-safe.
  ///
  /// Complete: `low == high`. Incomplete: `low` is the sum of what is known, `high` adds 3 for each missing input and 2 for
  /// missing oxygen. On scale 2 with oxygen unknown a SpO₂ ≥ 93 lies between 0 (on air) and its points on oxygen.
  @_noLocks public static func score(_ inputs: NEWS2Inputs) -> NEWS2Score {
    var sum = Summation(scale: inputs.scale)
    if let value = inputs.respiration { sum.known(.respiration, respirationPoints(value)) } else { sum.missing(.respiration, most: 3) }
    saturation(inputs, &sum)
    if let oxygen = inputs.supplementalOxygen {
      sum.known(.supplementalOxygen, oxygen ? 2 : 0)
    } else {
      sum.missing(.supplementalOxygen, most: 2)
    }
    if let value = inputs.systolic { sum.known(.systolic, systolicPoints(value)) } else { sum.missing(.systolic, most: 3) }
    if let value = inputs.pulse { sum.known(.pulse, pulsePoints(value)) } else { sum.missing(.pulse, most: 3) }
    if let value = inputs.consciousness { sum.known(.consciousness, value == 0 ? 0 : 3) } else { sum.missing(.consciousness, most: 3) }
    if let value = inputs.temperature { sum.known(.temperature, temperaturePoints(value)) } else { sum.missing(.temperature, most: 3) }
    return sum.finished()
  }

  @_noLocks private static func saturation(_ inputs: NEWS2Inputs, _ sum: inout Summation) {
    guard let value = inputs.oxygenSaturation else { return sum.missing(.oxygenSaturation, most: 3) }
    guard inputs.scale == .scale2 else { return sum.known(.oxygenSaturation, scale1Points(value)) }
    let onOxygen = scale2Points(value, onOxygen: true)
    let onAir = scale2Points(value, onOxygen: false)
    switch inputs.supplementalOxygen {
    case .some(true): sum.known(.oxygenSaturation, onOxygen)
    case .some(false): sum.known(.oxygenSaturation, onAir)
    case .none where onOxygen == onAir: sum.known(.oxygenSaturation, onAir)
    case .none: sum.uncertain(most: onOxygen)
    }
  }

  @_noLocks static func respirationPoints(_ perMinute: Int32) -> Int8 {
    switch perMinute {
    case ...8: 3
    case 9...11: 1
    case 12...20: 0
    case 21...24: 2
    default: 3
    }
  }

  @_noLocks static func scale1Points(_ percent: Int32) -> Int8 {
    switch percent {
    case ...91: 3
    case 92...93: 2
    case 94...95: 1
    default: 0
    }
  }

  @_noLocks static func scale2Points(_ percent: Int32, onOxygen: Bool) -> Int8 {
    switch percent {
    case ...83: 3
    case 84...85: 2
    case 86...87: 1
    case 88...92: 0
    case 93...94: onOxygen ? 1 : 0
    case 95...96: onOxygen ? 2 : 0
    default: onOxygen ? 3 : 0
    }
  }

  @_noLocks static func systolicPoints(_ millimetresOfMercury: Int32) -> Int8 {
    switch millimetresOfMercury {
    case ...90: 3
    case 91...100: 2
    case 101...110: 1
    case 111...219: 0
    default: 3
    }
  }

  @_noLocks static func pulsePoints(_ perMinute: Int32) -> Int8 {
    switch perMinute {
    case ...40: 3
    case 41...50: 1
    case 51...90: 0
    case 91...110: 1
    case 111...130: 2
    default: 3
    }
  }

  @_noLocks static func temperaturePoints(_ tenthsOfCelsius: Int32) -> Int8 {
    switch tenthsOfCelsius {
    case ...350: 3
    case 351...360: 1
    case 361...380: 0
    case 381...390: 1
    default: 2
    }
  }

  /// The RCP's response category of a sum: the lower bound's, so that what is missing never hides an alarm.
  @_noLocks package static func band(low: UInt8, singleThree: Bool) -> NEWS2Band {
    switch low {
    case 7...: .high
    case 5...: .medium
    default: singleThree ? .lowMedium : low > 0 ? .low : .none
    }
  }
}

/// Adds up points and keeps the two bounds.
private struct Summation {
  private var score = NEWS2Score()
  private var singleThree = false

  @_noLocks init(scale: SpO2Scale) {
    score.scale = scale
    score.missing = 0
  }

  @_noLocks mutating func known(_ parameter: NEWS2Parameter, _ points: Int8) {
    score.points[Int(parameter.rawValue)] = points
    score.low += UInt8(points)
    score.high += UInt8(points)
    if points == 3 { singleThree = true }
  }

  @_noLocks mutating func missing(_ parameter: NEWS2Parameter, most: UInt8) {
    score.missing |= 1 << parameter.rawValue
    score.high += most
  }

  /// Measured, but what it scores depends on an input that is missing.
  @_noLocks mutating func uncertain(most: Int8) { score.high += UInt8(most) }

  @_noLocks consuming func finished() -> NEWS2Score {
    score.band = NEWS2.band(low: score.low, singleThree: singleThree)
    return score
  }
}
