// Which filters the gateway wants, which of them the broker has confirmed on this connection, and what to send next. The wanted filters
// change at run time, as devices are registered and removed. After each connect all of them are asked for again: a broker that lost its
// store (mosquitto saves it now and then) may answer "session present" with only a part of the subscriptions.

/// Sans-I/O; used by the link's thread only.
struct SubscriptionBook: Sendable {
  enum Request: Sendable, Hashable {
    /// All of one QoS, in order.
    case subscribe([String], qos: UInt8)
    case unsubscribe([String])
  }

  /// Per packet: mosquitto and others refuse very long SUBSCRIBE packets; 64 filters of usual length stay under 8 KiB.
  static let filtersPerPacket = 64

  private(set) var wanted: [String: UInt8] = [:] { didSet { isCompared = false } }
  /// Filters sent in a SUBSCRIBE on this connection, answered or not, with their QoS.
  private var asked: [String: UInt8] = [:] { didSet { isCompared = false } }
  /// `asked` was found equal to `wanted`, and neither has changed since. The link compares at each turn.
  private var isCompared = false
  private var unanswered: [Int32: [String]] = [:]
  /// Filters that the broker refused (SUBACK ≥ 0x80) on this connection.
  private(set) var refused: Set<String> = []

  var everythingIsAnswered: Bool { unanswered.isEmpty && asked == wanted }
  /// Filters that are wanted and have not been asked for on this connection.
  var missing: Int { wanted.count { asked[$0.key] != $0.value } }

  mutating func want(_ subscriptions: [MQTTSubscription]) {
    wanted = Dictionary(subscriptions.map { ($0.filter, $0.qos) }, uniquingKeysWith: max)
  }

  /// Called for a new connection: nothing has been asked for on it.
  mutating func reset() {
    asked = [:]
    unanswered = [:]
    refused = []
  }

  /// The requests that make the broker's subscriptions equal to `wanted`, in a stable order. Removals come first, because a broker may
  /// limit the number of subscriptions.
  mutating func requests() -> [Request] {
    if isCompared { return [] }
    guard asked != wanted else {
      isCompared = true
      return []
    }
    var requests: [Request] = []
    let gone = asked.keys.filter { wanted[$0] == nil }.sorted()
    for chunk in chunks(gone) { requests.append(.unsubscribe(chunk)) }
    for qos in [UInt8(0), 1] {
      let new = wanted.filter { $0.value == qos && asked[$0.key] != qos }.keys.sorted()
      for chunk in chunks(new) { requests.append(.subscribe(chunk, qos: qos)) }
    }
    refused.formIntersection(wanted.keys)
    return requests
  }

  /// The library took the request under this packet identifier. `requests` returns a request again until the library has taken it.
  mutating func sent(_ request: Request, messageID: Int32) {
    switch request {
    case .subscribe(let filters, let qos):
      unanswered[messageID] = filters
      for filter in filters { asked[filter] = qos }
    case .unsubscribe(let filters):
      unanswered[messageID] = []
      for filter in filters { asked[filter] = nil }
    }
  }

  /// SUBACK. Returns how many filters the broker refused. Unknown packet identifiers are ignored. Filters beyond the end of `granted`
  /// count as refused.
  mutating func answered(messageID: Int32, granted: [Int32]) -> Int {
    guard let filters = unanswered.removeValue(forKey: messageID) else { return 0 }
    var count = 0
    for filter in filters.dropFirst(granted.count) {
      count += 1
      refused.insert(filter)
    }
    for (filter, code) in zip(filters, granted) {
      if code >= 0x80 {
        count += 1
        refused.insert(filter)
      } else {
        refused.remove(filter)
      }
    }
    return count
  }

  /// Makes `requests` return the refused filters again on this connection. Somebody may have changed the broker's ACL meanwhile.
  mutating func askRefusedAgain() {
    for filter in refused { asked[filter] = nil }
  }

  /// UNSUBACK.
  mutating func unsubscribed(messageID: Int32) { unanswered[messageID] = nil }

  private func chunks(_ filters: [String]) -> [[String]] {
    stride(from: 0, to: filters.count, by: Self.filtersPerPacket).map {
      Array(filters[$0..<min($0 + Self.filtersPerPacket, filters.count)])
    }
  }
}
