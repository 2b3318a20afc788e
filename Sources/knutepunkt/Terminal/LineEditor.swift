// What a person types, byte by byte, into lines; and the terminal that the bytes come from. The terminal gives each key at
// once and does not show it, because the line that the person types into is rewritten every second with the countdown.

import Foundation
import Synchronization

/// Bytes from a keyboard into lines: UTF-8, backspace, Ctrl-U. Other control keys and arrows are left out.
struct LineEditor {
  /// The longest line, bytes. No answer is longer. Further characters are not taken.
  static let bytesMax = 200

  private(set) var text = ""
  private var bytes: [UInt8] = []
  private var escape = Escape.none

  private enum Escape { case none, began, sequence }

  /// Takes one byte; gives the line when it is complete.
  mutating func take(_ byte: UInt8) -> String? {
    switch escape {
    case .began:
      escape = byte == 0x5B || byte == 0x4F ? .sequence : .none
      return nil
    case .sequence:
      if byte >= 0x40, byte <= 0x7E { escape = .none }
      return nil
    case .none: break
    }
    switch byte {
    case 0x0A, 0x0D:
      defer { clear() }
      return text
    // A terminal sends Ctrl-D on an empty line at the end of input.
    case 0x04: return bytes.isEmpty ? "q" : nil
    case 0x08, 0x7F:
      while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
    case 0x15: bytes = []
    case 0x1B: escape = .began
    case 0x20..., 0x09:
      if bytes.count < Self.bytesMax { bytes.append(byte == 0x09 ? 0x20 : byte) }
    default: break
    }
    text = String(decoding: bytes, as: UTF8.self)
    return nil
  }

  private mutating func clear() {
    bytes = []
    text = ""
  }
}

/// The terminal as a keyboard. One at a time. Its end leaves the terminal as it was before.
final class Keyboard {
  /// What a short wait gave.
  enum Event: Equatable {
    case line(String)
    case typing
    case nothing
    /// The terminal was closed.
    case ended
  }

  static var isThere: Bool { isatty(STDIN_FILENO) == 1 }

  private(set) var editor = LineEditor()
  /// Lines that were typed faster than they were asked for.
  private var waiting: [String] = []
  private var before: termios?

  /// `keyByKey`: each key comes at once, without echo. Otherwise the terminal's own line editing stays.
  init(keyByKey: Bool) {
    var settings = termios()
    guard keyByKey, tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
    before = settings
    settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
    tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  deinit { restore() }

  func restore() {
    guard var settings = before else { return }
    before = nil
    tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
  }

  /// Waits at most `milliseconds`. Blocks this thread: the command does nothing else meanwhile, and a signal ends it.
  func next(milliseconds: Int32) -> Event {
    if !waiting.isEmpty { return .line(waiting.removeFirst()) }
    var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, milliseconds) > 0 else { return .nothing }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    guard count > 0 else { return count < 0 && errno == EINTR ? .nothing : .ended }
    for byte in buffer.prefix(count) {
      if let line = editor.take(byte) { waiting.append(line) }
    }
    return waiting.isEmpty ? .typing : .line(waiting.removeFirst())
  }
}

/// Whether Ctrl-C was pressed, or the terminal or session has ended. Commands that opened something look here and close it first.
enum Interruption {
  private static let requested = Atomic<Bool>(false)

  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// From now on the signals are only noted.
  static func watch() {
    // This store comes before the handler can run, because the handler itself must do nothing but store.
    requested.store(false, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in Interruption.requested.store(true, ordering: .relaxed) }
      sigaction(number, &action, nil)
    }
  }
}
