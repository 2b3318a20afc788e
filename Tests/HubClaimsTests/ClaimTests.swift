// A claim as bytes: what is said can be read, by later and earlier programs too; nobody without the journal's key can say it; and nothing
// else on the topic is taken for one.

import Testing
import VitalSigns

@testable import HubClaims

@Suite("A hub's claim") struct ClaimTests {
  static let key = Array(repeating: UInt8(7), count: 32)
  static let own = ClaimIdentity(
    hubID: "hub-a", generation: 2, run: "0123456789abcdef", began: WallTime(rawValue: 1_800_000_000_000), key: key)

  private static func signed(_ said: String) -> [UInt8] { Array("\(said) \(own.signature(of: said))".utf8) }
  private static func read(_ bytes: [UInt8]) throws(Claim.Refusal) -> Claim { try Claim(bytes, for: own) }
  private static func refusal(_ bytes: [UInt8]) -> Claim.Refusal? {
    do { _ = try read(bytes) } catch { return error }
    return nil
  }

  @Test("It says hub, generation, run, life and beginning, and nothing about anybody")
  func golden() throws {
    let text = Self.own.text(isLive: true)
    // As any other HMAC-SHA256 with 32 bytes of 7 gives it.
    #expect(
      text == "knutepunkt-claim/1 hub-a 2 0123456789abcdef live 1800000000000 "
        + "5d38732bc2d079ea811cb7e98fc090db1d779118f2c70f2192f29092796ca866")
    let claim = try Self.read(Array(text.utf8))
    #expect(claim == Claim(generation: 2, run: "0123456789abcdef", isLive: true, began: WallTime(rawValue: 1_800_000_000_000)))
    #expect(try !Self.read(Array(Self.own.text(isLive: false).utf8)).isLive)
  }

  @Test("Another hub's, another key's, and every changed byte are refused")
  func forged() {
    var thief = Self.own
    thief = ClaimIdentity(hubID: "hub-a", generation: 9, run: "x", began: .unknown, key: Array(repeating: 8, count: 32))
    #expect(Self.refusal(Array(thief.text(isLive: true).utf8)) == .signature)
    let other = ClaimIdentity(hubID: "hub-b", generation: 9, run: "x", began: .unknown, key: Self.key)
    #expect(Self.refusal(Array(other.text(isLive: true).utf8)) == .anotherHub)
    let good = Array(Self.own.text(isLive: true).utf8)
    for place in good.indices {
      var changed = good
      changed[place] ^= 1
      #expect(Self.refusal(changed) != nil, "byte \(place)")
    }
    // The digits of the signature may be large.
    #expect(Self.refusal(Array(Self.own.text(isLive: true).uppercased().utf8)) != nil)
    #expect(Self.refusal(Self.signed("knutepunkt-claim/1 hub-a 9 x live 0").dropLast(1) + [UInt8(ascii: "g")]) == .form)
  }

  @Test(
    "What a later version says is understood as far as it goes",
    arguments: [
      "knutepunkt-claim/2 hub-a 9 x live 0 and more of it", "knutepunkt-claim/99 hub-a 9 x resting 0",
    ])
  func later(said: String) throws {
    let claim = try Self.read(Self.signed(said))
    #expect(claim == Claim(generation: 9, run: "x", isLive: true, began: WallTime(rawValue: 0)))
  }

  @Test(
    "What has another form is refused, however it is signed",
    arguments: [
      "", "knutepunkt-claim/0 hub-a 9 x live 0", "knutepunkt-claim/x hub-a 9 x live 0", "knutepunkt-claim hub-a 9 x live 0",
      "online", "knutepunkt-claim/1 hub-a 0 x live 0", "knutepunkt-claim/1 hub-a -3 x live 0", "knutepunkt-claim/1 hub-a 9  live 0",
      "knutepunkt-claim/1 hub-a 99999999999999999999 x live 0", "knutepunkt-claim/1 hub-a 9 x live",
      "knutepunkt-claim/1 hub-a 9 x live soon",
      "knutepunkt-claim/1 hub-a 9 0123456789012345678901234567890123456789012345678901234567890123456789 live 0",
    ])
  func form(said: String) { #expect(Self.refusal(Self.signed(said)) == .form) }

  @Test("No text, and too much of it")
  func bytes() {
    #expect(Self.refusal([0xFF, 0xFE, 0]) == .form)
    #expect(Self.refusal([]) == .form)
    #expect(Self.refusal(Array(repeating: 32, count: Claim.bytesMax)) == .form)
    #expect(Self.refusal(Array(repeating: 32, count: Claim.bytesMax + 1)) == .tooLong)
    var random = SeededRandom(seed: 4)
    for _ in 0..<2_000 {
      let bytes = (0..<Int(random.next() % 200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      #expect(Self.refusal(bytes) != nil)
    }
  }

  @Test("A generation has one topic")
  func topics() {
    #expect(ClaimTopic.name(hubID: "h", generation: 3) == "knutepunkt/v1/hub/h/claim/3")
    #expect(ClaimTopic.filter(hubID: "h") == "knutepunkt/v1/hub/h/claim/+")
    #expect(ClaimTopic.generation(of: "knutepunkt/v1/hub/h/claim/3", hubID: "h") == 3)
    for other in [
      "knutepunkt/v1/hub/i/claim/3", "knutepunkt/v1/hub/h/claim/03", "knutepunkt/v1/hub/h/claim/+3", "knutepunkt/v1/hub/h/claim/0",
      "knutepunkt/v1/hub/h/claim/-1", "knutepunkt/v1/hub/h/claim/", "knutepunkt/v1/hub/h/claim/3/x", "",
      "knutepunkt/v1/hub/h/claim/99999999999999999999",
    ] { #expect(ClaimTopic.generation(of: other, hubID: "h") == nil, "\(other)") }
  }
}
