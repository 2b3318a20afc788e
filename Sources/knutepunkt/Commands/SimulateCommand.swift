// `simulate`: runs the hub's own code in simulated worlds that fail as the real one does, and says which promise broke. For whoever
// changes the program; it touches no hub.

import ArgumentParser
import Foundation
import Simulation

struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Run the hub in simulated worlds, and look for broken promises.",
    discussion: """
      Everything in a world follows from its seed: the same seed and options give the same trace hash with the same program and libraries. A world that breaks \
      a promise is made smaller, and printed with the command that runs it again. Exit 65 when a promise was broken.

      Example: knutepunkt simulate --seed 1 --seeds 100 --hours 1 --profile storm
      """)

  @Option(help: "The first seed.") var seed: UInt64 = 1
  @Option(help: "How many seeds, one after the other: 1 to 1000000.") var seeds = 1
  @Option(help: "How many worlds run at the same time, a thread each: 1 to 256. The output is the same.") var jobs = 1
  @Option(help: "Simulated hours of faults in each world, at most 720; half a quiet hour follows.") var hours = 1.0
  @Option(help: "Homes in each world: 1 to 500.") var homes = 3
  @Option(help: "calm (nothing fails), swarm (a bad month in an hour), storm (worse, and disks that lie).") var profile = "swarm"
  @Option(help: "A fault that does not come; may be given several times.") var without: [String] = []
  @Option(help: "A promise that is not looked at; may be given several times.") var ignore: [String] = []
  @Option(help: .hidden) var mutant: String?
  @Flag(help: "Hunt through up to --seeds worlds for each defect that is put in on purpose, and say after how many it was found.")
  var mutants = false
  @Flag(help: "One JSON object a seed.") var json = false
  @Flag(help: "Print a failing world as it is, without making it smaller.") var unreduced = false

  func run() throws {
    let settings = try settings()
    if mutants { return try hunt() }
    var failures = 0
    try SimulationJobs(threads: jobs).run(
      seeds,
      { [seed, unreduced] number in
        var one = settings
        one.seed = seed &+ UInt64(number)
        return try SimulationReport(one, unreduced: unreduced)
      }
    ) { report in
      if report.run.violation != nil { failures += 1 }
      Terminal.write((json ? report.json : report.text) + "\n", to: STDOUT_FILENO)
    }
    if failures > 0 { throw CommandFailure(code: ExitCodes.data, "\(failures) of \(seeds) worlds broke a promise") }
  }

  private func hunt() throws {
    var missed: [String] = []
    let hunts = MutantHunt.all
    try SimulationJobs(threads: jobs).run(hunts.count, { [seed, seeds] in try HuntReport(hunts[$0], from: seed, seeds: seeds) }) { report in
      if !report.isFound { missed.append(report.hunt.mutant.rawValue) }
      Terminal.write(report.text + "\n", to: STDOUT_FILENO)
    }
    if !missed.isEmpty { throw CommandFailure(code: ExitCodes.data, "not found by their checkers: \(missed.joined(separator: ", "))") }
  }

  private func settings() throws -> SimulationSettings {
    guard let weather = SimulationProfile(rawValue: profile) else {
      throw ValidationError("--profile is one of \(SimulationProfile.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard (1...1_000_000).contains(seeds), (1...500).contains(homes), (1...256).contains(jobs), hours > 0, hours <= 720 else {
      throw ValidationError("--seeds takes 1 to 1000000, --homes 1 to 500, --jobs 1 to 256, --hours up to 720")
    }
    var faults: Set<FaultKind> = []
    for name in without {
      guard let kind = FaultKind(rawValue: name) else {
        throw ValidationError("--without is one of \(FaultKind.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      faults.insert(kind)
    }
    var defect: Mutant?
    if let mutant {
      guard let known = Mutant(rawValue: mutant) else {
        throw ValidationError("--mutant is one of \(Mutant.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      defect = known
    }
    var settings = SimulationSettings(
      seed: seed, milliseconds: Int64((hours * 3_600_000).rounded()), homes: homes, profile: weather, without: faults, mutant: defect)
    for name in ignore {
      guard let checker = Checker(rawValue: name) else {
        throw ValidationError("--ignore is one of \(Checker.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      settings.ignoring.insert(checker)
    }
    return settings
  }
}

/// What came of the hunt for one mutant.
private struct HuntReport {
  let hunt: MutantHunt
  /// By a checker that is about it.
  let isFound: Bool
  let text: String

  init(_ hunt: MutantHunt, from seed: UInt64, seeds: Int) throws {
    self.hunt = hunt
    let name = hunt.mutant.rawValue
    guard let run = try hunt.firstFind(from: seed, seeds: seeds), let violation = run.violation else {
      isFound = false
      text = "\(name): in none of \(seeds) worlds"
      return
    }
    isFound = hunt.finders.contains(violation.checker)
    let worlds = run.settings.seed &- seed &+ 1
    let others = try hunt.blind.firstFind(from: run.settings.seed, seeds: 1)?.violation?.checker.rawValue ?? "nobody"
    text =
      "\(name): world \(worlds), by \(violation)\n    with that checker off: by \(others)\n    again: \(run.settings.command)"
  }
}

/// What is printed of one world.
private struct SimulationReport {
  let run: SimulationRun
  /// The seed's, as it was asked for; a reduced world has the same.
  let seed: UInt64
  let took: Duration

  /// Runs the world, and makes it smaller when a promise is broken in it.
  init(_ settings: SimulationSettings, unreduced: Bool) throws {
    let begin = ContinuousClock.now
    let first = try SimulationRun.run(settings)
    took = ContinuousClock.now - begin
    seed = settings.seed
    if first.violation == nil || unreduced {
      run = first
    } else {
      var reducer = Reducer()
      run = try reducer.reduce(first)
    }
  }

  private var hash: String { String(run.traceHash, radix: 16) }

  var text: String {
    let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
    let counts = run.counts
    let facts =
      "\(counts.published) messages, \(counts.told) alert changes, \(counts.starts) starts, \(counts.faults.values.reduce(0, +)) faults"
    guard let violation = run.violation else {
      let speed = Int(Double(run.milliseconds) / 1_000 / max(seconds, 0.001))
      return "seed \(seed): kept, trace \(hash), \(facts), \(speed) × real time"
    }
    let faults = counts.faults.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
    return """
      seed \(seed): BROKEN \(violation)
        faults: \(faults.joined(separator: ", "))
        trace \(hash), \(facts); the last steps:
      \(run.tail.map { "    " + $0 }.joined(separator: "\n"))
        again: \(run.settings.command)
      """
  }

  var json: String {
    var fields = [
      "\"seed\":\(seed)", "\"trace\":\"\(hash)\"", "\"kept\":\(run.violation == nil)", "\"messages\":\(run.counts.published)",
      "\"told\":\(run.counts.told)", "\"starts\":\(run.counts.starts)", "\"deaths\":\(run.counts.deaths)",
      "\"milliseconds\":\(run.milliseconds)",
    ]
    if let violation = run.violation {
      fields.append("\"checker\":\"\(violation.checker.rawValue)\"")
      fields.append("\"again\":\"\(run.settings.command)\"")
    }
    return "{" + fields.joined(separator: ",") + "}"
  }
}
