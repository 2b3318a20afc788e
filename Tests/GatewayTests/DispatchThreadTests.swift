// The thread that tells people at once, on a ring of its own: what comes in goes out in order, nobody's flood holds up another's call,
// and what the ring's holder took is given back.

import Foundation
import NIOCore
import RealtimeCore
import Synchronization
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import CoreRings
@testable import HubCore
@testable import HubRegistry
@testable import HubRuntime
@testable import LocalAPI

@Suite(.timeLimit(.minutes(5))) struct DispatchThreadTests {
  private let ring = SingleProducerRing<Outcome>(capacity: 4_096)
  private let room = AlarmRoom()
  private let wake: Wake
  private let hub = EventHub()
  private let conditions = HubConditions()
  private let thread: DispatchThread

  init() throws {
    wake = try Wake()
    let kari = RegisteredPatient(
      id: Street.kari, name: "Kari Test", nationalID: nil, controller: Street.controller, since: Street.noon, ended: nil)
    thread = DispatchThread(
      AlarmWay(ring: ring, room: room, wake: wake), hub: hub, registry: Registry(profiles: [], patients: [kari], devices: []),
      text: try Street.sentences(), conditions: conditions,
      clock: HubClock(continuing: nil, lastInstant: .zero, lastWall: .unknown, now: .current()))
  }

  /// As the core thread does it.
  private func push(_ outcome: Outcome) {
    #expect(room.take(outcome) && ring.push(outcome))
  }

  private func sos(_ number: UInt64, of patient: PatientID = Street.kari) -> Outcome {
    changed(transition(.raised, number: number), patient: patient)
  }

  /// The numbers of the alerts that a listener hears, in order, until it has `count`.
  private func heard(_ count: Int, _ listener: AsyncStream<ServerEvent>) async throws -> [UInt64] {
    var numbers: [UInt64] = []
    for await event in listener {
      let text = String(buffer: event.bytes)
      #expect(text.hasPrefix("event: alert\ndata: {") && text.hasSuffix("}\n\n"))
      let data = try #require(text.split(separator: "\n").last?.dropFirst("data: ".count))
      let alert = try LocalAPIJSON.decode(API.Alert.self, from: Data(data.utf8))
      numbers.append(try #require(AlertID(text: alert.id)).low)
      if numbers.count == count { break }
    }
    return numbers
  }

  @Test func whatIsInTheRingIsToldInOrder() async throws {
    let listener = try #require(hub.subscribe())
    for number in 1...20 as ClosedRange<UInt64> { push(sos(number)) }
    thread.start()
    #expect(try await heard(20, listener) == Array(1...20))
    #expect(thread.dispatched.load(ordering: .relaxed) == 20 && thread.leftOut.load(ordering: .relaxed) == 0)
    thread.stop()
  }

  @Test func itSleepsUntilItIsRung() async throws {
    let listener = try #require(hub.subscribe())
    thread.start()
    push(sos(1))
    wake.ring()
    #expect(try await heard(1, listener) == [1])
    push(sos(2))
    wake.ring()
    #expect(try await heard(1, listener) == [2])
    thread.stop()
  }

  /// A button that is stuck sends hundreds; the one call of somebody else stands behind none of them.
  @Test func aFloodHoldsUpNobodyElse() async throws {
    let listener = try #require(hub.subscribe())
    for number in 1...200 as ClosedRange<UInt64> { push(sos(number)) }
    push(sos(1_000, of: Street.ola))
    thread.start()
    #expect(try await heard(2, listener) == [1, 1_000])
    thread.stop()
  }

  /// What one holder may fill of the ring is theirs again when it was taken out.
  @Test func theRoomIsGivenBack() async throws {
    for number in 0..<UInt64(AlarmRoom.perHolderMax) { push(sos(number)) }
    #expect(!room.take(sos(0)), "one holder's share is full")
    #expect(room.take(sos(0, of: Street.ola)), "another's is not")
    thread.start()
    try await eventually("everything was taken out of the ring") { room.take(sos(0)) }
    thread.stop()
  }

  /// The listener is told as many as people can read; the rest is in the outbox, and counted.
  @Test func whatNobodyCanReadIsLeftOutAndCounted() async throws {
    let many = FairLane.perHolderMax + 76
    for number in 0..<UInt64(many) { #expect(ring.push(sos(number))) }
    thread.start()
    try await eventually("what does not fit is counted") { thread.leftOut.load(ordering: .relaxed) == 76 }
    try await eventually("a burst is told at once") { thread.dispatched.load(ordering: .relaxed) >= FairLane.burst }
    #expect(thread.dispatched.load(ordering: .relaxed) < many - 76)
    thread.stop()
  }

  /// Stopped between two rings of the bell, it tells what lies there before it ends.
  @Test func whatCameBeforeTheEndIsTold() async throws {
    let listener = try #require(hub.subscribe())
    push(sos(1))
    push(sos(2))
    thread.stop()
    thread.start()
    #expect(try await heard(2, listener) == [1, 2])
  }

  @Test func onlyAlertsAreToldAndTheHubsOwnAreNoted() async throws {
    let listener = try #require(hub.subscribe())
    push(Outcome(cause: 1, instant: .zero, wall: Street.noon, patient: Street.kari, device: .none, payload: .remark(.late)))
    push(changed(transition(.raised, rule: .linkDown), patient: .none, device: .none))
    thread.start()
    #expect(try await heard(1, listener) == [1])
    #expect(conditions.all.map(\.rule) == [.linkDown] && conditions.all.first?.isDecided == true)
    push(changed(transition(.cleared, .cleared, rule: .linkDown), patient: .none, device: .none))
    wake.ring()
    #expect(try await heard(1, listener) == [1])
    #expect(conditions.all.isEmpty)
    thread.stop()
  }
}
