// `pair --yes`: which step follows from what the hub reports, and that a script's pairing never says yes by itself to a
// number that nobody compared.

import LocalAPI
import Testing

@testable import knutepunkt

@Suite struct UnattendedPairingTests {
  private typealias Fixtures = InstallerFixtures
  private typealias Step = UnattendedPairing.Step

  private func pairing(_ address: String = "C0:26:DA:01:A1:B2", test: Bool = true, accepts: Bool = false) -> UnattendedPairing {
    UnattendedPairing(address: address, waitsForReading: test, acceptsComparison: accepts)
  }

  /// The steps after the choice.
  private func steps(_ start: UnattendedPairing, _ reports: [API.Pairing]) throws -> [Step] {
    var pairing = start
    #expect(try pairing.next(Fixtures.pairing("searching")) == .choose)
    return reports.map { pairing.next($0) }
  }

  @Test func itWaitsForItsAddressAlone() throws {
    var other = pairing("AA:AA:AA:AA:AA:AA")
    #expect(try other.next(Fixtures.pairing("searching")) == .wait)
    #expect(try other.next(Fixtures.pairing("closed", found: [])) == .fail(.notFound))
  }

  @Test func fromFoundToRegistered() throws {
    let reports = try ["connecting", "pairing", "testing", "ready"].map { try Fixtures.pairing($0) }
    #expect(try steps(pairing(), reports) == [.wait, .wait, .wait, .register])
  }

  @Test func withoutATestItRegistersAtOnce() throws {
    #expect(try steps(pairing(test: false), [Fixtures.pairing("testing")]) == [.register])
  }

  @Test func aComparisonIsRefusedUnlessItWasAllowed() throws {
    let reports = [
      try Fixtures.pairing("prompt", prompt: ("confirm", 7)), try Fixtures.pairing("prompt", prompt: ("confirm", 7)),
      try Fixtures.pairing("failed", problem: "pairingRefused"),
    ]
    #expect(
      try steps(pairing(), reports) == [.answer(number: 7, accept: false), .wait, .fail(.comparison(passkey: "012345"))])
    #expect(
      try steps(pairing(accepts: true), reports) == [.answer(number: 7, accept: true), .wait, .fail(.problem(.known(.pairingRefused)))])
  }

  @Test func aNumberToTypeHereCannotBeTyped() throws {
    let reports = [try Fixtures.pairing("prompt", prompt: ("enter", 3)), try Fixtures.pairing("closed", found: [])]
    #expect(try steps(pairing(accepts: true), reports) == [.answer(number: 3, accept: false), .fail(.typing)])
  }

  @Test func aNumberToTypeThereIsShownOnce() throws {
    let report = try Fixtures.pairing("prompt", prompt: ("display", 3))
    #expect(try steps(pairing(), [report, report]) == [.show(passkey: "012345", number: 3), .wait])
  }

  @Test func theEndOfTheTimeSaysHowFarItCame() throws {
    #expect(try steps(pairing(), [Fixtures.pairing("pairing"), Fixtures.pairing("closed", found: [])]) == [.wait, .fail(.tooLong)])
    #expect(try steps(pairing(), [Fixtures.pairing("testing"), Fixtures.pairing("closed", found: [])]) == [.wait, .fail(.noReading)])
  }

  @Test func aProblemEndsIt() throws {
    #expect(try steps(pairing(), [Fixtures.pairing("failed", problem: "noServices")]) == [.fail(.problem(.known(.noServices)))])
    #expect(try steps(pairing(), [Fixtures.pairing("failed")]) == [.fail(.problem(.unknown("unknown")))])
  }
}
