// Doctor: does a broker let the hub in. First the port is tried, which says most about firewalls and names. Then comes a real
// CONNECT with the configured TLS, user and password, under a client id of its own beside the running hub (with "-doctor" behind).
// It subscribes to nothing, and leaves.

import CLinux
import Foundation
import HubConfiguration
import Logging
import MQTTLink
import NIOCore
import NIOPosix
import VitalSigns

/// Namespace of the check.
enum BrokerCheck {
  /// A broker in the same network answers in milliseconds; name look-up included.
  static let timeoutSeconds: Int64 = 2
  /// For TLS and the broker's answer to CONNECT.
  static let connectSeconds = 5.0

  static func line(_ link: KnutepunktConfiguration.MQTTLinkSettings) async -> DoctorLine {
    let place = "\(link.host):\(link.port)"
    let area = "mqtt \(link.name)"
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(timeoutSeconds)).connect(host: link.host, port: link.port).get()
      try? await channel.close().get()
    } catch {
      return DoctorLine(area: area, .problem, "\(place): \(reason(error))", next: remedy(error, link))
    }
    switch await connect(link) {
    case nil:
      let user = link.username.map { " and lets \($0) in" } ?? " and lets the hub in"
      return DoctorLine(area: area, .ok, "\(place) answers\(link.tls == nil ? "" : " with TLS")\(user)")
    case let problem?:
      return DoctorLine(area: area, .problem, "\(place): \(problem.text)", next: problem.next)
    }
  }

  // MARK: CONNECT

  struct Problem: Sendable, Hashable {
    package var text: String
    package var next: String
  }

  /// What keeps the broker from letting us in; nil: nothing.
  private static func connect(_ settings: KnutepunktConfiguration.MQTTLinkSettings) async -> Problem? {
    switch link(settings) {
    case .failure(let error): return Problem(text: "\(error)", next: "mend links.mqtt \(settings.name)")
    case .success(let link):
      let thread = Thread { link.run() }
      thread.start()
      let problem = await answer(to: link, settings)
      link.stop(within: .milliseconds(200))
      return problem
    }
  }

  private static func link(_ settings: KnutepunktConfiguration.MQTTLinkSettings) -> Result<MQTTLink, any Error> {
    Result {
      try MQTTLink(
        configuration: try configuration(settings), handler: Listener(), watermark: NothingDurable(),
        logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() })
    }
  }

  /// This function stands apart from what can throw: the optimiser of Swift 6.3.1 crashes on a coroutine that does both.
  private static func answer(to link: MQTTLink, _ settings: KnutepunktConfiguration.MQTTLinkSettings) async -> Problem? {
    let end = ContinuousClock.now + .seconds(connectSeconds)
    while ContinuousClock.now < end {
      let statistics = link.statistics
      if statistics.connects > 0 { return nil }
      if let error = statistics.lastError { return problem(error, settings) }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return problem(.noAnswer(seconds: UInt32(connectSeconds)), settings)
  }

  private static func configuration(_ settings: KnutepunktConfiguration.MQTTLinkSettings) throws -> MQTTLinkConfiguration {
    var result = MQTTLinkConfiguration(clientID: "\(settings.clientID)-doctor", host: settings.host, port: settings.port)
    result.protocolVersion = settings.version == .v5 ? .v5 : .v311
    if let tls = settings.tls {
      result.tls = MQTTTLSConfiguration(caFile: tls.caFile, certificateFile: tls.certificateFile, keyFile: tls.keyFile)
    }
    result.username = settings.username
    result.passwordFile = try settings.password?.path()
    // The shortest expiry that the link allows, so that the broker soon forgets this client.
    result.sessionExpirySeconds = 60
    return result
  }

  /// What a person does about it, by what failed.
  static func problem(_ error: MQTTLinkError, _ settings: KnutepunktConfiguration.MQTTLinkSettings) -> Problem {
    let place = "links.mqtt \(settings.name)"
    let user = settings.username ?? "(none)"
    switch error {
    case .refusedByBroker(let code, let text):
      // MQTT 3.1.1 has the codes 4 and 5; MQTT 5 has 0x86 (bad user name or password) and 0x87 (not authorised). Mosquitto says
      // 0x87 for a wrong password, too.
      if [4, 5, 0x86, 0x87].contains(code) {
        return Problem(
          text: "user name or password is wrong, or the user may not connect (user \(user); the broker says: \(text))",
          next: "mend \(place) username and passwordFile, or the broker's: mosquitto_passwd; the broker's log says which")
      }
      return Problem(text: "\(error)", next: "the broker's log says why")
    case .tls(let detail):
      return tls(detail, settings)
    case .connectionLost, .noAnswer:
      return settings.tls == nil
        ? Problem(
          text: "\(error); a port that wants TLS does so when it is spoken to without",
          next: "does port \(settings.port) want TLS (8883 often does)? then give \(place) tls:; else the broker's log says why")
        : Problem(
          text: "\(error); a port without TLS (1883 often is) does so when it is spoken to with TLS",
          next: "does port \(settings.port) speak TLS? mend \(place) port, or take tls: away towards a broker on this machine")
    case .fileUnreadable(let path, _):
      return Problem(text: "\(error)", next: "make \(path) readable for the service's user, or mend \(place)")
    default: return Problem(text: "\(error)", next: "the broker's log says why")
    }
  }

  /// Tells the words of OpenSSL and of libmosquitto apart.
  private static func tls(_ detail: String, _ settings: KnutepunktConfiguration.MQTTLinkSettings) -> Problem {
    let place = "links.mqtt \(settings.name)"
    let words = detail.lowercased()
    func says(_ parts: String...) -> Bool { parts.contains { words.contains($0) } }
    if says("wrong version number", "unexpected eof", "packet length", "no tls", "unknown protocol", "record layer") {
      return Problem(
        text: "port \(settings.port) does not speak TLS (\(detail))",
        next: "use the broker's TLS port (often 8883), or take tls: away towards a broker on this machine")
    }
    if says("hostname", "host name", "name mismatch", "is for another name") {
      return Problem(
        text: "the broker's certificate is for another name than \(settings.host) (\(detail))",
        next: "write the certificate's name as \(place) host, or give the broker a certificate for \(settings.host)")
    }
    if says("expired", "not yet valid") {
      return Problem(
        text: "the broker's certificate is out of its dates (\(detail))", next: "renew it, and look at this machine's clock: timedatectl")
    }
    if says("verify failed", "self-signed", "self signed", "unable to get", "not trusted", "unknown ca") {
      return Problem(
        text: "the broker's certificate is not of an authority that \(settings.tls?.caFile ?? "this system") knows (\(detail))",
        next: "give \(place) tls.ca the authority that signed it: openssl s_client -connect \(settings.host):\(settings.port) shows which")
    }
    if says("certificate required", "handshake failure", "bad certificate", "client certificate") {
      return Problem(
        text: "the broker wants a client certificate, or another one (\(detail))",
        next: "give \(place) tls.certificate and tls.key of an authority that the broker trusts")
    }
    return Problem(
      text: "TLS failed: \(detail)", next: "openssl s_client -connect \(settings.host):\(settings.port) shows what the broker offers")
  }

  /// Nothing is subscribed to; what a broker sends all the same is not taken.
  private final class Listener: MQTTFrameHandler {
    func frame(_ frame: MQTTFrame) -> FrameVerdict { .refused(.oversized, lastSequence: nil) }
  }

  private final class NothingDurable: DurableWatermark {
    var sequence: UInt64 { 0 }
    func requestCommit() {}
    func register(wakeDescriptor descriptor: Int32) {}
    func unregister(wakeDescriptor descriptor: Int32) {}
  }

  // MARK: The port

  static func reason(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      // With an address there is no look-up, and a name that leads nowhere has no connection errors.
      if let first = error.connectionErrors.first { reason(first.error) } else { "the name is not known" }
    case ChannelError.connectTimeout: "no answer within \(timeoutSeconds) s"
    case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
    default: "\(error)"
    }
  }

  private static func remedy(_ error: any Error, _ link: KnutepunktConfiguration.MQTTLinkSettings) -> String {
    if let error = error as? NIOConnectionError, error.connectionErrors.isEmpty {
      return "mend links.mqtt \(link.name) host, or the name server (getent hosts \(link.host))"
    }
    let isHere = ["localhost", "127.0.0.1", "::1"].contains(link.host)
    return isHere
      ? "is the broker running? systemctl status mosquitto; which port does it listen on? ss -ltn"
      : "is the broker running there, and is the way to port \(link.port) open in every firewall between?"
  }
}
