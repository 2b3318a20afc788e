// Fan-out to the listeners of the local API: everybody hears everything, who cannot keep up is let go.

import NIOCore
import RealtimeCore
import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubCore
@testable import HubRegistry
@testable import LocalAPI

@Suite(.timeLimit(.minutes(5))) struct EventHubTests {
  private func event(_ sequence: UInt64) -> LocalAPIEvent { .committed(API.Committed(sequence: sequence)) }
  private func bytes(_ sequence: UInt64) -> ByteBuffer? { ServerEvent(event(sequence))?.bytes }

  @Test func anEventIsOneServerSentEvent() {
    #expect(bytes(7).map { String(buffer: $0) } == "event: committed\ndata: {\"sequence\":7}\n\n")
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
      #expect(heard == (1...3).map { bytes($0) })
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
    #expect(await iterator.next()?.bytes == bytes(9_999))
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

  /// An open connection is no sign of life: the socket of a stopped process takes events for a quarter of an hour.
  @Test func aRoleThatGivesNoSignOfLifeDoesNotHear() throws {
    let hub = EventHub()
    func at(_ seconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: seconds * 1_000_000_000) }
    #expect(!hub.hears(.forward, at: at(0)))
    hub.beat(.forward, at: at(0))
    #expect(!hub.hears(.forward, at: at(0)), "who is not connected hears nothing")
    let stream = try #require(hub.subscribe(role: .forward, at: at(1)))
    #expect(hub.hears(.forward, at: at(10)) && !hub.hears(.forward, at: at(11)))
    #expect(hub.isConnected(.forward) && !hub.hears(.console, at: at(1)))
    hub.beat(.forward, at: at(20))
    #expect(hub.hears(.forward, at: at(29)) && !hub.hears(.forward, at: at(30)))
    hub.close()
    withExtendedLifetime(stream) {}
  }

  /// A forward role with another configuration says nothing of a destination that the core's names.
  @Test func aDestinationThatNobodySpeaksOfIsFound() throws {
    let folder = TemporaryFolder()
    let configuration = try Street.configuration(
      in: folder,
      """
      destinations: [{ name: a, kind: fhir, url: "http://127.0.0.1:1/fhir" }, { name: b, kind: fhir, url: "http://127.0.0.1:1/fhir" }]
      """)
    func at(_ seconds: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: seconds * 1_000_000_000) }
    let states = DestinationStates(since: at(100))
    #expect(states.unheard(configuration, at: at(139)).isEmpty)
    #expect(states.unheard(configuration, at: at(140)) == ["a", "b"])
    _ = states.note(API.DestinationState(name: "b", state: .well), at: at(140))
    #expect(states.unheard(configuration, at: at(179)) == ["a"])
    #expect(states.unheard(configuration, at: at(180)) == ["a", "b"])
  }

  /// A level whose only receiver may have no alerts is passed over, like one without any.
  @Test func aReceiverWithoutAnAgreementIsNoReceiver() throws {
    let folder = TemporaryFolder()
    let configuration = try Street.configuration(
      in: folder,
      """
      escalation: { receivers: [{ level: 0, destinations: [a] }, { level: 1, destinations: [b] }, { level: 2, destinations: [b, a] }] }
      destinations: [{ name: a, kind: fhir, url: "http://127.0.0.1:1/fhir" }, { name: b, kind: fhir, url: "http://127.0.0.1:1/fhir" }]
      sharing:
        - { destination: a, controller: "\(Street.controller)", share: [observations], patients: all, basis: x }
        - { destination: b, controller: "\(Street.controller)", share: [alerts], patients: all, basis: x }
      """)
    #expect(CoreBuilder.configuration(configuration, salt: 1).escalation.receiverLevels == 0b110)
  }

  private static func alerts(_ count: UInt64) throws -> [API.Alert] {
    let registry = Registry(profiles: [], patients: [], devices: [])
    let text = try Street.sentences()
    return (1...count).map { number in
      let change = transition(.raised, number: number)
      return API.Alert(change, changed(change), registry: registry, text: text)
    }
  }

  private static func second(_ number: Int) -> MonotonicInstant { .zero.adding(seconds: UInt32(number)) }

  /// The number of each alert.
  private static func numbers(_ alerts: [API.Alert]) -> [UInt64] { alerts.compactMap { AlertID(text: $0.id)?.low } }

  @Test func aRoleHearsFirstWhatTheJournalDoesNotHaveYet() async throws {
    let hub = EventHub()
    for (index, alert) in try Self.alerts(5).enumerated() { hub.tell(alert, decidedAt: Self.second(index + 1)) }
    #expect(Self.numbers(hub.unstored) == [1, 2, 3, 4, 5])
    hub.stored(through: Self.second(3))
    hub.stored(through: Self.second(2))
    let role = try #require(hub.listen(role: .forward, first: event(1), at: .zero))
    let person = try #require(hub.subscribe())
    hub.send(event(2))
    hub.close()
    var heard: [String] = []
    for await event in role {
      switch event {
      case .alert(let alert): heard += Self.numbers([alert]).map { "alert \($0)" }
      case .committed(let committed): heard.append("committed \(committed.sequence)")
      default: Issue.record("\(event) was not sent")
      }
    }
    #expect(heard == ["committed 1", "alert 4", "alert 5", "committed 2"])
    var count = 0
    for await _ in person { count += 1 }
    #expect(count == 1, "who is no role reads the state")
  }

  @Test func whatIsStoredBeforeItIsToldIsNotKeptAndTheOldestGoesFirst() throws {
    let hub = EventHub()
    let alerts = try Self.alerts(UInt64(UnstoredAlerts.countMax) + 2)
    hub.stored(through: Self.second(1))
    for (index, alert) in alerts.enumerated() { hub.tell(alert, decidedAt: Self.second(index + 1)) }
    #expect(hub.unstored.count == UnstoredAlerts.countMax)
    #expect(Self.numbers(hub.unstored).first == 3, "the first was stored, and the second let go for the last")
    hub.stored(through: Self.second(alerts.count))
    #expect(hub.unstored.isEmpty)
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
