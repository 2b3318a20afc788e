// Worlds that fail: fifty whose seeds stand here, fifty that nobody has seen before (their seeds follow from the commit), and those that once
// found something. A fresh seed that breaks a promise prints the command that runs it again; it then belongs here with a name, and into
// Sources/Simulation/Found.md.
//
// They are as small as worlds with all kinds of faults can be, one home and some minutes, because they run unoptimised beside all other
// tests; `make simulate` runs long ones. The two suites take a thread each.

import Foundation
import Testing
import VitalSigns

@testable import Simulation

/// The worlds of both suites: mostly storms, which hold the most faults a minute.
private func smallWorld(_ seed: UInt64) throws -> SimulationRun {
  try seed % 4 == 0 ? world(seed, minutes: 16, homes: 1, .swarm) : world(seed, minutes: 8, homes: 1, .storm)
}

@Suite(.serialized) struct FixedWorldTests {
  @Test("Worlds whose seeds stand here", arguments: UInt64(1)...50) func fixed(seed: UInt64) throws { expectKept(try smallWorld(seed)) }
}

@Suite(.serialized) struct FreshWorldTests {
  /// Other worlds with each commit, and the same ones whenever that commit is tested: a red run is red again. By chance where there is no git.
  private static let first: UInt64 = {
    let git = Process()
    let answer = Pipe()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "-C", URL(fileURLWithPath: #filePath).deletingLastPathComponent().path, "rev-parse", "HEAD"]
    (git.standardOutput, git.standardError) = (answer, FileHandle.nullDevice)
    guard (try? git.run()) != nil else { return .random(in: 1_000...UInt64(UInt32.max)) }
    let text = String(decoding: answer.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    git.waitUntilExit()
    return UInt64(text.prefix(8), radix: 16).map { 1_000 + $0 } ?? .random(in: 1_000...UInt64(UInt32.max))
  }()

  @Test("Worlds that nobody has seen before", arguments: UInt64(0)..<50) func fresh(number: UInt64) throws {
    expectKept(try smallWorld(Self.first + number))
  }
}

@Suite(.serialized) struct FoundWorldTests {
  @Test("A count of frames that are not understood is the same in core and journal") func countedFrames() throws {
    expectKept(try world(14, minutes: 23, homes: 2, .swarm))
  }

  @Test("What was told before a crash is decided again the same") func toldBeforeCrash() throws {
    expectKept(try world(20, minutes: 22, homes: 2))
    expectKept(try world(4, minutes: 30, homes: 2, without: [.diskFull]))
  }
}
