// Fan-out to the listeners of the local API: everybody hears everything, who cannot keep up is let go.

import NIOCore
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct EventHubTests {
  private func event(_ sequence: UInt64) -> ServerEvent { ServerEvent("committed", API.Committed(sequence: sequence)) }

  @Test func anEventIsOneServerSentEvent() {
    #expect(String(buffer: event(7).bytes) == "event: committed\ndata: {\"sequence\":7}\n\n")
  }

  @Test func everyListenerHearsEverythingInOrder() async throws {
    let hub = EventHub()
    let listeners = [try #require(hub.subscribe()), try #require(hub.subscribe())]
    #expect(hub.listenerCount == 2)
    for sequence in 1...3 as ClosedRange<UInt64> { hub.send(event(sequence)) }
    hub.close()
    for listener in listeners {
      var heard: [ByteBuffer] = []
      for await event in listener { heard.append(event.bytes) }
      #expect(heard == (1...3).map { event($0).bytes })
    }
  }

  @Test func aSlowListenerIsCutOffAndTheOthersHearOn() async throws {
    let hub = EventHub()
    let slow = try #require(hub.subscribe())
    for sequence in 0..<UInt64(EventHub.backlogMax) { hub.send(event(sequence)) }
    #expect(hub.listenerCount == 1)
    let quick = try #require(hub.subscribe())
    hub.send(event(9_999))
    #expect(hub.listenerCount == 1, "only the slow one is gone")
    var heard = 0
    for await _ in slow { heard += 1 }
    #expect(heard == EventHub.backlogMax, "what it had is still its own, then its stream ends")
    var iterator = quick.makeAsyncIterator()
    #expect(await iterator.next()?.bytes == event(9_999).bytes)
  }

  @Test func aListenerThatGoesMakesRoom() throws {
    let hub = EventHub()
    var streams = (0..<EventHub.listenersMax).compactMap { _ in hub.subscribe() }
    #expect(streams.count == EventHub.listenersMax)
    #expect(hub.subscribe() == nil)
    streams.removeLast()
    #expect(hub.listenerCount == EventHub.listenersMax - 1)
    #expect(hub.subscribe() != nil)
  }

  @Test func afterClosingNobodyListens() async throws {
    let hub = EventHub()
    let stream = try #require(hub.subscribe())
    hub.close()
    for await _ in stream { Issue.record("nothing was sent") }
    #expect(hub.subscribe() == nil)
    #expect(hub.listenerCount == 0)
  }
}
