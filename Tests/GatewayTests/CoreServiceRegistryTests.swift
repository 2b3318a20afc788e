// The core's operations on people, devices and entered values, on a running core: what is wrong is refused before anything is stored,
// what is asked twice is done once, and an answer says no more than is known.

import Foundation
import HTTPTypes
import Journal
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import HubCore
@testable import HubRegistry
@testable import LocalAPI

/// One at a time: each has a core or a role of its own, with its threads and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CoreServiceRegistryTests {
  private let folder = TemporaryFolder()

  /// A core with its operations, until `body` returns.
  private func running(_ body: (TestHub, CoreService) async throws -> Void) async throws {
    let hub = try await TestHub(folder)
    let result: Result<Void, any Error>
    do { result = .success(try await body(hub, try hub.service())) } catch { result = .failure(error) }
    await hub.parts.stop()
    try result.get()
  }

  private func person(_ name: String = "Ola Test", id: String? = nil, controller: String? = nil, by actor: String = "Nina")
    -> API.AddPatient
  {
    API.AddPatient(name: name, nationalID: id, controller: controller, actor: actor, reason: "moves in")
  }

  private func button(_ address: String = "sos-1", of patient: String? = nil, profile: String = "zigbee2mqtt/sos-button") -> API.AddDevice {
    API.AddDevice(
      label: "Button", profile: profile, address: address, expectedIntervalSeconds: nil, patient: patient, actor: "Nina", reason: "given")
  }

  private let reason = API.Reason(actor: "Nina", reason: "a test")

  /// The HTTP status that a call is refused with; nil: it was not refused.
  private func refusal(_ call: () async throws(LocalAPIFailure) -> some Any) async -> Int? {
    do {
      _ = try await call()
      return nil
    } catch {
      #expect(!error.failure.error.isEmpty)
      return error.status.code
    }
  }

  // MARK: People

  @Test func whatIsWrongIsRefusedBeforeAnythingIsStored() async throws {
    try await running { hub, service in
      let wrong = [
        person(""), person("  "), person("two\nlines"), person("escape \u{1B}[2J"), person(String(repeating: "x", count: 201)),
        person(id: "01815090001"), person(id: "1"), person(controller: "974760674"), person(by: ""), person(by: "a\tb"),
        person(by: String(repeating: "x", count: EntryLimits.actorCharacters.upperBound + 1)),
      ]
      for request in wrong {
        #expect(await refusal { () throws(LocalAPIFailure) in try await service.addPatient(request) } == 400, "\(request)")
      }
      #expect(service.registry.patients.isEmpty)
      let stored = try hub.parts.reader.patients()
      #expect(stored.isEmpty)
    }
  }

  @Test func aPersonIsAnsweredWhenItIsOnTheDisk() async throws {
    try await running { hub, service in
      let added = try await service.addPatient(person(id: Street.kariNationalID))
      let stored = try #require(try hub.parts.reader.patient(Street.kari))
      #expect(added.id == "P1" && stored.name == "Ola Test" && stored.nationalID == Street.kariNationalID)
      #expect(try await service.patients().map(\.id) == ["P1"])
      let done = try await service.endPatient(Street.kari, reason)
      #expect(hub.parts.pipeline.durable.sequence >= done.sequence)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.endPatient(Street.kari, reason) } == 409)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.endPatient(Street.ola, reason) } == 404)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.plan(of: Street.kari) } == 409)
    }
  }

  /// The core has room for eight: the ninth is said not to be here, and is not.
  @Test func whatFindsNoRoomIsNotAnsweredAsDone() async throws {
    try await running { _, service in
      for number in 1...8 { _ = try await service.addPatient(person("Person \(number)")) }
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.addPatient(person("One more")) } == 409)
      #expect(service.registry.patients.count == 8)
    }
  }

  // MARK: Devices

  @Test func anAddressIsGivenOnceAtATime() async throws {
    try await running { _, service in
      _ = try await service.addPatient(person())
      let device = try await service.addDevice(button(of: "P1"))
      #expect(device.id == "D1" && device.patient == "P1" && device.liveness == .known(.never))
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.addDevice(button()) } == 409)
      let first = DeviceID(rawValue: 1)
      _ = try await service.remove(first, reason)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.remove(first, reason) } == 404)
      #expect(try await service.addDevice(button()).id == "D2", "it is free again, and the number is not")
      #expect(await service.devices(withRemoved: true).map(\.id) == ["D1", "D2"])
      #expect(await service.devices(withRemoved: false).map(\.id) == ["D2"])
    }
  }

  /// Two people press at once: one button is registered, and one of them is told so.
  @Test func ofTwoWhoRegisterAtOnceOneIsRefused() async throws {
    try await running { _, service in
      let request = button()
      let answers = await withTaskGroup(of: Int?.self) { group in
        for _ in 0..<4 {
          group.addTask {
            do throws(LocalAPIFailure) {
              _ = try await service.addDevice(request)
              return nil
            } catch {
              return error.status.code
            }
          }
        }
        return await group.reduce(into: [Int?]()) { $0.append($1) }
      }
      #expect(answers.count { $0 == nil } == 1 && answers.count { $0 == 409 } == 3)
      #expect(service.registry.devices.count == 1)
    }
  }

  @Test func whatNoProfileOrAddressFitsIsRefused() async throws {
    try await running { _, service in
      for request in [button(profile: "nobody/knows"), button(" sos-1"), button("a/b"), button(""), button(profile: "sig/thermometer")] {
        #expect(await refusal { () throws(LocalAPIFailure) in try await service.addDevice(request) } == 400, "\(request)")
      }
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.addDevice(button(of: "P7")) } == 404)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.addDevice(button(of: "Kari")) } == 400)
      #expect(service.registry.devices.isEmpty)
      let added = try await service.addDevice(button())
      #expect(added.id == "D1", "a refused address is not held back")
    }
  }

  @Test func aDeviceIsSomebodysOrNobodys() async throws {
    try await running { _, service in
      _ = try await service.addPatient(person())
      _ = try await service.addDevice(button())
      let device = DeviceID(rawValue: 1)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.release(device, reason) } == 409)
      let assigned = try await service.assign(device, API.AssignDevice(patient: "P1", actor: "Nina", reason: "hers"))
      #expect(assigned.patient == "P1" && service.registry.devices(of: Street.kari) == [device])
      _ = try await service.release(device, reason)
      #expect(service.registry.devices(of: Street.kari).isEmpty)
      let unknown = DeviceID(rawValue: 9)
      #expect(await refusal { () throws(LocalAPIFailure) in try await service.release(unknown, reason) } == 404)
    }
  }

  // MARK: Who has looked

  @Test func aChangeAndALookAreInTheAccessLog() async throws {
    try await running { _, service in
      _ = try await service.addPatient(person())
      _ = try await service.looks(API.Looks(actor: "Nina", patients: ["P1", "P1"], what: "board"))
      let rows = try await service.auditRows(of: Street.kari, limit: 100)
      #expect(rows.filter { $0.action == "read" && $0.actor == "Nina" && $0.detail == "board" }.count == 2)
      #expect(rows.contains { $0.actor == "Nina" && $0.purpose == "moves in" })
      for request in [
        API.Looks(actor: "Nina", patients: [], what: "board"), API.Looks(actor: "", patients: ["P1"], what: "board"),
        API.Looks(actor: "Nina", patients: ["Kari"], what: "board"),
        API.Looks(actor: "Nina", patients: Array(repeating: "P1", count: API.Looks.patientsMax + 1), what: "board"),
      ] {
        #expect(await refusal { () throws(LocalAPIFailure) in try await service.looks(request) } == 400)
      }
    }
  }
}
