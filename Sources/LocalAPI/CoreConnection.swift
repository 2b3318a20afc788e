// What the forward role and the console role need of the core, whichever way they reach it: over its socket from a process of their own
// (`LocalAPIClient`), or as values where one process has all roles (CoreAPI's `InsideConnection`).

package import VitalSigns

extension API {
  /// What a person does about an alert; the last part of its route.
  package enum AlertAction: String, Sendable, CaseIterable {
    case acknowledge, respond, resolve
  }
}

/// One core. Any thread. Each call is one attempt; an error is as from the socket, whichever way it is.
package protocol CoreConnection: Sendable {
  /// Where the core is, for messages.
  var place: String { get }
  /// The core's events from now on, in order. Iterate once.
  func hear(as role: API.Role) -> CoreEvents
  /// The role says that it works.
  func beat(_ role: API.Role) async throws(LocalAPIError)
  /// What became of deliveries. Returns when it is durable.
  func report(_ receipts: [API.Receipt]) async throws(LocalAPIError)
  /// How destinations do.
  func report(_ states: [API.DestinationState]) async throws(LocalAPIError)
  /// Returns when the action is durable.
  func act(on alert: AlertID, _ action: API.AlertAction, _ request: API.ActOnAlert) async throws(LocalAPIError)
  /// The alert as it stands.
  func alert(_ id: AlertID) async throws(LocalAPIError) -> API.Alert
  /// Somebody looked at people's data. Returns when that is durable.
  func look(_ looks: API.Looks) async throws(LocalAPIError)
  /// What of a person's record is restricted, under an open alert of theirs or for a reason. The access log has it when this returns, or
  /// the answer says that it has not.
  func restricted(of patient: PatientID, _ request: API.ShowRestricted) async throws(LocalAPIError) -> API.RestrictedFields
  /// Changes a person's record. Returns when the version is durable.
  func edit(recordOf patient: PatientID, _ request: API.EditRecord) async throws(LocalAPIError) -> API.PersonRecord
  /// Whether the core works now.
  func isLive() async -> Bool
}

/// The core's events as one sequence, from either way.
package enum CoreEvents: AsyncSequence, Sendable {
  case socket(LocalAPIEvents)
  /// Nil: the core takes no more listeners, or has stopped.
  case inside(AsyncStream<LocalAPIEvent>?)

  package func makeAsyncIterator() -> Iterator {
    switch self {
    case .socket(let events): .socket(events.makeAsyncIterator())
    case .inside(let stream): .inside(stream?.makeAsyncIterator())
    }
  }

  package enum Iterator: AsyncIteratorProtocol {
    case socket(LocalAPIEvents.Iterator)
    case inside(AsyncStream<LocalAPIEvent>.Iterator?)

    /// The next event. Never nil; throws ``LocalAPIError`` when the core has gone or, over the socket, says nothing for ten seconds.
    @concurrent package mutating func next() async throws -> LocalAPIEvent? {
      switch self {
      case .socket(var events):
        defer { self = .socket(events) }
        return try await events.next()
      case .inside(var stream):
        defer { self = .inside(stream) }
        guard let event = await stream?.next() else {
          try Task.checkCancellation()
          throw LocalAPIError.notRunning(socket: "this process")
        }
        return event
      }
    }
  }
}

extension LocalAPIClient: CoreConnection {
  package var place: String { socketPath }

  package func hear(as role: API.Role) -> CoreEvents { .socket(events(role: .known(role))) }

  package func beat(_ role: API.Role) async throws(LocalAPIError) { try await done("/v1/roles", API.RoleBeat(role: .known(role))) }

  package func report(_ receipts: [API.Receipt]) async throws(LocalAPIError) { try await done("/v1/receipts", receipts) }

  package func report(_ states: [API.DestinationState]) async throws(LocalAPIError) { try await done("/v1/destinations", states) }

  package func act(on alert: AlertID, _ action: API.AlertAction, _ request: API.ActOnAlert) async throws(LocalAPIError) {
    let _: API.Alert = try await post("/v1/alerts/\(alert)/\(action.rawValue)", request)
  }

  package func alert(_ id: AlertID) async throws(LocalAPIError) -> API.Alert {
    try await get("/v1/alerts/\(id)", timeoutSeconds: 6)
  }

  package func look(_ looks: API.Looks) async throws(LocalAPIError) { try await done("/v1/access/looks", looks) }

  package func restricted(of patient: PatientID, _ request: API.ShowRestricted) async throws(LocalAPIError) -> API.RestrictedFields {
    try await post("/v1/patients/\(patient)/record/restricted", request)
  }

  package func edit(recordOf patient: PatientID, _ request: API.EditRecord) async throws(LocalAPIError) -> API.PersonRecord {
    try await post("/v1/patients/\(patient)/record", request)
  }

  package func isLive() async -> Bool { (try? await text("/livez")) != nil }

  private func done(_ path: String, _ body: some Encodable & Sendable) async throws(LocalAPIError) {
    let _: API.Done = try await post(path, body)
  }
}
