// The age format against vectors of its own project (CCTV, x25519) and files that Debian's age 1.1.1 wrote; every length around a chunk;
// and that no cut, no turned bit and no other key gives a single wrong byte.

import Foundation
import Testing

@testable import JournalCopies

/// Bytes in memory as a stream, in pieces of uneven size.
final class MemoryStream: ByteStream {
  private var rest: ArraySlice<UInt8>
  private let pieceMax: Int

  init(_ bytes: [UInt8], pieceMax: Int = 7_001) {
    rest = bytes[...]
    self.pieceMax = pieceMax
  }

  func read(_ most: Int) throws(BackupError) -> [UInt8] {
    let part = rest.prefix(min(most, pieceMax))
    rest = rest.dropFirst(part.count)
    return Array(part)
  }
}

extension ByteStream {
  func readAll() throws(BackupError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let next = try read(10_007)
      if next.isEmpty { return bytes }
      bytes += next
    }
  }
}

enum Age {
  /// The identity of the project's own vectors.
  static let secret = "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6"
  static let publicKey = "age1w3tyke4gev25vaxxsvcgqu4484rf6ejpmavs57p6yz6lhy2sfs5swrvwyn"

  static func identity() throws -> AgeIdentity { try #require(AgeIdentity(secret)) }

  static func encrypt(_ bytes: [UInt8], to recipients: [AgeRecipient], pieces: Int = 10_000) throws -> [UInt8] {
    var result: [UInt8] = []
    let encryptor = try AgeEncryptor(to: recipients) { result += $0 }
    var rest = bytes[...]
    while !rest.isEmpty {
      try encryptor.write(Array(rest.prefix(pieces)))
      rest = rest.dropFirst(pieces)
    }
    try encryptor.finish()
    return result
  }

  static func decrypt(_ bytes: [UInt8], _ keys: [AgeIdentity]) throws(BackupError) -> [UInt8] {
    try AgeDecryptor(MemoryStream(bytes), keys: keys).readAll()
  }
}

@Suite("Bech32")
struct Bech32Tests {
  @Test(
    "Vectors of BIP 173 hold",
    arguments: [
      "A12UEL5L", "a12uel5l", "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
      "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "?1ezyfcl",
    ])
  func valid(text: String) throws {
    let (prefix, bytes) = try #require(Bech32.decode(text))
    #expect(Bech32.encode(prefix: prefix, bytes) == text.lowercased())
  }

  @Test(
    "Wrong ones are refused",
    arguments: ["pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8", "1qzzfhee", "a12UEL5L", "a12uel5m", ""])
  func invalid(text: String) { #expect(Bech32.decode(text) == nil) }

  @Test("Every single slip in a key is noticed")
  func slips() throws {
    let key = Array(Age.publicKey.utf8)
    for index in key.indices {
      for letter in "qpzry9x8".utf8 where letter != key[index] {
        var wrong = key
        wrong[index] = letter
        #expect(AgeRecipient(String(decoding: wrong, as: UTF8.self)) == nil)
      }
    }
  }
}

@Suite("age v1")
struct AgeTests {
  @Test("Keys are read and written as age-keygen does")
  func keys() throws {
    let identity = try Age.identity()
    #expect(identity.recipient.description == Age.publicKey)
    #expect(identity.secretText == Age.secret)
    #expect(AgeIdentity(Age.secret.lowercased()) == nil)
    #expect(AgeRecipient(Age.publicKey.uppercased()) == nil)
    #expect(AgeIdentity(Age.publicKey) == nil && AgeRecipient(Age.secret) == nil)
    #expect(!"\(identity)".contains("SECRET"))
    let file = "# created: now\n# public key: \(Age.publicKey)\n\(Age.secret)\n\n"
    #expect(try AgeIdentity.keys(in: file).map(\.recipient) == [identity.recipient])
    // As an editor under Windows leaves it.
    #expect(try AgeIdentity.keys(in: file.split(separator: "\n").joined(separator: "\r\n")).map(\.recipient) == [identity.recipient])
    #expect(throws: BackupError.badKey("line 2 of the key file is no secret key")) { try AgeIdentity.keys(in: "#\nsecret\n") }
    #expect(throws: BackupError.self) { try AgeIdentity.keys(in: "# nothing\n") }
  }

  @Test("The project's own vector opens, and its MAC is looked at")
  func vector() throws {
    let head = """
      age-encryption.org/v1
      -> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc
      EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U
      -> X25519 ajtqAvDEkVNr2B7zUOtq2mAQXDSBlNrVAuM/dKb5sT4
      0evrK/HQXVsQ4YaDe+659l5OQzvAzD2ytLGHQLQiqxg
      -> X25519 0qC7u6AbLxuwnM8tPFOWVtWZn/ZZe7z7gcsP5kgA0FI
      T/PZg76MmVt2IaLntrxppzDnzeFDYHsHFcnTnhbRLQ8
      --- UCthUMrk+aJCkWnzueb2xSnd/zj41r4CrMB5SUcz9nM

      """
    let key = try AgeHeader(MemoryStream(Array(head.utf8))).fileKey([try Age.identity()])
    #expect(String(decoding: key, as: UTF8.self) == "YELLOW SUBMARINE")
    let changed = head.replacing("0evrK", with: "1evrK")
    #expect(throws: BackupError.damaged("its head was changed")) {
      try AgeHeader(MemoryStream(Array(changed.utf8))).fileKey([try Age.identity()])
    }
  }

  @Test(
    "Files of Debian's age open",
    arguments: [
      (
        "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBmbm95VGQ4YmJnb29EcmM4KzUrZkoycFF1YllPWlYxRHAxUy90aFRYNTJVCnNtQU1mZTZWUUYyYnp6UG5nbTFjajdUUjFOcG5vRWhXOVJNbDk0L1VyZTQKLS0tIFhVNURLVUoxbE5OUEd2WGM0UDdzdXA3aDJGWmZKd29RazA4bmJCWVJPQkkKTntU65CYtX1JReAWT0zk3KciN3anqaNm12GNnpkwD9Wj4u3d",
        "test"
      ),
      (
        "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB0d3JhVkQrSitOZHBPdStRak5ULzB3K3FpZ05qU0xTbGxEQzJDV1hlZ1Y4CnVtWElJYWVnUy9VcXFHVVo1Ykg3Y1grSDhEN0duVEtyZExzVHNndnVudUEKLS0tIDZxUTJuMnA2RGVPM2VHVzV6T2Q5SlNaZzNNUVNDczVhcTRQZEU4bnJwV1UKJkKIzyPyLSMelReDK2LF6Va5AWxbB0LOqj2ahzHB6Nw=",
        ""
      ),
    ])
  func fromAge(file: String, content: String) throws {
    let bytes = Array(try #require(Data(base64Encoded: file)))
    #expect(try Age.decrypt(bytes, [try Age.identity()]) == Array(content.utf8))
  }

  @Test("Every length around a chunk comes back", arguments: [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 200_000])
  func lengths(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let key = AgeIdentity()
    let sealed = try Age.encrypt(bytes, to: [key.recipient, AgeIdentity().recipient])
    #expect(try Age.decrypt(sealed, [AgeIdentity(), key]) == bytes)
    // A chunk of its own for each 64 KiB begun; an empty file has one.
    #expect(sealed.count - bytes.count == 22 + 2 * 98 + 48 + 16 + 16 * max(1, (count + 65_535) / 65_536))
  }

  @Test("Another key opens nothing, and none is asked for")
  func wrongKey() throws {
    let sealed = try Age.encrypt([1, 2, 3], to: [AgeIdentity().recipient])
    #expect(throws: BackupError.wrongKey) { try Age.decrypt(sealed, [AgeIdentity()]) }
    #expect(throws: BackupError.wrongKey) { try Age.decrypt(sealed, []) }
  }

  @Test("Every cut of a small file is noticed")
  func cuts() throws {
    let key = AgeIdentity()
    let sealed = try Age.encrypt(Array(repeating: 7, count: 300), to: [key.recipient])
    for count in sealed.indices {
      #expect(throws: BackupError.self, "cut after \(count)") { try Age.decrypt(Array(sealed[..<count]), [key]) }
    }
  }

  @Test("A file cut at the border of two chunks is noticed")
  func cutAtBorder() throws {
    let key = AgeIdentity()
    let sealed = try Age.encrypt(Array(repeating: 7, count: 3 * 65_536), to: [key.recipient])
    for chunks in 1...2 {
      let cut = sealed.count - chunks * (65_536 + 16)
      #expect(throws: BackupError.self) { try Age.decrypt(Array(sealed[..<cut]), [key]) }
    }
    // Nor can chunks change places.
    let start = sealed.count - 3 * 65_552
    let swapped =
      sealed[..<start] + sealed[(start + 65_552)..<(start + 2 * 65_552)] + sealed[start..<(start + 65_552)]
      + sealed[(start + 2 * 65_552)...]
    #expect(throws: BackupError.self) { try Age.decrypt(Array(swapped), [key]) }
  }

  @Test("Every turned bit of a small file is noticed, and gives no byte")
  func bits() throws {
    let key = AgeIdentity()
    let sealed = try Age.encrypt(Array("a small file".utf8), to: [key.recipient])
    for index in sealed.indices {
      for bit in 0..<8 {
        var wrong = sealed
        wrong[index] ^= 1 << UInt8(bit)
        #expect(throws: BackupError.self, "bit \(bit) of byte \(index)") { try Age.decrypt(wrong, [key]) }
      }
    }
  }

  @Test("Stanzas of other kinds are passed over")
  func grease() throws {
    let key = AgeIdentity()
    let stranger = "-> some-grease q8 $%\n" + "aGVsbG8\n"
    let (head, _) = try AgeHeader.make(for: [key.recipient])
    let text = String(decoding: head, as: UTF8.self)
    let parsed = try AgeHeader(MemoryStream(Array(text.replacing("v1\n", with: "v1\n" + stranger, maxReplacements: 1).utf8)))
    #expect(parsed.stanzas.count == 2)
    // It was not there when the MAC was taken.
    #expect(throws: BackupError.damaged("its head was changed")) { try parsed.fileKey([key]) }
  }
}
