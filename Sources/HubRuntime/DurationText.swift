// Durations as people write them in the configuration and on the command line: a whole number and one unit.

import VitalSigns

/// Durations as people write them: a whole number and one unit, `20ms`, `60s`, `15m`, `12h`, `400d`.
public enum DurationText {
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// The duration, or nil for anything else: no unit, a fraction, a sign, more than 10 000 years.
  public static func duration(_ text: some StringProtocol) -> Duration? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count)
    guard digits.count <= 15, let number = Int64(digits), let scale = units.first(where: { $0.name == unit })?.milliseconds
    else { return nil }
    let (milliseconds, overflow) = number.multipliedReportingOverflow(by: scale)
    guard !overflow, milliseconds <= 3_660_000 * 86_400_000 else { return nil }
    return .milliseconds(milliseconds)
  }

  /// The shortest exact form: 60 s is `1m`, 90 s is `90s`. What is below a millisecond is dropped.
  public static func text(_ duration: Duration) -> String {
    let milliseconds = duration.wholeMilliseconds
    if milliseconds == 0 { return "0s" }
    let unit = units.last { milliseconds % $0.milliseconds == 0 } ?? units[0]
    return "\(milliseconds / unit.milliseconds)\(unit.name)"
  }
}
