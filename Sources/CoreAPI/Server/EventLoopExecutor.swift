// Runs a task's parts on one event loop's thread instead of the shared pool. For tasks that do little but wait and write to a
// connection of that loop: each part is then one wake-up of a thread that has to be woken for the write anyhow.
//
// What computes, blocks or reads files stays on the pool: it would hold up every connection of the loop.

import NIOCore

/// One loop's thread as an executor that a task may prefer.
final class EventLoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
