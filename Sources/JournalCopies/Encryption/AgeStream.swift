// The payload of an age v1 file: chunks of 64 KiB, each sealed with ChaCha20-Poly1305 under a nonce that counts, the last one marked
// in its nonce. So a chunk that is changed, moved, left out or cut off is noticed, and nothing is given on before it was found true.

internal import Crypto
internal import Foundation

/// How chunks are numbered and keyed.
private struct AgeChunks {
  static let size = 64 << 10
  static let sealedSize = size + 16
  let key: SymmetricKey
  private var counter: UInt64 = 0

  init(fileKey: [UInt8], nonce: [UInt8]) {
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: fileKey), salt: Data(nonce), info: Data("payload".utf8), outputByteCount: 32)
  }

  /// Eleven bytes of counter, of which a file ever uses eight, and one that says whether it is the last chunk.
  func nonce(isLast: Bool) throws -> ChaChaPoly.Nonce {
    var bytes: [UInt8] = [0, 0, 0]
    withUnsafeBytes(of: counter.bigEndian) { bytes.append(contentsOf: $0) }
    bytes.append(isLast ? 1 : 0)
    return try ChaChaPoly.Nonce(data: bytes)
  }

  mutating func next() { counter += 1 }

  var isFirst: Bool { counter == 0 }
}

/// Encrypts what is written to it. One thread. Holds at most one chunk.
package final class AgeEncryptor {
  private var chunks: AgeChunks
  private var held: [UInt8] = []
  private let sink: ([UInt8]) throws -> Void

  /// Writes the head at once. `recipients` is not empty.
  package init(to recipients: [AgeRecipient], sink: @escaping ([UInt8]) throws -> Void) throws {
    precondition(!recipients.isEmpty, "whom is it for")
    let (head, fileKey) = try AgeHeader.make(for: recipients)
    var random = SystemRandomNumberGenerator()
    let nonce = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
    chunks = AgeChunks(fileKey: fileKey, nonce: nonce)
    self.sink = sink
    try sink(head + nonce)
  }

  package func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // A full chunk waits for the next byte: only then it is known not to be the last.
      if held.count == AgeChunks.size { try seal(isLast: false) }
      let part = rest.prefix(AgeChunks.size - held.count)
      held.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Without this the stream counts as cut.
  package func finish() throws { try seal(isLast: true) }

  private func seal(isLast: Bool) throws {
    let box = try ChaChaPoly.seal(held, using: chunks.key, nonce: chunks.nonce(isLast: isLast))
    try sink(Array(box.ciphertext) + Array(box.tag))
    chunks.next()
    held.removeAll(keepingCapacity: true)
  }
}

/// Decrypts a stream. One thread. Holds at most two chunks.
package final class AgeDecryptor: ByteStream {
  private let source: any ByteStream
  private var chunks: AgeChunks
  private var open: ArraySlice<UInt8> = []
  private var ahead: [UInt8]
  private var isDone = false

  /// Reads the head.
  package init(_ source: any ByteStream, keys: [AgeIdentity]) throws(BackupError) {
    let header = try AgeHeader(source)
    let fileKey = try header.fileKey(keys)
    let nonce = try source.readExactly(16)
    guard nonce.count == 16 else { throw .cut("it ends after its head") }
    chunks = AgeChunks(fileKey: fileKey, nonce: nonce)
    self.source = source
    ahead = try source.readExactly(AgeChunks.sealedSize)
  }

  package func read(_ most: Int) throws(BackupError) -> [UInt8] {
    while open.isEmpty, !isDone { try next() }
    let part = open.prefix(most)
    open = open.dropFirst(part.count)
    return Array(part)
  }

  private func next() throws(BackupError) {
    let sealed = ahead
    ahead = sealed.count == AgeChunks.sealedSize ? try source.readExactly(AgeChunks.sealedSize) : []
    let isLast = ahead.isEmpty
    guard sealed.count >= 16 else { throw .cut("its last part is missing") }
    let bytes: Data
    do {
      let box = try ChaChaPoly.SealedBox(nonce: chunks.nonce(isLast: isLast), ciphertext: sealed.dropLast(16), tag: sealed.suffix(16))
      bytes = try ChaChaPoly.open(box, using: chunks.key)
    } catch {
      throw isLast ? .cut("its end is missing, or was changed") : .damaged("a part of it was changed")
    }
    // An empty last chunk is allowed alone.
    guard !bytes.isEmpty || chunks.isFirst else { throw .damaged("an empty part at its end") }
    open = Array(bytes)[...]
    isDone = isLast
    chunks.next()
  }
}
