// The core's local API: routes over a Unix socket. Each route reads its input, calls one operation of `CoreService` and
// answers in JSON. What the operations do and promise stands there; docs/local-api.md is the page for callers.

import Foundation
import HTTPTypes
import HubCore
package import Hummingbird
import LocalAPI
package import Logging
import NIOCore
import VitalSigns

/// Builds the router.
package struct LocalAPIServer: Sendable {
  package let service: CoreService
  package let policy: PeerPolicy
  package let logger: Logger

  package init(service: CoreService, policy: PeerPolicy, logger: Logger) {
    self.service = service
    self.policy = policy
    self.logger = logger
  }

  package func router() -> Router<LocalAPIContext> {
    let router = Router(context: LocalAPIContext.self)
    router.add(middleware: PeerGate(policy: policy, logger: logger))
    addRegistry(to: router.group("v1"))
    addRecords(to: router.group("v1"))
    addBluetooth(to: router.group("v1"))
    addAlerts(to: router.group("v1"))
    addOperations(to: router.group("v1"))
    addHealth(to: router)
    return router
  }

  private func addRegistry(to group: RouterGroup<LocalAPIContext>) {
    let service = service
    group.get("patients") { _, _ in try Response.json(try await service.patients()) }
    group.post("patients") { request, context in
      try Response.json(try await service.addPatient(try await request.json(API.AddPatient.self, context: context)))
    }
    group.post("patients/:id/end") { request, context in
      let patient = try context.patient()
      return try Response.json(try await service.endPatient(patient, try await request.json(API.Reason.self, context: context)))
    }
    group.post("patients/:id/edit") { request, context in
      let patient = try context.patient()
      return try Response.json(try await service.editPatient(patient, try await request.json(API.EditPatient.self, context: context)))
    }
    group.post("devices/:id/edit") { request, context in
      let device = try context.device()
      return try Response.json(try await service.editDevice(device, try await request.json(API.EditDevice.self, context: context)))
    }
    group.get("devices") { request, _ in
      try Response.json(await service.devices(withRemoved: request.uri.queryParameters["all"] == "true"))
    }
    group.post("devices") { request, context in
      try Response.json(try await service.addDevice(try await request.json(API.AddDevice.self, context: context)))
    }
    group.post("devices/:id/assign") { request, context in
      let device = try context.device()
      return try Response.json(try await service.assign(device, try await request.json(API.AssignDevice.self, context: context)))
    }
    group.post("devices/:id/release") { request, context in
      let device = try context.device()
      return try Response.json(try await service.release(device, try await request.json(API.Reason.self, context: context)))
    }
    group.post("devices/:id/remove") { request, context in
      let device = try context.device()
      return try Response.json(try await service.remove(device, try await request.json(API.Reason.self, context: context)))
    }
    group.get("devices/:id") { _, context in try Response.json(try await service.deviceDetails(try context.device())) }
    group.get("devices/:id/readings") { request, context in
      let text = request.uri.queryParameters["after"].map(String.init) ?? "0"
      guard let after = UInt64(text) else { throw LocalAPIFailure.bad("after is \(text.debugDescription); allowed: an entry's sequence") }
      return try Response.json(try await service.deviceReadings(try context.device(), after: after))
    }
    group.post("devices/:id/test") { request, context in
      let device = try context.device()
      return try Response.json(try service.testDevice(device, try await request.json(API.Reason.self, context: context)))
    }
    group.post("devices/:id/identify") { request, context in
      let device = try context.device()
      return try Response.json(try await service.identify(device, try await request.json(API.Reason.self, context: context)))
    }
    group.get("plans/:id") { _, context in try Response.json(try await service.plan(of: try context.patient())) }
    group.post("plans/:id") { request, context in
      let patient = try context.patient()
      return try Response.json(try await service.changePlan(of: patient, try await request.json(API.ChangePlan.self, context: context)))
    }
    group.post("observations") { request, context in
      try Response.json(try await service.enter(try await request.json(API.EnterObservations.self, context: context)))
    }
  }

  private func addRecords(to group: RouterGroup<LocalAPIContext>) {
    let service = service
    group.get("patients/:id/record") { request, context in
      let text = request.uri.queryParameters["version"].map(String.init)
      let version = text.flatMap { Int($0) }
      if let text, version == nil { throw LocalAPIFailure.bad("version is \(text.debugDescription); allowed: 1, 2, 3, …") }
      return try Response.json(try await service.record(of: try context.patient(), version: version))
    }
    group.get("patients/:id/record/versions") { _, context in
      try Response.json(try await service.recordVersions(of: try context.patient()))
    }
    group.post("patients/:id/record") { request, context in
      let patient = try context.patient()
      return try Response.json(try await service.editRecord(of: patient, try await request.json(API.EditRecord.self, context: context)))
    }
    group.post("patients/:id/record/restricted") { request, context in
      let patient = try context.patient()
      return try Response.json(try await service.restricted(of: patient, try await request.json(API.ShowRestricted.self, context: context)))
    }
  }

  private func addBluetooth(to group: RouterGroup<LocalAPIContext>) {
    let service = service
    group.get("bluetooth") { _, _ in try Response.json(service.bluetoothStatus()) }
    group.get("bluetooth/trace") { _, _ in try Response.json(try service.bluetoothTrace()) }
    group.get("bluetooth/pairing") { _, _ in try Response.json(service.pairing()) }
    group.post("bluetooth/pairing") { request, context in
      try Response.json(try await service.openPairing(try await request.json(API.OpenPairing.self, context: context)))
    }
    group.post("bluetooth/pairing/choose") { request, context in
      try Response.json(try await service.chooseDevice(try await request.json(API.ChooseDevice.self, context: context)))
    }
    group.post("bluetooth/pairing/answer") { request, context in
      try Response.json(try await service.answerPrompt(try await request.json(API.AnswerPrompt.self, context: context)))
    }
    group.post("bluetooth/pairing/close") { request, context in
      try Response.json(try await service.closePairing(try await request.json(API.Reason.self, context: context)))
    }
  }

  private func addAlerts(to group: RouterGroup<LocalAPIContext>) {
    let service = service
    group.get("alerts") { request, _ in
      let state = request.uri.queryParameters["state"].map(String.init) ?? "open"
      guard state == "open" || state == "all" else {
        throw LocalAPIFailure.bad("state is \(state.debugDescription); allowed: open, all")
      }
      let limit = request.uri.queryParameters["limit"].flatMap { Int($0) }.map(EntryLimits.held(rows:)) ?? 200
      return try Response.json(try await service.alerts(onlyOpen: state == "open", limit: limit))
    }
    group.get("alerts/:id") { _, context in
      let id = try context.parameters.require("id")
      return try Response.json(try await service.alert(id))
    }
    for (path, action) in [("acknowledge", API.AlertAction.acknowledge), ("respond", .respond), ("resolve", .resolve)] {
      group.post("alerts/:id/\(path)") { request, context in
        let id = try context.parameters.require("id")
        let body = try await request.json(API.ActOnAlert.self, context: context)
        return try Response.json(try await service.act(on: id, action, body))
      }
    }
    group.get("explain/:id") { _, context in
      let id = try context.parameters.require("id")
      return try Response.json(try await service.explain(id))
    }
  }

  private func addOperations(to group: RouterGroup<LocalAPIContext>) {
    let service = service
    group.get("status") { _, _ in try Response.json(try await service.status()) }
    group.get("outbox") { request, _ in
      let state = request.uri.queryParameters["state"].map(String.init) ?? "pending"
      guard let selection = CoreService.OutboxSelection(rawValue: state) else {
        throw LocalAPIFailure.bad("state is \(state.debugDescription); allowed: pending, dead, all")
      }
      return try Response.json(try await service.outbox(selection))
    }
    group.post("outbox/retry") { request, context in
      try Response.json(try await service.retry(try await request.json(API.RetryOutbox.self, context: context)))
    }
    group.get("quarantine") { _, _ in try Response.json(try await service.quarantine()) }
    group.get("audit") { request, _ in
      let text = request.uri.queryParameters["patient"].map(String.init)
      let patient = text.flatMap { PatientID(text: $0) }
      if let text, patient == nil { throw LocalAPIFailure.bad("\(text.debugDescription) is no person; they look like P7") }
      let limit = request.uri.queryParameters["limit"].flatMap { Int($0) } ?? 100
      return try Response.json(try await service.auditRows(of: patient, limit: limit))
    }
    group.get("audit/verify") { request, _ in
      try Response.json(try await service.verifyAudit(head: request.uri.queryParameters["head"].map(String.init)))
    }
    group.post("receipts") { request, context in
      try Response.json(try await service.receipts(try await request.json([API.Receipt].self, context: context)))
    }
    group.post("access/exports") { request, context in
      try Response.json(try await service.recordExport(try await request.json(API.RecordExport.self, context: context)))
    }
    group.post("access/looks") { request, context in
      try Response.json(try await service.looks(try await request.json(API.Looks.self, context: context)))
    }
    group.get("destinations") { _, _ in try Response.json(service.destinations.states(of: service.parts.configuration)) }
    group.post("destinations") { request, context in
      try Response.json(service.destinationsReport(try await request.json([API.DestinationState].self, context: context)))
    }
    group.post("roles") { request, context in
      try Response.json(service.roleBeats(try await request.json(API.RoleBeat.self, context: context)))
    }
    group.post("console/links") { request, context in
      try Response.json(try await service.consoleLink(try await request.json(API.IssueConsoleLink.self, context: context)))
    }
    group.get("events") { request, context in
      // One that is no role listens like a person.
      let role = request.uri.queryParameters["role"].flatMap { API.Role(key: String($0)) }
      return try service.eventStream(role: role, on: context.channel.eventLoop)
    }
  }

  private func addHealth(to router: Router<LocalAPIContext>) {
    let service = service
    router.get("livez") { _, _ in service.health.livez() }
    router.get("readyz") { _, _ in service.health.readyz() }
    router.get("metrics") { _, _ in try await service.health.metrics() }
  }
}

extension CoreService {
  /// A role that listens shows that it works.
  func roleBeats(_ beat: API.RoleBeat) throws(LocalAPIFailure) -> API.Done {
    guard case .known(let role) = beat.role else {
      throw .bad("\(beat.role.key.debugDescription) is no role; allowed: \(API.Role.allCases.map(\.key).joined(separator: ", "))")
    }
    hub.beat(role, at: parts.clock.now())
    return API.Done(sequence: parts.pipeline.durable.sequence)
  }

  /// Everything from now on, until the listener goes or the core stops. The first event is a pulse, at once.
  ///
  /// - Parameter loop: the connection's. The stream waits and writes there, so that an alert wakes one thread and not two.
  func eventStream(role: API.Role?, on loop: any EventLoop) throws -> Response {
    guard let stream = hub.subscribe(role: role, at: parts.clock.now()) else {
      throw LocalAPIFailure.unavailable(
        "too many listeners", hint: "at most \(EventHub.listenersMax) listen at once; stop a `status --watch`")
    }
    let first = ServerEvent(.core(pulse()))
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
      body: .init { writer in
        try await withTaskExecutorPreference(EventLoopExecutor(loop)) {
          if let first { try await writer.write(first.bytes) }
          for await event in stream { try await writer.write(event.bytes) }
          try await writer.finish(nil)
        }
      })
  }
}

extension LocalAPIContext {
  func patient() throws -> PatientID {
    let text = try parameters.require("id")
    guard let id = PatientID(text: text) else { throw LocalAPIFailure.bad("\(text.debugDescription) is no person; they look like P7") }
    return id
  }

  func device() throws -> DeviceID {
    let text = try parameters.require("id")
    guard let id = DeviceID(text: text) else { throw LocalAPIFailure.bad("\(text.debugDescription) is no device; they look like D12") }
    return id
  }
}
