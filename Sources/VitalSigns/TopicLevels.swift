// Where an MQTT topic is cut. A broker sees bytes; to Swift a `/` with a combining mark after it is another character than `/`, and
// so is a wildcard. Whoever looks at topics looks at their bytes.

extension String {
  /// The levels of a topic, a filter or an address, empty ones too.
  package var topicLevels: [String] {
    utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
  }

  /// Whether it holds one of these ASCII characters, with or without a mark on it.
  package func holdsByte(of characters: StaticString) -> Bool {
    utf8.contains { byte in characters.withUTF8Buffer { $0.contains(byte) } }
  }
}
