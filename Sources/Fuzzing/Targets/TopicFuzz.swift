// MQTT topics: a profile's pattern, and the topic of a message that a stranger may choose.

import DeviceProfile
import VitalSigns

enum TopicFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "topic", summary: "a topic pattern, another one and a topic, each on a line",
      seeds: { _ in
        [
          "zigbee2mqtt/{address}\n+/{address}\nzigbee2mqtt/sos1", "ble/{address}/2a1c\nble/{address}/+\nble/t1/2a1c",
          "owntracks/{address}/{address}\nowntracks/#\nowntracks/o/p",
        ].map { Array($0.utf8) }
      },
      prepare: { _ in attempt })
  }

  /// A topic from which an address is taken is heard through the filter for that address.
  private static func attempt(_ bytes: [UInt8]) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard lines.count == 3, let one = TopicPattern(lines[0]) else { return }
    if let other = TopicPattern(lines[1]) {
      precondition(one.overlaps(other) == other.overlaps(one), "a pattern overlaps another, and not the other way round")
    }
    // A broker lets no message through whose topic holds a wildcard or NUL.
    guard !lines[2].holdsByte(of: "+#\0") else { return }
    let isMatch = one.matches(lines[2])
    guard let address = one.address(in: lines[2]) else { return }
    precondition(isMatch, "an address is taken from a topic that does not match")
    precondition(one.filter(for: address) != nil, "an address that came in has no filter")
  }
}
