// Doctor on folders: which file system one is on, whose it is, who may look, how much room is left. Real folders where
// the file system decides; made-up mounts where this machine has none of the kind.

import Foundation
import Testing

@testable import Doctor
@testable import HubConfiguration

@Suite struct DoctorMountTests {
  /// Lines as in proc(5): optional fields of any number before the dash, octal escapes in names.
  private static let text = """
    22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
    23 22 0:20 / /proc rw - proc proc rw
    30 22 0:40 / /var/lib rw shared:7 master:1 - nfs4 10.0.0.1:/export rw
    31 30 8:2 / /var/lib/knutepunkt rw - ext4 /dev/sda2 rw
    32 22 0:41 / /mnt/two\\040words rw - fuse.sshfs host:/ rw
    33 22 0:42 / /dev/shm rw shared:4 - tmpfs tmpfs rw
    34 31 0:43 / /var/lib/knutepunkt rw - tmpfs hidden rw
    this is no line
    35 22 0:44 / /x rw shared:1
    """

  @Test func linesAreRead() {
    let mounts = Mount.list(Self.text)
    #expect(mounts.map(\.point) == ["/", "/proc", "/var/lib", "/var/lib/knutepunkt", "/mnt/two words", "/dev/shm", "/var/lib/knutepunkt"])
    #expect(mounts.map(\.kind) == ["ext4", "proc", "nfs4", "ext4", "fuse.sshfs", "tmpfs", "tmpfs"])
  }

  @Test(
    arguments: [
      ("/", "ext4"), ("/home/x", "ext4"), ("/var/lib/other", "nfs4"), ("/var/libx", "ext4"), ("/var/lib", "nfs4"),
      // Mounted over: the later one counts.
      ("/var/lib/knutepunkt/a/b", "tmpfs"), ("/var/lib/knutepunkt", "tmpfs"), ("/mnt/two words/x", "fuse.sshfs"),
    ] as [(String, String)])
  func theNearestMountHolds(path: String, kind: String) {
    #expect(Mount.holding(path, in: Mount.list(Self.text))?.kind == kind)
  }

  @Test func theMachinesOwnMountsAreRead() {
    let mounts = Mount.ofThisProcess()
    #expect(Mount.holding("/proc/self", in: mounts)?.kind == "proc")
    #expect(Mount.holding("/proc", in: []) == nil)
  }
}

@Suite struct DoctorStateFolderTests {
  private let folder = TemporaryFolder()

  private func lines(_ path: String, kind: String = "ext4", free: Int? = 4 << 30) -> [DoctorLine] {
    StateFolderCheck.lines(path: path, ballast: 4 << 20, mounts: [Mount(point: "/", kind: kind)], freeBytes: { _ in free })
  }

  private func mode(_ mode: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path)
  }

  @Test(arguments: [0o700, 0o750, 0o770])
  func aGoodFolderIsGood(permissions: Int) throws {
    try mode(permissions)
    _ = folder.write("x", to: "journal.sqlite")
    let lines = lines(folder.path)
    #expect(lines.map(\.state) == [.ok, .ok])
    #expect(lines[0].text.hasSuffix("mode 0\(String(permissions, radix: 8))"))
    #expect(lines[1].text.hasPrefix("4096 MiB free"))
  }

  @Test(
    arguments: [(0o702, "everybody may write"), (0o777, "everybody may write"), (0o755, "every user"), (0o701, "every user")]
      as [(Int, String)])
  func anOpenFolderIsAProblem(permissions: Int, words: String) throws {
    try mode(permissions)
    let line = try #require(lines(folder.path).first)
    #expect(line.state == .problem && line.text.hasPrefix(words) && line.next == "sudo chmod 0750 \(folder.path)")
  }

  @Test func aFolderToComeIsNoted() {
    let lines = lines(folder.path + "/a/b")
    #expect(lines.map(\.state) == [.note, .ok])
    #expect(lines[0].text.contains("does not exist yet") && lines[1].text.hasSuffix(folder.path))
  }

  @Test func aFileIsNoFolder() {
    let lines = lines(folder.write("x", to: "file"))
    #expect(lines.map(\.state) == [.problem] && lines[0].text.hasSuffix("is no folder"))
  }

  /// Just below, at and above each limit; the ballast of 4 MiB counts as taken.
  @Test(
    arguments: [
      (0, .problem), ((104 << 20) - 1, .problem), (104 << 20, .note), ((1 << 30) - 1, .note), (1 << 30, .ok), (.max, .ok),
    ] as [(Int, DoctorLine.State)])
  func roomIsJudged(free: Int, state: DoctorLine.State) throws {
    try mode(0o750)
    #expect(lines(folder.path, free: free).last?.state == state)
  }

  @Test func roomThatCannotBeToldIsSaid() {
    #expect(lines(folder.path, free: nil).last?.text.contains("cannot be told") == true)
  }

  @Test(arguments: [("nfs4", .problem), ("cifs", .problem), ("fuse.sshfs", .problem), ("tmpfs", .note)] as [(String, DoctorLine.State)])
  func theDiskIsJudged(kind: String, state: DoctorLine.State) throws {
    try mode(0o750)
    let line = try #require(lines(folder.path, kind: kind).last)
    #expect(line.state == state && line.text.contains(kind) && line.next != nil)
  }

  /// A link to a share is a share.
  @Test func linksAreFollowed() throws {
    let link = folder.path + "/link"
    try FileManager.default.createDirectory(atPath: folder.path + "/share", withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path + "/share")
    let real = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
    let mounts = [Mount(point: "/", kind: "ext4"), Mount(point: real + "/share", kind: "nfs")]
    let lines = StateFolderCheck.lines(path: link, ballast: 0, mounts: mounts, freeBytes: { _ in 1 << 40 })
    #expect(lines.last?.state == .problem && lines.last?.text.contains("nfs") == true)
  }

  /// Somebody ran the hub as root once. Only root can make such a folder; anybody else sees that there is none.
  @Test func filesOfAnotherAreFound() throws {
    try mode(0o750)
    _ = folder.write("x", to: "journal.sqlite")
    _ = folder.write("x", to: "journal.sqlite-wal")
    let isRoot = geteuid() == 0
    if isRoot { try #require(chown(folder.path, 1, 1) == 0) }
    let strange = lines(folder.path).filter { $0.state == .problem }
    #expect(strange.count == (isRoot ? 1 : 0))
    #expect(strange.allSatisfy { $0.text.contains("journal.sqlite and 1 more belongs to root") && $0.next?.contains("chown -R") == true })
  }

  @Test func theRealRoomIsRead() throws {
    try mode(0o750)
    var configuration = try KnutepunktConfiguration.read(
      yaml: "hub: { controller: \"974760673\" }\nprofiles: { trust: lab }", file: "x.yaml")
    configuration.hub.statePath = folder.path
    let text = try #require(
      StateFolderCheck.lines(configuration, mounts: Mount.ofThisProcess()).first { $0.text.contains("MiB free") }?.text)
    let told = try #require(text.split(separator: " ").first.flatMap { Int($0) })
    let attributes = try FileManager.default.attributesOfFileSystem(forPath: folder.path)
    let all = try #require(attributes[.systemSize] as? NSNumber).intValue >> 20
    #expect(told >= 0 && told <= all)
  }
}
