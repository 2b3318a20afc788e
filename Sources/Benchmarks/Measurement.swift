// What one row of the table holds: our figure, the floor it is compared with, the design's target. Nothing here judges:
// whether a target was met is information about this machine at this moment, never a test.

/// One line of the report.
struct Measurement: Encodable {
  /// Which way a figure is good.
  enum Direction: String, Encodable {
    case atMost, atLeast
  }

  struct Target: Encodable {
    var direction: Direction
    var value: Double

    func isMet(by figure: Double) -> Bool { direction == .atMost ? figure <= value : figure >= value }
  }

  /// Names the line for machines; stable across runs.
  var key: String
  /// The same for people.
  var what: String
  /// In `unit`.
  var ours: Double
  /// Of `ours`, `baseline` and `target`: `ns`, `µs`, `ms`, `B`, `MB` (10⁶ bytes), `/s`, or empty for a count.
  var unit: String
  /// The floor in the same unit, measured in the same run; nil where there is none.
  var baseline: Double?
  /// What the floor is.
  var baselineWhat: String?
  var target: Target?
  /// Of `ratio`: what the design asks for whatever the machine is.
  var ratioTarget: Target?
  /// Everything else that was measured with it, by name; units are part of the names.
  var figures: [String: Double] = [:]
  /// What a reader must know to use the figure.
  var remark: String?

  /// Ours ÷ baseline; nil without a baseline.
  var ratio: Double? {
    guard let baseline, baseline != 0 else { return nil }
    return ours / baseline
  }

  /// Nil without a target. A ratio without a floor was not met.
  var met: Bool? {
    if target == nil, ratioTarget == nil { return nil }
    return (target?.isMet(by: ours) ?? true) && (ratioTarget?.isMet(by: ratio ?? .nan) ?? true)
  }

  private enum Key: String, CodingKey {
    case key, what, ours, unit, baseline, baselineWhat, ratio, target, ratioTarget, met, figures, remark
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(key, forKey: .key)
    try container.encode(what, forKey: .what)
    try container.encode(ours, forKey: .ours)
    try container.encode(unit, forKey: .unit)
    try container.encodeIfPresent(baseline, forKey: .baseline)
    try container.encodeIfPresent(baselineWhat, forKey: .baselineWhat)
    try container.encodeIfPresent(ratio, forKey: .ratio)
    try container.encodeIfPresent(target, forKey: .target)
    try container.encodeIfPresent(ratioTarget, forKey: .ratioTarget)
    try container.encodeIfPresent(met, forKey: .met)
    if !figures.isEmpty { try container.encode(figures, forKey: .figures) }
    try container.encodeIfPresent(remark, forKey: .remark)
  }
}

/// Why a row could not be measured.
enum BenchmarkError: Error, CustomStringConvertible {
  case noProgram(String)
  case processEnded(String, log: String)
  case timedOut(String)
  case library(String, code: Int32)
  case system(String, errno: Int32)
  case unexpected(String)

  var description: String {
    switch self {
    case .noProgram(let name): "\(name) is not here; `Deploy/bench.sh` builds and installs what is needed"
    case .processEnded(let name, let log): "\(name) ended by itself:\n\(log)"
    case .timedOut(let what): "nothing came in time: \(what)"
    case .library(let call, let code): "\(call) answered \(code)"
    case .system(let call, let number): "\(call) failed with errno \(number)"
    case .unexpected(let what): what
    }
  }
}
