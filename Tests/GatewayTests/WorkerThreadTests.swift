// A thread of the hub's own: it runs what it is given under its name, and its end is known to all who wait for it, whenever they
// began to wait, and to nobody before.

import Dispatch
import Foundation
import Synchronization
import Testing

@testable import HubRuntime

@Suite(.timeLimit(.minutes(5))) struct WorkerThreadTests {
  /// A thread whose body goes on until it is told to end.
  private final class HeldThread: Sendable {
    let thread = WorkerThread(name: "held")
    private let mayEnd = DispatchSemaphore(value: 0)

    init() { thread.start { [mayEnd] in mayEnd.wait() } }

    func end() { mayEnd.signal() }
  }

  /// What bodies and waits leave behind.
  private final class Note: Sendable {
    let text = Mutex("")
    let count = Atomic<Int>(0)
  }

  @Test(
    "The body runs on a thread that bears its name; Linux keeps 15 bytes of it",
    arguments: ["journal", "fifteen letters", "sixteen letters!"])
  func bearsItsName(name: String) async throws {
    let note = Note()
    let thread = WorkerThread(name: name)
    await withCheckedContinuation { continuation in
      thread.start {
        let comm = (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? "nothing"
        note.text.withLock { $0 = comm }
        continuation.resume()
      }
    }
    #expect(note.text.withLock { $0 } == String(name.prefix(15)) + "\n")
  }

  @Test("Whoever waits is told after the body, and sees what it did")
  func endsAfterItsBody() async {
    let note = Note()
    let thread = WorkerThread(name: "short")
    #expect(!thread.hasEnded, "it has not begun")
    thread.start { note.count.wrappingAdd(1, ordering: .relaxed) }
    await thread.ended()
    #expect(thread.hasEnded && note.count.load(ordering: .relaxed) == 1)
  }

  @Test("It goes on until it is told to end, and is not said to have ended before")
  func goesOn() async {
    let held = HeldThread()
    #expect(await !held.thread.ended(within: .milliseconds(1)))
    #expect(!held.thread.hasEnded)
    held.end()
    #expect(await held.thread.ended(within: .seconds(50)))
  }

  @Test("Many wait for one end from many threads, and each is told once, after it")
  func manyWait() async {
    let held = HeldThread()
    let note = Note()
    await withTaskGroup(of: Void.self) { group in
      for waiter in 0..<200 {
        group.addTask {
          await held.thread.ended()
          #expect(held.thread.hasEnded)
          note.count.wrappingAdd(1, ordering: .relaxed)
        }
        // Some begin to wait before the end, some after it, some beside it.
        if waiter == 100 { group.addTask { held.end() } }
      }
    }
    #expect(note.count.load(ordering: .relaxed) == 200)
  }

  @Test("After the end nobody waits, however often they ask")
  func waitsNoMore() async {
    let held = HeldThread()
    held.end()
    await held.thread.ended()
    await held.thread.ended()
    #expect(await held.thread.ended(within: .zero))
    #expect(held.thread.hasEnded)
  }

  @Test("A wait that is cancelled returns, and leaves the thread and the other waits alone")
  func isCancelled() async {
    let held = HeldThread()
    let patient = Task { await held.thread.ended() }
    for _ in 0..<100 {
      // Cancelled before it began to wait, or while it waits.
      let impatient = Task { await held.thread.ended() }
      impatient.cancel()
      await impatient.value
      #expect(!held.thread.hasEnded)
    }
    held.end()
    await patient.value
    #expect(held.thread.hasEnded)
  }

  @Test("Bodies that end at once are never missed", arguments: 0..<50)
  func endsAtOnce(turn: Int) async {
    let thread = WorkerThread(name: "turn \(turn)")
    async let first: Void = thread.ended()
    thread.start {}
    async let second: Void = thread.ended()
    _ = await (first, second)
    #expect(thread.hasEnded)
  }
}
