// Prometheus' text format 0.0.4: families sorted by name, series by labels, so that two scrapes differ only in numbers.

import Synchronization

extension MetricsRegistry {
  /// For the Content-Type header of `/metrics`.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"
  static let refusedName = "knutepunkt_metrics_series_refused_total"

  /// Every series as it is now. Values are read one after the other: a scrape is not a transaction.
  package func exposition() -> String {
    let (series, kinds, help, refused) = state.withLock { ($0.series, $0.kinds, $0.help, $0.refused) }
    let families = Dictionary(grouping: series, by: \.key.name)
    var text = ""
    for name in families.keys.sorted() {
      guard let made = kinds[name], let members = families[name] else { continue }
      // Copied from a part's own counter with a meter; for who reads, a total is a counter.
      let kind = made == .gauge && name.hasSuffix("_total") ? Kind.counter : made
      let shown = kind == .counter && !name.hasSuffix("_total") ? name + "_total" : name
      Self.header(shown, kind, help[name], into: &text)
      for (key, value) in members.sorted(by: { Self.isBefore($0.key, $1.key) }) {
        Self.sample(shown, key.labels, value.reading, into: &text)
      }
    }
    Self.header(Self.refusedName, .counter, "Series that were not made because the limit of series was reached.", into: &text)
    text += "\(Self.refusedName) \(refused)\n"
    return text
  }

  private static func header(_ name: String, _ kind: Kind, _ help: String?, into text: inout String) {
    if let help { text += "# HELP \(name) \(escaped(help, quote: false))\n" }
    text += "# TYPE \(name) \(kind.rawValue)\n"
  }

  private static func sample(_ name: String, _ labels: [Label], _ reading: SeriesReading, into text: inout String) {
    switch reading {
    case .whole(let value): text += "\(name)\(rendered(labels)) \(value)\n"
    case .real(let value): text += "\(name)\(rendered(labels)) \(number(value))\n"
    case .histogram(let bounds, let counts, let sum):
      var total: UInt64 = 0
      for (index, count) in counts.enumerated() {
        total += count
        let bound = index < bounds.count ? number(bounds[index]) : "+Inf"
        text += "\(name)_bucket\(rendered(labels + [Label(name: "le", value: bound)])) \(total)\n"
      }
      text += "\(name)_sum\(rendered(labels)) \(number(sum))\n"
      text += "\(name)_count\(rendered(labels)) \(total)\n"
    }
  }

  private static func rendered(_ labels: [Label]) -> String {
    guard !labels.isEmpty else { return "" }
    return "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quote: true))\"" }.joined(separator: ",") + "}"
  }

  /// Backslash and line feed, and in label values the quotation mark.
  private static func escaped(_ text: String, quote: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quote: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
    return "\(value)"
  }

  private static func isBefore(_ a: SeriesKey, _ b: SeriesKey) -> Bool {
    for (left, right) in zip(a.labels, b.labels) where left != right {
      return left.name != right.name ? left.name < right.name : left.value < right.value
    }
    return a.labels.count < b.labels.count
  }
}
