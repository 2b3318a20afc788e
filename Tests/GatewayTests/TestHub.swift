// A running core role without links, and a hand on its journal.

import Foundation
import GRDB
import Journal
import JournalValues
import Synchronization
import Testing
import VitalSigns

@testable import AlertTexts
@testable import Console
@testable import CoreAPI
@testable import HubConfiguration
@testable import HubCore

/// A running core role in a folder of its own.
final class TestHub: Sendable {
  let parts: CoreParts

  init(_ folder: TemporaryFolder, _ change: (inout KnutepunktConfiguration) -> Void = { _ in }) async throws {
    var configuration = try Street.configuration(in: folder, "journal: { ballast: 0B }")
    change(&configuration)
    let (catalogue, sentences) = (try Street.catalogue(), try Street.sentences())
    let final = configuration
    var made: CoreParts?
    // The writer of an earlier run gives the file back when its thread has let go of it.
    try await eventually("the journal can be opened") {
      do {
        made = try CoreParts(final, catalogue: catalogue, alertText: sentences, logger: Street.logger)
      } catch StartError.alreadyRunning {
        made = nil
      }
      return made != nil
    }
    parts = try #require(made)
    try parts.start()
  }

  func push(
    _ payload: IntakePayload, device: DeviceID = Street.button, patient: PatientID = .none, _ attachment: JournalValues.Attachment? = nil
  )
    throws
    -> UInt64
  {
    try #require(
      parts.intake.submit(
        payload, device: device, patient: patient, companion: attachment.map { Companion(attachment: $0, mark: nil) }))
  }

  /// Kari moves in with a button. Returns when it is durable.
  func register() async throws {
    _ = try push(
      .registry(.patientAdded), device: .none, patient: Street.kari,
      JournalValues.Attachment(.patient(PatientDetails(name: "Kari Test", nationalID: Street.kariNationalID))))
    _ = try push(
      .registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 86_400))),
      JournalValues.Attachment(.device(DeviceDetails(label: "Button", profile: "zigbee2mqtt/sos-button", address: "sos-1"))))
    let last = try push(.registry(.deviceAssigned), patient: Street.kari)
    #expect(await parts.pipeline.durable.wait(for: last))
  }

  /// Until the core has decided everything that was pushed so far, whether or not it is on the disk.
  func decided(_ sequence: UInt64) async throws {
    try await eventually("the core decides") { parts.pipeline.core.vitals.lastSequence.load(ordering: .relaxed) >= sequence }
  }
}

extension TestHub {
  /// The operations behind the local API, as the core role makes them.
  func service() throws -> CoreService {
    let sentences = try Street.sentences()
    let health = Health(
      vitals: parts.pipeline.core.vitals, clock: parts.clock, hub: HubProblems(parts: parts, sentences: sentences), warnings: [],
      metricsText: { _ in "metrics\n" })
    return CoreService(parts: parts, health: health, sentences: sentences, logger: Street.logger)
  }

  /// Presses Kari's button; returns the alert when it can be read.
  func alarm() async throws -> AlertRow {
    let press = try push(Street.sos)
    #expect(await parts.pipeline.durable.wait(for: press))
    return try #require(try parts.reader.openAlerts().first { $0.transition.firstCause == press })
  }
}

/// Another program that holds the journal's write lock, as long as it lives.
final class HeldJournal {
  private let queue: DatabaseQueue

  init(_ path: String) throws {
    var configuration = GRDB.Configuration()
    configuration.allowsUnsafeTransactions = true
    configuration.busyMode = .timeout(5)
    queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
  }

  func letGo() throws { try queue.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") } }
}
