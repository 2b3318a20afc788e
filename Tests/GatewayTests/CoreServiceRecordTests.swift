// The core's operations on people's records, on a running core: a change is a new version that nobody overwrites unseen, and what is
// restricted is given under an open alert or for a reason, with a row in the access log each time.

import HTTPTypes
import HubConfiguration
import HubCore
import Journal
import JournalValues
import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubRegistry
@testable import LocalAPI

/// One at a time: each has a core of its own, with its threads and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CoreServiceRecordTests {
  private let folder = TemporaryFolder()

  private func running(_ body: (TestHub, CoreService) async throws -> Void) async throws {
    let hub = try await TestHub(folder)
    let result: Result<Void, any Error>
    do {
      try await hub.register()
      let service = try hub.service()
      service.registry.add(RegisteredPatient(id: Street.kari, name: "Kari Test", controller: Street.controller, since: .unknown))
      result = .success(try await body(hub, service))
    } catch {
      result = .failure(error)
    }
    await hub.parts.stop()
    try result.get()
  }

  private func refusal(_ call: () async throws(LocalAPIFailure) -> some Any) async -> LocalAPIFailure? {
    do {
      _ = try await call()
      return nil
    } catch {
      return error
    }
  }

  private func edit(_ fields: [String: String], basedOn: Int? = nil) -> API.EditRecord {
    API.EditRecord(fields: fields, basedOn: basedOn, actor: "Nina", reason: "ny adresse")
  }

  @Test func aChangeIsANewVersion() async throws {
    try await running { _, service in
      let none = try await service.record(of: Street.kari, version: nil)
      #expect(none.version == 0 && none.fields.isEmpty && none.author == nil)
      let first = try await service.editRecord(
        of: Street.kari, edit(["street": " Storgata 1 ", "doorCode": "1234", "kin.1.phone": "22 22 55 55"]))
      #expect(first.version == 1 && first.author == "Nina" && first.reason == "ny adresse")
      #expect(first.fields == ["street": "Storgata 1", "kin.1.phone": "22225555"] && first.withheld == ["doorCode"])
      let second = try await service.editRecord(of: Street.kari, edit(["street": "Storgata 2", "kin.1.phone": ""], basedOn: 1))
      #expect(second.version == 2 && second.fields == ["street": "Storgata 2"] && second.withheld == ["doorCode"])
      #expect(try await service.record(of: Street.kari, version: 1).fields["street"] == "Storgata 1")
      #expect(try await service.editRecord(of: Street.kari, edit(["street": "Storgata 2"])).version == 2, "asked again, nothing new")
      #expect(try await service.recordVersions(of: Street.kari).map(\.version) == [2, 1])
    }
  }

  @Test func whatDoesNotFitChangesNothing() async throws {
    try await running { _, service in
      _ = try await service.editRecord(of: Street.kari, edit(["city": "Oslo"]))
      let wrong: [(API.EditRecord, Int, String)] = [
        (edit([:]), 400, "fields is empty"), (edit(["steet": "x"]), 400, "no field \"steet\""),
        (edit(["birthDate": "17.05.41", "city": "Bergen"]), 400, "fields.birthDate does not fit; allowed: a date"),
        (edit(["city": "Bergen"], basedOn: 0), 409, "version 1 by now"),
        (edit(["city": "Bergen"], basedOn: 2), 409, "version 1 by now"),
        (API.EditRecord(fields: ["city": "Bergen"], actor: "", reason: "x"), 400, "actor"),
        (API.EditRecord(fields: ["city": "Bergen"], actor: "Nina", reason: " "), 400, "reason"),
      ]
      for (request, status, words) in wrong {
        let failure = await refusal { () throws(LocalAPIFailure) in try await service.editRecord(of: Street.kari, request) }
        #expect(failure?.status.code == status && failure?.failure.error.contains(words) == true, "\(failure?.failure.error ?? "taken")")
      }
      let code = await refusal { () throws(LocalAPIFailure) in
        try await service.editRecord(of: Street.kari, edit(["doorCode": "12\u{7}34"]))
      }
      #expect(code?.failure.error.contains("34") == false, "a door code is in no message")
      #expect(try await service.record(of: Street.kari, version: nil).fields == ["city": "Oslo"])
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.record(of: Street.kari, version: 7) }?.status == .notFound)
      let nobody = PatientID(rawValue: 99)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.record(of: nobody, version: nil) }?.status == .notFound)
    }
  }

  @Test func twoAtOnceNeverTakeBackWhatTheOtherSays() async throws {
    try await running { _, service in
      let fields = ["street", "city", "floor", "area", "team", "unit"]
      let taken = await withTaskGroup(of: String?.self) { group in
        for field in fields {
          let request = edit([field: "x"])
          group.addTask { @Sendable in
            do { _ = try await service.editRecord(of: Street.kari, request) } catch { return nil }
            return field
          }
        }
        var taken: Set<String> = []
        for await field in group { if let field { taken.insert(field) } }
        return taken
      }
      #expect(!taken.isEmpty)
      let kept = try await service.record(of: Street.kari, version: nil).fields
      #expect(Set(kept.keys) == taken)
    }
  }

  @Test func aDoorCodeNeedsAnOpenAlertOrAReason() async throws {
    try await running { hub, service in
      _ = try await service.editRecord(of: Street.kari, edit(["doorCode": "1234", "keyBox": "bak bjelken, 99"]))
      func show(_ alert: String? = nil, _ reason: String? = nil) async -> (Int, [String: String]) {
        let request = API.ShowRestricted(alert: alert, reason: reason, actor: "Nina")
        do {
          let shown = try await service.restricted(of: Street.kari, request)
          #expect(shown.isLogged)
          return (200, shown.fields)
        } catch {
          return (error.status.code, [:])
        }
      }
      let codes = ["doorCode": "1234", "keyBox": "bak bjelken, 99"]
      #expect(await show().0 == 400)
      #expect(await show(nil, "  ").0 == 400)
      #expect(await show(nil, "brannvesenet ringte").1 == codes)
      let alert = try await hub.alarm()
      #expect(await show(alert.id.description).1 == codes)
      _ = try await service.act(on: alert.id.description, .resolve, API.ActOnAlert(actor: "Nina", comment: "Fine."))
      #expect(await show(alert.id.description).0 == 409, "a closed alert opens no door")
      #expect(await show(alert.id.description, "og en grunn").0 == 409)
      // Each showing is one row, with the code in none of them.
      let rows = try await service.auditRows(of: Street.kari, limit: 100).filter { $0.detail.hasPrefix("restricted:") }
      #expect(rows.map(\.purpose) == ["alert \(alert.id)", "brannvesenet ringte"])
      #expect(rows.allSatisfy { $0.actor == "Nina" && $0.detail == "restricted: doorCode keyBox" })
      let all = try await service.auditRows(of: nil, limit: 1_000)
      #expect(!all.contains { "\($0)".contains("1234") || "\($0)".contains("bjelken") })
    }
  }

  /// The disk stands still, and somebody lies behind the door: the code is shown, and the row is stored when the disk goes on.
  @Test func anAlarmThatIsNotStoredYetOpensTheDoor() async throws {
    try await running { hub, service in
      _ = try await service.editRecord(of: Street.kari, edit(["doorCode": "1234"]))
      let held = try HeldJournal(hub.parts.configuration.hub.journalPath)
      let press = try hub.push(Street.sos)
      // The store's own alert may be told meanwhile, too.
      try await eventually("it is told") { hub.parts.hub.unstored.contains { $0.patient == "P1" } }
      let id = try #require(hub.parts.hub.unstored.last { $0.patient == "P1" }?.id)
      let shown = try await service.restricted(of: Street.kari, API.ShowRestricted(alert: id, actor: "Nina"))
      #expect(shown.fields == ["doorCode": "1234"] && !shown.isLogged)
      let other = API.ShowRestricted(alert: id, actor: "Nina")
      #expect(
        await refusal { () throws(LocalAPIFailure) in try await service.restricted(of: PatientID(rawValue: 99), other) }?.status
          == .notFound)
      let onlyReason = API.ShowRestricted(reason: "uten varsel", actor: "Nina")
      #expect(
        await refusal { () throws(LocalAPIFailure) in try await service.restricted(of: Street.kari, onlyReason) }?.status
          == .serviceUnavailable, "without an alarm nothing is shown that is not logged")
      try held.letGo()
      #expect(await hub.parts.pipeline.durable.wait(for: press))
      try await eventually("the row is stored") {
        try hub.parts.reader.accessLog(of: Street.kari, limit: 50).contains { $0.record.purpose == "alert \(id)" }
      }
    }
  }

  @Test func whoIsNotScoredSaysWhy() async throws {
    try await running { _, service in
      _ = try await service.editRecord(of: Street.kari, edit(["pregnant": "ja"]))
      #expect(try await service.record(of: Street.kari, version: nil).notScored == .known(.pregnant))
    }
  }
}
