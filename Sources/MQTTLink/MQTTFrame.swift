// The seam between the link and the gateway: what arrives (a frame), what became of it (a verdict), and who says
// that it is durable (the watermark). The link knows topics and bytes; what they mean is decided behind the handler.
//
// A frame says whether its broker sends it again (DUP). libmosquitto does not show that to its user; PublishLogLine.swift
// reads it from the library's own log. A publisher's retry comes without it.

/// One PUBLISH as it came, copied out of the library's memory.
public struct MQTTFrame: Sendable, Hashable {
  public var topic: String
  /// The application message; empty is allowed by the protocol. Cut to a prefix in ``MQTTFrameHandler/oversizedFrame(_:payloadBytes:)``.
  public var payload: [UInt8]
  /// The broker sent it because of a subscription, not because somebody published just now.
  public var retained: Bool
  /// The packet identifier of this delivery, 1…65535; 0 for QoS 0. Not an identity of the message.
  public var messageID: UInt16
  /// 0, 1 or 2 as delivered. The link subscribes with 0 or 1 only.
  public var qos: UInt8
  public var delivery: Delivery

  /// What the broker says about earlier attempts at this delivery.
  public enum Delivery: Sendable, Hashable {
    /// DUP = 0: its first attempt, as far as the broker remembers. One that was set back to an older state remembers less.
    case first
    /// DUP = 1: it may have been here before.
    case repeated
    /// The library did not say.
    case unknown
  }

  public init(
    topic: String, payload: [UInt8], retained: Bool, messageID: UInt16, qos: UInt8, delivery: Delivery = .unknown
  ) {
    self.delivery = delivery
    self.topic = topic
    self.payload = payload
    self.retained = retained
    self.messageID = messageID
    self.qos = qos
  }
}

/// Why a frame did not become readings. A closed list, so that counters and metric labels stay bounded.
public enum MQTTRefusalReason: String, Sendable, Hashable, CaseIterable {
  /// Longer than ``MQTTLinkConfiguration/maximumPayloadBytes``; found by the link itself.
  case oversized
  /// No profile and no device has this topic.
  case unknownTopic
  /// A profile has the topic, but its decoder rejects the bytes.
  case malformed
  /// Decoded, but no value that the profile calls possible.
  case outOfRange
  /// The device is known and not allowed to send this (not assigned, another controller's, revoked).
  case notAllowed
}

/// What the handler did with a frame.
public enum FrameVerdict: Sendable, Hashable {
  /// In the intake; its last entry has this sequence. The broker hears PUBACK when the watermark reaches it.
  case accepted(lastSequence: UInt64)
  /// Nothing to keep and nothing to wait for.
  case ignored
  /// Quarantined. `lastSequence` when the quarantine itself is an entry that must be durable first, else nil.
  case refused(MQTTRefusalReason, lastSequence: UInt64?)
  /// The intake is full. The link stops reading and offers the same frame again, first after 5 ms or the next wake.
  case busy
}

/// How a publication ended. At-least-once: `acknowledged` may mean delivered twice after a reconnect.
public enum MQTTPublishOutcome: Sendable, Hashable {
  /// QoS 1: the broker has it.
  case acknowledged
  /// QoS 0: handed to the kernel. Says nothing about the broker.
  case sent
  /// The broker refused it with this MQTT 5 reason code (≥ 0x80), or the library did (0: too large for the broker).
  case refused(reasonCode: UInt8)
  /// QoS 0 and the connection broke, or the link stopped before it was acknowledged.
  case lost
}

/// Names one call of ``MQTTLink/publish(topic:payload:qos:retain:)`` within one link.
public struct MQTTPublishID: RawRepresentable, Sendable, Hashable {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Who gets the frames. All methods are called on the thread that runs the link, one at a time, in the broker's order;
/// each must return quickly (no disk, no network): while one runs, nothing is read and keep-alive waits.
public protocol MQTTFrameHandler: AnyObject, Sendable {
  func frame(_ frame: MQTTFrame) -> FrameVerdict
  /// A frame beyond the limit; `frame.payload` holds its first ``MQTTLinkConfiguration/quarantinePrefixBytes`` bytes,
  /// `payloadBytes` its true length. The answer is normally `.refused(.oversized, …)`.
  func oversizedFrame(_ frame: MQTTFrame, payloadBytes: Int) -> FrameVerdict
  /// After each change, with the reason when it is a failure.
  func linkStateChanged(_ state: MQTTLinkState, reason: MQTTLinkError?)
  /// The acknowledgements of all frames taken on this connection so far are in the socket. Whether they arrive, nobody knows.
  func acknowledgementsWritten()
  /// Messages are held up from now on, or no longer: see ``MQTTLinkStatistics/isHeldUp``.
  func heldUp(_ isHeldUp: Bool)
  /// The link's thread did not run for this long (the process was stopped, the machine slept): what it reads next may be as old.
  func stoodStill(nanoseconds: Int64)
  /// Exactly once for each accepted publication, also when the link stops.
  func publishFinished(_ publication: MQTTPublishID, outcome: MQTTPublishOutcome)
}

extension MQTTFrameHandler {
  public func oversizedFrame(_ frame: MQTTFrame, payloadBytes: Int) -> FrameVerdict {
    .refused(.oversized, lastSequence: nil)
  }
  public func linkStateChanged(_ state: MQTTLinkState, reason: MQTTLinkError?) {}
  public func acknowledgementsWritten() {}
  public func heldUp(_ isHeldUp: Bool) {}
  public func stoodStill(nanoseconds: Int64) {}
  public func publishFinished(_ publication: MQTTPublishID, outcome: MQTTPublishOutcome) {}
}
