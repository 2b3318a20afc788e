// What other threads want published, until the broker has it. Bounded: `limit` publications, waiting and in flight
// together; when full, the new one is refused and the caller told (its outbox keeps it). Order is kept within the queue.

/// One publication of ours.
struct Publication: Sendable, Hashable {
  var id: MQTTPublishID
  var topic: String
  var payload: [UInt8]
  var qos: UInt8
  var retain: Bool
}

/// Sans-I/O; whoever holds the link's lock.
struct PublicationQueue: Sendable {
  /// As many as libmosquitto has in flight by default; more would only wait inside the library, out of our sight.
  static let inFlightLimit = 20

  let limit: Int
  private var waiting: [Publication] = []
  private var firstWaiting = 0
  private var inFlight: [Int32: Publication] = [:]
  private var lastID: UInt64 = 0

  init(limit: Int) { self.limit = limit }

  var count: Int { waiting.count - firstWaiting + inFlight.count }
  var hasWork: Bool { firstWaiting < waiting.count && inFlight.count < Self.inFlightLimit }

  mutating func append(topic: String, payload: [UInt8], qos: UInt8, retain: Bool) throws(MQTTRequestError) -> MQTTPublishID {
    guard count < limit else { throw .queueFull(limit: limit) }
    lastID += 1
    let id = MQTTPublishID(rawValue: lastID)
    waiting.append(Publication(id: id, topic: topic, payload: payload, qos: qos, retain: retain))
    return id
  }

  /// The next publication to hand to the library; nil while its window is full. Call `sent` when the library has taken it.
  mutating func next() -> Publication? {
    guard hasWork else { return nil }
    let publication = waiting[firstWaiting]
    firstWaiting += 1
    if firstWaiting == waiting.count || firstWaiting >= 256 {
      waiting.removeFirst(firstWaiting)
      firstWaiting = 0
    }
    return publication
  }

  mutating func sent(_ publication: Publication, messageID: Int32) { inFlight[messageID] = publication }

  /// The broker or the kernel has it. Nil for an unknown identifier, such as that of the state topic's own message.
  mutating func answered(messageID: Int32) -> Publication? { inFlight.removeValue(forKey: messageID) }

  /// The connection is gone: QoS 1 goes back to the front in its old order, QoS 0 is lost and returned.
  mutating func connectionLost() -> [Publication] {
    let returned = inFlight.values.sorted { $0.id.rawValue < $1.id.rawValue }
    inFlight = [:]
    waiting.replaceSubrange(0..<firstWaiting, with: returned.filter { $0.qos > 0 })
    firstWaiting = 0
    return returned.filter { $0.qos == 0 }
  }

  /// The link ends: everything that nobody confirmed, in order.
  mutating func removeAll() -> [Publication] {
    let lost = connectionLost() + waiting
    waiting = []
    return lost.sorted { $0.id.rawValue < $1.id.rawValue }
  }
}
