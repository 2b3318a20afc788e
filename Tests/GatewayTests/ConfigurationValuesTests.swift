// The notations of configuration values: what is read, what is refused, and that writing gives back what was read.

import Testing
import VitalSigns

@testable import HubConfiguration
@testable import HubRuntime

@Suite struct ConfigurationValuesTests {
  @Test(arguments: [
    ("20ms", 20), ("60s", 60_000), ("15m", 900_000), ("12h", 43_200_000), ("400d", 34_560_000_000), ("0s", 0), ("007s", 7_000),
  ])
  func durationsAreReadExactly(text: String, milliseconds: Int64) {
    #expect(DurationText.duration(text) == .milliseconds(milliseconds))
  }

  @Test(arguments: ["", "s", "60", "60 s", "-1s", "+1s", "1.5s", "1h30m", "1S", "1w", "999999999999999d", "1٣s"])
  func whatIsNoDurationIsRefused(text: String) {
    #expect(DurationText.duration(text) == nil)
  }

  @Test(arguments: [("60s", "1m"), ("90s", "90s"), ("1500ms", "1500ms"), ("24h", "1d"), ("0m", "0s")])
  func durationsAreWrittenInTheLargestExactUnit(text: String, written: String) throws {
    let duration = try #require(DurationText.duration(text))
    #expect(DurationText.text(duration) == written)
    #expect(DurationText.duration(written) == duration)
  }

  @Test func secondsForTheCoreAreHeldAtTheirEnds() {
    #expect(Duration.milliseconds(1_999).wholeSeconds == 1)
    #expect(Duration.seconds(-5).wholeSeconds == 0)
    #expect(Duration.seconds(5_000_000_000).wholeSeconds == UInt32.max)
  }

  @Test(arguments: [("4MiB", 4_194_304), ("1KiB", 1_024), ("17B", 17), ("2GiB", 2_147_483_648), ("0B", 0)])
  func sizesAreRead(text: String, bytes: Int) {
    #expect(SizeText.bytes(text) == bytes)
    #expect(SizeText.bytes(SizeText.text(bytes)) == bytes)
  }

  @Test(arguments: ["", "4", "4MB", "4 MiB", "-4MiB", "4.5MiB", "999999999999GiB"])
  func whatIsNoSizeIsRefused(text: String) {
    #expect(SizeText.bytes(text) == nil)
  }

  @Test(arguments: [
    ("127.0.0.1:8080", "127.0.0.1", 8080, true), ("[::1]:0", "::1", 0, true), ("localhost:1", "localhost", 1, true),
    ("0.0.0.0:65535", "0.0.0.0", 65_535, false),
    ("hub.example.org:80", "hub.example.org", 80, false),
  ])
  func listenAddressesAreRead(text: String, host: String, port: UInt16, isLoopback: Bool) {
    let address = ListenAddress(text: text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address?.description == text)
    #expect(address?.isLoopback == isLoopback)
  }

  @Test(arguments: ["", ":80", "8080", "host:", "host:65536", "::1:80", "ho st:80", "http://x:80"])
  func whatIsNoListenAddressIsRefused(text: String) {
    #expect(ListenAddress(text: text) == nil)
  }

  /// A name that merely looks like this machine must not switch encryption off.
  @Test(arguments: ["127.0.0.1.example.org", "127.0.0.256", "localhost.example.org", "127.1", "10.0.0.1", "", "::2"])
  func otherHostsAreNotLoopback(host: String) {
    #expect(!LoopbackHost.contains(host))
  }

  @Test func everySlipInAnOrganisationNumberIsFound() {
    let number = "974760673"
    #expect(OrganisationNumber.complaint(about: number) == nil)
    for position in 0..<9 {
      for digit in "0123456789" {
        var digits = Array(number)
        if digits[position] == digit { continue }
        digits[position] = digit
        #expect(OrganisationNumber.complaint(about: String(digits)) != nil)
      }
    }
    for text in ["", "97476067", "9747606733", "97476067a", "974 760 673"] {
      #expect(OrganisationNumber.complaint(about: text) == "has not exactly 9 digits")
    }
  }

  @Test func secretsLoseOneLineBreakAndNeverShowTheirContent() throws {
    let folder = TemporaryFolder()
    let file = folder.write("hunter2\n\n", to: "secret")
    #expect(try SecretSource.file(file).read() == "hunter2\n")
    let empty = folder.write("\n", to: "empty")
    #expect(throws: SecretError.self) { try SecretSource.file(empty).read() }
    #expect(throws: SecretError.self) { try SecretSource.file(folder.path + "/none").read() }
    let large = folder.write(String(repeating: "x", count: SecretSource.bytesMax + 1), to: "large")
    do {
      _ = try SecretSource.file(large).read()
      Issue.record("a file beyond the bound was read")
    } catch {
      #expect(!error.description.contains("xx"))
      #expect(error.description == "\(large): is larger than 64KiB, so it is hardly the right file")
    }
  }
}
