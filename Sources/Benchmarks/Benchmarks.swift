// `make bench`: measures the performance table of docs/architecture.md in one run on one machine, beside the floors that the machine sets
// (cyclictest, a bare broker, bare SQLite). Prints a table, writes it as JSON. Figures are information: no target that is
// missed makes this program fail, and no test asserts one.

import ArgumentParser
import Foundation

/// How much to measure.
struct Scale {
  let quick: Bool
  func pick(full: Int, quick: Int) -> Int { self.quick ? quick : full }
}

@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Benchmarks", abstract: "Measure the design's performance table.",
    discussion: """
      Everything runs on loopback, in private folders that are removed again. Rows that a machine cannot measure (no \
      cyclictest, no permission for SCHED_FIFO) say so in the table. Exit status 1 when a row failed altogether.
      """,
    subcommands: [YearsJournal.self])

  enum Row: String, CaseIterable, ExpressibleByArgument {
    case core, cache, allocations, wake, alarm, ingest, memory, start
  }

  @Flag(help: "Small counts, at most a minute: whether everything works, not how fast it is.")
  var quick = false

  @Option(help: "Only this row; may be given several times.")
  var only: [Row] = []

  @Option(help: ArgumentHelp("Where to write the result as JSON.", valueName: "file"))
  var json = ".build/bench/results.json"

  @Option(help: ArgumentHelp("Where to write the table as Markdown.", valueName: "file"))
  var markdown: String?

  @Option(help: ArgumentHelp("The hub's release binary. By default the one beside this program.", valueName: "file"))
  var hub: String?

  @Option(help: ArgumentHelp("The repository: where DeviceProfiles/ is.", valueName: "folder"))
  var repository = "."

  @Option(help: ArgumentHelp("Where journals are written during the run: on the disk that is to be measured.", valueName: "folder"))
  var folder = ".build/bench"

  /// The core's loop alone, this many observations: what CacheFigures.swift runs under valgrind.
  @Option(help: .hidden)
  var coreLoop: Int?

  func run() throws {
    if let coreLoop { return CoreCost.loop(coreLoop) }
    let signals = CleanUpBook.shared.watchSignals()
    defer { signals.forEach { $0.cancel() } }
    // A hub that ends must show as an error of ours, not end us.
    signal(SIGPIPE, SIG_IGN)
    var report = Report(quick: quick)
    let bench = try Bench(scale: Scale(quick: quick), surroundings: surroundings())
    for row in Row.allCases where only.isEmpty ? row != .cache || !quick : only.contains(row) {
      let begin = Clock.now()
      defer { report.seconds[row.rawValue] = (Double(Clock.now() - begin) / 1e8).rounded() / 10 }
      do {
        report.rows += try bench.measure(row)
      } catch {
        report.failures[row.rawValue] = "\(error)"
        FileHandle.standardError.write(Data("\(row.rawValue): \(error)\n".utf8))
      }
    }
    bench.end()
    CleanUpBook.shared.cleanUp()
    print(report.table)
    try report.write(to: json)
    if let markdown { try report.markdown.write(toFile: markdown, atomically: true, encoding: .utf8) }
    FileHandle.standardError.write(Data("written to \(json)\n".utf8))
    if !report.failures.isEmpty { throw ExitCode.failure }
  }

  /// Absolute paths: children have their own ideas of what is here.
  private func surroundings() -> Surroundings {
    func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
    let beside = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).map {
      ($0 as NSString).deletingLastPathComponent + "/knutepunkt"
    }
    return Surroundings(
      hub: absolute(hub ?? beside ?? "knutepunkt"), profiles: absolute(repository + "/DeviceProfiles"), work: absolute(folder))
  }
}

/// One run: the rows, and the broker that some of them share.
private final class Bench {
  private let scale: Scale
  private let surroundings: Surroundings
  private let scratch: WorkFolder
  private var broker: PrivateBroker?

  init(scale: Scale, surroundings: Surroundings) throws {
    self.scale = scale
    self.surroundings = surroundings
    scratch = try WorkFolder(in: surroundings.work)
  }

  func measure(_ row: Benchmarks.Row) throws -> [Measurement] {
    switch row {
    case .core: try CoreCost.measure(scale)
    case .cache: try CacheFigures.measure(scale, folder: scratch.path)
    case .allocations: try CoreAllocations.measure(scale, try checked(), broker: try sharedBroker(), folder: scratch.path)
    case .wake: try WakeLatency.measure(scale, folder: scratch.path)
    case .alarm: try AlarmPath.measure(scale, try checked(), broker: try sharedBroker())
    case .ingest: try IngestRate.measure(scale, work: surroundings.work)
    case .memory: try Footprint.measure(scale, try checked(), broker: try sharedBroker())
    case .start: try StartTime.measure(scale, try checked(), broker: try sharedBroker())
    }
  }

  func end() {
    broker?.stop()
    broker = nil
  }

  private func checked() throws(BenchmarkError) -> Surroundings {
    guard access(surroundings.hub, X_OK) == 0 else { throw .noProgram(surroundings.hub) }
    guard access(surroundings.profiles, R_OK) == 0 else { throw .noProgram(surroundings.profiles) }
    return surroundings
  }

  private func sharedBroker() throws -> PrivateBroker {
    if let broker { return broker }
    let made = try PrivateBroker(in: scratch.path)
    broker = made
    return made
  }
}
