// Says on stderr what is being measured and how far it has come: rewritten in place on a terminal, a line now and then
// elsewhere.

import Foundation

/// Progress of one piece of work. One thread.
struct ProgressLine {
  /// Between two signs of life, nanoseconds: often enough to look alive, rarely enough to cost nothing.
  private static let everyOnTerminal: UInt64 = 200_000_000
  private static let everyElsewhere: UInt64 = 5_000_000_000

  private let what: String
  private let isTerminal = isatty(2) == 1
  private var last: UInt64

  init(_ what: String) {
    self.what = what
    last = Clock.now()
    if isTerminal { write("\r\u{1B}[K\(what) …") } else { write("\(what) …\n") }
  }

  mutating func step(_ done: Int, of total: Int) {
    let now = Clock.now()
    guard now - last >= (isTerminal ? Self.everyOnTerminal : Self.everyElsewhere) else { return }
    last = now
    let percent = total == 0 ? 100 : done * 100 / total
    write(isTerminal ? "\r\u{1B}[K\(what) … \(percent) %" : "\(what) … \(percent) %\n")
  }

  func done() {
    if isTerminal { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
