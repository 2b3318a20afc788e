// The section `backup`: what it takes, when a backup counts as overdue, what the doctor says; and the lock that lets one hub run once.

import Foundation
import Testing
import VitalSigns

@testable import Doctor
@testable import HubConfiguration
@testable import HubRuntime

@Suite("Backups as the configuration asks for them")
struct BackupSettingsTests {
  private static let key = "age1w3tyke4gev25vaxxsvcgqu4484rf6ejpmavs57p6yz6lhy2sfs5swrvwyn"
  private static let hour: Int64 = 3_600_000

  private static func configuration(_ section: String, state: String = "/nowhere") throws -> KnutepunktConfiguration {
    try KnutepunktConfiguration.read(
      yaml: "hub: { controller: \"974760673\", state: \(state) }\nprofiles: { trust: lab }\n\(section)\n", file: "k.yaml")
  }

  @Test("Without the section there is none; with it the rest has defaults")
  func section() throws {
    #expect(try Self.configuration("").backup == nil)
    let backup = try #require(try Self.configuration("backup: { recipients: [\(Self.key)] }").backup)
    #expect(backup.recipients == [Self.key] && backup.folder == "/var/backups/knutepunkt" && backup.keep == 14)
    #expect(backup.overdueAfter == .seconds(36 * 3_600))
  }

  @Test(
    "A section without keys, and a key that is none, are refused",
    arguments: [
      "backup: { keep: 3 }", "backup: { recipients: [] }", "backup: { recipients: [age1short] }",
      "backup: { recipients: [AGE-SECRET-KEY-1X] }",
    ])
  func wrong(section: String) {
    #expect(throws: ConfigurationError.self) { try Self.configuration(section) }
  }

  @Test("It is overdue after the time that was given, counted from the last one, else from the start")
  func overdue() throws {
    let folder = TemporaryFolder()
    let configuration = try Self.configuration("backup: { recipients: [\(Self.key)], overdueAfter: 2h }", state: folder.path)
    let start = WallTime(rawValue: 1_800_000_000_000)
    func isOverdue(_ hours: Int64, _ extra: Int64 = 0) -> Bool {
      configuration.backupOverdue(at: start.adding(milliseconds: hours * Self.hour + extra), start: start) != nil
    }
    #expect(!isOverdue(2) && isOverdue(2, 1))
    LastBackup(takenAt: start.adding(milliseconds: Self.hour), path: "/b.age").write(in: folder.path)
    #expect(!isOverdue(3) && isOverdue(3, 1))
    let overdue = configuration.backupOverdue(at: start.adding(milliseconds: 4 * Self.hour), start: start)
    #expect(overdue?.since == start.adding(milliseconds: 3 * Self.hour) && overdue?.last?.path == "/b.age")
    #expect(try Self.configuration("", state: folder.path).backupOverdue(at: .unknown, start: start) == nil)
  }

  @Test("The doctor notes that none are asked for, and finds a folder that is away and a backup that is old")
  func doctor() throws {
    let folder = TemporaryFolder()
    let now = WallTime(rawValue: 1_800_000_000_000)
    func lines(_ section: String) throws -> [DoctorLine.State] {
      BackupCheck.lines(try Self.configuration(section, state: folder.path), now: now).map(\.state)
    }
    let section = "backup: { recipients: [\(Self.key)], folder: \(folder.path) }"
    chmod(folder.path, 0o750)
    #expect(try lines("") == [.note])
    #expect(try lines(section) == [.ok, .problem], "none was taken")
    LastBackup(takenAt: now.adding(milliseconds: -36 * Self.hour), path: "/b.age").write(in: folder.path)
    #expect(try lines(section) == [.ok, .ok])
    LastBackup(takenAt: now.adding(milliseconds: -36 * Self.hour - 1), path: "/b.age").write(in: folder.path)
    #expect(try lines(section) == [.ok, .problem])
    chmod(folder.path, 0o755)
    #expect(try lines(section) == [.note, .problem])
    #expect(try lines("backup: { recipients: [\(Self.key)], folder: \(folder.path)/away }") == [.problem, .problem])
  }

  @Test("The lock of a hub is taken once, and again when it was let go; another hub's is another")
  func lock() async throws {
    let (one, two) = (UUID().uuidString, UUID().uuidString)
    func isTaken(_ outcome: HubLock.Outcome) -> HubLock? {
      if case .taken(let lock) = outcome { lock } else { nil }
    }
    do {
      let held = try #require(isTaken(HubLock.take(hubID: one)))
      // Of this process itself: it tells no other.
      for _ in 0..<40 { #expect(isTaken(HubLock.take(hubID: one)) == nil) }
      #expect(isTaken(HubLock.take(hubID: two)) != nil)
      withExtendedLifetime(held) {}
    }
    // The thread that waits closes it.
    for _ in 0..<60_000 {
      if isTaken(HubLock.take(hubID: one)) != nil { return }
      await Task.yield()
      usleep(1_000)
    }
    Issue.record("it was not let go")
  }
}
