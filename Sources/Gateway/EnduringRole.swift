// A role beside the core that fails ends nothing but itself. It is told why, in words that name the configuration's key, and tried
// again until it works or the hub stops. This is so in one process with the core as in a process of its own: a taken port is free
// again when the other program goes, and a restart of the process would not make it free sooner.

import Foundation
import Logging
import NIOCore
import ServiceLifecycle

/// Runs a role again and again.
struct EnduringRole: Service {
  /// The pause between two attempts: a person who frees a port sees the role come up while still looking.
  static let pause = Duration.seconds(10)

  let name: String
  let logger: Logger
  /// Why the role ended, for the log.
  let explain: @Sendable (any Error) -> String
  let role: @Sendable () async throws -> Void

  func run() async throws {
    while !Task.isCancelled, !Task.isShuttingDownGracefully {
      do {
        try await role()
        if Task.isShuttingDownGracefully || Task.isCancelled { return }
        logger.error("the role ended; the alarms go on without it", metadata: ["role": "\(name)", "again": "in \(Self.pause)"])
      } catch {
        if Task.isShuttingDownGracefully || Task.isCancelled { return }
        logger.error(
          "the role cannot run; the alarms go on without it",
          metadata: ["role": "\(name)", "reason": "\(explain(error))", "again": "in \(Self.pause)"])
      }
      await cancelWhenGracefulShutdown { try? await Task.sleep(for: Self.pause) }
    }
  }
}

/// Why an address of the configuration cannot be listened on.
enum ListenProblem {
  static func text(_ error: any Error, key: String, address: String) -> String {
    guard let error = error as? IOError else { return "\(key) \(address): \(error)" }
    switch error.errnoCode {
    case EADDRINUSE: return "\(key) \(address) is taken by another program (ss -ltnp shows which)"
    case EACCES: return "\(key) \(address) may not be used by this user; ports below 1024 need a right of their own"
    case EADDRNOTAVAIL: return "\(key) \(address) is no address of this machine (ip address shows them)"
    default: return "\(key) \(address): \(String(cString: strerror(error.errnoCode)))"
    }
  }
}
