// Work that comes again and again, on a thread of its own: one wake-up a period. The tasks of the language cost three for each sleep, and
// what blocks here holds up nobody's tasks.

import Foundation
import Synchronization

/// Calls a piece of work at once and then after each period, until its task is cancelled.
package struct Ticker: Sendable {
  private let name: String
  private let period: Duration

  /// - Parameter name: the thread's, at most 15 bytes.
  package init(name: String, period: Duration) {
    self.name = name
    self.period = period
  }

  /// Returns when the task was cancelled and the work under way has ended. `make` is called once, on the thread, and gives the work, which
  /// may keep what it needs from one time to the next.
  package func run(_ make: @escaping @Sendable () -> () -> Void) async {
    let milliseconds = Int(period / .milliseconds(1))
    let isOver = Atomic<Bool>(false)
    // Without a descriptor the end waits for the rest of a period.
    let bell = try? WakeDescriptor()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        WorkerThread(name: name).start {
          let work = make()
          repeat {
            work()
            if let bell { _ = bell.wait(milliseconds: milliseconds) } else { poll(nil, 0, Int32(clamping: milliseconds)) }
          } while !isOver.load(ordering: .acquiring)
          continuation.resume()
        }
      }
    } onCancel: {
      isOver.store(true, ordering: .releasing)
      bell?.ring()
    }
  }
}
