// `Fuzzing`: tries bytes of strangers on every way in. Not part of the product.
//
// Built plainly, `run` makes its inputs by chance from a seed. Built by `make fuzz` with libFuzzer inside, `explore` follows what an
// input reaches in the code. `replay` tries files: what was found, and what is kept so that it stays mended.

import ArgumentParser
import Foundation

@main
struct Fuzzing: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Fuzzing", abstract: "Try any bytes on every way by which bytes come in.",
    subcommands: [List.self, Run.self, Replay.self, Explore.self])

  struct Place: ParsableArguments {
    @Option(help: ArgumentHelp("The repository: where DeviceProfiles/ and Deploy/ are.", valueName: "folder"))
    var repository = "."
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every target and what its bytes are.")

    func run() {
      for target in FuzzTarget.all { print(target.name.padding(toLength: 16, withPad: " ", startingAt: 0) + target.summary) }
    }
  }

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Inputs by chance; the same ones from the same seed.",
      discussion: "A trap ends the process and leaves the input in a file, whose name is printed at the start.")

    @Argument(help: "A name that `list` gives.")
    var target: String

    @Option(help: "Where chance begins.")
    var seed: UInt64 = 1

    @Option(help: "Inputs to try.")
    var runs = 1_000

    @Option(help: ArgumentHelp("Where the newest input is kept.", valueName: "folder"))
    var findings = NSTemporaryDirectory()

    @OptionGroup var place: Place

    func run() throws {
      let target = try Fuzzing.target(named: target)
      let attempt = try target.prepare(place.repository)
      let current = try CurrentInput(folder: findings, target: target.name)
      print("\(target.name): \(runs) inputs from seed \(seed); the newest is in \(current.path)")
      fflush(nil)
      var mutator = InputMutator(seeds: try target.seeds(place.repository) + Fuzzing.corpus(target, place.repository), seed: seed)
      for _ in 0..<runs {
        let bytes = mutator.next()
        current.note(bytes)
        timed(attempt, bytes, current.path)
      }
      current.remove()
      print("\(target.name): \(runs) inputs, none harmful")
    }
  }

  struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Try files, or all seeds and the whole corpus of a target.")

    @Argument(help: "A name that `list` gives.")
    var target: String

    @Argument(help: ArgumentHelp("Files to try. Without any: the target's seeds and corpus.", valueName: "files"))
    var files: [String] = []

    @OptionGroup var place: Place

    func run() throws {
      let target = try Fuzzing.target(named: target)
      let attempt = try target.prepare(place.repository)
      let inputs =
        files.isEmpty
        ? try target.seeds(place.repository) + Fuzzing.corpus(target, place.repository)
        : try files.map { Array(try Data(contentsOf: URL(fileURLWithPath: $0))) }
      guard !inputs.isEmpty else { throw ValidationError("\(target.name) has neither seeds nor a corpus") }
      for bytes in inputs { timed(attempt, bytes, "the last of \(inputs.count)") }
      print("\(target.name): \(inputs.count) inputs, none harmful")
    }
  }

  struct Explore: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "libFuzzer, in a build that has it: `make fuzz`.")

    @Argument(help: "A name that `list` gives.")
    var target: String

    @Option(help: ArgumentHelp("Where new inputs are gathered.", valueName: "folder"))
    var gather: String

    @OptionGroup var place: Place

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("libFuzzer's own, such as -max_total_time=60.", valueName: "flags"))
    var flags: [String] = []

    func run() throws {
      let target = try Fuzzing.target(named: target)
      try FileManager.default.createDirectory(atPath: gather, withIntermediateDirectories: true)
      for (number, bytes) in try target.seeds(place.repository).enumerated() {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(gather)/seed-\(number)"))
      }
      let kept = Fuzzing.corpusFolder(target, place.repository)
      let folders = [gather] + (FileManager.default.fileExists(atPath: kept) ? [kept] : [])
      try LibFuzzer.explore(try target.prepare(place.repository), arguments: flags.filter { $0 != "--" } + folders)
    }
  }

  /// A target by its name, or what is allowed.
  static func target(named name: String) throws -> FuzzTarget {
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      throw ValidationError("no target \(name); allowed: \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
    }
    return target
  }

  static func corpusFolder(_ target: FuzzTarget, _ repository: String) -> String { "\(repository)/Tests/Fuzzing/corpus/\(target.name)" }

  /// Inputs that were found harmful once.
  static func corpus(_ target: FuzzTarget, _ repository: String) throws -> [[UInt8]] {
    let folder = corpusFolder(target, repository)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    return try names.map { Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) }
  }
}

/// Longer than any input may take, also on a loaded machine in a debug build.
private let inputSecondsMax = 20

/// Tries one input. A slow one is a finding, too: bytes from outside must not hold the hub.
private func timed(_ attempt: ([UInt8]) -> Void, _ bytes: [UInt8], _ place: String) {
  let began = ContinuousClock.now
  attempt(bytes)
  precondition(ContinuousClock.now - began < .seconds(inputSecondsMax), "an input of \(bytes.count) bytes takes too long: \(place)")
}
