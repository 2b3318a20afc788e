// Lines that stay, and at a terminal one line below them that is rewritten in place: the countdown with what the person
// types. Elsewhere the live line is not shown, so the caller prints what matters as ordinary lines.

import Foundation

struct LiveDisplay {
  /// Whether a line can be rewritten here: a terminal that is more than a printer.
  static var isPossible: Bool { Terminal.isInteractive && ProcessInfo.processInfo.environment["TERM"] != "dumb" }

  let isLive: Bool
  private var shown = ""

  init(isLive: Bool) { self.isLive = isLive }

  /// Prints `lines` above the live line.
  mutating func say(_ lines: [String]) {
    guard !lines.isEmpty else { return }
    clear()
    lines.forEach(Terminal.print)
  }

  /// Shows `text` as the live line. When the text is too wide its beginning gives way, because the person types at its end.
  mutating func show(_ text: String) {
    guard isLive, text != shown else { return }
    shown = text
    let width = max(20, Self.columns - 1)
    let fitting = text.count <= width ? text : "…" + text.suffix(width - 1)
    Terminal.write("\r" + Terminal.clean(fitting) + "\u{1B}[K", to: STDOUT_FILENO)
  }

  mutating func clear() {
    guard isLive, !shown.isEmpty else { return }
    shown = ""
    Terminal.write("\r\u{1B}[K", to: STDOUT_FILENO)
  }

  private static var columns: Int {
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }
}
