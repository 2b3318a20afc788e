// What systemd gets: the datagrams at a real NOTIFY_SOCKET, by path and abstract. The environment is the process's, so that
// each of these runs in a child of its own.

import Foundation
import Testing

@testable import Observability

/// A service manager's end of NOTIFY_SOCKET. Traps when the socket cannot be made: it lives in a child process of a test.
struct FakeServiceManager {
  let descriptor: Int32

  /// `name`: a path, or "@name" for an abstract socket.
  init(name: String) {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = name.hasPrefix("@") ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(2 + bytes.count + (name.hasPrefix("@") ? 0 : 1))
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    precondition(result == 0, "bind \(name): \(String(cString: strerror(errno)))")
    setenv("NOTIFY_SOCKET", name, 1)
  }

  /// The next datagram; nil when none is there.
  func receive() -> String? {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
    return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  static func converse(name: String) {
    let manager = FakeServiceManager(name: name)
    let notifier = ServiceNotifier()
    notifier.ready(status: "2 links, 1 destination")
    precondition(manager.receive() == "READY=1\nSTATUS=2 links, 1 destination")
    notifier.status("first line\nWATCHDOG=1")
    precondition(manager.receive() == "STATUS=first line WATCHDOG=1", "a text must not become a command")
    notifier.reloading()
    let reload = manager.receive()?.split(separator: "\n").map(String.init) ?? []
    precondition(reload.count == 2 && reload[0] == "RELOADING=1", "both in one message")
    let microseconds = reload[1].hasPrefix("MONOTONIC_USEC=") ? UInt64(reload[1].dropFirst(15)) : nil
    let uptime = UInt64(ProcessInfo.processInfo.systemUptime * 1e6)
    precondition((microseconds ?? 0) > 0 && (microseconds ?? 0) <= uptime + 60_000_000)
    notifier.alive()
    precondition(manager.receive() == "WATCHDOG=1")
    notifier.stopping(status: "")
    precondition(manager.receive() == "STOPPING=1\nSTATUS=")
    precondition(manager.receive() == nil)
  }
}

@Suite struct ServiceNotifierTests {
  @Test func speaksToASocketByPath() async {
    await #expect(processExitsWith: .success) {
      let path = "/tmp/knutepunkt-notify-\(getpid())"
      defer { unlink(path) }
      FakeServiceManager.converse(name: path)
    }
  }

  @Test func speaksToAnAbstractSocket() async {
    await #expect(processExitsWith: .success) { FakeServiceManager.converse(name: "@knutepunkt-notify-\(getpid())") }
  }

  @Test func isSilentWhenNobodyListens() async {
    await #expect(processExitsWith: .success) {
      unsetenv("NOTIFY_SOCKET")
      unsetenv("WATCHDOG_USEC")
      ServiceNotifier().ready(status: "nobody hears")
      ServiceNotifier().alive()
      precondition(ServiceNotifier().watchdogTimeout == nil)
    }
  }

  @Test func knowsTheWatchdogOfItsOwnProcessOnly() async {
    await #expect(processExitsWith: .success) {
      setenv("WATCHDOG_USEC", "30000000", 1)
      setenv("WATCHDOG_PID", "\(getpid())", 1)
      precondition(ServiceNotifier().watchdogTimeout == .seconds(30))
      setenv("WATCHDOG_PID", "1", 1)
      precondition(ServiceNotifier().watchdogTimeout == nil)
    }
  }

  @Test func cutsALongStatus() {
    nonisolated(unsafe) var sent: [String] = []
    let notifier = ServiceNotifier { sent.append($0) }
    notifier.status(String(repeating: "a", count: 1_000))
    #expect(sent.map(\.utf8.count) == ["STATUS=".utf8.count + ServiceNotifier.statusBytesMax])
  }
}
