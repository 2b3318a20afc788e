// The core as the other roles meet it in one process: the same answers as over the socket, and nothing encoded.

import Foundation
import HubCore
import Journal
import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubConfiguration
@testable import LocalAPI

/// One at a time: each has a core of its own, with its threads and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct InsideConnectionTests {
  private let folder = TemporaryFolder()

  private func running(_ body: (TestHub, InsideConnection) async throws -> Void) async throws {
    let hub = try await TestHub(folder)
    let result: Result<Void, any Error>
    do { result = .success(try await body(hub, InsideConnection(try hub.service()))) } catch { result = .failure(error) }
    hub.parts.hub.close()
    await hub.parts.stop()
    try result.get()
  }

  private static func refusal(_ call: () async throws(LocalAPIError) -> some Any) async -> Int? {
    do {
      _ = try await call()
      return nil
    } catch {
      guard case .refused(let status, let failure) = error else { return -1 }
      return failure.error.isEmpty ? -2 : status
    }
  }

  @Test func aListenerHearsAPulseAtOnceAndThenAlarms() async throws {
    try await running { hub, core in
      try await hub.register()
      var events = core.hear(as: .forward).makeAsyncIterator()
      guard case .core(let pulse)? = try await events.next() else {
        Issue.record("the first is a pulse")
        return
      }
      #expect(pulse.live && pulse.durable > 0)
      #expect(hub.parts.hub.hears(.forward, at: hub.parts.clock.now()))
      let press = try hub.push(Street.sos)
      while let event = try await events.next() {
        guard case .alert(let alert) = event else { continue }
        #expect(alert.firstCause == press && alert.alertTransition?.rule == .sos && alert.patient == "P1")
        break
      }
    }
  }

  /// A role was restarted when somebody pressed, and the disk hangs: the call waits neither for the one nor for the other.
  @Test func aRoleThatConnectsHearsFirstWhatIsToldAndNotStored() async throws {
    try await running { hub, core in
      try await hub.register()
      let held = try HeldJournal(hub.parts.configuration.hub.journalPath)
      let press = try hub.push(Street.sos)
      try await eventually("it is told") { !hub.parts.hub.unstored.isEmpty }
      for role in [API.Role.forward, .console] {
        var events = core.hear(as: role).makeAsyncIterator()
        guard case .core? = try await events.next(), case .alert(let alert)? = try await events.next() else {
          Issue.record("\(role) hears a pulse, then what is not stored")
          continue
        }
        #expect(alert.firstCause == press && alert.alertTransition?.kind == .raised)
      }
      try held.letGo()
      #expect(await hub.parts.pipeline.durable.wait(for: press))
      #expect(hub.parts.hub.unstored.isEmpty, "from then on it is in the journal")
    }
  }

  @Test func aCoreThatStoppedEndsTheEventsAndTakesNoMore() async throws {
    try await running { hub, core in
      var events = core.hear(as: .console).makeAsyncIterator()
      _ = try await events.next()
      hub.parts.hub.close()
      await #expect(throws: LocalAPIError.self) {
        while try await events.next() != nil {}
      }
      var late = core.hear(as: .console).makeAsyncIterator()
      await #expect(throws: LocalAPIError.self) { try await late.next() }
    }
  }

  @Test func whatIsRefusedIsRefusedWithTheSocketsStatus() async throws {
    try await running { hub, core in
      let alert = try await hub.alarm()
      try await core.act(on: alert.transition.id, .acknowledge, API.ActOnAlert(actor: "Nina"))
      #expect(try await core.alert(alert.transition.id).actor == "Nina")
      let second = API.ActOnAlert(actor: "Ola")
      #expect(await Self.refusal { () throws(LocalAPIError) in try await core.act(on: alert.transition.id, .acknowledge, second) } == 409)
      #expect(await Self.refusal { () throws(LocalAPIError) in try await core.act(on: alert.transition.id, .resolve, second) } == 400)
      #expect(
        await Self.refusal { () throws(LocalAPIError) in try await core.report([API.DestinationState(name: "x", state: .down)]) } == 400)
      #expect(
        await Self.refusal { () throws(LocalAPIError) in try await core.look(API.Looks(actor: "Nina", patients: [], what: "board")) } == 400
      )
    }
  }

  @Test func aRoleShowsThatItWorks() async throws {
    try await running { hub, core in
      let events = core.hear(as: .console)
      let later = hub.parts.clock.now().adding(nanoseconds: EventHub.beatPatience)
      withExtendedLifetime(events) { #expect(!hub.parts.hub.hears(.console, at: later)) }
      try await Task.sleep(for: .milliseconds(5))
      try await core.beat(.console)
      withExtendedLifetime(events) { #expect(hub.parts.hub.hears(.console, at: later)) }
      #expect(await core.isLive())
    }
  }

  /// A role that is to end must not wait for a disk that stands still.
  @Test func aCancelledCallEndsThoughTheStoreStandsStill() async throws {
    try await running { hub, core in
      try await hub.register()
      let held = try HeldJournal(hub.parts.configuration.hub.journalPath)
      let looks = API.Looks(actor: "Nina", patients: ["P1"], what: "board")
      let asking = Task { await Self.refusal { () throws(LocalAPIError) in try await core.look(looks) } }
      try await Task.sleep(for: .milliseconds(100))
      let began = ContinuousClock.now
      asking.cancel()
      #expect(await asking.value == -1, "no answer, and not refused")
      #expect(ContinuousClock.now - began < .seconds(60))
      try held.letGo()
    }
  }
}
