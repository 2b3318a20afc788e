// Who may bring a profile: signatures, revocation, versions; and how profiles are found and kept apart.

import Crypto
import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing
import VitalSigns

/// A folder of profiles that goes away with the test.
final class ProfileFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("catalogue-\(UUID().uuidString)")

  deinit { try? FileManager.default.removeItem(at: url) }

  @discardableResult
  func write(_ id: String, _ text: String) throws -> URL {
    let file = url.appendingPathComponent(id + ".yaml")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file
  }

  func load(_ trust: ProfileTrust = .lab) throws(CatalogueError) -> ProfileCatalogue {
    try ProfileCatalogue(folders: [url], trust: trust)
  }

  /// The messages of a catalogue that must not load.
  func problems(_ trust: ProfileTrust = .lab) -> [String] {
    do throws(CatalogueError) {
      _ = try load(trust)
      return []
    } catch {
      return error.diagnostics.map(\.message)
    }
  }
}

@Suite struct TrustTests {
  let key = Curve25519.Signing.PrivateKey()
  var trust: ProfileTrust { ProfileTrust(.keys(["vendor-1": key.publicKey.rawRepresentation])) }

  func sign(_ file: URL, keyID: String = "vendor-1", with key: Curve25519.Signing.PrivateKey? = nil) throws {
    let signature = try (key ?? self.key).signature(for: Data(contentsOf: file))
    let line = "ed25519 \(keyID) \(signature.base64EncodedString())\n"
    try Data(line.utf8).write(to: file.appendingPathExtension("sig"))
  }

  @Test func aGoodSignatureLoads() throws {
    let folder = ProfileFolder()
    try sign(try folder.write("test/device", Sample.good))
    #expect(try folder.load(trust).profile(id: "test/device")?.version == SemanticVersion(major: 1, minor: 0, patch: 0))
  }

  @Test func aMissingSignatureDoesNot() throws {
    let folder = ProfileFolder()
    try folder.write("test/device", Sample.good)
    #expect(folder.problems(trust) == ["the signature file is missing; allowed: a file signed by vendor-1"])
    #expect(folder.problems(.lab) == [])
  }

  @Test func oneChangedByteDoesNot() throws {
    let folder = ProfileFolder()
    let file = try folder.write("test/device", Sample.good)
    try sign(file)
    try Data((Sample.good + " ").utf8).write(to: file)
    #expect(folder.problems(trust) == ["the signature does not match the file; allowed: the file exactly as it was signed"])
  }

  @Test func anotherKeyDoesNot() throws {
    let folder = ProfileFolder()
    let file = try folder.write("test/device", Sample.good)
    try sign(file, with: Curve25519.Signing.PrivateKey())
    #expect(folder.problems(trust) == ["the signature does not match the file; allowed: the file exactly as it was signed"])
    try sign(file, keyID: "stranger")
    #expect(folder.problems(trust) == ["the signing key is not trusted; allowed: vendor-1"])
    try Data("ed25519 vendor-1 AAAA".utf8).write(to: file.appendingPathExtension("sig"))
    #expect(folder.problems(trust) == ["the signature file is malformed; allowed: `ed25519 <key id> <base64 of 64 bytes>`"])
  }

  @Test func revokedAndOlderVersionsDoNot() throws {
    let folder = ProfileFolder()
    try folder.write("test/device", Sample.good)
    let revoked = try #require(RevokedProfile("test/device@1.0.0"))
    #expect(folder.problems(ProfileTrust(.lab, revoked: [revoked])) == ["test/device@1.0.0 is revoked; allowed: another version"])
    #expect(folder.problems(ProfileTrust(.lab, revoked: [try #require(RevokedProfile("test/device@1.0.1"))])) == [])
    let floor = ["test/device": SemanticVersion(major: 1, minor: 0, patch: 1)]
    #expect(
      folder.problems(ProfileTrust(.lab, versionFloors: floor)) == [
        "test/device@1.0.0 is older than what ran here; allowed: 1.0.1 or newer"
      ])
  }

  @Test func thePathIsTheName() throws {
    let folder = ProfileFolder()
    try folder.write("test/other", Sample.good)
    #expect(folder.problems() == ["`profile` is `test/device`; allowed: test/other, as the file's path"])
  }

  @Test func equalClaimsAreRefused() throws {
    let folder = ProfileFolder()
    try folder.write("test/device", Sample.good)
    let twin = Sample.good.replacing("test/device", with: "test/twin")
    try folder.write("test/twin", twin)
    #expect(
      folder.problems() == [
        "matches the same devices as test/device with the same priority; allowed: another `priority`, a closer description, or `byNameOnly: true`"
      ])
    try folder.write("test/twin", twin.replacing("services: [1822]", with: "services: [1822], priority: 5"))
    #expect(folder.problems() == [])
    let found = try folder.load().profiles(matching: BluetoothAppearance(services: [BluetoothUUID(short: 0x1822)]))
    #expect(found.map(\.id) == ["test/twin", "test/device"])
    try folder.write("test/twin", twin.replacing("services: [1822]", with: "services: [1822], namePrefix: Nonin, bytes: \"01 ?? 03\""))
    let nonin = BluetoothAppearance(services: [BluetoothUUID(short: 0x1822)], name: "Nonin3230", bytes: [1, 9, 3])
    #expect(try folder.load().profiles(matching: nonin).count == 2)
    var other = nonin
    other.bytes = [1, 9]
    #expect(try folder.load().profiles(matching: other).map(\.id) == ["test/device"])
  }

  @Test func equalTopicsAreRefusedUnlessNamed() throws {
    let text = try String(contentsOf: Shipped.folder.appendingPathComponent("zigbee2mqtt/sos-button.yaml"), encoding: .utf8)
    let folder = ProfileFolder()
    try folder.write("zigbee2mqtt/sos-button", text)
    let twin = text.replacing("zigbee2mqtt/sos-button", with: "zigbee2mqtt/twin")
    try folder.write("zigbee2mqtt/twin", twin)
    #expect(folder.problems() == [])
    let unnamed = "match: {byNameOnly: false}"
    try folder.write("zigbee2mqtt/sos-button", text.replacing("match: {byNameOnly: true}", with: unnamed))
    try folder.write("zigbee2mqtt/twin", twin.replacing("match: {byNameOnly: true}", with: unnamed))
    #expect(folder.problems().count == 1)
  }

  @Test func aLaterFolderReplaces() throws {
    let (product, operators) = (ProfileFolder(), ProfileFolder())
    try product.write("test/device", Sample.good)
    try operators.write("test/device", Sample.good.replacing("1.0.0", with: "1.1.0"))
    let catalogue = try ProfileCatalogue(folders: [product.url, operators.url], trust: .lab)
    #expect(catalogue.profiles.map(\.version.description) == ["1.1.0"])
  }

  /// A hub that starts goes on with what is good; a check does not.
  @Test func oneBrokenFileTakesNoOtherAway() throws {
    let folder = ProfileFolder()
    try folder.write("test/device", Sample.good)
    try folder.write("test/broken", Sample.good.replacing("test/device", with: "test/broken") + "\nnonsense: 1\n")
    #expect(folder.problems().count == 1)
    var problems: [ProfileDiagnostic] = []
    let catalogue = try ProfileCatalogue(whatIsGoodIn: [folder.url], trust: .lab, problems: &problems)
    #expect(catalogue.profiles.map(\.id) == ["test/device"])
    #expect(problems.count == 1 && problems.first?.file.hasSuffix("test/broken.yaml") == true, "\(problems)")

    let empty = ProfileFolder()
    try empty.write("test/broken", "profile: [")
    #expect(throws: CatalogueError.self) { try ProfileCatalogue(whatIsGoodIn: [empty.url], trust: .lab, problems: &problems) }
  }

  @Test func topicsAndAddresses() throws {
    let catalogue = try Shipped.catalogue()
    #expect(
      catalogue.profiles(matchingTopic: "zigbee2mqtt/door1").map(\.id) == [
        "zigbee2mqtt/door-contact", "zigbee2mqtt/fall-sensor", "zigbee2mqtt/sos-button",
      ])
    #expect(catalogue.profiles(matchingTopic: "zigbee2mqtt/bridge/state/x").isEmpty)
    let door = try #require(catalogue.profile(id: "zigbee2mqtt/door-contact"))
    let values = ["contact", "tamper", "battery_low", "availability"].map { "zigbee2mqtt/door1/\($0)" }
    #expect(door.topicFilters(for: "door1") == ["zigbee2mqtt/door1"] + values)
    #expect(door.address(fromTopic: "zigbee2mqtt/door1/availability") == "door1")
    #expect(door.address(fromTopic: "zigbee2mqtt/a/b/c") == nil)
    for address in ["", "+", "#", "a/b", "a#", "a\0"] { #expect(door.topicFilters(for: address) == [], "\(address)") }
    let tracker = try #require(catalogue.profile(id: "owntracks/tracker"))
    #expect(tracker.addressForm == "user/device")
    #expect(tracker.topicFilters(for: "anna/phone") == ["owntracks/anna/phone", "owntracks/anna/phone/event"])
    #expect(tracker.topicFilters(for: "anna") == [])
    #expect(tracker.address(fromTopic: "owntracks/anna/phone/event") == "anna/phone")
  }
}
