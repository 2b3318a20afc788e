// The DUP flag of a PUBLISH, which libmosquitto 2.0 keeps from its user: its message structure has no place for it. But the
// library describes each packet to its log callback, on the same thread and right before the message callback
// (lib/handle_publish.c of 2.0.11):
//
//   Client hub-01 received PUBLISH (d1, q1, r0, m7, 'zigbee2mqtt/bath', ... (21 bytes))
//
// A line that does not read like this says nothing, and then the flag is unknown. A client id holds no space
// (`MQTTLinkConfiguration.validate`), and the topic stands last, so neither can imitate the words between.

import Glibc

/// What the library's log says about the PUBLISH that comes next.
struct PublishLogLine: Equatable {
  var isDuplicate: Bool
  var qos: UInt8
  var messageID: UInt16

  /// Nil when the text is not about a received PUBLISH.
  init?(_ text: UnsafePointer<CChar>) {
    guard let start = strstr(text, " received PUBLISH (d") else { return nil }
    var rest = UnsafePointer(start) + 20
    guard let duplicate = Self.number(&rest, upTo: 1), Self.skip(", q", &rest), let qos = Self.number(&rest, upTo: 2),
      Self.skip(", r", &rest), Self.number(&rest, upTo: 1) != nil, Self.skip(", m", &rest),
      let message = Self.number(&rest, upTo: 65_535), Self.skip(", '", &rest)
    else { return nil }
    isDuplicate = duplicate == 1
    self.qos = UInt8(qos)
    messageID = UInt16(message)
  }

  private static func number(_ text: inout UnsafePointer<CChar>, upTo limit: Int) -> Int? {
    var value = 0
    var digits = 0
    while let digit = Int(exactly: text.pointee), (48...57).contains(digit), digits < 6 {
      value = value * 10 + digit - 48
      digits += 1
      text += 1
    }
    return digits > 0 && value <= limit ? value : nil
  }

  private static func skip(_ expected: StaticString, _ text: inout UnsafePointer<CChar>) -> Bool {
    for index in 0..<expected.utf8CodeUnitCount {
      guard UInt8(bitPattern: text.pointee) == expected.utf8Start[index] else { return false }
      text += 1
    }
    return true
  }
}
