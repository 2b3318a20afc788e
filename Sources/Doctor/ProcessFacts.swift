// Doctor: what the kernel lets this process do, read from /proc/self as text. A service has its own limits and
// capabilities, from its unit: what is found here is about whoever calls the doctor, and the texts say so.

import Foundation

/// Capabilities and limits of one process.
package struct ProcessFacts: Sendable, Hashable {
  /// Bits of capability(7).
  enum Capability: UInt64, CaseIterable {
    case netAdmin = 12
    case ipcLock = 14
    case sysNice = 23
  }

  /// A soft limit of getrlimit(2).
  enum Limit: Sendable, Hashable {
    case unlimited
    case value(UInt64)

    func isAtLeast(_ value: UInt64) -> Bool {
      switch self {
      case .unlimited: true
      case .value(let limit): limit >= value
      }
    }
  }

  /// CapEff; empty when it cannot be read.
  var capabilities: UInt64
  /// The highest SCHED_FIFO priority without CAP_SYS_NICE; 0: none.
  var realtimePriority: Limit
  /// Bytes that may be locked without CAP_IPC_LOCK.
  var lockedMemory: Limit

  func has(_ capability: Capability) -> Bool { capabilities >> capability.rawValue & 1 == 1 }

  static var current: ProcessFacts {
    let texts = ["status", "limits"].map { (try? String(contentsOfFile: "/proc/self/\($0)", encoding: .utf8)) ?? "" }
    return ProcessFacts(status: texts[0], limits: texts[1])
  }

  /// Reads the texts of /proc/PID/status and /proc/PID/limits. What is missing there counts as not allowed.
  init(status: String, limits: String) {
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    capabilities = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
    realtimePriority = Self.limit("Max realtime priority", limits)
    lockedMemory = Self.limit("Max locked memory", limits)
  }

  /// The first number behind the name: the soft limit.
  private static func limit(_ name: String, _ limits: String) -> Limit {
    guard let line = limits.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return .value(0) }
    let word = line.dropFirst(name.count).split(separator: " ").first ?? ""
    return word == "unlimited" ? .unlimited : .value(UInt64(word) ?? 0)
  }
}
