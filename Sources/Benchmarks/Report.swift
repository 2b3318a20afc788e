// The table for people and the file for machines.

import Foundation

struct Report: Encodable {
  struct Machine: Encodable {
    var processors: Int
    var memoryMB: Double
    var kernel: String
    var processor: String
  }

  var startedAt: String
  var quick: Bool
  var machine: Machine
  var rows: [Measurement] = []
  /// What each group of rows took, by its name.
  var seconds: [String: Double] = [:]
  /// Rows that could not be measured, and why.
  var failures: [String: String] = [:]

  init(quick: Bool) {
    startedAt = ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(Clock.wallMilliseconds()) / 1_000))
    self.quick = quick
    var names = utsname()
    uname(&names)
    let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let processors = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = processors.split(separator: "\n").first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }
    machine = Machine(
      processors: ProcessInfo.processInfo.activeProcessorCount, memoryMB: Double(ProcessInfo.processInfo.physicalMemory) / 1e6,
      kernel: release, processor: model.map { String($0.drop { $0 != ":" }.dropFirst(2)) } ?? "unknown")
  }

  /// Writes the file; makes its folder.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let folder = (path as NSString).deletingLastPathComponent
    if !folder.isEmpty { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    var data = try encoder.encode(self)
    data.append(contentsOf: "\n".utf8)
    try data.write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  private static let header = ["What", "Ours", "Floor", "Ratio", "Goal", "Met"]

  private var cells: [[String]] {
    rows.map { row in
      let goals = [row.target.map { Self.goal($0, row.unit) }, row.ratioTarget.map { Self.goal($0, "×") }].compactMap { $0 }
      return [
        row.what, Self.number(row.ours, row.unit), row.baseline.map { Self.number($0, row.unit) } ?? "–",
        row.ratio.map { Self.number($0, "×") } ?? "–", goals.isEmpty ? "–" : goals.joined(separator: ", "),
        row.met.map { $0 ? "yes" : "no" } ?? "–",
      ]
    }
  }

  private static func goal(_ target: Measurement.Target, _ unit: String) -> String {
    (target.direction == .atMost ? "≤ " : "≥ ") + number(target.value, unit)
  }

  /// The same table for a page of documentation.
  var markdown: String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let kernel = machine.kernel.prefix { $0 != "-" }
    let title = "\(machine.processors) × \(machine.processor), Linux \(kernel)."
    let lines = [title, "", line(Self.header), "|---|--:|--:|--:|--:|---|"] + cells.map(line) + [""] + notes.map { "- " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The table, with what must be known to read it below.
  var table: String {
    let lines = cells
    let header = Self.header
    let widths = header.indices.map { column in ([header] + lines).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      cells.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 || column == 5 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }
    var text = [
      "\(machine.processors) × \(machine.processor), Linux \(machine.kernel)\(quick ? "; quick: too few samples for the high percentiles" : "")",
      "", line(header), widths.map { String(repeating: "─", count: $0) }.joined(separator: "  "),
    ]
    text += lines.map(line)
    if !notes.isEmpty { text += [""] + notes }
    return text.joined(separator: "\n")
  }

  private var notes: [String] {
    var notes: [String] = []
    var baselines: [String] = []
    for row in rows {
      if let what = row.baselineWhat, !baselines.contains(what) { baselines.append(what) }
      if let remark = row.remark { notes.append("\(row.what.trimmingCharacters(in: .whitespaces)): \(remark)") }
    }
    for (name, reason) in failures.sorted(by: { $0.key < $1.key }) { notes.append("\(name) was not measured: \(reason)") }
    if !baselines.isEmpty { notes.insert("Floors, of this same run: " + baselines.joined(separator: "; ") + ".", at: 0) }
    return notes
  }

  /// Three digits or so, and the unit.
  static func number(_ value: Double, _ unit: String) -> String {
    let magnitude = abs(value)
    let places = magnitude == 0 || magnitude >= 100 || (unit.isEmpty && value == value.rounded()) ? 0 : magnitude >= 10 ? 1 : 2
    var digits = String(format: "%.\(places)f", value)
    if places == 0, magnitude >= 10_000 {
      var grouped = ""
      for (index, digit) in digits.reversed().enumerated() {
        if index > 0, index % 3 == 0, digit != "-" { grouped = "\u{202F}" + grouped }
        grouped = String(digit) + grouped
      }
      digits = grouped
    }
    return unit.isEmpty ? digits : unit == "/s" ? digits + "/s" : digits + " " + unit
  }
}
