// What we tell systemd: ready, what we are doing, reloading, stopping, alive. Does nothing when nobody listens
// (NOTIFY_SOCKET is not set): in a terminal, in a container, in a test.

import CSystemd

/// Thread-safe: each call is one datagram of its own.
package struct ServiceNotifier: Sendable {
  /// A STATUS= line longer than this is cut: `systemctl status` shows one line of a terminal.
  static let statusBytesMax = 256
  /// One step of what takes long is milliseconds; a disk that stands still for longer than this is no start.
  static let extensionSeconds = 120

  private let send: @Sendable (String) -> Void

  /// To the service manager that started this process.
  package init() { send = { _ = csystemd_notify($0) } }

  /// To a test.
  package init(send: @escaping @Sendable (String) -> Void) { self.send = send }

  /// Start is complete: the journal is recovered and links may open.
  package func ready(status: String) { send("READY=1\n" + Self.statusLine(status)) }

  /// The start takes long, and goes on. systemd gives it another `extensionSeconds` from now on, so this is to be said again before.
  package func starting(status: String) {
    send("EXTEND_TIMEOUT_USEC=\(Self.extensionSeconds * 1_000_000)\n" + Self.statusLine(status))
  }

  /// One line for people, without personal data. Say what works and what is missing.
  package func status(_ text: String) { send(Self.statusLine(text)) }

  /// Both lines in one message: with `RELOADING=1` alone systemd waits for the time stamp until its time-out
  /// (trapperkeeper #110). Call `ready` when done.
  package func reloading() {
    send("RELOADING=1\nMONOTONIC_USEC=\(csystemd_monotonic_microseconds())")
  }

  package func stopping(status: String) { send("STOPPING=1\n" + Self.statusLine(status)) }

  /// Feeds the watchdog. Only when ``ProgressWatchdog`` says so.
  package func alive() { send("WATCHDOG=1") }

  /// How long systemd waits for a sign of life before it kills us; nil: for ever (no WatchdogSec=, or not for this process).
  var watchdogTimeout: Duration? {
    let microseconds = csystemd_watchdog_microseconds()
    return microseconds == 0 ? nil : .microseconds(Int64(clamping: microseconds))
  }

  private static func statusLine(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return "STATUS=" + String(decoding: line.utf8.prefix(statusBytesMax), as: UTF8.self)
  }
}
