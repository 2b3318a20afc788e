// What the loop does when the session says so, and how the library's events become the session's events.

import CMosquitto
import Glibc
import HubRuntime
import Logging
import Synchronization
import VitalSigns

extension LinkLoop {
  /// Gives the session an event and performs its action, which may bring further events: a short chain (connect → lost → abandon).
  func apply(_ event: MQTTLinkSession.Event) {
    let before = session.publicState
    let action = session.event(event, at: SystemClock.monotonic())
    if action == .abandon, reason == nil {
      // Not lost by an event of ours: the time for TLS and CONNACK is up.
      reason = .noAnswer(seconds: UInt32(clamping: link.configuration.connectTimeoutSeconds))
      statistics.lastError = reason
      trouble = reason.map { MQTTLinkProblem($0, link.configuration) }
    }
    if session.publicState != before { announceState() }
    switch action {
    case .none, .stopReading: break
    case .connect: connect()
    case .subscribe: subscribe()
    case .announceOnline: announceOnline()
    case .abandon: abandon()
    case .disconnect: disconnect()
    case .finish: finish()
    }
  }

  /// The connection is over, or never was, because of `error`.
  func fail(_ error: MQTTLinkError) {
    let now = SystemClock.monotonic()
    reason = error
    statistics.lastError = error
    trouble = MQTTLinkProblem(error, link.configuration)
    let closings = statistics.closings
    switch error {
    case .unreachable: contest.brokerWasAway()
    // While the store stands still the broker hears nothing from us and drops us: that is no contest.
    case .connectionLost, .disconnectedByBroker:
      if connectedSince != nil, !wasStalling, !hasYielded { noteClosing(error, at: now) }
    default: break
    }
    session.backOff.isContested = contest.isContested(at: now)
    session.backOff.knocksSoon = statistics.closings > closings && !session.backOff.isContested
    apply(.lost(needsAPerson: error.needsAPerson && !session.backOff.isContested))
  }

  /// Counts an end that the broker's side made, rather than the network or its silence.
  private func noteClosing(_ error: MQTTLinkError, at now: MonotonicInstant) {
    var saysSo = false
    switch error {
    case .connectionLost(let detail): if detail.hasPrefix("no sign of life") { return }
    case .disconnectedByBroker(let code, _): saysSo = code == 0x8E
    default: return
    }
    statistics.closings += 1
    contest.closed(saysSo: saysSo, at: now)
  }

  // MARK: - Actions

  private func connect() {
    let configuration = link.configuration
    let answer = BrokerProbe.run(
      host: configuration.host, port: configuration.port, timeoutMilliseconds: Int64(configuration.connectTimeoutSeconds) * 1_000,
      wake: link.wake
    ) { link.shared.withLock { $0.stopDeadline != nil } }
    switch answer {
    case .interrupted: return  // The next turn finds the request to stop.
    case .closed(let detail):
      fail(.unreachable(detail))
      return
    case .open: break
    }
    do throws(MQTTLinkError) {
      let new = try MosquittoClient(configuration)
      try new.connect()
      client = new
      gate = Self.newGate(configuration)
      pace = ReadingPace()
      book.reset()
      nextSubscriptionTry = .never
      subscriptionSendFailed = false
      hasYielded = false
      isDry = false
    } catch {
      fail(error)
    }
  }

  private func subscribe() {
    loggedError = nil
    connectedSince = SystemClock.monotonic()
    statistics.connects += 1
    link.logger.info("Connected to the MQTT broker", metadata: ["sessionPresent": "\(statistics.sessionPresent)"])
    sendSubscriptions()
    if book.everythingIsAnswered { apply(.subscribed) }
  }

  func sendSubscriptions() {
    guard let client else { return }
    for request in book.requests() {
      do throws(MQTTLinkError) {
        book.sent(request, messageID: try client.send(request))
      } catch {
        // The filters were checked before; only a broker's packet limit is left as a reason.
        statistics.lastError = error
        nextSubscriptionTry = SystemClock.monotonic().adding(nanoseconds: Self.subscriptionRetryNanoseconds)
        subscriptionSendFailed = true
        link.logger.error("Cannot ask the MQTT broker for a subscription", metadata: ["error": "\(error)"])
        return
      }
    }
  }

  private func announceOnline() {
    guard let topic = link.configuration.stateTopic, let client else { return }
    // A failure shows as a refused publication or a lost connection; the session goes on either way.
    _ = try? client.publish(topic: topic, payload: Array(link.configuration.onlinePayload.utf8), qos: 1, retain: true)
  }

  private func abandon() {
    if connectedSince == nil { statistics.connectFailures += 1 }
    if let reason, reason != loggedError {
      loggedError = reason
      link.logger.warning("No MQTT broker; trying again", metadata: ["error": "\(reason)"])
    }
    reason = nil
    dropConnection()
  }

  /// Says offline and goodbye. The will is not sent after DISCONNECT, so the retained state needs our own message.
  private func disconnect() {
    guard let client else { return }
    lingering = dup(client.socket)
    if let topic = link.configuration.stateTopic {
      _ = try? client.publish(topic: topic, payload: Array(link.configuration.offlinePayload.utf8), qos: 1, retain: true)
    }
    client.disconnect()
  }

  private func finish() {
    if case .some = reason, lingering < 0 {
      link.logger.warning("The MQTT link ended without acknowledging everything", metadata: ["owed": "\(gate.owed)"])
    } else if gate.owed > 0 {
      link.logger.warning("The disk did not confirm in time; the broker will send again", metadata: ["owed": "\(gate.owed)"])
    }
    dropConnection()
    closeGently()
  }

  private func dropConnection() {
    client = nil
    connectedSince = nil
    strangersUntil = nil
    stranger = nil
    pressure.nothingIsOwed()
    statistics.framesDropped += UInt64(waiting.count { $0.frame.qos == 0 })
    waiting.removeAll()
    gate = Self.newGate(link.configuration)
    let lost = link.shared.withLock { $0.publications.connectionLost() }
    for publication in lost { link.handler.publishFinished(publication.id, outcome: .lost) }
  }

  /// Closing a socket that still holds unread bytes sends RST, which may throw away our last acknowledgements on their way. So
  /// the library's close is not the last one: we end our direction, then read and forget until the broker closes, or 500 ms.
  private func closeGently() {
    guard lingering >= 0 else { return }
    defer {
      close(lingering)
      lingering = -1
    }
    _ = shutdown(lingering, Int32(SHUT_WR))
    let end = SystemClock.monotonic().adding(nanoseconds: 500_000_000)
    var bytes = [UInt8](repeating: 0, count: 16_384)
    while SystemClock.monotonic() < end {
      var polled = pollfd(fd: lingering, events: Int16(POLLIN), revents: 0)
      guard poll(&polled, 1, SystemClock.pollTimeout(until: end)) > 0 else { continue }
      let count = bytes.withUnsafeMutableBytes { recv(lingering, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
      if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { return }
    }
  }

  private func announceState() {
    link.shared.withLock { $0.statistics.state = session.publicState }
    link.handler.linkStateChanged(session.publicState, reason: reason)
  }

  // MARK: - The library's events

  /// Returns why the connection must end, if so.
  func handle(_ event: ClientEvent) -> MQTTLinkError? {
    switch event {
    case .connectAnswer(let code, let sessionPresent):
      guard code == 0 else {
        let text = link.configuration.protocolVersion == .v5 ? mosquitto_reason_string(code) : mosquitto_connack_string(code)
        return .refusedByBroker(code: UInt8(truncatingIfNeeded: code), text: text.map { String(cString: $0) } ?? "unknown")
      }
      statistics.sessionPresent = sessionPresent
      // At once: a handler that knows duplicates asks for it with the first frame, in this same turn.
      publishStatistics()
      apply(.accepted)
    case .frame(let frame, let payloadBytes):
      statistics.framesReceived += 1
      let now = SystemClock.monotonic()
      lastFrameAt = now
      pressure.frame(at: now)
      statistics.bytesReceived += UInt64(payloadBytes)
      waiting.append((frame, payloadBytes))
    case .published(let messageID, let reasonCode):
      published(messageID: messageID, reasonCode: reasonCode)
    case .subscribed(let messageID, let granted):
      let refused = book.answered(messageID: messageID, granted: granted)
      if refused > 0 {
        nextSubscriptionTry = SystemClock.monotonic().adding(nanoseconds: Self.subscriptionRetryNanoseconds)
        link.logger.error("The MQTT broker refuses subscriptions", metadata: ["filters": "\(refused)"])
      }
      if book.everythingIsAnswered { apply(.subscribed) }
    case .unsubscribed(let messageID):
      book.unsubscribed(messageID: messageID)
      if book.everythingIsAnswered { apply(.subscribed) }
    case .disconnected(let code):
      // Small numbers are the library's own results, which the failing call tells, too.
      guard code >= 0x80 else { return nil }
      let text = mosquitto_reason_string(code).map { String(cString: $0) } ?? "unknown"
      return .disconnectedByBroker(code: UInt8(truncatingIfNeeded: code), text: text)
    }
    return nil
  }

  private func published(messageID: Int32, reasonCode: Int32) {
    guard let publication = link.shared.withLock({ $0.publications.answered(messageID: messageID) }) else { return }
    if reasonCode >= 0x80 {
      statistics.publicationsRefused += 1
      link.handler.publishFinished(publication.id, outcome: .refused(reasonCode: UInt8(truncatingIfNeeded: reasonCode)))
    } else {
      statistics.publicationsAcknowledged += 1
      link.handler.publishFinished(publication.id, outcome: publication.qos == 0 ? .sent : .acknowledged)
    }
  }
}
