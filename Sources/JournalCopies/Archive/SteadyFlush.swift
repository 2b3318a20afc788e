// A file that SQLite writes in one go, flushed on the way: SQLite itself hands a copy of any size to the kernel and leaves it there, and the
// next commit of the hub beside it would wait until all of it is on the disk (see `FileSink`). Not here: whether the copy is durable.

internal import Foundation
internal import Synchronization

/// Flushes a file again and again, on a thread of its own, until it is ended. The thread ends by itself soon after.
final class SteadyFlush: Sendable {
  /// Between two flushes, microseconds.
  private static let pauseMicroseconds: UInt32 = 50_000

  private let isEnded = Atomic<Bool>(false)

  /// Where the file cannot be opened nothing is flushed: whoever writes it says so.
  init(path: String) {
    let thread = Thread { [self] in
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return }
      defer { close(descriptor) }
      while !isEnded.load(ordering: .acquiring) {
        // An error is met by the one who writes or reads it.
        fdatasync(descriptor)
        usleep(Self.pauseMicroseconds)
      }
    }
    thread.start()
  }

  func end() { isEnded.store(true, ordering: .releasing) }
}
