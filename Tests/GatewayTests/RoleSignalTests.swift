// The sign of life that a role gives: only after work, never more often than needed, and again when the core did not hear it.

import Synchronization
import Testing
import VitalSigns

@testable import LocalAPI

@Suite(.timeLimit(.minutes(5))) struct RoleSignalTests {
  private final class Core: CoreConnection {
    let beats = Atomic<Int>(0)
    let isDeaf = Atomic<Bool>(false)

    var place: String { "a test" }
    func hear(as role: API.Role) -> CoreEvents { .inside(nil) }
    func beat(_ role: API.Role) async throws(LocalAPIError) {
      beats.wrappingAdd(1, ordering: .relaxed)
      if isDeaf.load(ordering: .relaxed) { throw .notRunning(socket: place) }
    }
    func report(_ receipts: [API.Receipt]) async throws(LocalAPIError) {}
    func report(_ states: [API.DestinationState]) async throws(LocalAPIError) {}
    func act(on alert: AlertID, _ action: API.AlertAction, _ request: API.ActOnAlert) async throws(LocalAPIError) {}
    func alert(_ id: AlertID) async throws(LocalAPIError) -> API.Alert { throw .notRunning(socket: place) }
    func look(_ looks: API.Looks) async throws(LocalAPIError) {}
    func restricted(of patient: PatientID, _ request: API.ShowRestricted) async throws(LocalAPIError) -> API.RestrictedFields {
      throw .notRunning(socket: place)
    }
    func edit(recordOf patient: PatientID, _ request: API.EditRecord) async throws(LocalAPIError) -> API.PersonRecord {
      throw .notRunning(socket: place)
    }
    func isLive() async -> Bool { true }

    var count: Int { beats.load(ordering: .relaxed) }
  }

  private final class Clock: Sendable {
    let milliseconds = Atomic<Int64>(50_000)
    var now: MonotonicInstant { MonotonicInstant(rawValue: milliseconds.load(ordering: .relaxed) * 1_000_000) }
    func advance(_ by: Int64) { milliseconds.wrappingAdd(by, ordering: .relaxed) }
  }

  @Test func aSignIsGivenAfterWorkAndNotMoreOftenThanNeeded() async throws {
    let (core, clock) = (Core(), Clock())
    let signal = RoleSignal(role: .console, core: core) { clock.now }
    signal.worked()
    try await eventually("the first") { core.count == 1 }
    for _ in 0..<4 {
      clock.advance(500)
      signal.worked()
    }
    try await Task.sleep(for: .milliseconds(50))
    #expect(core.count == 1, "two seconds later it is still young")
    clock.advance(500)
    try await eventually("the second, half a second early as a pulse may be") {
      // Until it is noted that the core heard the first, a piece of work is taken for one of the same moment.
      signal.worked()
      return core.count == 2
    }
  }

  @Test func aCoreThatDidNotHearIsToldOfTheNextWork() async throws {
    let (core, clock) = (Core(), Clock())
    core.isDeaf.store(true, ordering: .relaxed)
    let signal = RoleSignal(role: .forward, core: core) { clock.now }
    signal.worked()
    try await eventually("unheard") { core.count == 1 }
    core.isDeaf.store(false, ordering: .relaxed)
    try await eventually("told again at once") {
      signal.worked()
      return core.count == 2
    }
  }
}
