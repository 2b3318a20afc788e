// Work that comes again and again, on a thread of its own: one wake-up a period. The tasks of the language cost three for each sleep, and
// what blocks here holds up nobody's tasks.

import Foundation

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
    let bell = DispatchSemaphore(value: 0)
    let nanoseconds = period.components.seconds * 1_000_000_000 + period.components.attoseconds / 1_000_000_000
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        WorkerThread(name: name).start {
          let work = make()
          repeat { work() } while bell.wait(timeout: .now() + .nanoseconds(Int(nanoseconds))) == .timedOut
          continuation.resume()
        }
      }
    } onCancel: {
      bell.signal()
    }
  }
}
