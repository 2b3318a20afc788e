// Subscriptions and publications as plain values: what is sent when, what comes back, what is bounded.

import Testing

@testable import MQTTLink

@Suite struct SubscriptionBookTests {
  @Test func asksForTheDifferenceInAStableOrder() {
    var book = SubscriptionBook()
    #expect(book.everythingIsAnswered)
    book.want([.init(filter: "b"), .init(filter: "a"), .init(filter: "z", qos: 0)])
    let requests = book.requests()
    #expect(requests == [.subscribe(["z"], qos: 0), .subscribe(["a", "b"], qos: 1)])
    for (index, request) in requests.enumerated() { book.sent(request, messageID: Int32(index + 1)) }
    #expect(book.requests() == [])
    book.want([.init(filter: "c"), .init(filter: "a", qos: 0)])
    #expect(book.requests() == [.unsubscribe(["b", "z"]), .subscribe(["a"], qos: 0), .subscribe(["c"], qos: 1)])
  }

  @Test func isAnsweredWhenEveryPacketIs() {
    var book = SubscriptionBook()
    book.want([.init(filter: "a"), .init(filter: "b", qos: 0)])
    let requests = book.requests()
    for (index, request) in requests.enumerated() { book.sent(request, messageID: Int32(index + 1)) }
    #expect(!book.everythingIsAnswered)
    #expect(book.answered(messageID: 99, granted: [0x87]) == 0, "a stranger's answer")
    #expect(book.answered(messageID: 1, granted: [0x87]) == 1)
    #expect(book.refused == ["b"])
    #expect(book.answered(messageID: 2, granted: [1]) == 0)
    #expect(book.everythingIsAnswered)
  }

  @Test func whatCouldNotBeSentIsAskedForAgain() {
    var book = SubscriptionBook()
    book.want([.init(filter: "a"), .init(filter: "z", qos: 0)])
    let requests = book.requests()
    #expect(requests == [.subscribe(["z"], qos: 0), .subscribe(["a"], qos: 1)])
    // The library took the first only.
    book.sent(requests[0], messageID: 1)
    #expect(book.answered(messageID: 1, granted: [0]) == 0)
    #expect(!book.everythingIsAnswered, "the link is not live while a home is not subscribed to")
    #expect(book.missing == 1)
    #expect(book.requests() == [.subscribe(["a"], qos: 1)])
    book.sent(.subscribe(["a"], qos: 1), messageID: 2)
    #expect(book.answered(messageID: 2, granted: [1]) == 0)
    #expect(book.everythingIsAnswered && book.missing == 0)
    // An UNSUBSCRIBE that was not sent is owed likewise.
    book.want([.init(filter: "z", qos: 0)])
    #expect(book.requests() == [.unsubscribe(["a"])])
    #expect(book.requests() == [.unsubscribe(["a"])])
  }

  @Test func aRefusedFilterIsAskedForAgainWhenToldTo() {
    var book = SubscriptionBook()
    book.want([.init(filter: "a"), .init(filter: "b")])
    book.sent(.subscribe(["a", "b"], qos: 1), messageID: 1)
    #expect(book.answered(messageID: 1, granted: [0x87, 1]) == 1)
    #expect(book.requests() == [])
    book.askRefusedAgain()
    #expect(book.requests() == [.subscribe(["a"], qos: 1)])
    book.sent(.subscribe(["a"], qos: 1), messageID: 2)
    #expect(book.answered(messageID: 2, granted: [1]) == 0)
    #expect(book.refused.isEmpty)
  }

  @Test func aShortSUBACKGrantsNoMoreThanItSays() {
    var book = SubscriptionBook()
    book.want([.init(filter: "a"), .init(filter: "b")])
    book.sent(.subscribe(["a", "b"], qos: 1), messageID: 1)
    #expect(book.answered(messageID: 1, granted: [1]) == 1)
    #expect(book.refused == ["b"])
  }

  @Test func asksForEverythingOnANewConnection() {
    var book = SubscriptionBook()
    book.want([.init(filter: "a")])
    for request in book.requests() { book.sent(request, messageID: 1) }
    book.reset()
    #expect(!book.everythingIsAnswered)
    #expect(book.requests() == [.subscribe(["a"], qos: 1)])
  }

  @Test func splitsLongLists() {
    var book = SubscriptionBook()
    book.want((0..<150).map { MQTTSubscription(filter: "home/\(1_000 + $0)") })
    let sizes = book.requests().map { request in
      if case .subscribe(let filters, qos: 1) = request { filters.count } else { -1 }
    }
    #expect(sizes == [64, 64, 22])
  }

  @Test func theHigherQoSOfAFilterGivenTwiceCounts() {
    var book = SubscriptionBook()
    book.want([.init(filter: "a", qos: 1), .init(filter: "a", qos: 0)])
    #expect(book.requests() == [.subscribe(["a"], qos: 1)])
  }
}

@Suite struct PublicationQueueTests {
  static func fill(_ queue: inout PublicationQueue, _ count: Int, qos: UInt8 = 1) throws {
    for index in 0..<count { _ = try queue.append(topic: "t/\(index)", payload: [], qos: qos, retain: false) }
  }

  @Test func refusesTheNewOneWhenFull() throws {
    var queue = PublicationQueue(limit: 3)
    try Self.fill(&queue, 3)
    #expect(throws: MQTTRequestError.queueFull(limit: 3)) { try Self.fill(&queue, 1) }
    let next = queue.next()
    let first = try #require(next)
    queue.sent(first, messageID: 1)
    #expect(throws: MQTTRequestError.queueFull(limit: 3), "in flight counts, too") { try Self.fill(&queue, 1) }
    #expect(queue.answered(messageID: 1) == first)
    try Self.fill(&queue, 1)
  }

  @Test func keepsOrderOverALostConnection() throws {
    var queue = PublicationQueue(limit: 1_000)
    try Self.fill(&queue, 500)
    var sent: [String] = []
    for id in Int32(1)...20 {
      let next = queue.next()
      queue.sent(try #require(next), messageID: id)
    }
    #expect(queue.next() == nil, "the window is full")
    #expect(queue.answered(messageID: 1)?.topic == "t/0")
    #expect(queue.connectionLost() == [])
    while queue.count > 0 {
      guard let next = queue.next() else { break }
      queue.sent(next, messageID: Int32(sent.count))
      #expect(queue.answered(messageID: Int32(sent.count)) == next)
      sent.append(next.topic)
    }
    #expect(sent == (1..<500).map { "t/\($0)" })
  }

  @Test func losesQoS0InFlightAndSaysSo() throws {
    var queue = PublicationQueue(limit: 10)
    try Self.fill(&queue, 1, qos: 0)
    try Self.fill(&queue, 2, qos: 1)
    for id in Int32(1)...2 {
      let next = queue.next()
      queue.sent(try #require(next), messageID: id)
    }
    #expect(queue.connectionLost().map(\.id.rawValue) == [1])
    #expect(queue.removeAll().map(\.id.rawValue) == [2, 3])
    #expect(queue.count == 0)
  }
}
