// Row 1 again, as figures that repeat on every machine: instructions and cache misses of one observation, counted by valgrind's
// cachegrind in caches of fixed sizes. Time follows the machine and its neighbours; these follow the code. The program runs its own
// loop twice, with some observations and with more: the difference is what the further ones cost.

import Foundation

enum CacheFigures {
  /// First level 32 kB for data and for instructions, and 2 MB behind them: a core's own caches in today's small servers.
  private static let caches = ["--I1=32768,8,64", "--D1=32768,8,64", "--LL=2097152,16,64"]

  /// Empty where valgrind or strip is not installed.
  static func measure(_ scale: Scale, folder: String) throws -> [Measurement] {
    guard let valgrind = try? findProgram("valgrind"), let strip = try? findProgram("strip"), let itself = Bundle.main.executablePath
    else { return [] }
    // A copy without debug information: valgrind of Debian 12 cannot read what the compiler writes, and ends.
    let program = folder + "/stripped"
    guard try ChildProcess(strip, ["-o", program, itself], log: folder + "/strip.log").wait(within: 30) else {
      throw BenchmarkError.timedOut("strip ends")
    }
    let progress = ProgressLine("core under cachegrind")
    defer { progress.done() }
    let more = scale.pick(full: 300_000, quick: 50_000)
    let few = try counts(valgrind, program, observations: 10, folder)
    let many = try counts(valgrind, program, observations: 10 + more, folder)
    func each(_ names: String...) -> Double { names.reduce(0) { $0 + (many[$1] ?? 0) - (few[$1] ?? 0) } / Double(more) }
    return [
      Measurement(
        key: "core.instructions", what: "core: instructions an observation, 10 000 patients (cachegrind)", ours: each("Ir"), unit: "",
        figures: [
          "data reads and writes": each("Dr", "Dw"), "data misses of 32 kB": each("D1mr", "D1mw"),
          "data misses of 2 MB": each("DLmr", "DLmw"),
          "instruction misses of 32 kB": each("I1mr"), "observations": Double(more),
        ],
        remark: """
          \(Report.number(each("Dr", "Dw"), "")) reads and writes, of which \(Report.number(each("D1mr", "D1mw"), "")) miss 32 kB and \
          \(Report.number(each("DLmr", "DLmw"), "")) miss 2 MB: those wait for memory shared with the machine's other work
          """)
    ]
  }

  /// cachegrind's sums, by its own names of events.
  private static func counts(_ valgrind: String, _ program: String, observations: Int, _ folder: String) throws -> [String: Double] {
    let file = folder + "/cachegrind.out"
    let process = try ChildProcess(
      valgrind,
      ["--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=\(file)"] + caches
        + [program, "--core-loop", String(observations)], log: folder + "/cachegrind.log")
    guard process.wait(within: 120) else { throw BenchmarkError.timedOut("the core's loop under cachegrind") }
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    func words(_ key: String) -> [Substring] {
      text.split(separator: "\n").first { $0.hasPrefix(key) }?.dropFirst(key.count).split(separator: " ") ?? []
    }
    let (names, sums) = (words("events:"), words("summary:"))
    guard !names.isEmpty, names.count == sums.count else { throw BenchmarkError.processEnded("valgrind", log: process.logText) }
    return Dictionary(zip(names.map(String.init), sums.map { Double($0) ?? 0 }), uniquingKeysWith: { $1 })
  }
}
