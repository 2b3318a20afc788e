// The archive inside a backup: what a tar reads, and that nothing in it can be changed or cut without being noticed.

import Foundation
import Testing

@testable import JournalCopies

@Suite("The archive")
struct TarTests {
  static func archive() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var tar = TarWriter(seconds: 1_800_000_000) { bytes += $0 }
    try tar.add("journal.sqlite", Array(repeating: 9, count: 700))
    try tar.add("manifest.json", Array("{}\n".utf8))
    try tar.finish()
    return bytes
  }

  static func read(_ bytes: [UInt8]) throws(BackupError) -> [String: [UInt8]] {
    var members: [String: [UInt8]] = [:]
    try TarReader(stream: MemoryStream(bytes, pieceMax: 333)).read { header throws(BackupError) in
      members[header.name] = []
      return { piece throws(BackupError) in members[header.name]? += piece }
    }
    return members
  }

  @Test("What was written comes back")
  func roundTrip() throws {
    let members = try Self.read(try Self.archive())
    #expect(members == ["journal.sqlite": Array(repeating: 9, count: 700), "manifest.json": Array("{}\n".utf8)])
  }

  @Test("Every cut is noticed")
  func cuts() throws {
    let bytes = try Self.archive()
    for count in bytes.indices {
      #expect(throws: BackupError.self, "cut after \(count)") { try Self.read(Array(bytes[..<count])) }
    }
  }

  @Test("Every turned bit is noticed")
  func bits() throws {
    let bytes = try Self.archive()
    for index in bytes.indices {
      var wrong = bytes
      wrong[index] ^= 1 << UInt8(index % 8)
      #expect(throws: BackupError.self, "byte \(index)") { try Self.read(wrong) }
    }
  }

  @Test("Sizes beyond 8 GiB have a head that reads back", arguments: [0, 1, 1 << 33 - 1, 1 << 33, 1 << 40] as [Int64])
  func sizes(bytes: Int64) throws {
    let header = TarHeader(name: "journal.sqlite", bytes: bytes, seconds: 5)
    #expect(TarHeader(header.encoded) == header)
  }

  @Test("The system's tar and sha256sum read it")
  func systemTar() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tar-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(try Self.archive()).write(to: folder.appendingPathComponent("a.tar"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "cd \"$0\" && tar xf a.tar && sha256sum -c --quiet SHA256SUMS", folder.path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}

@Suite("A file that a backup is written to")
struct FileSinkTests {
  /// A gigabyte that is flushed at the end held up every commit of the hub beside it.
  @Test func isFlushedOnTheWay() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sink-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let sink = try FileSink(path: folder.appendingPathComponent("copy").path)
    let piece = [UInt8](repeating: 7, count: 1 << 20)
    for _ in 0..<7 { try sink.write(piece) }
    #expect(sink.flushes == 0)
    for _ in 0..<14 { try sink.write(piece) }
    #expect(sink.flushes == 2 && sink.bytesWritten == 21 << 20)
    try sink.finish()
    #expect(try Data(contentsOf: folder.appendingPathComponent("copy")).count == 21 << 20)
  }
}
