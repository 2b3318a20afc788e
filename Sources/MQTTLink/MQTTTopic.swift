// The protocol's rules for topic names and topic filters (MQTT 5, 4.7), checked before the library sees them, so that
// an error can say what is allowed. Not a matcher: which device a topic belongs to is the profiles' business.

import VitalSigns

/// Rules for topics. A message for people, or nil when all is well.
public enum MQTTTopic {
  /// What is wrong with `name` as a topic to publish to.
  public static func problem(inName name: String) -> String? {
    if let common = commonProblem(name, what: "topic") { return common }
    if name.holdsByte(of: "+#") {
      return "the topic \"\(name)\" holds a wildcard; allowed in filters only"
    }
    return nil
  }

  /// What is wrong with `filter` as a subscription.
  public static func problem(inFilter filter: String) -> String? {
    if let common = commonProblem(filter, what: "filter") { return common }
    let levels = filter.topicLevels
    for (index, level) in levels.enumerated() {
      if level.holdsByte(of: "#"), level != "#" || index != levels.count - 1 {
        return "the filter \"\(filter)\" holds # inside a level or before the end; allowed: # alone as the last level"
      }
      if level.holdsByte(of: "+"), level != "+" {
        return "the filter \"\(filter)\" holds + inside a level; allowed: + alone as a level"
      }
    }
    return nil
  }

  private static func commonProblem(_ text: String, what: String) -> String? {
    let bytes = text.utf8.count
    if bytes == 0 { return "the \(what) is empty; allowed: 1 to 65535 bytes" }
    if bytes > 65535 { return "the \(what) has \(bytes) bytes; allowed: 1 to 65535" }
    // Control characters are allowed by the protocol and refused by many brokers (mosquitto closes the connection).
    if text.unicodeScalars.contains(where: \.isControl) {
      return "the \(what) holds a control character; allowed: printable text"
    }
    return nil
  }
}

/// One topic filter and the highest QoS that the broker may use for it.
public struct MQTTSubscription: Sendable, Hashable {
  public var filter: String
  /// 0 or 1. Not 2: its PUBREC takes the message from the broker before it is durable here, so it promises less.
  public var qos: UInt8

  public init(filter: String, qos: UInt8 = 1) {
    self.filter = filter
    self.qos = qos
  }
}
