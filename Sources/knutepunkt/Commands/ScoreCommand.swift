// `score`: NEWS2 as a filter, for outside oracles and spreadsheets. Reads lines, answers each as soon as it is complete,
// holds at most one line in memory. What a line means is in ScoreLine.swift.

import ArgumentParser
import Foundation

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score", abstract: "Score NEWS2: one JSON object a line in, one out.",
    discussion: """
      Keys: respiration, spo2, spo2Scale (1 or 2, default 1), oxygen (true or false), systolic, pulse, consciousness \
      (A C V P U), temperature. A missing key, or null, is a missing input and makes the score an interval. Decimals are \
      rounded half up to the parameter's step: 1, for temperature 0.1.

      Answer: {"low":n,"high":n,"complete":bool,"band":"none|low|lowMedium|medium|high","points":{…}}. The band is \
      that of `low`: while `complete` is false the score, and with it the band, may be anything up to `high`. For a bad line \
      {"error":"line 3: …"} in its place. Exit 65 when any line was bad.

      Example: echo '{"respiration":22,"spo2":93,"oxygen":false}' | knutepunkt score
      """)

  func run() throws {
    var lines = BoundedLines(lineBytesMax: ScoreLine.lineBytesMax)
    var number = 0
    var hasFailed = false
    if isatty(STDIN_FILENO) == 1 { Terminal.error("One JSON object a line, then Enter; Ctrl-D ends.") }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var isOpen = true
    while isOpen {
      let count = chunk.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw CommandFailure(code: ExitCodes.noInput, "standard input cannot be read: \(String(cString: strerror(errno)))")
      }
      isOpen = count > 0
      let complete = isOpen ? lines.lines(adding: chunk[..<count]) : lines.rest()
      // Everything that arrived is answered before the next read may block.
      var answers = ""
      for line in complete {
        number += 1
        switch ScoreLine.result(of: line) {
        case .success(let answer): answers += answer + "\n"
        case .failure(let complaint):
          hasFailed = true
          answers += ScoreLine.failure(line: number, complaint.message) + "\n"
        }
      }
      if !answers.isEmpty { Terminal.write(answers, to: STDOUT_FILENO) }
    }
    if hasFailed { throw CommandFailure(code: ExitCodes.data, nil) }
  }
}

/// Splits bytes into lines with a bound. A line beyond the bound is nil and costs no memory.
struct BoundedLines {
  let lineBytesMax: Int
  private var line: [UInt8] = []
  private var isTooLong = false

  init(lineBytesMax: Int) { self.lineBytesMax = lineBytesMax }

  /// The lines that `bytes` complete, without their line feeds.
  mutating func lines(adding bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>?] {
    var result: [ArraySlice<UInt8>?] = []
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      append(rest[..<end])
      result.append(taken())
      rest = rest[(end + 1)...]
    }
    append(rest)
    return result
  }

  /// What stands after the last line feed, if anything.
  mutating func rest() -> [ArraySlice<UInt8>?] { line.isEmpty && !isTooLong ? [] : [taken()] }

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    if line.count + bytes.count > lineBytesMax { isTooLong = true }
    if isTooLong { line.removeAll(keepingCapacity: true) } else { line += bytes }
  }

  private mutating func taken() -> ArraySlice<UInt8>? {
    defer {
      line = []
      isTooLong = false
    }
    return isTooLong ? nil : line[...]
  }
}
