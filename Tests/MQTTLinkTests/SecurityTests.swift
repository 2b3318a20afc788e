// Who the broker is and who we are, against a real mosquitto with certificates made here.

import Foundation
import Testing

@testable import MQTTLink

/// A small authority: `ca.pem`, and certificates for the broker (127.0.0.1, localhost) and for a client.
struct Authority {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try openssl([
      "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA",
    ])
    try issue("broker", extensions: "subjectAltName=IP:127.0.0.1,DNS:localhost")
    try issue("client", extensions: "extendedKeyUsage=clientAuth")
  }

  func issue(_ name: String, extensions: String) throws {
    try folder.write("\(name).ext", extensions)
    try openssl(["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)"])
    try openssl([
      "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "\(name).pem", "-days", "2",
      "-extfile", "\(name).ext",
    ])
  }

  private func openssl(_ arguments: [String]) throws {
    let named = Set(["ca.pem", "ca.key"])
    try command(
      "/usr/bin/openssl",
      arguments.map { argument in
        let isFile = named.contains(argument) || [".key", ".pem", ".csr", ".ext"].contains { argument.hasSuffix($0) }
        return isFile ? folder.path(argument) : argument
      })
  }

  func broker(options: String = "", requireClient: Bool = false) throws -> TestBroker {
    let folder = folder
    return try TestBroker(options: options) { port in
      """
      listener \(port) 127.0.0.1
      allow_anonymous true
      cafile \(folder.path("ca.pem"))
      certfile \(folder.path("broker.pem"))
      keyfile \(folder.path("broker.key"))
      require_certificate \(requireClient)
      """
    }
  }

  func configuration(_ broker: TestBroker, host: String = "127.0.0.1") -> MQTTLinkConfiguration {
    var configuration = MQTTLinkConfiguration(clientID: "hub-03", host: host, port: broker.port)
    configuration.tls = MQTTTLSConfiguration(caFile: folder.path("ca.pem"))
    return configuration
  }

  func publish(_ broker: TestBroker, _ topic: String, _ lines: [String]) throws {
    try command(
      "/usr/bin/mosquitto_pub",
      [
        "-h", "127.0.0.1", "-p", "\(broker.port)", "-t", topic, "-q", "1", "-l", "--cafile", folder.path("ca.pem"),
        "--cert", folder.path("client.pem"), "--key", folder.path("client.key"),
      ], input: lines.joined(separator: "\n") + "\n")
  }
}

@Suite(.serialized) struct SecurityTests {
  static func tlsError(_ error: MQTTLinkError, _ text: String) -> Bool {
    if case .tls(let detail) = error { detail.contains(text) } else { false }
  }

  @Test(arguments: MQTTProtocolVersion.allCases)
  func tlsWithAClientCertificateCarriesABurst(_ version: MQTTProtocolVersion) throws {
    let authority = try Authority()
    let broker = try authority.broker(options: "max_inflight_messages 500\nmax_queued_messages 10000", requireClient: true)
    var configuration = authority.configuration(broker)
    configuration.protocolVersion = version
    configuration.tls?.certificateFile = authority.folder.path("client.pem")
    configuration.tls?.keyFile = authority.folder.path("client.key")
    let hub = try RunningLink(configuration)
    try #require(hub.handler.waitFor(.live), "\(hub.handler.lastErrors)")
    // Many small packets in one TLS record: none may stay behind in the library.
    let lines = (1...2_000).map { "reading \($0)" }
    try authority.publish(broker, "vitals/a", lines)
    #expect(hub.handler.waitForFrames(2_000))
    #expect(hub.handler.texts == lines)
    #expect(hub.stop())
    #expect(broker.count("Received PUBACK from hub-03") == 2_000)
  }

  @Test func aStrangersAuthorityIsRefused() throws {
    let authority = try Authority()
    let broker = try authority.broker()
    var configuration = authority.configuration(broker)
    let stranger = try Authority()
    configuration.tls?.caFile = stranger.folder.path("ca.pem")
    let hub = try RunningLink(configuration)
    #expect(
      hub.handler.waitForError { Self.tlsError($0, "not signed by an authority in \(stranger.folder.path("ca.pem"))") },
      "\(hub.handler.lastErrors)")
    #expect(hub.link.statistics.connects == 0)
    #expect(eventually { hub.link.statistics.problem?.kind == .certificateNotTrusted })
    #expect(broker.count("as hub-03") == 0, "not even the client id is said to it")
  }

  @Test func aCertificateForAnotherNameIsRefused() throws {
    let authority = try Authority()
    try authority.issue("broker", extensions: "subjectAltName=DNS:elsewhere.example")
    let broker = try authority.broker()
    let hub = try RunningLink(authority.configuration(broker))
    #expect(hub.handler.waitForError { Self.tlsError($0, "for another name than 127.0.0.1") }, "\(hub.handler.lastErrors)")
    #expect(eventually { hub.link.statistics.problem?.kind == .certificateName })
  }

  @Test func aMissingClientCertificateIsSaid() throws {
    let authority = try Authority()
    let broker = try authority.broker(requireClient: true)
    let hub = try RunningLink(authority.configuration(broker))
    #expect(hub.handler.waitFor(.backingOff))
    #expect(hub.link.statistics.connects == 0)
  }

  @Test func tlsToAPortWithoutTLSIsSaid() throws {
    let authority = try Authority()
    let broker = try TestBroker()
    let hub = try RunningLink(authority.configuration(broker))
    #expect(hub.handler.waitFor(.backingOff))
    #expect(hub.link.statistics.connects == 0)
    #expect(eventually { hub.link.statistics.problem?.kind == .noTLS }, "\(String(describing: hub.link.statistics.problem))")
    #expect(hub.link.statistics.notLiveMilliseconds != nil)
  }

  @Test func aMissingFileIsNamed() throws {
    let broker = try TestBroker()
    var configuration = MQTTLinkConfiguration(clientID: "hub-03", host: "127.0.0.1", port: broker.port)
    configuration.tls = MQTTTLSConfiguration(caFile: "/nonexistent/ca.pem")
    let hub = try RunningLink(configuration)
    #expect(hub.handler.waitForError { $0 == .fileUnreadable(path: "/nonexistent/ca.pem", detail: "No such file or directory") })
  }

  @Test(arguments: MQTTProtocolVersion.allCases)
  func userAndPasswordComeFromFilesAtEachConnect(_ version: MQTTProtocolVersion) throws {
    let folder = try TemporaryFolder()
    let passwords = folder.path("passwords")
    try folder.write("passwords", "")
    try command("/usr/bin/mosquitto_passwd", ["-b", passwords, "hub", "right"])
    let broker = try TestBroker(listener: { "listener \($0) 127.0.0.1\nallow_anonymous false\npassword_file \(passwords)" }, folder: folder)
    var configuration = MQTTLinkConfiguration(clientID: "hub-03", host: "127.0.0.1", port: broker.port)
    configuration.protocolVersion = version
    configuration.usernameFile = try folder.write("user", "hub\n")
    configuration.passwordFile = try folder.write("password", "wrong\n")
    let hub = try RunningLink(configuration)
    #expect(
      hub.handler.waitForError {
        if case .refusedByBroker(let code, _) = $0 { code == (version == .v5 ? 0x87 : 5) } else { false }
      }, "\(hub.handler.lastErrors)")
    try folder.write("password", "right\n")
    #expect(hub.handler.waitFor(.live), "the next attempt reads the new password")
  }
}
