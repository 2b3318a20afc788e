// What the link counts, for `/metrics`, `status` and tests. Numbers and closed vocabularies only: no topic, no payload,
// no identity of a device or person.

/// A consistent copy at one moment. Counters start at 0 with the link and never go back.
public struct MQTTLinkStatistics: Sendable, Hashable {
  public var state: MQTTLinkState = .stopped
  /// Milliseconds since CONNACK of the present connection; nil while there is none.
  public var connectedMilliseconds: Int64?
  /// Milliseconds since the link was last live, or since it started to run; nil while it is live. A link that is live hears
  /// everything that the broker has granted it.
  public var notLiveMilliseconds: Int64?
  /// Milliseconds since the last frame of any kind; nil before the first.
  public var lastFrameMilliseconds: Int64?
  /// What is wrong now, in words; nil when nothing is. Also of a link that is live: see ``MQTTLinkProblem/deafensLiveLink``.
  public var problem: MQTTLinkProblem?
  /// Whether the broker still had our session at the last connect.
  public var sessionPresent = false
  /// Successful connects; one more than the reconnects.
  public var connects: UInt64 = 0
  public var connectFailures: UInt64 = 0
  public var framesReceived: UInt64 = 0
  /// Payload bytes of `framesReceived`.
  public var bytesReceived: UInt64 = 0
  public var framesAccepted: UInt64 = 0
  public var framesIgnored: UInt64 = 0
  /// By reason; a reason that never happened is absent.
  public var framesRefused: [MQTTRefusalReason: UInt64] = [:]
  /// Times that the handler was busy and a frame was offered again.
  public var busyAnswers: UInt64 = 0
  /// QoS 0 frames dropped because the handler was busy and the link's own room was full.
  public var framesDropped: UInt64 = 0
  /// Acknowledgements that wait for the disk now.
  public var acknowledgementsOwed: Int = 0
  /// An acknowledgement has waited for longer than a moment, the handler is busy, or messages come in such numbers that one may
  /// wait behind the others; or one of it was so within the last half minute. A message that waits at the broker is not seen here.
  public var isHeldUp = false
  /// Times that the watermark stood still for longer than the stall time while acknowledgements waited.
  public var storeStalls: UInt64 = 0
  public var publicationsQueued: Int = 0
  public var publicationsAcknowledged: UInt64 = 0
  public var publicationsRefused: UInt64 = 0
  public var subscriptionsWanted: Int = 0
  /// Filters that the broker refused on this connection (an ACL, usually).
  public var subscriptionsRefused: Int = 0
  /// The last failure, kept after recovery.
  public var lastError: MQTTLinkError?

  /// Times that an accepted connection was closed by the broker's side.
  public var closings: UInt64 = 0

  public init() {}

  public var reconnects: UInt64 { connects > 0 ? connects - 1 : 0 }
}
