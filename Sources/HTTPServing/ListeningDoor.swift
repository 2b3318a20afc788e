// The listening socket at its end: no connection may be half accepted when it closes, because NIO drops such a one with a trap.

import NIOCore
import NIOPosix
import Synchronization

/// One listener. Any thread.
final class ListeningDoor: Sendable {
  /// A connection is made on its own loop and handed to the listener's: two ways, and one more for what they begin.
  private static let rounds = 3

  private let channel = Mutex<(any Channel)?>(nil)

  func opened(_ channel: any Channel) { self.channel.withLock { $0 = channel } }

  /// Accepts nobody from now on, and returns when all who were accepted have arrived. Does nothing before the listener is there.
  func shut() async {
    guard let channel = channel.withLock({ $0 }) else { return }
    // A listener that is closed already refuses, and accepts nobody.
    try? await channel.setOption(.autoRead, value: false).get()
    for _ in 0..<Self.rounds {
      for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try? await loop.submit {}.get() }
    }
  }
}
