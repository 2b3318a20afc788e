// What a hub says of itself at a broker, as one line of text, so that a second hub with the same identity is noticed: a copy of its journal that
// runs elsewhere, or one that was restored from a backup. A key that stands in the journal signs it. Who has no copy of the journal can make
// no claim, whatever the broker lets them write.
//
//     knutepunkt-claim/1 HUB GENERATION RUN live|ended BEGAN SIGNATURE
//
// BEGAN is milliseconds since 1970, SIGNATURE is HMAC-SHA256 over all before it, in 64 hexadecimal digits. A later format may put more
// between BEGAN and SIGNATURE; everything else stays where it is, so that every version knows the generation of every other.

internal import Crypto
internal import Foundation
package import VitalSigns

/// Which run of which hub speaks.
package struct ClaimIdentity: Sendable, Hashable {
  package var hubID: String
  /// How often this hub was begun anew from a copy; 1 for its first life.
  package var generation: Int
  /// Made at each start, at random.
  package var run: String
  package var began: WallTime
  /// In the journal and in every copy of it, and nowhere else.
  fileprivate var key: [UInt8]

  package init(hubID: String, generation: Int, run: String, began: WallTime, key: [UInt8]) {
    (self.hubID, self.generation, self.run, self.began, self.key) = (hubID, generation, run, began, key)
  }

  /// What is said while the run lives, and what is left when it has ended.
  package func text(isLive: Bool) -> String {
    let words = ["\(Claim.name)/1", hubID, "\(generation)", run, isLive ? Claim.live : Claim.ended, "\(began.rawValue)"]
    let said = words.joined(separator: " ")
    return said + " " + signature(of: said)
  }

  package func signature(of said: String) -> String {
    Hexadecimal.text(HMAC<SHA256>.authenticationCode(for: Data(said.utf8), using: SymmetricKey(data: key)))
  }

  fileprivate func hasSigned(_ said: Substring, _ signature: [UInt8]) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: Data(said.utf8), using: SymmetricKey(data: key))
  }
}

/// A claim that was signed with the key of this hub's journal.
package struct Claim: Sendable, Hashable {
  package var generation: Int
  package var run: String
  package var isLive: Bool
  package var began: WallTime

  fileprivate static let name = "knutepunkt-claim"
  fileprivate static let live = "live"
  fileprivate static let ended = "ended"
  /// Bytes. A claim of this format has some 200.
  package static let bytesMax = 1_024

  /// Why bytes on a claim's topic are no claim of this hub.
  package enum Refusal: String, Error, Sendable, Hashable, CaseIterable {
    case tooLong
    /// No text, or another than the line above.
    case form
    case anotherHub
    /// Signed with another key: of a journal that was copied before there was a key, or by somebody who has none.
    case signature
  }

  /// - Throws: what is wrong with the bytes.
  package init(_ bytes: [UInt8], for own: ClaimIdentity) throws(Refusal) {
    guard bytes.count <= Self.bytesMax else { throw .tooLong }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .form }
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count >= 7, words[0].hasPrefix("\(Self.name)/"), Int(words[0].dropFirst(Self.name.count + 1)).map({ $0 >= 1 }) == true,
      let generation = Int(words[2]), generation >= 1, (1...64).contains(words[3].utf8.count), let began = Int64(words[5]),
      let signature = Hexadecimal.bytes(words[words.count - 1].utf8), signature.count == 32
    else { throw .form }
    guard words[1] == own.hubID else { throw .anotherHub }
    guard own.hasSigned(text.dropLast(words[words.count - 1].count + 1), signature) else { throw .signature }
    // A state that a later version invents is none that says that the run has ended.
    self.init(generation: generation, run: String(words[3]), isLive: words[4] != Self.ended, began: WallTime(rawValue: began))
  }

  package init(generation: Int, run: String, isLive: Bool, began: WallTime) {
    (self.generation, self.run, self.isLive, self.began) = (generation, run, isLive, began)
  }
}

/// Where claims of one hub stand: a topic for each generation, so that an older one never overwrites what a newer one says.
package enum ClaimTopic {
  private static func folder(_ hubID: String) -> String { "knutepunkt/v1/hub/\(hubID)/claim/" }

  package static func name(hubID: String, generation: Int) -> String { "\(folder(hubID))\(generation)" }
  package static func filter(hubID: String) -> String { "\(folder(hubID))+" }

  /// The generation whose topic this is; nil: none of this hub's.
  package static func generation(of topic: String, hubID: String) -> Int? {
    guard topic.hasPrefix(folder(hubID)), let number = Int(topic.dropFirst(folder(hubID).count)), number >= 1,
      topic == name(hubID: hubID, generation: number)
    else { return nil }
    return number
  }
}
