// One hub runs once on a machine, wherever its state folder lies: a copy that was restored beside its original would tell everybody
// everything twice. The lock is a name that the kernel keeps for as long as the process lives (a Unix socket in the abstract
// namespace), so it needs no folder, survives no crash, and two hubs with state folders, runtime folders and users of their own meet at
// it. Not seen: a hub in another network namespace (a container), and one on another machine.

import CLinux
import Foundation

/// Held while this value lives.
package final class HubLock: Sendable {
  private let descriptor: Int32

  /// Starts a thread that sleeps until somebody asks. It takes what others connect and lets go of it: else their questions would fill the
  /// queue, and the next one could not be told who is here.
  private init(descriptor: Int32) {
    self.descriptor = descriptor
    WorkerThread(name: "hub-lock", stackBytes: 64 << 10).start {
      while true {
        let visitor = accept(descriptor, nil, nil)
        if visitor >= 0 { close(visitor) } else if errno != EINTR && errno != ECONNABORTED { break }
      }
      close(descriptor)
    }
  }

  /// Ends the thread's waiting, which frees the name.
  deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

  package enum Outcome {
    case taken(HubLock)
    /// Another process runs this hub.
    case held(processID: Int32)
    /// It cannot be told: the kernel refuses the socket, or somebody without the right to run a hub sits on the name. No reason not to
    /// start.
    case unknown
  }

  /// Takes the lock of the hub with this id. Does not block.
  package static func take(hubID: String) -> Outcome {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return .unknown }
    let name = "knutepunkt-hub-" + hubID
    if call(bind, descriptor, name) == 0, listen(descriptor, 16) == 0 { return .taken(HubLock(descriptor: descriptor)) }
    let isTaken = errno == EADDRINUSE
    close(descriptor)
    guard isTaken, let holder = holder(of: name), holder.pid != getpid() else { return .unknown }
    // Any user of the machine could take the name. Only one that may run this hub is believed.
    let user = getuid()
    return holder.uid == 0 || holder.uid == user || user == 0 ? .held(processID: holder.pid) : .unknown
  }

  /// Who listens there, as the kernel knows it.
  private static func holder(of name: String) -> clinux_credentials? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    defer { close(descriptor) }
    guard descriptor >= 0, call(connect, descriptor, name) == 0 else { return nil }
    var peer = clinux_credentials()
    var length = socklen_t(MemoryLayout<clinux_credentials>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0, peer.pid > 0 else { return nil }
    return peer
  }

  private static func call(
    _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ descriptor: Int32, _ name: String
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // Abstract: the first byte is zero, and the length says where the name ends.
    let bytes = [0] + Array(name.utf8.prefix(100))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = MemoryLayout<sa_family_t>.size + bytes.count
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { function(descriptor, $0, socklen_t(length)) }
    }
  }
}
