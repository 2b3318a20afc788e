// The connections by which the registry's copies are brought up to date are kept: what is done to the files between two changes is seen all
// the same, and nobody else is held up by them.

import Foundation
import GRDB
import JournalValues
import Testing
import VitalSigns

@testable import Journal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct RegistryCopyTests {
  /// A journal with people in it, and a copy elsewhere that is up to date.
  private struct Scene {
    let folder: JournalFolder
    let elsewhere: JournalFolder
    let writer: JournalWriter
    var intake = Intake()

    init() throws {
      folder = try JournalFolder()
      elsewhere = try JournalFolder()
      let copies = [elsewhere.url.path]
      writer = try folder.writer { $0.copyFolders = copies }
      try writer.commit(intake.registration())
      #expect(writer.refreshCopies().isEmpty)
      #expect(try names == ["Kari Test", "Ola Test"])
    }

    var copy: String { elsewhere.url.path + "/" + RegistryCopy.fileName }

    /// Who is in the copy, read as somebody else would.
    var names: [String] {
      get throws {
        let queue = try DatabaseQueue(path: copy)
        return try queue.read { try String.fetchAll($0, sql: "SELECT display_name FROM patient WHERE ended IS NULL ORDER BY id") }
      }
    }

    mutating func olaMovesOut() throws {
      try writer.commit(group([intake.entry(.registry(.patientEnded), patient: Street.ola, device: .none)]))
    }
  }

  @Test func aSecondChangeComesByTheSameConnection() throws {
    var scene = try Scene()
    let first = try #require(scene.writer.copyConnections[scene.copy])
    try scene.olaMovesOut()
    #expect(scene.writer.refreshCopies().isEmpty)
    #expect(try scene.names == ["Kari Test"])
    #expect(scene.writer.copyConnections[scene.copy] === first)
  }

  @Test func openAlertsComeAndGo() throws {
    var scene = try Scene()
    func alerts() throws -> Int? {
      try DatabaseQueue(path: scene.copy).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM alert") }
    }
    for number in UInt64(1)...3 {
      let call = scene.intake.sos()
      var batch = group([call])
      batch.append(outcome(call, .alert(transition(number, .raised, .raised, firstCause: call.sequence))))
      try scene.writer.commit(batch)
      #expect(scene.writer.refreshCopies().isEmpty)
      #expect(try alerts() == Int(number))
    }
    let word = scene.intake.entry(.event(DeviceEvent(kind: .heartbeat)))
    var batch = group([word])
    batch.append(outcome(word, .alert(transition(2, .resolved, .resolved, firstCause: 6))))
    try scene.writer.commit(batch)
    #expect(scene.writer.refreshCopies().isEmpty)
    #expect(try alerts() == 2)
  }

  @Test func aCopyThatWasTakenAwayIsMadeAnew() throws {
    var scene = try Scene()
    rename(scene.copy, scene.copy + ".away")
    try scene.olaMovesOut()
    #expect(scene.writer.refreshCopies().isEmpty)
    #expect(try scene.names == ["Kari Test"])
  }

  @Test func anOlderCopyThatWasPutBackIsCompleted() throws {
    var scene = try Scene()
    try FileManager.default.copyItem(atPath: scene.copy, toPath: scene.copy + ".old")
    try scene.olaMovesOut()
    #expect(scene.writer.refreshCopies().isEmpty)
    rename(scene.copy + ".old", scene.copy)
    #expect(try scene.names == ["Kari Test", "Ola Test"])
    #expect(scene.writer.refreshCopies().isEmpty)
    #expect(try scene.names == ["Kari Test"])
  }

  @Test func aJournalWithoutItsNameIsCopiedByTheWriter() throws {
    var scene = try Scene()
    try scene.olaMovesOut()
    rename(scene.folder.path, scene.folder.path + ".away")
    #expect(scene.writer.refreshCopies().isEmpty)
    #expect(try scene.names == ["Kari Test"])
    #expect(scene.writer.copyConnections.isEmpty)
  }

  @Test func anotherFileUnderTheJournalsNameIsNotCopied() throws {
    var scene = try Scene()
    let other = try JournalFolder()
    do {
      var intake = Intake()
      let writer = try other.writer()
      try writer.commit(intake.registration())
      try writer.commit(group([intake.entry(.registry(.patientEnded), patient: Street.kari, device: .none)]))
      writer.checkpointIfIdle()
    }
    scene.writer.copyConnections = [:]
    try FileManager.default.copyItem(atPath: other.path, toPath: scene.folder.path + ".other")
    rename(scene.folder.path + ".other", scene.folder.path)
    try scene.olaMovesOut()
    #expect(scene.writer.refreshCopies().isEmpty)
    #expect(try scene.names == ["Kari Test"])
  }

  @Test func nobodyIsHeldUpAndTheLogGoes() throws {
    var scene = try Scene()
    let other = try DatabaseQueue(path: scene.copy)
    try other.inTransaction(.exclusive) { _ in .commit }
    try other.close()
    try scene.writer.commit(group([scene.intake.spo2(95)]))
    scene.writer.checkpointIfIdle()
    #expect(scene.writer.logBytes == 0)
    #expect(try FileManager.default.attributesOfItem(atPath: scene.folder.path + "-wal")[.size] as? Int == 0)
  }

  @Test func theLogStaysWhenTheWriterCloses() throws {
    let folder = try JournalFolder()
    do {
      let writer = try folder.writer { $0.copyFolders = [folder.url.path] }
      var intake = Intake()
      try writer.commit(intake.registration())
      #expect(writer.refreshCopies().isEmpty)
    }
    #expect(FileManager.default.fileExists(atPath: folder.path + "-wal"))
    #expect(try folder.reader().patients().count == 2)
  }
}
