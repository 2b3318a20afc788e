// The core as the other roles meet it where one process has all of them: the operations of the local API, called as they are. What goes
// over the socket between processes is the same value here, and nothing is encoded. Errors and time limits are as from the socket.

import HTTPTypes
import HubCore
package import LocalAPI
package import VitalSigns

/// Any thread. It works from before the core's threads start until after they end: a core that has stopped refuses.
package struct InsideConnection: CoreConnection {
  private let service: CoreService
  /// The process's own account, for the access log: a peer on the socket is known by its account, too.
  private let account: String

  package init(_ service: CoreService) {
    self.service = service
    account = PeerCredentials.ofThisProcess.accountName
  }

  package var place: String { "this process" }

  package func hear(as role: API.Role) -> CoreEvents {
    .inside(service.hub.listen(role: role, first: .core(service.pulse()), at: service.parts.clock.now()))
  }

  package func beat(_ role: API.Role) async throws(LocalAPIError) {
    _ = try await asked { service throws(LocalAPIFailure) in try service.roleBeats(API.RoleBeat(role: .known(role))) }
  }

  package func report(_ receipts: [API.Receipt]) async throws(LocalAPIError) {
    _ = try await asked { service throws(LocalAPIFailure) in try await service.receipts(receipts) }
  }

  package func report(_ states: [API.DestinationState]) async throws(LocalAPIError) {
    _ = try await asked { service throws(LocalAPIFailure) in try service.destinationsReport(states) }
  }

  package func act(on alert: AlertID, _ action: API.AlertAction, _ request: API.ActOnAlert) async throws(LocalAPIError) {
    _ = try await asked { service throws(LocalAPIFailure) in try await service.act(on: alert.description, action, request) }
  }

  package func alert(_ id: AlertID) async throws(LocalAPIError) -> API.Alert {
    try await asked { service throws(LocalAPIFailure) in try await service.alert(id.description) }
  }

  package func look(_ looks: API.Looks) async throws(LocalAPIError) {
    _ = try await asked { service throws(LocalAPIFailure) in try await service.looks(looks) }
  }

  package func restricted(of patient: PatientID, _ request: API.ShowRestricted) async throws(LocalAPIError) -> API.RestrictedFields {
    try await asked { service throws(LocalAPIFailure) in try await service.restricted(of: patient, request) }
  }

  package func edit(recordOf patient: PatientID, _ request: API.EditRecord) async throws(LocalAPIError) -> API.PersonRecord {
    try await asked { service throws(LocalAPIFailure) in try await service.editRecord(of: patient, request) }
  }

  package func isLive() async -> Bool { service.health.isLive }

  /// Asks the core, with the limits that the socket has: `LocalAPIClient.timeoutSeconds`, and an end when the task is cancelled.
  private func asked<Answer: Sendable>(
    _ operation: @escaping @Sendable (CoreService) async throws(LocalAPIFailure) -> Answer
  ) async throws(LocalAPIError) -> Answer {
    let (service, account) = (service, account)
    let (answers, answer) = AsyncStream.makeStream(of: Result<Answer, LocalAPIError>.self, bufferingPolicy: .bufferingOldest(1))
    // Without a parent: what waits for a disk that stands still cannot be cancelled, and must not hold up a role that is to end. It ends
    // with the writer.
    Task {
      await PeerCredentials.$currentName.withValue(account) {
        do throws(LocalAPIFailure) {
          answer.yield(.success(try await operation(service)))
        } catch {
          answer.yield(.failure(.refused(status: error.status.code, error.failure)))
        }
      }
    }
    let clock = Task {
      try? await Task.sleep(for: .seconds(LocalAPIClient.timeoutSeconds))
      answer.yield(.failure(.noAnswer(socket: place, reason: "not within \(LocalAPIClient.timeoutSeconds) s")))
    }
    defer { clock.cancel() }
    for await first in answers { return try first.get() }
    throw .noAnswer(socket: place, reason: "cancelled")
  }
}
