// One person: the record with its versions from the journal, and what the core does with it. A page of a person is read from the journal as
// the board is, and not through the core: the core writes who asks into the access log by the account of the process, and the console
// writes the name of whoever looked (`LookLog`). One display is one row.

import HubRuntime
import Journal
import JournalValues
import LocalAPI
import Logging
import NIOPosix
import People
import Synchronization
import VitalSigns

extension JournalBoardSource {
  /// Versions on one page; the page says that there are older ones.
  private static let versionsMax = 50

  func person(_ id: PatientID, version: Int?) async throws(PersonReadError) -> PersonFile? {
    let journal = journal
    return try await fromJournal { () throws(JournalError) in
      let reader = try journal.reader()
      guard let patient = try reader.patient(id) else { return nil }
      var versions = try reader.recordHistory(of: id, limit: Self.versionsMax + 1)
      if let version, !versions.contains(where: { $0.number == version }), let older = try reader.record(of: id, version: version) {
        versions.append(older)
      }
      let names = Dictionary(try reader.actors().map { ($0.id, $0.displayName) }, uniquingKeysWith: { first, _ in first })
      return PersonFile(
        id: id, displayName: patient.name, hasLeft: patient.ended != nil, versions: PersonVersion.all(versions, names: names))
    }
  }

  /// Reads off the tasks' threads, and waits no longer than `patience`. A journal that hangs holds `personReadsMax` threads at most.
  private func fromJournal<Value: Sendable>(
    _ read: @escaping @Sendable () throws(JournalError) -> Value
  ) async throws(PersonReadError) -> Value {
    guard personReads.begin() else { throw PersonReadError() }
    let (answers, answer) = AsyncStream<Value?>.makeStream(bufferingPolicy: .bufferingOldest(1))
    let (reads, logger) = (personReads, logger)
    NIOThreadPool.singleton.submit { state in
      defer { reads.end() }
      guard case .active = state else { return answer.finish() }
      do throws(JournalError) { answer.yield(try read()) } catch {
        logger.error("A person's record cannot be read", metadata: ["reason": "\(error)"])
        answer.yield(nil)
      }
    }
    let found = await within(Self.patience) { () -> Value? in
      for await found in answers { return found }
      return nil
    }
    guard case let value?? = found else { throw PersonReadError() }
    return value
  }

  // MARK: Doing

  func access(to person: PatientID, for purpose: AccessPurpose, by actor: String) async throws(PersonActionError) -> ShownAccess {
    var request = API.ShowRestricted(actor: actor)
    switch purpose {
    case .alert(let alert): request.alert = alert.description
    case .reason(let reason): request.reason = reason
    }
    let body = request
    do throws(LocalAPIError) {
      let shown = try await asked { core throws(LocalAPIError) in try await core.restricted(of: person, body) }
      return ShownAccess(
        fields: PersonField.restricted.compactMap { field in shown.fields[field.key].map { ShownAccess.Field(field: field, text: $0) } },
        isLogged: shown.isLogged)
    } catch {
      throw PersonActionError(error)
    }
  }

  func edit(_ person: PatientID, _ edit: PersonEdit, by actor: String) async throws(PersonActionError) {
    let body = API.EditRecord(
      fields: Dictionary(edit.changes.map { ($0.key.key, $0.value) }, uniquingKeysWith: { first, _ in first }), basedOn: edit.basedOn,
      actor: actor, reason: edit.reason)
    do throws(LocalAPIError) {
      _ = try await asked { core throws(LocalAPIError) in try await core.edit(recordOf: person, body) }
    } catch {
      throw PersonActionError(error)
    }
  }
}

extension PersonActionError {
  fileprivate init(_ error: LocalAPIError) {
    switch error {
    case .notRunning, .notPermitted: self = .coreUnavailable
    case .noAnswer, .unexpectedAnswer: self = .outcomeUnknown
    case .refused(404, _): self = .unknownPerson
    case .refused(409, _): self = .conflict
    case .refused(503, _): self = .storeStands
    case .refused: self = .notAllowed
    }
  }
}

extension PersonVersion {
  /// Newest first, each with what it changed.
  fileprivate static func all(_ versions: [PersonRecordVersion], names: [ActorID: String]) -> [PersonVersion] {
    versions.enumerated().map { index, version in
      // The first one has nothing before it; the oldest of a cut list has something that is not known here.
      let before = index + 1 < versions.count ? versions[index + 1] : nil
      let isKnown = before.map { $0.number == version.number - 1 } ?? (version.number == 1)
      return PersonVersion(
        number: version.number, author: names[version.author], reason: version.reason, at: version.started,
        record: ShownRecord(version.record), changed: isKnown ? version.record.differences(from: before?.record ?? PersonRecord()) : nil)
    }
  }
}

/// Reads of people's records under way. Any thread.
final class PersonReads: Sendable {
  /// A read takes a millisecond; so many at once wait for a journal that hangs, and the next says at once that it cannot be read.
  static let atOnceMax = 8
  private let count = Mutex(0)

  /// False: there is no room. Whoever begins ends.
  func begin() -> Bool {
    count.withLock { count in
      guard count < Self.atOnceMax else { return false }
      count += 1
      return true
    }
  }

  func end() { count.withLock { $0 -= 1 } }
}
