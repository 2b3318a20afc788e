// The link as the gateway sees it: make it, run it on a thread of yours, tell it what to subscribe to and publish, stop
// it, look at it. The work is done by `LinkLoop` on the thread inside `run()`; this object only holds what both sides
// share, under one lock. It owns no thread and no queue of Dispatch.
//
// What the broker is promised: PUBACK leaves only when the watermark covers every message read before it
// (AcknowledgementGate.swift). Everything else outgoing shares libmosquitto's one queue and waits behind: PINGREQ,
// SUBSCRIBE, our own publications. While the store fails the broker therefore hears nothing from us, drops us after 1.5
// keep-alive times, and sends everything again when we are back.

import HubRuntime
public import Logging
import Synchronization
public import VitalSigns

/// One link to one broker. All methods may be called from any thread; `run()` once.
public final class MQTTLink: Sendable {
  struct Shared {
    var publications: PublicationQueue
    var subscriptions: [MQTTSubscription] = []
    /// The thread takes `subscriptions` when this is set.
    var subscriptionsChanged = false
    var stopDeadline: MonotonicInstant?
    var hasRun = false
    var statistics = MQTTLinkStatistics()
    var connectedSince: MonotonicInstant?
    /// Since when the link is not live; nil while it is, and before it runs.
    var notLiveSince: MonotonicInstant?
    var lastFrameAt: MonotonicInstant?
  }

  let configuration: MQTTLinkConfiguration
  let handler: any MQTTFrameHandler
  let watermark: any DurableWatermark
  let logger: Logger
  let wake: WakeDescriptor
  let randomSeed: UInt64
  let shared: Mutex<Shared>

  /// Validates the configuration; opens nothing but an eventfd.
  ///
  /// - Parameter randomSeed: of the back-off's jitter. Give one in simulations and tests.
  public init(
    configuration: MQTTLinkConfiguration, handler: any MQTTFrameHandler, watermark: any DurableWatermark, logger: Logger,
    randomSeed: UInt64 = .random(in: .min ... .max)
  ) throws(MQTTConfigurationError) {
    try configuration.validate()
    do throws(DescriptorShortage) {
      wake = try WakeDescriptor()
    } catch {
      throw MQTTConfigurationError(key: "LimitNOFILE", value: "used up", allowed: "room for one eventfd and one socket a link")
    }
    self.configuration = configuration
    self.handler = handler
    self.watermark = watermark
    self.logger = logger
    self.randomSeed = randomSeed
    self.shared = Mutex(Shared(publications: PublicationQueue(limit: configuration.publishQueueLimit)))
  }

  /// Connects, reads, reconnects, until `stop(within:)`; blocks the calling thread all that time, and calls the handler on it.
  ///
  /// Never throws: a broker that is away is a state, not an error. Returns at once when stopped before. Call it once.
  public func run() {
    let isFirst = shared.withLock { shared in
      defer { shared.hasRun = true }
      return !shared.hasRun
    }
    precondition(isFirst, "a link runs once; make a new one")
    watermark.register(wakeDescriptor: wake.descriptor)
    LinkLoop(self).run()
    watermark.unregister(wakeDescriptor: wake.descriptor)
  }

  /// Asks `run()` to return: stop reading, wait for the watermark, acknowledge, say offline, DISCONNECT.
  ///
  /// Returns at once; join the thread to wait. When the watermark does not come within `limit`, the connection is
  /// dropped without acknowledging: the broker publishes the will and sends the messages again. A call with a shorter limit counts.
  public func stop(within limit: Duration) {
    let deadline = SystemClock.monotonic().adding(limit)
    shared.withLock { $0.stopDeadline = min($0.stopDeadline ?? .never, deadline) }
    wake.ring()
  }

  /// Replaces the wanted subscriptions; the difference is sent when connected, everything again after each connect.
  ///
  /// A filter given twice counts with its higher QoS. Filters left over in the broker's session from an earlier run are not
  /// known here and not removed: their frames reach the handler as any other.
  public func subscribe(_ subscriptions: [MQTTSubscription]) throws(MQTTRequestError) {
    for subscription in subscriptions {
      if let problem = MQTTTopic.problem(inFilter: subscription.filter) { throw .invalidTopic(problem) }
      if subscription.qos > 1 { throw .invalidQoS(subscription.qos) }
    }
    shared.withLock {
      $0.subscriptions = subscriptions
      $0.subscriptionsChanged = true
    }
    wake.ring()
  }

  /// Queues a publication, also while the broker is away; `publishFinished` tells how it ended.
  ///
  /// At least once, in order, for QoS 1; at most once for QoS 0. Not kept over a restart of the process: what must not be lost
  /// waits in the outbox until it is acknowledged. An empty `payload` with `retain` deletes the retained message.
  @discardableResult
  public func publish(topic: String, payload: [UInt8], qos: UInt8, retain: Bool) throws(MQTTRequestError) -> MQTTPublishID {
    if let problem = MQTTTopic.problem(inName: topic) { throw .invalidTopic(problem) }
    if qos > 1 { throw .invalidQoS(qos) }
    if payload.count > configuration.maximumPayloadBytes {
      throw .payloadTooLarge(bytes: payload.count, limit: configuration.maximumPayloadBytes)
    }
    let result: Result<MQTTPublishID, MQTTRequestError> = shared.withLock { shared in
      if shared.stopDeadline != nil { return .failure(.stopping) }
      do throws(MQTTRequestError) {
        return .success(try shared.publications.append(topic: topic, payload: payload, qos: qos, retain: retain))
      } catch {
        return .failure(error)
      }
    }
    wake.ring()
    return try result.get()
  }

  /// A consistent copy of the counters, not older than one turn of the loop (at most 1 s when idle).
  public var statistics: MQTTLinkStatistics {
    shared.withLock { shared in
      var copy = shared.statistics
      copy.connectedMilliseconds = shared.connectedSince.map { (SystemClock.monotonic().rawValue - $0.rawValue) / 1_000_000 }
      copy.notLiveMilliseconds = shared.notLiveSince.map { (SystemClock.monotonic().rawValue - $0.rawValue) / 1_000_000 }
      copy.lastFrameMilliseconds = shared.lastFrameAt.map { (SystemClock.monotonic().rawValue - $0.rawValue) / 1_000_000 }
      copy.publicationsQueued = shared.publications.count
      return copy
    }
  }

  public var state: MQTTLinkState { shared.withLock { $0.statistics.state } }
}
