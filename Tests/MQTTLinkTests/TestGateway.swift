// The gateway's half of the seam, for tests: a handler that numbers what it takes, a watermark that a test moves, and a
// thread to run the link on. All waiting is on a condition that the link's own thread signals.

import Foundation
import Logging
import MQTTLink
import VitalSigns

/// All state is guarded by `condition`.
final class TestHandler: MQTTFrameHandler, @unchecked Sendable {
  private let condition = NSCondition()
  private var received: [MQTTFrame] = []
  private var oversized: [(frame: MQTTFrame, payloadBytes: Int)] = []
  private var states: [MQTTLinkState] = []
  private var errors: [MQTTLinkError] = []
  private var outcomes: [MQTTPublishID: MQTTPublishOutcome] = [:]
  private var sequence: UInt64 = 0
  private var isBusy = false
  private var busyOffers = 0
  /// Each accepted frame moves it at once; nil: a test moves its own.
  private let automatic: TestWatermark?

  init(automatic: TestWatermark? = nil) { self.automatic = automatic }

  func frame(_ frame: MQTTFrame) -> FrameVerdict {
    condition.lock()
    defer {
      condition.broadcast()
      condition.unlock()
    }
    if isBusy {
      busyOffers += 1
      return .busy
    }
    received.append(frame)
    if frame.topic.hasSuffix("/ignored") { return .ignored }
    if frame.topic.hasSuffix("/malformed") { return .refused(.malformed, lastSequence: nil) }
    sequence += 1
    automatic?.move(to: sequence)
    return .accepted(lastSequence: sequence)
  }

  func oversizedFrame(_ frame: MQTTFrame, payloadBytes: Int) -> FrameVerdict {
    condition.lock()
    oversized.append((frame, payloadBytes))
    condition.broadcast()
    condition.unlock()
    return .refused(.oversized, lastSequence: nil)
  }

  func linkStateChanged(_ state: MQTTLinkState, reason: MQTTLinkError?) {
    condition.lock()
    states.append(state)
    if let reason { errors.append(reason) }
    condition.broadcast()
    condition.unlock()
  }

  func publishFinished(_ publication: MQTTPublishID, outcome: MQTTPublishOutcome) {
    condition.lock()
    outcomes[publication] = outcome
    condition.broadcast()
    condition.unlock()
  }

  func setBusy(_ busy: Bool) { locked { isBusy = busy } }
  var frames: [MQTTFrame] { locked { received } }
  var texts: [String] { frames.map { String(decoding: $0.payload, as: UTF8.self) } }
  var oversizedFrames: [(frame: MQTTFrame, payloadBytes: Int)] { locked { oversized } }
  var lastErrors: [MQTTLinkError] { locked { errors } }
  var outcomeOf: [MQTTPublishID: MQTTPublishOutcome] { locked { outcomes } }

  func waitForFrames(_ count: Int) -> Bool { wait { received.count >= count } }
  func waitForOversized(_ count: Int) -> Bool { wait { oversized.count >= count } }
  func waitForBusyOffers(_ count: Int) -> Bool { wait { busyOffers >= count } }
  /// `times`: how often the state was entered since the start.
  func waitFor(_ state: MQTTLinkState, times: Int = 1) -> Bool { wait { states.count { $0 == state } >= times } }
  func waitForError(_ predicate: (MQTTLinkError) -> Bool) -> Bool { wait { errors.contains(where: predicate) } }
  func waitForOutcome(_ id: MQTTPublishID) -> MQTTPublishOutcome? {
    _ = wait { outcomes[id] != nil }
    return locked { outcomes[id] }
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    condition.lock()
    defer { condition.unlock() }
    return body()
  }

  private func wait(_ predicate: () -> Bool) -> Bool {
    // By a clock that nobody sets. The condition's own limit follows the wall clock, so it is only how often this one is looked at.
    let clock = ContinuousClock()
    let end = clock.now + .seconds(60)
    return locked {
      while !predicate() {
        if clock.now >= end { return false }
        _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
      }
      return true
    }
  }
}

/// All state is guarded by `lock`.
final class TestWatermark: DurableWatermark, @unchecked Sendable {
  private let lock = NSLock()
  private var value: UInt64 = 0
  private var descriptors: Set<Int32> = []
  private var requests = 0

  var sequence: UInt64 { lock.withLock { value } }
  var commitRequests: Int { lock.withLock { requests } }
  var registrations: Int { lock.withLock { descriptors.count } }

  func move(to sequence: UInt64) {
    lock.withLock {
      value = max(value, sequence)
      for descriptor in descriptors {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
      }
    }
  }
  func requestCommit() { lock.withLock { requests += 1 } }
  func register(wakeDescriptor descriptor: Int32) { _ = lock.withLock { descriptors.insert(descriptor) } }
  func unregister(wakeDescriptor descriptor: Int32) { _ = lock.withLock { descriptors.remove(descriptor) } }
}

/// A link on a thread of its own. Used by one test, on one thread.
final class RunningLink {
  let link: MQTTLink
  let handler: TestHandler
  let watermark: TestWatermark
  private let ended = DispatchSemaphore(value: 0)
  private var isJoined = false

  /// `holding`: the watermark stays where the test puts it.
  init(
    _ configuration: MQTTLinkConfiguration, filters: [String] = ["#"], qos: UInt8 = 1, holding: Bool = false, isBusy: Bool = false
  ) throws {
    watermark = TestWatermark()
    handler = TestHandler(automatic: holding ? nil : watermark)
    handler.setBusy(isBusy)
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .trace
    let link = try MQTTLink(configuration: configuration, handler: handler, watermark: watermark, logger: logger, randomSeed: 1)
    self.link = link
    try link.subscribe(filters.map { MQTTSubscription(filter: $0, qos: qos) })
    let ended = ended
    Thread {
      link.run()
      ended.signal()
    }.start()
  }

  deinit {
    link.stop(within: .zero)
    _ = join()
  }

  func join(seconds: Double = 60) -> Bool {
    if !isJoined { isJoined = ended.wait(timeout: .now() + seconds) == .success }
    return isJoined
  }

  func stop(within limit: Duration = .seconds(10)) -> Bool {
    link.stop(within: limit)
    return join()
  }
}
