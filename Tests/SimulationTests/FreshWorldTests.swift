// Fifty worlds that nobody has seen before this commit. Their seeds follow from the commit's name, so one commit always gets the same worlds,
// on each machine and as often as it is tested, and the next commit gets others. One that breaks a promise prints the command that runs it
// again; what then happens to it stands in WorldTests.swift.

import Foundation
import Testing
import VitalSigns

@testable import Simulation

@Suite(.serialized) struct FreshWorldTests {
  private static let first = CommitSeed.ofThisClone()
  private static let seeds = (0..<50).map { first.seed + $0 }

  @Test("Worlds whose seeds follow from the commit", arguments: Self.seeds) func fresh(seed: UInt64) throws {
    expectKept(try smallWorld(seed))
  }

  @Test("The commit is known, or it is said that it is not") func commit() {
    print("fresh worlds begin at seed \(Self.first.seed): \(Self.first.source)")
    #expect(Self.first.seed >= CommitSeed.base)
  }

  @Test(
    "A commit's name gives its seed",
    arguments: [
      ("00000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1_000), ("e805f99b00000000000000000000000000000000", 3_892_706_691),
      ("ffffffff00000000000000000000000000000000\n", 4_294_968_295),
    ] as [(String, UInt64)]) func seed(name: String, seed: UInt64)
  { #expect(CommitSeed.seed(of: name) == seed) }

  @Test("What is no commit's name gives none", arguments: ["", "e805f99", "HEAD", "fatal: not a git repository"])
  func noSeed(name: String) { #expect(CommitSeed.seed(of: name) == nil) }
}

/// The first of a commit's seeds, and where it is from.
private struct CommitSeed {
  /// Above those that stand in WorldTests.swift.
  static let base: UInt64 = 1_000

  var seed: UInt64
  var source: String

  /// The base and the first eight digits of the name; nil: it is no name.
  static func seed(of name: String) -> UInt64? {
    let digits = name.prefix(8)
    guard digits.count == 8, digits.allSatisfy(\.isHexDigit), let number = UInt64(digits, radix: 16) else { return nil }
    return base + number
  }

  /// From git. Where there is none, as in an unpacked archive, the same worlds each time.
  static func ofThisClone() -> Self {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    if let name = output(of: ["git", "-C", root.path, "rev-parse", "HEAD"]), let seed = seed(of: name) {
      return Self(seed: seed, source: "commit \(name.prefix(8))")
    }
    return Self(seed: base, source: "git names no commit here, so these worlds are the same at each run")
  }

  /// What a program prints; nil: it is not there, or it fails.
  private static func output(of command: [String]) -> String? {
    let process = Process()
    let pipe = Pipe()
    (process.executableURL, process.arguments) = (URL(fileURLWithPath: "/usr/bin/env"), command)
    (process.standardOutput, process.standardError) = (pipe, FileHandle.nullDevice)
    guard (try? process.run()) != nil, let data = try? pipe.fileHandleForReading.readToEnd() else { return nil }
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(bytes: data, encoding: .utf8) : nil
  }
}
