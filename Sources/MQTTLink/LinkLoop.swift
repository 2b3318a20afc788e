// The thread's side of a link: one turn after another, each takes what others asked for, offers frames, decides at the gate,
// writes, reads, and sleeps in `poll` on the socket and the eventfd. It decides nothing that a state machine decides.
// What the session tells it to do is in LinkLoop+actions.swift, what it counts and tells in LinkLoop+statistics.swift.

import Glibc
import HubRuntime
import Logging
import Synchronization
import VitalSigns

/// Lives inside `MQTTLink.run()`, on that thread only.
final class LinkLoop {
  /// Packets in one turn, before requests, writing and keep-alive get their chance again: about 1 ms of work.
  static let packetsPerTurn = 64
  /// The handler's intake empties in microseconds; the core may be held up longer, but then a few ms more do not matter.
  static let busyRetryNanoseconds: Int64 = 5_000_000
  /// libmosquitto counts keep-alive in whole seconds.
  let keepAliveCheckNanoseconds: Int64
  /// Between two turns with a connection: longer, and the thread did not run.
  let standstillNanoseconds: Int64
  /// A subscription that the library could not send, or that the broker refused, is asked for again after this.
  static let subscriptionRetryNanoseconds: Int64 = 30_000_000_000

  let link: MQTTLink
  var session: MQTTLinkSession
  var gate: AcknowledgementGate
  var book = SubscriptionBook()
  var client: MosquittoClient?
  /// Read and not taken by the handler yet, oldest first. Bounded by the client's own limit for one read.
  var waiting: [(frame: MQTTFrame, payloadBytes: Int)] = []
  /// Nothing in the socket that we know of.
  var isDry = false
  var nextKeepAliveCheck: MonotonicInstant = .zero
  private var lastTurn: MonotonicInstant?
  var statistics = MQTTLinkStatistics()
  var connectedSince: MonotonicInstant?
  /// Why the connection that is being dropped is dropped.
  var reason: MQTTLinkError?
  /// Said in the log already, so that an hour without a broker is one line and not a thousand.
  var loggedError: MQTTLinkError?
  var wasStalling = false
  var contest = Contest()
  var pressure: Pressure
  var pace = ReadingPace()
  /// What nobody here knows was read on this connection: nothing is acknowledged before then.
  var strangersUntil: MonotonicInstant?
  /// The first of it.
  var stranger: MQTTFrame?
  /// The library or the broker refused a subscription: the next attempt.
  var nextSubscriptionTry: MonotonicInstant = .never
  var subscriptionSendFailed = false
  /// This connection was left to another client on purpose.
  var hasYielded = false
  var notLiveSince: MonotonicInstant? = SystemClock.monotonic()
  var lastFrameAt: MonotonicInstant?
  /// The present or last failure to have a connection; cleared when the link is live.
  var trouble: MQTTLinkProblem?
  /// A second descriptor of the socket, for a clean end. See `closeGently`.
  var lingering: Int32 = -1

  init(_ link: MQTTLink) {
    self.link = link
    let configuration = link.configuration
    keepAliveCheckNanoseconds = Int64(configuration.keepAliveCheckSeconds) * 1_000_000_000
    standstillNanoseconds = keepAliveCheckNanoseconds / 2 * 3
    pressure = Pressure(hold: .milliseconds(configuration.ackHoldMilliseconds))
    session = MQTTLinkSession(connectTimeout: .seconds(2 * configuration.connectTimeoutSeconds), randomSeed: link.randomSeed)
    gate = Self.newGate(configuration)
  }

  static func newGate(_ configuration: MQTTLinkConfiguration) -> AcknowledgementGate {
    AcknowledgementGate(
      hold: .milliseconds(configuration.ackHoldMilliseconds), stall: .milliseconds(configuration.storeStallMilliseconds),
      window: configuration.receiveMaximum)
  }

  func run() {
    takeRequests()
    apply(.start)
    while session.state != .stopped {
      turn()
      publishStatistics()
    }
    let unconfirmed = link.shared.withLock { $0.publications.removeAll() }
    for publication in unconfirmed { link.handler.publishFinished(publication.id, outcome: .lost) }
    publishStatistics()
  }

  private func turn() {
    noteStandstill()
    takeRequests()
    apply(.tick)
    guard session.state != .stopped else { return }
    guard client != nil else {
      sleep(socketEvents: 0, until: session.deadline, mayRead: false)
      return
    }
    offerWaiting()
    guard !yield() else { return }
    var decision = gate.decide(watermark: link.watermark.sequence, framesWait: !waiting.isEmpty, at: SystemClock.monotonic())
    holdForStrangers(&decision)
    notePressure()
    noteStall()
    if decision.asksForCommit { link.watermark.requestCommit() }
    pump()
    if decision.mayWrite, !write() { return }
    if decision.mayWrite, case .draining = session.state, client?.wantsWrite == false {
      apply(.acknowledged)
      return
    }
    let now = SystemClock.monotonic()
    // Something is there by the end of a rest, most probably: reading finds out sooner than asking.
    if pace.restEnds(by: now) { isDry = false }
    let wantsRead = decision.mayRead && !isEnding
    let mayRead = wantsRead && !pace.rests(at: now)
    if mayRead, !isDry, !read() { return }
    if !keepAlive() { return }
    if mayRead, !isDry, waiting.isEmpty { return }
    var events = mayRead && waiting.isEmpty ? Int16(POLLIN) : 0
    if decision.mayWrite, client?.wantsWrite == true { events |= Int16(POLLOUT) }
    var until = min(session.deadline, decision.again, nextKeepAliveCheck, nextSubscriptionTry, pressure.again)
    if wantsRead, pace.rests(at: now) {
      events &= ~Int16(POLLIN)
      until = min(until, pace.restsUntil)
    }
    if !waiting.isEmpty { until = min(until, SystemClock.monotonic().adding(nanoseconds: Self.busyRetryNanoseconds)) }
    if mayRead, gate.owed > 0, gate.shutSince == nil {
      // Frames taken in this turn shut the gate after the decision. Decided here, so that a message costs one turn and not two; the
      // watermark may be there already, and then the next turn writes at once.
      var next = gate.decide(watermark: link.watermark.sequence, framesWait: !waiting.isEmpty, at: SystemClock.monotonic())
      holdForStrangers(&next)
      if next.asksForCommit { link.watermark.requestCommit() }
      until = next.mayWrite ? .zero : min(until, next.again)
    }
    sleep(socketEvents: events, until: until, mayRead: wantsRead)
  }

  /// Told to stop: what comes now belongs to the next run.
  private var isEnding: Bool {
    switch session.state {
    case .draining, .disconnecting: true
    default: false
    }
  }

  /// With a connection a turn comes at least each `keepAliveCheckNanoseconds`.
  private func noteStandstill() {
    let now = SystemClock.monotonic()
    defer { lastTurn = client == nil ? nil : now }
    guard let lastTurn, now.rawValue - lastTurn.rawValue > standstillNanoseconds else { return }
    link.handler.stoodStill(nanoseconds: now.rawValue - lastTurn.rawValue)
  }

  // MARK: - Requests of other threads

  private func takeRequests() {
    let (deadline, subscriptions) = link.shared.withLock { shared -> (MonotonicInstant?, [MQTTSubscription]?) in
      defer { shared.subscriptionsChanged = false }
      return (shared.stopDeadline, shared.subscriptionsChanged ? shared.subscriptions : nil)
    }
    if let subscriptions {
      book.want(subscriptions)
      statistics.subscriptionsWanted = book.wanted.count
    }
    if let deadline { apply(.stop(deadline: deadline)) }
  }

  /// Hands publications and changed subscriptions to the library, which queues them behind the acknowledgements.
  private func pump() {
    switch session.state {
    case .subscribing, .live: break
    default: return
    }
    if SystemClock.monotonic() >= nextSubscriptionTry {
      nextSubscriptionTry = .never
      subscriptionSendFailed = false
      book.askRefusedAgain()
    }
    if !subscriptionSendFailed { sendSubscriptions() }
    while let client, let publication = link.shared.withLock({ $0.publications.next() }) {
      do throws(MQTTLinkError) {
        let messageID = try client.publish(
          topic: publication.topic, payload: publication.payload, qos: publication.qos, retain: publication.retain)
        link.shared.withLock { $0.publications.sent(publication, messageID: messageID) }
      } catch {
        statistics.publicationsRefused += 1
        link.handler.publishFinished(publication.id, outcome: .refused(reasonCode: 0))
      }
    }
  }

  // MARK: - Frames

  /// Offers frames to the handler in order, until it is busy.
  func offerWaiting() {
    var taken = 0
    for (frame, payloadBytes) in waiting {
      let isOversized = payloadBytes > link.configuration.maximumPayloadBytes
      let verdict = isOversized ? link.handler.oversizedFrame(frame, payloadBytes: payloadBytes) : link.handler.frame(frame)
      switch verdict {
      case .accepted(let sequence):
        statistics.framesAccepted += 1
        gate.took(qos: frame.qos, sequence: sequence, at: SystemClock.monotonic())
      case .ignored:
        statistics.framesIgnored += 1
        gate.took(qos: frame.qos, sequence: nil, at: SystemClock.monotonic())
      case .refused(let reason, let sequence):
        statistics.framesRefused[reason, default: 0] += 1
        gate.took(qos: frame.qos, sequence: sequence, at: SystemClock.monotonic())
        if reason == .unknownTopic, frame.qos > 0, let connectedSince {
          strangersUntil = connectedSince.adding(nanoseconds: Contest.graceNanoseconds)
          if stranger == nil { stranger = frame }
        }
      case .busy:
        statistics.busyAnswers += 1
        waiting.removeFirst(taken)
        return
      }
      taken += 1
    }
    waiting.removeAll(keepingCapacity: true)
  }

  // MARK: - Another hub's messages

  /// What nobody here knows may be another hub's: while the client id is contested it is left to that hub, unacknowledged.
  private func yield() -> Bool {
    guard strangersUntil != nil, let stranger, contest.leaves(stranger, at: SystemClock.monotonic()) else { return false }
    link.logger.warning("The MQTT client id is contested; messages of unknown devices are left to the other client")
    hasYielded = true
    fail(.connectionLost("left to another client with the same client id"))
    return true
  }

  /// Just after CONNACK the rightful hub may take its session back.
  private func holdForStrangers(_ decision: inout AcknowledgementGate.Decision) {
    guard let until = strangersUntil else { return }
    if SystemClock.monotonic() >= until {
      strangersUntil = nil
      return
    }
    decision.mayWrite = false
    decision.again = min(decision.again, until)
  }

  // MARK: - The socket. Each returns false when the connection is gone.

  private func write() -> Bool {
    guard let client, client.wantsWrite || gate.owed > 0 else { return true }
    let failure = client.write()
    guard settle(failure) else { return false }
    if !client.wantsWrite {
      if gate.owed > 0 { link.handler.acknowledgementsWritten() }
      gate.wrote()
      pressure.nothingIsOwed()
    }
    return true
  }

  private func read() -> Bool {
    let before = statistics.framesReceived
    for _ in 0..<Self.packetsPerTurn {
      guard let client else { return false }
      let (failure, dry) = client.read()
      guard settle(failure) else { return false }
      offerWaiting()
      isDry = dry
      if dry || !waiting.isEmpty { break }
    }
    pace.read(
      Int(clamping: statistics.framesReceived - before), mayRest: gate.waits(for: link.watermark.sequence), at: SystemClock.monotonic())
    return true
  }

  private func keepAlive() -> Bool {
    let now = SystemClock.monotonic()
    guard let client, now >= nextKeepAliveCheck else { return client != nil }
    nextKeepAliveCheck = now.adding(nanoseconds: keepAliveCheckNanoseconds)
    return settle(client.keepAlive())
  }

  /// Handles what a call into the library brought, then its failure.
  private func settle(_ failure: MQTTLinkError?) -> Bool {
    guard let current = client else { return false }
    statistics.framesDropped += current.framesDropped
    current.framesDropped = 0
    var refusal: MQTTLinkError?
    for event in current.takeEvents() { refusal = handle(event) ?? refusal }
    if case .disconnecting = session.state, current.socket < 0 {
      // The library closes as soon as DISCONNECT is written.
      apply(.lost(needsAPerson: false))
      return false
    }
    if let reason = refusal ?? failure ?? (current.socket < 0 ? .connectionLost("closed by the broker") : nil) {
      fail(explained(reason))
      return false
    }
    return client != nil
  }

  /// mosquitto 2.0 does not say "session taken over" when a twin resumes a session; the victim only sees an early end.
  private func explained(_ error: MQTTLinkError) -> MQTTLinkError {
    guard case .connectionLost(let detail) = error, let connectedSince,
      SystemClock.monotonic() < connectedSince.adding(ReconnectPause.stable)
    else { return error }
    return .connectionLost("\(detail) Soon after connecting: if this repeats, another client uses the same client id.")
  }

  /// `mayRead`: nothing but a rest keeps the loop from reading.
  private func sleep(socketEvents: Int16, until: MonotonicInstant, mayRead: Bool) {
    let isConnected = (client?.socket ?? -1) >= 0
    var polled = [
      pollfd(fd: link.wake.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: client?.socket ?? -1, events: socketEvents, revents: 0),
    ]
    let ready = poll(&polled, isConnected ? 2 : 1, SystemClock.pollTimeout(until: until))
    guard ready > 0 else { return }
    if polled[0].revents != 0 { link.wake.clear() }
    let found = Int32(polled[1].revents)
    if found & POLLIN != 0 { isDry = false }
    if found & (POLLERR | POLLHUP | POLLNVAL) != 0 {
      // Reading finds out why. When reading is held, nothing that could come would be acknowledged any more either.
      if mayRead {
        isDry = false
        pace.wake()
      } else {
        fail(.connectionLost("closed by the broker while acknowledgements waited"))
      }
    }
  }
}
