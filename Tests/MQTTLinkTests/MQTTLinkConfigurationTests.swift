// What a configuration may say, and that an error names the key and what is allowed. Topics and secrets likewise.

import Foundation
import Testing

@testable import MQTTLink

@Suite struct MQTTLinkConfigurationTests {
  static let good = MQTTLinkConfiguration(clientID: "hub-00", host: "broker.example", port: 8883)

  static let wrong: [(key: String, change: @Sendable (inout MQTTLinkConfiguration) -> Void)] = [
    ("clientID", { $0.clientID = "" }), ("clientID", { $0.clientID = "with space" }), ("clientID", { $0.clientID = "a/b" }),
    ("clientID", { $0.clientID = String(repeating: "x", count: 257) }),
    ("host", { $0.host = "" }), ("host", { $0.host = "mqtt://broker" }),
    ("port", { $0.port = 0 }), ("port", { $0.port = 65_536 }),
    ("keepAliveSeconds", { $0.keepAliveSeconds = 4 }), ("keepAliveSeconds", { $0.keepAliveSeconds = 3_601 }),
    ("sessionExpirySeconds", { $0.sessionExpirySeconds = 59 }), ("sessionExpirySeconds", { $0.sessionExpirySeconds = 1 << 33 }),
    ("receiveMaximum", { $0.receiveMaximum = 0 }), ("receiveMaximum", { $0.receiveMaximum = 65_536 }),
    ("maximumPayloadBytes", { $0.maximumPayloadBytes = 0 }), ("maximumPayloadBytes", { $0.maximumPayloadBytes = 1 << 25 }),
    ("ackHoldMilliseconds", { $0.ackHoldMilliseconds = 0 }), ("storeStallMilliseconds", { $0.storeStallMilliseconds = 99 }),
    ("connectTimeoutSeconds", { $0.connectTimeoutSeconds = 121 }), ("publishQueueLimit", { $0.publishQueueLimit = 0 }),
    ("username", { $0.username = "" }),
    (
      "username",
      {
        $0.username = "a"
        $0.usernameFile = "/b"
      }
    ),
    ("passwordFile", { $0.passwordFile = "/x" }), ("tls.certificateFile", { $0.tls = .init(certificateFile: "/x") }),
    ("tls.certificateFile", { $0.tls = .init(keyFile: "/x") }),
    ("stateTopic", { $0.stateTopic = "a/+" }), ("stateTopic", { $0.stateTopic = "" }),
    (
      "onlinePayload",
      {
        $0.stateTopic = "s"
        $0.onlinePayload = ""
      }
    ),
  ]

  @Test(arguments: wrong.indices) func namesTheKeyAndWhatIsAllowed(_ index: Int) throws {
    var configuration = Self.good
    Self.wrong[index].change(&configuration)
    let error = try #require(throws: MQTTConfigurationError.self) { try configuration.validate() }
    #expect(error.key == Self.wrong[index].key)
    #expect(error.description.contains("allowed: "))
  }

  @Test func theDefaultsAreGood() throws {
    try Self.good.validate()
    var full = Self.good
    full.tls = .init(caFile: "/ca", certificateFile: "/cert", keyFile: "/key")
    full.usernameFile = "/user"
    full.passwordFile = "/password"
    full.stateTopic = "knutepunkt/v1/state"
    full.sessionExpirySeconds = Int(UInt32.max)
    try full.validate()
  }

  @Test(arguments: [
    ("a/b", true), ("+", true), ("#", true), ("a/+/b/#", true), ("/", true), ("$SYS/#", true), ("", false), ("a#", false), ("#/a", false),
    ("a+/b", false), ("a/b#", false), ("a\u{0}b", false), ("a\nb", false), ("a/##", false),
  ]) func filters(_ filter: String, isGood: Bool) {
    #expect((MQTTTopic.problem(inFilter: filter) == nil) == isGood)
    if filter.contains("#") || filter.contains("+") { #expect(MQTTTopic.problem(inName: filter) != nil) }
  }

  @Test func aSecretIsTheFirstLineOfItsFile() throws {
    let folder = try TemporaryFolder()
    for (content, expected) in [("secret", "secret"), ("secret\n", "secret"), ("secret\r\nsecond", "secret"), (" a b \n", " a b ")] {
      #expect(try SecretFile.firstLine(of: folder.write("secret", content)) == expected)
    }
    for content in ["", "\nsecond", String(repeating: "x", count: 5_000)] {
      #expect(throws: MQTTLinkError.self) { try SecretFile.firstLine(of: folder.write("secret", content)) }
    }
    #expect(throws: MQTTLinkError.self) { try SecretFile.firstLine(of: folder.path("missing")) }
  }

  @Test func aPersonIsNeededForWhatTimeDoesNotMend() {
    #expect(MQTTLinkError.refusedByBroker(code: 5, text: "").needsAPerson)
    #expect(MQTTLinkError.refusedByBroker(code: 0x87, text: "").needsAPerson)
    #expect(!MQTTLinkError.refusedByBroker(code: 3, text: "").needsAPerson)
    #expect(!MQTTLinkError.refusedByBroker(code: 0x89, text: "").needsAPerson)
    #expect(MQTTLinkError.tls("").needsAPerson)
    #expect(!MQTTLinkError.connectionLost("").needsAPerson)
    #expect(MQTTLinkError.disconnectedByBroker(code: 0x8E, text: "").needsAPerson)
  }
}
