// A backup's inside is a tar archive (POSIX ustar), so that what `age -d` gives can be opened by any tar: the members one after the
// other, last `SHA256SUMS` as `sha256sum -c` reads it. Written and read as a stream; nothing is held but one block.

internal import Crypto
internal import Foundation

/// A member's head: 512 bytes.
struct TarHeader: Hashable {
  static let blockBytes = 512
  var name: String
  var bytes: Int64
  /// Seconds since 1970.
  var seconds: Int64

  /// Name up to 100 bytes; mode 0600; owner root.
  var encoded: [UInt8] {
    var block = [UInt8](repeating: 0, count: Self.blockBytes)
    func put(_ text: String, _ offset: Int) { block.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
    put(String(name.prefix(100)), 0)
    put("0000600\0", 100)
    put("0000000\0", 108)
    put("0000000\0", 116)
    Self.put(number: bytes, &block, 124)
    Self.put(number: max(0, seconds), &block, 136)
    put("        ", 148)
    put("0", 156)
    put("ustar\u{0}00", 257)
    put("root", 265)
    put("root", 297)
    let sum = block.reduce(0) { $0 + Int($1) }
    put(Self.octal(sum, digits: 6) + "\0 ", 148)
    return block
  }

  /// Eleven octal digits; from 8 GiB on the binary form that every tar of today reads.
  private static func put(number: Int64, _ block: inout [UInt8], _ offset: Int) {
    if number < 1 << 33 {
      block.replaceSubrange(offset..<offset + 12, with: (octal(Int(number), digits: 11) + "\0").utf8)
    } else {
      block.replaceSubrange(offset..<offset + 12, with: [0x80, 0, 0, 0] + withUnsafeBytes(of: number.bigEndian) { Array($0) })
    }
  }

  private static func octal(_ number: Int, digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }

  init(name: String, bytes: Int64, seconds: Int64) {
    (self.name, self.bytes, self.seconds) = (name, bytes, seconds)
  }

  /// Nil unless it is exactly what `encoded` gives: then not one bit of it was changed.
  init?(_ block: [UInt8]) {
    guard block.count == Self.blockBytes else { return nil }
    let name = block[..<100].prefix { $0 != 0 }
    guard let bytes = Self.number(block[124..<136]), let seconds = Self.number(block[136..<148]) else { return nil }
    self.init(name: String(decoding: name, as: UTF8.self), bytes: bytes, seconds: seconds)
    guard encoded == block else { return nil }
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    if field.first == 0x80 {
      let value = field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int64(exactly: value)
    }
    return Int64(String(decoding: field.prefix(11), as: UTF8.self), radix: 8)
  }
}

/// Writes members and their digests.
struct TarWriter {
  static let sums = "SHA256SUMS"
  let seconds: Int64
  let sink: ([UInt8]) throws -> Void
  private var digests = ""

  init(seconds: Int64, sink: @escaping ([UInt8]) throws -> Void) {
    self.seconds = seconds
    self.sink = sink
  }

  /// A member of `bytes` bytes that `body` gives piece by piece.
  mutating func add(_ name: String, bytes: Int64, _ body: (_ piece: ([UInt8]) throws -> Void) throws -> Void) throws {
    try sink(TarHeader(name: name, bytes: bytes, seconds: seconds).encoded)
    var digest = SHA256()
    var count: Int64 = 0
    try body { piece in
      digest.update(data: piece)
      count += Int64(piece.count)
      try sink(piece)
    }
    precondition(count == bytes, "a member is as long as it was said")
    try pad(bytes)
    digests += Self.line(digest.finalize(), name)
  }

  mutating func add(_ name: String, _ content: [UInt8]) throws {
    try add(name, bytes: Int64(content.count)) { try $0(content) }
  }

  /// The digests of all members, and the end.
  mutating func finish() throws {
    let content = Array(digests.utf8)
    try sink(TarHeader(name: Self.sums, bytes: Int64(content.count), seconds: seconds).encoded)
    try sink(content)
    try pad(Int64(content.count))
    try sink([UInt8](repeating: 0, count: 2 * TarHeader.blockBytes))
  }

  private func pad(_ bytes: Int64) throws {
    let over = Int(bytes % Int64(TarHeader.blockBytes))
    if over > 0 { try sink([UInt8](repeating: 0, count: TarHeader.blockBytes - over)) }
  }

  /// As `sha256sum` writes it.
  static func line(_ digest: SHA256Digest, _ name: String) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "  \(name)\n"
  }
}

/// Reads members in order and proves their digests.
struct TarReader {
  /// Members in one archive; a backup has three.
  private static let membersMax = 64
  let stream: any ByteStream

  /// Gives each member but the digests to `member`, piece by piece through what that returns. Nothing that was given may be believed
  /// before this returns.
  func read(_ member: (TarHeader) throws(BackupError) -> (([UInt8]) throws(BackupError) -> Void)) throws(BackupError) {
    var digests = ""
    for _ in 0..<Self.membersMax {
      let block = try stream.readExactly(TarHeader.blockBytes)
      guard block.count == TarHeader.blockBytes else { throw .cut("it ends in the middle") }
      guard let header = TarHeader(block) else { throw .damaged("the head of a part is wrong") }
      if header.name == TarWriter.sums {
        guard header.bytes <= 1 << 20 else { throw .damaged("its list of digests is too long") }
        var content: [UInt8] = []
        try body(header) { content += $0 }
        guard String(decoding: content, as: UTF8.self) == digests else { throw .damaged("a digest does not fit") }
        return try end()
      }
      var digest = SHA256()
      let take = try member(header)
      try body(header) { piece throws(BackupError) in
        digest.update(data: piece)
        try take(piece)
      }
      digests += TarWriter.line(digest.finalize(), header.name)
    }
    throw .damaged("it has too many parts")
  }

  private func body(_ header: TarHeader, _ piece: ([UInt8]) throws(BackupError) -> Void) throws(BackupError) {
    var left = header.bytes
    while left > 0 {
      let bytes = try stream.read(Int(min(left, 64 << 10)))
      guard !bytes.isEmpty else { throw .cut("it ends in the middle of \(header.name)") }
      left -= Int64(bytes.count)
      try piece(bytes)
    }
    let over = Int(header.bytes % Int64(TarHeader.blockBytes))
    guard over > 0 else { return }
    let padding = try stream.readExactly(TarHeader.blockBytes - over)
    guard padding.count == TarHeader.blockBytes - over else { throw .cut("it ends after \(header.name)") }
    guard padding.allSatisfy({ $0 == 0 }) else { throw .damaged("something stands where nothing should") }
  }

  /// Two empty blocks at least, and nothing after them.
  private func end() throws(BackupError) {
    guard try stream.readExactly(2 * TarHeader.blockBytes) == [UInt8](repeating: 0, count: 2 * TarHeader.blockBytes) else {
      throw .cut("its end is missing")
    }
    while true {
      let more = try stream.read(64 << 10)
      if more.isEmpty { return }
      guard more.allSatisfy({ $0 == 0 }) else { throw .damaged("something stands behind its end") }
    }
  }
}
