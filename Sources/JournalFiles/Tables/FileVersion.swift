// What version a file has, read from its bytes without opening it as a database: opening one in the write-ahead log mode writes to the
// files beside it, and closing it may write to the file itself. A program that is older than the file must leave all of it as it is.
//
// The two numbers stand on the first page (offsets 60 and 68 of the file format). A newer copy of that page may wait in the log: frames
// of 24 bytes and a page each, which belong together by salts and checksums; what follows the last commit does not count.

import Foundation

/// The numbers on a database's first page.
package struct FileVersion: Sendable, Hashable {
  package var applicationID: Int64
  package var version: Int

  /// What the file is, when its version is above `version`; nil when it is not, or is no database. Some milliseconds for a long log, as
  /// checksums are made only where a frame seems to be newer.
  package static func newer(than version: Int, at path: String) -> Self? {
    // Not opened and closed: that would drop the locks of whoever has it open in this process.
    guard let page = KeptDescriptors.beginning(of: path, count: 100), let found = Self(page: page) else { return nil }
    if found.version > version { return found }
    guard let log = FileHandle(forReadingAtPath: path + "-wal") else { return nil }
    defer { try? log.close() }
    guard firstPages(log).contains(where: { $0.version > version }), (try? log.seek(toOffset: 0)) != nil else { return nil }
    return newestFirstPage(log).flatMap { $0.version > version ? $0 : nil }
  }

  private init?(page bytes: [UInt8]) {
    guard bytes.count >= 100, bytes.starts(with: Array("SQLite format 3".utf8)) else { return nil }
    version = Int(Int32(bitPattern: Self.word(bytes, 60)))
    applicationID = Int64(Int32(bitPattern: Self.word(bytes, 68)))
  }

  /// Big-endian, as the file format has all numbers of headers.
  private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 { bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }

  /// The log's header, and the bytes of a page; nil when it has none.
  private static func header(_ log: FileHandle) -> (bytes: [UInt8], pageBytes: Int)? {
    guard let start = try? log.read(upToCount: 32), start.count == 32 else { return nil }
    let header = [UInt8](start)
    let pageBytes = Int(word(header, 8))
    guard word(header, 0) & ~1 == 0x377f_0682, (512...65_536).contains(pageBytes) else { return nil }
    return (header, pageBytes)
  }

  /// Every copy of the first page that the log may hold, by salts alone.
  private static func firstPages(_ log: FileHandle) -> [Self] {
    guard let (header, pageBytes) = header(log) else { return [] }
    var pages: [Self] = []
    var offset: UInt64 = 32
    while (try? log.seek(toOffset: offset)) != nil, let chunk = try? log.read(upToCount: 124), chunk.count == 124 {
      let frame = [UInt8](chunk)
      guard frame[8..<16].elementsEqual(header[16..<24]) else { break }
      if word(frame, 0) == 1, let page = Self(page: Array(frame[24...])) { pages.append(page) }
      offset += UInt64(24 + pageBytes)
    }
    return pages
  }

  /// The first page as the log's last commit left it; nil when the log does not hold it.
  private static func newestFirstPage(_ log: FileHandle) -> Self? {
    guard let (header, pageBytes) = header(log) else { return nil }
    var sum = Checksum(isBigEndian: word(header, 0) & 1 == 1)
    sum.add(header[0..<24])
    guard sum.matches(header, 24) else { return nil }
    var waiting: Self?
    var committed: Self?
    while let chunk = try? log.read(upToCount: 24 + pageBytes), chunk.count == 24 + pageBytes {
      let frame = [UInt8](chunk)
      guard frame[8..<16].elementsEqual(header[16..<24]) else { break }
      sum.add(frame[0..<8])
      sum.add(frame[24...])
      guard sum.matches(frame, 16) else { break }
      if word(frame, 0) == 1 { waiting = Self(page: Array(frame[24..<124])) }
      // The size of the database after a commit; 0 in frames before it.
      if word(frame, 4) != 0 { committed = waiting ?? committed }
    }
    return committed
  }

  /// The log's running sum, in 32-bit words of the byte order that its magic number names.
  private struct Checksum {
    let isBigEndian: Bool
    var first: UInt32 = 0
    var second: UInt32 = 0

    init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

    mutating func add(_ bytes: ArraySlice<UInt8>) {
      var (a, b) = (first, second)
      bytes.withUnsafeBytes { raw in
        var offset = 0
        while offset + 8 <= raw.count {
          let x = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
          let y = raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
          a = a &+ (isBigEndian ? UInt32(bigEndian: x) : UInt32(littleEndian: x)) &+ b
          b = b &+ (isBigEndian ? UInt32(bigEndian: y) : UInt32(littleEndian: y)) &+ a
          offset += 8
        }
      }
      (first, second) = (a, b)
    }

    func matches(_ bytes: [UInt8], _ at: Int) -> Bool { word(bytes, at) == first && word(bytes, at + 4) == second }
  }
}
