// Everything that a link must know before it starts, with its limits. `validate()` names the key, the value and what
// is allowed; the gateway adds file, line and column. Secrets are never here: only the paths of the files that hold them.
//
// There is no switch to skip certificate checks: who needs one needs a CA file.

/// How the broker proves who it is, and how we do.
public struct MQTTTLSConfiguration: Sendable, Hashable {
  /// PEM file with the authorities to trust; nil: the system's own (`/etc/ssl/certs`).
  public var caFile: String?
  /// PEM client certificate and its unencrypted key: both or none.
  public var certificateFile: String?
  public var keyFile: String?

  public init(caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil) {
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

public enum MQTTProtocolVersion: String, Sendable, Hashable, CaseIterable {
  case v5 = "5"
  case v311 = "3.1.1"
}

/// A key of the configuration whose value is not allowed.
public struct MQTTConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var key: String
  public var value: String
  public var allowed: String
  public var description: String { "\(key) is \(value); allowed: \(allowed)" }
}

/// One link to one broker.
public struct MQTTLinkConfiguration: Sendable, Hashable {
  /// Identity of the persistent session at the broker: unique among its clients, the same after a restart.
  public var clientID: String
  public var host: String
  public var port: Int
  public var protocolVersion: MQTTProtocolVersion = .v5
  public var tls: MQTTTLSConfiguration?
  /// The user name in the open, or the file whose first line it is: one of the two.
  public var username: String?
  public var usernameFile: String?
  /// The file whose first line is the password. Files are read at each connect, so that they can be changed.
  public var passwordFile: String?
  /// Seconds between signs of life, 5…3600. The broker gives us up after 1.5 times this.
  public var keepAliveSeconds: Int = 30
  /// How often the link looks whether a sign of life is due, seconds, 1…a quarter of `keepAliveSeconds`; it wakes for it. A link that must
  /// notice at once that its thread did not run looks each second.
  public var keepAliveCheckSeconds: Int = 1
  /// MQTT 5: seconds for which the broker keeps subscriptions and messages while we are away; 60…4 294 967 295 (= for ever).
  /// Default one week: longer than any outage that nobody notices. 3.1.1 has no such limit.
  public var sessionExpirySeconds: Int = 604_800
  /// False: the broker forgets us with the connection. Such a link is promised nothing while it is away.
  public var keepsSession: Bool = true
  /// Unacknowledged QoS 1 messages that the broker may have in flight to us (MQTT 5), 1…65535. The broker's own
  /// limit (mosquitto: `max_inflight_messages`, default 20) bounds it too, and alone for 3.1.1.
  public var receiveMaximum: Int = 500
  /// Longest payload that is decoded, 1…16 777 216 bytes. Not announced to the broker: it would drop longer ones silently; here
  /// they are counted and quarantined, up to 16 MiB, see `MosquittoClient.packetBytesMax`.
  public var maximumPayloadBytes: Int = 262_144
  /// How long acknowledgements may wait for the disk while reading goes on, 1…1000 ms. See ``AcknowledgementGate``.
  public var ackHoldMilliseconds: Int = 100
  /// When the watermark stands still for this long with something waiting, the store counts as failing: 100…60 000 ms.
  public var storeStallMilliseconds: Int = 1_000
  /// For TCP, then again for TLS and CONNACK together: 1…120 s. A dead route takes the kernel two minutes.
  public var connectTimeoutSeconds: Int = 10
  /// Publications that wait for the broker, 1…100 000. When full, the new one is refused.
  public var publishQueueLimit: Int = 1_000
  /// Where "online" and "offline" are kept retained, both ways: by us at connect and stop, by the broker as our will.
  public var stateTopic: String?
  public var onlinePayload: String = "online"
  public var offlinePayload: String = "offline"

  /// How much of an oversized payload the quarantine sees: enough for a person to recognise the sender.
  public static let quarantinePrefixBytes = 1_024

  public init(clientID: String, host: String, port: Int) {
    self.clientID = clientID
    self.host = host
    self.port = port
  }

  /// Checks every key. Touches no file: those are read at connect, and their errors are ``MQTTLinkError/fileUnreadable(path:detail:)``.
  public func validate() throws(MQTTConfigurationError) {
    try validateIdentity()
    try range("port", port, 1...65_535)
    try range("keepAliveSeconds", keepAliveSeconds, 5...3_600)
    try range("keepAliveCheckSeconds", keepAliveCheckSeconds, 1...max(1, keepAliveSeconds / 4))
    try range("sessionExpirySeconds", sessionExpirySeconds, 60...Int(UInt32.max))
    try range("receiveMaximum", receiveMaximum, 1...65_535)
    try range("maximumPayloadBytes", maximumPayloadBytes, 1...16_777_216)
    try range("ackHoldMilliseconds", ackHoldMilliseconds, 1...1_000)
    try range("storeStallMilliseconds", storeStallMilliseconds, 100...60_000)
    try range("connectTimeoutSeconds", connectTimeoutSeconds, 1...120)
    try range("publishQueueLimit", publishQueueLimit, 1...100_000)
    if passwordFile != nil, usernameFile == nil, username == nil {
      throw MQTTConfigurationError(key: "passwordFile", value: "set without a user name", allowed: "with username or usernameFile")
    }
    if let username, usernameFile != nil || username.isEmpty || username.utf8.count > 1_024 {
      throw MQTTConfigurationError(
        key: "username", value: usernameFile != nil ? "set beside usernameFile" : "\(username.utf8.count) bytes long",
        allowed: "one of username and usernameFile; 1 to 1024 bytes")
    }
    if let tls, (tls.certificateFile == nil) != (tls.keyFile == nil) {
      throw MQTTConfigurationError(
        key: "tls.certificateFile", value: "set without its partner", allowed: "certificateFile and keyFile together, or neither")
    }
    try validateState()
  }

  private func validateIdentity() throws(MQTTConfigurationError) {
    let text = clientID.unicodeScalars
    if text.isEmpty || clientID.utf8.count > 256
      || text.contains(where: { $0.value <= 0x20 || $0.value == 0x7F || "#+/".unicodeScalars.contains($0) })
    {
      throw MQTTConfigurationError(
        key: "clientID", value: "\"\(clientID.prefix(80))\"", allowed: "1 to 256 bytes without spaces, control characters, #, + or /")
    }
    if host.isEmpty || host.utf8.count > 253 || host.unicodeScalars.contains(where: { $0.value <= 0x20 || $0 == "/" }) {
      throw MQTTConfigurationError(
        key: "host", value: "\"\(host.prefix(80))\"", allowed: "a host name or an address, without a scheme or port")
    }
  }

  private func validateState() throws(MQTTConfigurationError) {
    guard let stateTopic else { return }
    if let problem = MQTTTopic.problem(inName: stateTopic) {
      throw MQTTConfigurationError(key: "stateTopic", value: "not a topic (\(problem))", allowed: "a topic name without wildcards")
    }
    for (key, payload) in [("onlinePayload", onlinePayload), ("offlinePayload", offlinePayload)]
    where payload.isEmpty || payload.utf8.count > 4_096 {
      // An empty retained payload deletes the retained message: a reader would see nothing at all.
      throw MQTTConfigurationError(key: key, value: "\(payload.utf8.count) bytes long", allowed: "1 to 4096 bytes")
    }
  }

  private func range(_ key: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(MQTTConfigurationError) {
    if !allowed.contains(value) {
      throw MQTTConfigurationError(key: key, value: "\(value)", allowed: "\(allowed.lowerBound)…\(allowed.upperBound)")
    }
  }
}
