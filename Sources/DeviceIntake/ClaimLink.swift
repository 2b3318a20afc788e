// The connection by which a hub says at a link's broker who it is, and hears whether there is another with its identity (ClaimBook). It has a
// client id of its own, different in each run: two hubs of one identity take the link's own connection from each other, and this one must
// stand all the while. Its last will says that the run has ended. No device's message passes here.

import Foundation
import HubClaims
import HubCore
import HubRuntime
import Logging
import MQTTLink
import Synchronization
import VitalSigns

/// One link's claims. Any thread; the handler's methods run on the connection's own.
final class ClaimLink: MQTTFrameHandler, Sendable {
  /// For so long a link waits before its first connection until it is known that no other hub has taken this one's place. A broker that
  /// lets the hub say nothing costs this at each start. Nanoseconds.
  static let waitNanoseconds: Int64 = 1_000_000_000
  /// Of a connection on which nothing ever happens. Seconds.
  static let keepAliveSeconds = 60

  private struct State {
    var book: ClaimBook
    var link: MQTTLink?
    /// Nobody needs to wait for what the broker knows: it was heard, or cannot be now.
    var isSettled = false
    var isStopped = false
    var refusalTold: Claim.Refusal?
  }

  let name: String
  private let identity: ClaimIdentity
  private let configuration: MQTTLinkConfiguration
  private let watermark: DurableSequence
  private let clock: HubClock
  /// Rung when it is settled. One thread waits: the link's own.
  private let settled: Wake
  private let logger: Logger
  private let state: Mutex<State>
  private let thread = WorkerThread(name: "claims")
  /// Called on the connection's thread, once for each generation that is higher than those before.
  private let standDown: @Sendable (Claim) -> Void

  init(
    name: String, _ link: MQTTLinkConfiguration, _ identity: ClaimIdentity, _ services: LinkServices,
    standDown: @escaping @Sendable (Claim) -> Void
  ) throws(DescriptorShortage) {
    self.name = name
    self.identity = identity
    self.standDown = standDown
    var configuration = link
    // The id does not begin with the link's own: whoever looks for the link's lines in a broker's log must not find these.
    configuration.clientID = "claim-\(link.clientID.prefix(200))-\(identity.run.prefix(8))"
    configuration.keepsSession = false
    configuration.keepAliveSeconds = Self.keepAliveSeconds
    configuration.keepAliveCheckSeconds = Self.keepAliveSeconds / 4
    configuration.stateTopic = ClaimTopic.name(hubID: identity.hubID, generation: identity.generation)
    configuration.onlinePayload = identity.text(isLive: true)
    configuration.offlinePayload = identity.text(isLive: false)
    self.configuration = configuration
    watermark = services.durable
    clock = services.intake.clock
    settled = try Wake()
    // The link tells of its broker. A second voice that says the same at the same time says nothing more.
    var quiet = services.logger
    quiet.logLevel = max(quiet.logLevel, .error)
    logger = quiet
    state = Mutex(State(book: ClaimBook(generation: identity.generation, run: identity.run)))
  }

  // MARK: Coming and going

  func start() {
    guard let link = try? MQTTLink(configuration: configuration, handler: self, watermark: watermark, logger: logger),
      (try? link.subscribe([MQTTSubscription(filter: ClaimTopic.filter(hubID: identity.hubID))])) != nil
    else { return settle() }
    let isStopped = state.withLock { state in
      state.link = link
      return state.isStopped
    }
    // Another link's broker has told already that this hub was replaced.
    if !isStopped { thread.start { link.run() } }
  }

  /// Says that the run has ended, and lets the broker go. Returns at once.
  func stop() {
    let link = state.withLock { state in
      state.isStopped = true
      return state.link
    }
    link?.stop(within: .seconds(1))
    settle()
  }

  /// Waits until it is known whether another hub has taken this one's place, and no longer than `waitNanoseconds`. The link's thread alone.
  func waitUntilSettled() {
    let end = SystemClock.boottime() &+ Self.waitNanoseconds
    while !state.withLock({ $0.isSettled }), SystemClock.boottime() < end { settled.wait(until: end) }
  }

  private func settle() {
    state.withLock { $0.isSettled = true }
    settled.ring()
  }

  // MARK: What is heard

  func frame(_ frame: MQTTFrame) -> FrameVerdict {
    guard let generation = ClaimTopic.generation(of: frame.topic, hubID: identity.hubID) else { return .ignored }
    let heard: ClaimBook.Heard
    if frame.payload.isEmpty {
      heard = .nothing
    } else {
      do { heard = .claim(try Claim(frame.payload, for: identity), isRetained: frame.retained) } catch { heard = .unreadable(error) }
    }
    let (actions, isSettled) = state.withLock { state in
      let actions = state.book.heard(heard, of: generation, at: clock.now())
      return (actions, state.book.hasHeardAll)
    }
    tellRefusal()
    perform(actions)
    if isSettled { settle() }
    return .ignored
  }

  func oversizedFrame(_ frame: MQTTFrame, payloadBytes: Int) -> FrameVerdict { self.frame(frame) }

  func linkStateChanged(_ link: MQTTLinkState, reason: MQTTLinkError?) {
    switch link {
    case .subscribing: state.withLock { $0.book.connected(at: clock.now()) }
    case .backingOff, .stopped:
      state.withLock { $0.book.lost() }
      settle()
    case .connecting, .live, .draining: break
    }
  }

  /// Once a pulse.
  func look() { perform(state.withLock { $0.book.tick(at: clock.now()) }) }

  private func perform(_ actions: [ClaimBook.Action]) {
    let link = state.withLock { $0.link }
    for action in actions {
      // What finds no room is asked for again by what comes next.
      switch action {
      case .announce:
        _ = try? link?.publish(
          topic: configuration.stateTopic ?? "", payload: Array(configuration.onlinePayload.utf8), qos: 1, retain: true)
      case .clear(let generation):
        _ = try? link?.publish(
          topic: ClaimTopic.name(hubID: identity.hubID, generation: generation), payload: [], qos: 1, retain: true)
      case .standDown(let claim): standDown(claim)
      }
    }
  }

  private func tellRefusal() {
    let news = state.withLock { state -> Claim.Refusal? in
      guard let refusal = state.book.refusal, refusal != state.refusalTold else { return nil }
      state.refusalTold = refusal
      return refusal
    }
    guard let news else { return }
    logger.error(
      "somebody says at the broker that it is this hub, and cannot prove it; it is passed over",
      metadata: ["link": "\(name)", "reason": "\(news.rawValue)"])
  }

  // MARK: Facts

  /// What is known at this broker.
  struct Facts: Sendable {
    var twin: ClaimBook.Other?
    var original: ClaimBook.Other?
    var refusal: Claim.Refusal?
    /// The broker is there, and what this hub says does not come back: it may not write, or not read, its claim.
    var isUnheard: Bool
  }

  var facts: Facts {
    let now = clock.now()
    return state.withLock { state in
      let statistics = state.link?.statistics
      let isOld = (statistics?.connectedMilliseconds ?? 0) > 10_000
      return Facts(
        twin: state.book.twin, original: state.book.original(at: now), refusal: state.book.refusal,
        isUnheard: statistics?.state == .live && isOld && !state.book.hasHeardAll)
    }
  }
}
