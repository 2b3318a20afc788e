// A NEWS2 score in one cell or one line. An incomplete score is always an interval with what is missing, never a bare sum.

import LocalAPI

enum ScoreText {
  /// `7`, or `3–9` while something is missing.
  static func number(_ score: API.Score) -> String {
    score.low == score.high ? "\(score.low)" : "\(score.low)–\(score.high)"
  }

  /// The style of a band: the RCP's colours beside the digit.
  static func style(_ band: String) -> TextStyle {
    switch band {
    case "high": .high
    case "medium", "lowMedium": .medium
    default: .plain
    }
  }

  static func cell(_ score: API.Score?) -> Cell {
    guard let score else { return Cell(nil) }
    // The band of an incomplete score is only the least that it can be, so "0–17 none" would read as "no points".
    let band = score.complete || score.band != "none" ? score.band : "incomplete"
    return Cell("\(number(score)) \(band)", style(score.band), plain: "\(number(score)) \(band)")
  }

  /// `NEWS2 3–9, band low, SpO₂ scale 2, missing temperature; +2 since the last, −1 over 24 h`.
  static func sentence(_ score: API.Score) -> String {
    var text = "NEWS2 \(number(score)), band \(score.band), SpO₂ scale \(score.scale)"
    text += score.missing.isEmpty ? ", complete" : ", missing \(score.missing.joined(separator: ", "))"
    var trend: [String] = []
    if let change = score.changeSinceLast { trend.append("\(signed(change)) since the last") }
    if let change = score.changeOver24Hours { trend.append("\(signed(change)) over 24 h") }
    return trend.isEmpty ? text : text + "; " + trend.joined(separator: ", ")
  }

  private static func signed(_ value: Int) -> String { value > 0 ? "+\(value)" : value < 0 ? "−\(-value)" : "±0" }
}
