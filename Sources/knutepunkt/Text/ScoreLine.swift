// One line of `score`: a flat JSON object with NEWS2's inputs in, one JSON object with the score out. Numbers are rounded
// half up to the parameter's step on their decimal text (1; 0.1 for temperature), exactly as the core rounds them.

import NEWS2Scoring
import VitalSigns

enum ScoreLine {
  /// The longest line, bytes. Eight keys with their values take some 200.
  static let lineBytesMax = 65_536

  /// The answer to one line, without its line break. Nil stands for a line that is too long.
  static func result(of line: ArraySlice<UInt8>?) -> Result<String, FlatJSONLine.Complaint> {
    guard let line else { return .failure(.init("the line is longer than \(lineBytesMax) bytes; allowed: one JSON object")) }
    do throws(FlatJSONLine.Complaint) {
      return .success(rendered(NEWS2.score(try inputs(try FlatJSONLine(line)))))
    } catch {
      return .failure(error)
    }
  }

  /// An error in the place of a score.
  static func failure(line: Int, _ message: String) -> String {
    "{\"error\":\(Terminal.escaped(JSONString.quoted("line \(line): \(message)")))}"
  }

  private static let keys = "respiration, spo2, spo2Scale, oxygen, systolic, pulse, consciousness, temperature"

  static func inputs(_ object: FlatJSONLine) throws(FlatJSONLine.Complaint) -> NEWS2Inputs {
    var inputs = NEWS2Inputs()
    for (key, value) in object.members {
      switch key {
      case "respiration": inputs.respiration = try steps(value, .respiration)
      case "spo2": inputs.oxygenSaturation = try steps(value, .oxygenSaturation)
      case "spo2Scale": inputs.scale = try scale(value)
      case "oxygen": inputs.supplementalOxygen = try oxygen(value)
      case "systolic": inputs.systolic = try steps(value, .systolic)
      case "pulse": inputs.pulse = try steps(value, .pulse)
      case "consciousness": inputs.consciousness = try consciousness(value)
      case "temperature": inputs.temperature = try steps(value, .temperature)
      default: throw FlatJSONLine.Complaint("unknown key \"\(key.prefix(40))\"; allowed: \(keys)")
      }
    }
    return inputs
  }

  private static func steps(_ value: FlatJSONLine.Value, _ parameter: NEWS2Parameter) throws(FlatJSONLine.Complaint) -> Int32? {
    let exponent: Int8 = parameter == .temperature ? -1 : 0
    let range = NEWS2.possibleRange(of: parameter)
    let bounds = [range.lowerBound, range.upperBound].map { Quantity(mantissa: Int64($0), exponent: exponent).description }
    let allowed = "a number from \(bounds[0]) to \(bounds[1]), or null when it is missing"
    switch value {
    case .null: return nil
    case .number(let text):
      guard let quantity = Quantity(decimal: text), quantity.mantissa >= 0, let rounded = quantity.rounded(toExponent: exponent),
        let steps = Int32(exactly: rounded), range.contains(steps)
      else { throw FlatJSONLine.Complaint("\(parameter.key) is \(value.shown); allowed: \(allowed)") }
      return steps
    default: throw FlatJSONLine.Complaint("\(parameter.key) is \(value.shown); allowed: \(allowed)")
    }
  }

  private static func scale(_ value: FlatJSONLine.Value) throws(FlatJSONLine.Complaint) -> SpO2Scale {
    switch value {
    case .null: return .scale1
    case .number(let text) where Quantity(decimal: text) == Quantity(mantissa: 1): return .scale1
    case .number(let text) where Quantity(decimal: text) == Quantity(mantissa: 2): return .scale2
    default: throw FlatJSONLine.Complaint("spo2Scale is \(value.shown); allowed: 1, or 2 by prescription")
    }
  }

  private static func oxygen(_ value: FlatJSONLine.Value) throws(FlatJSONLine.Complaint) -> Bool? {
    switch value {
    case .null: return nil
    case .boolean(let value): return value
    case .string("air"): return false
    case .string("oxygen"): return true
    default: throw FlatJSONLine.Complaint("oxygen is \(value.shown); allowed: true, false, \"oxygen\", \"air\", or null when it is missing")
    }
  }

  private static func consciousness(_ value: FlatJSONLine.Value) throws(FlatJSONLine.Complaint) -> Int32? {
    if value == .null { return nil }
    guard case .string(let text) = value, let level = Consciousness(letter: text) else {
      let letters = Consciousness.allCases.map { "\"\($0.letter)\"" }.joined(separator: ", ")
      throw FlatJSONLine.Complaint("consciousness is \(value.shown); allowed: \(letters), or null when it is missing")
    }
    return level.rawValue
  }

  /// The documented keys and no others. A parameter's points are given only where they are known as one number.
  static func rendered(_ score: NEWS2Score) -> String {
    let points = NEWS2Parameter.allCases.compactMap { parameter in
      let value = score.points[Int(parameter.rawValue)]
      return value < 0 ? nil : "\"\(parameter.key)\":\(value)"
    }
    return
      "{\"low\":\(score.low),\"high\":\(score.high),\"complete\":\(score.isComplete),\"band\":\"\(score.band.key)\",\"points\":{\(points.joined(separator: ","))}}"
  }
}
