// An event loop of its own for each host that something is delivered to. Names are looked up by the C library, which blocks,
// one after the other for each event loop: on a shared one a host whose name server does not answer would hold up every other
// host's connections, for as long as a lookup may take (15 s and more), again and again.

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The loops by host. Any thread. Bound: one thread for each host of the configuration (64 destinations at most).
enum HostLoops {
  private static let groups = Mutex<[String: MultiThreadedEventLoopGroup]>([:])

  /// The host's loop, made at its first use. It lives as long as the process, as NIO's shared ones do: a lookup under way cannot be
  /// ended, and needs a loop to come back to.
  static func group(for host: String) -> MultiThreadedEventLoopGroup {
    groups.withLock { groups in
      if let known = groups[host] { return known }
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      groups[host] = group
      return group
    }
  }
}
