// The operations behind the local API. A change becomes an entry of the intake with its texts as companion, and is
// answered only when it is durable; reads come from the journal's read-only side and from the registry. Every change and
// every read of a person's data is in the access log with who and why.

package import AlertTexts
import Foundation
import HubConfiguration
import HubCore
package import HubRegistry
package import HubRuntime
import Journal
package import JournalValues
package import LocalAPI
package import Logging
import Synchronization
package import VitalSigns

/// The core role's operations. Any thread.
package final class CoreService: Sendable {
  package let parts: CoreParts
  package let health: Health
  package let sentences: AlertSentences
  package let logger: Logger
  let recordsUnderWay = RecordsUnderWay()
  /// How destinations do, as the forward role tells.
  package var destinations: DestinationStates { parts.destinations }
  package var hub: EventHub { parts.hub }
  package var registry: Registry { parts.registry }
  /// The language of what people read.
  package var language: TextLanguage { parts.configuration.hub.language }

  package init(parts: CoreParts, health: Health, sentences: AlertSentences, logger: Logger) {
    self.parts = parts
    self.health = health
    self.sentences = sentences
    self.logger = logger
  }

  // MARK: Storing

  /// Pushes one entry, waits until it is on the disk, and checks that the core took it.
  package func store(
    _ payload: IntakePayload, device: DeviceID = .none, patient: PatientID = .none, measuredAt: WallTime = .unknown, actor: ActorID,
    reason: String, _ content: Attachment.Content = .none, within limit: Duration? = nil
  ) async throws(LocalAPIFailure) -> UInt64 {
    let companion = Companion(attachment: Attachment(actor: actor, reason: reason, content), mark: nil)
    guard
      let sequence = parts.intake.submit(
        payload, device: device, patient: patient, measuredAt: measuredAt, companion: companion)
    else { throw .unavailable("the intake is full; nothing was stored", hint: "try again in a moment; knutepunkt status shows its depth") }
    if let limit { try await durable(sequence, within: limit) } else { try await durable(sequence) }
    if case .registry = payload { try await taken(sequence) }
    return sequence
  }

  /// Checks that the core took the change. A registry change that the core refused is recorded and changes nothing, so it must not
  /// be answered as done.
  package func taken(_ sequence: UInt64) async throws(LocalAPIFailure) {
    let remarks = try await read { reader throws(JournalError) in try reader.remarks(on: sequence) }
    if remarks.contains(.noRoom) {
      throw .conflict(
        "the core has no room for more", hint: "raise realtime.patientsMax or realtime.devicesMax in the configuration and restart the core"
      )
    }
    if remarks.contains(.unknownSubject) || remarks.contains(.refused) {
      throw .conflict("the core does not know this person or device any more; nothing was changed", hint: "somebody ended it just now")
    }
  }

  package func durable(_ sequence: UInt64) async throws(LocalAPIFailure) {
    if await !parts.pipeline.durable.wait(for: sequence) {
      throw .unavailable(
        "the core is stopping; whether this was stored is not known", hint: "look with the matching list command when it is back")
    }
  }

  /// Waits for a person who stands before a screen. What the core has taken is done; it is stored when the store is well again.
  package func durable(_ sequence: UInt64, within limit: Duration) async throws(LocalAPIFailure) {
    switch await parts.pipeline.durable.wait(for: sequence, within: limit) {
    case .durable: return
    case .late:
      throw .unavailable(
        "the store stands still: whether this is kept is not known yet", hint: "look at the alert again when the store is well")
    case .closed:
      throw .unavailable("the core is stopping; whether this was stored is not known", hint: "look at the alert again when it is back")
    }
  }

  /// Who acts. An empty name, or one that would break a line of a log, is refused.
  package func actor(_ name: String, role: String = "staff") throws(LocalAPIFailure) -> ActorID {
    let name = name.trimmingCharacters(in: .whitespaces)
    guard !name.isEmpty, name.count <= EntryLimits.actorCharacters.upperBound,
      !name.unicodeScalars.contains(where: \.isControl)
    else {
      throw .bad("actor must be the name of who does this, 1 to \(EntryLimits.actorCharacters.upperBound) characters")
    }
    guard let actor = parts.actors.number(of: name, role: role) else {
      throw .unavailable("the journal cannot keep up; nothing was stored", hint: "try again in a moment")
    }
    return actor
  }

  package func text(_ value: String, _ field: String, most: Int = 500) throws(LocalAPIFailure) -> String {
    let value = value.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !value.isEmpty, value.count <= most else { throw .bad("\(field) must have 1 to \(most) characters") }
    // A line end in a name makes a second line of any list; an escape sequence steers the terminal of whoever reads it.
    guard !value.unicodeScalars.contains(where: { $0.isControl && $0 != "\n" && $0 != "\t" }) else {
      throw .bad("\(field) holds a control character; allowed: text")
    }
    return value
  }

  /// The same in one line: names and labels.
  package func line(_ value: String, _ field: String, most: Int) throws(LocalAPIFailure) -> String {
    let value = try text(value, field, most: most)
    guard !value.contains(where: { $0.isNewline || $0 == "\t" }) else { throw .bad("\(field) must be one line") }
    return value
  }

  func knownPatient(_ id: PatientID) throws(LocalAPIFailure) -> RegisteredPatient {
    guard let patient = registry.patient(id) else {
      throw .notFound("there is no person \(id)", hint: "knutepunkt patient list shows them")
    }
    if patient.ended != nil { throw .conflict("\(id) has ended") }
    return patient
  }

  func knownPatient(_ text: String) throws(LocalAPIFailure) -> RegisteredPatient {
    guard let id = PatientID(text: text) else { throw .bad("\(text.debugDescription) is no person; they look like P7") }
    return try knownPatient(id)
  }

  func knownDevice(_ id: DeviceID) throws(LocalAPIFailure) -> RegisteredDevice {
    guard let device = registry.device(id), !device.removed else {
      throw .notFound("there is no device \(id)", hint: "knutepunkt device list shows them")
    }
    return device
  }

  /// Writes to the access log that somebody looked at a person's data. Not waited for: a full disk must not hide an alarm.
  /// Who looked is the account at the other end of the socket, as the kernel knows it.
  func logRead(of patient: PatientID, what: String) {
    let actor = PeerCredentials.currentName.flatMap { parts.actors.number(of: $0, role: "local account") } ?? .hub
    let record = AccessRecord(
      wall: parts.clock.wall(), actor: actor, action: "read", patient: patient, purpose: "local API", detail: what)
    if !parts.pipeline.requests.enqueue({ $0.access.append(record) }) {
      // The missing row is counted, and told in the status. An alarm must not stay unread because a disk is slow.
      logger.error(
        "a look at a person's data could not be written to the access log", metadata: ["what": "\(what)"])
    }
  }

  package func pulse() -> API.CorePulse {
    let problems = health.problems
    return pulse(problems, health.summary(of: self, problems))
  }

  /// The pulse, with problems that were found already.
  package func pulse(_ problems: [API.Problem], _ summary: String) -> API.CorePulse {
    API.CorePulse(
      live: health.isLive, summary: summary, durable: parts.pipeline.durable.sequence,
      at: parts.clock.wall().description, problems: problems, ready: !problems.contains(where: \.isGrave), lastHeard: lastHeard)
  }

  /// When a registered device was last heard.
  package var lastHeard: String? {
    registry.lastSeen.map(\.description)
  }
}
