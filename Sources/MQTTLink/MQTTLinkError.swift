// What can go wrong on the way to a broker and with it, as values: each case says what a person can do about it,
// and whether trying again may help without a person. The link itself always tries again, only later.

/// Why a connection failed or ended. Kept as `lastError` in the statistics; never thrown by a running link.
public enum MQTTLinkError: Error, Sendable, Hashable {
  /// No TCP connection: refused, no route, name not found, time-out.
  case unreachable(String)
  /// TLS was refused by either side.
  case tls(String)
  /// A file of the configuration (`path`) that is read at each connect cannot be read.
  case fileUnreadable(path: String, detail: String)
  /// CONNACK with a code other than success: 3.1.1 codes 1–5, MQTT 5 codes ≥ 0x80.
  case refusedByBroker(code: UInt8, text: String)
  /// TCP and perhaps TLS came up, but no CONNACK in time.
  case noAnswer(seconds: UInt32)
  /// The broker took the connection and closed it before it said anything.
  case closedBeforeAnswer
  /// An established connection ended.
  case connectionLost(String)
  /// The broker closed on purpose (MQTT 5 DISCONNECT), e.g. 0x8E: another client took over the same client id.
  case disconnectedByBroker(code: UInt8, text: String)
  /// More QoS 1 frames came in one read than the link can hold; dropped unacknowledged, the broker sends them again.
  case inboundOverflow
  /// The broker sends a packet that is longer than the link reads.
  case packetTooLong
  /// The library refused a call with these arguments (our bug or no memory).
  case library(String)

  /// Whether only a person can mend it. Such failures wait at least 4 s before the next attempt.
  public var needsAPerson: Bool {
    switch self {
    case .unreachable, .noAnswer, .closedBeforeAnswer, .connectionLost, .inboundOverflow, .packetTooLong, .library: return false
    case .tls, .fileUnreadable: return true
    case .refusedByBroker(let code, _):
      // 3 is "server unavailable" in 3.1.1; 0x88 unavailable, 0x89 busy, 0x97 quota, 0x9F rate, 0x8B shutting down in 5.
      return ![3, 0x88, 0x89, 0x8B, 0x97, 0x9F].contains(code)
    case .disconnectedByBroker(let code, _):
      // 0x8E session taken over, 0x87 not authorised, 0x98 administrative action.
      return [0x8E, 0x87, 0x98].contains(code)
    }
  }
}

extension MQTTLinkError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreachable(let detail): "the broker cannot be reached: \(detail)"
    case .tls(let detail): "TLS failed: \(detail)"
    case .fileUnreadable(let path, let detail): "cannot read \(path): \(detail)"
    case .refusedByBroker(let code, let text): "the broker refused the connection: \(text) (code \(code))"
    case .noAnswer(let seconds): "the broker took the connection but did not answer within \(seconds) s"
    case .closedBeforeAnswer: "the broker closed the connection before it answered"
    case .connectionLost(let detail): "the connection was lost: \(detail)"
    case .disconnectedByBroker(let code, let text): "the broker closed the connection: \(text) (code \(code))"
    case .inboundOverflow: "more messages in one read than the link holds; the broker will send them again"
    case .packetTooLong: "the broker sends a packet of more than \(MosquittoClient.packetBytesMax >> 20) MiB"
    case .library(let detail): "libmosquitto refused a call: \(detail)"
    }
  }
}

/// Why a publication or subscription was not taken.
public enum MQTTRequestError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The queue holds `limit` publications already; the new one is refused, the old ones stay.
  case queueFull(limit: Int)
  /// What is wrong with the topic or filter.
  case invalidTopic(String)
  case payloadTooLarge(bytes: Int, limit: Int)
  case invalidQoS(UInt8)
  /// The link was told to stop.
  case stopping

  public var description: String {
    switch self {
    case .queueFull(let limit): "the queue is full (\(limit) publications wait); try again when the broker answers"
    case .invalidTopic(let detail): detail
    case .payloadTooLarge(let bytes, let limit): "the payload has \(bytes) bytes; allowed: at most \(limit)"
    case .invalidQoS(let value): "QoS is \(value); allowed: 0 or 1"
    case .stopping: "the link is stopping"
    }
  }
}
