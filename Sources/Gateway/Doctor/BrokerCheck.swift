// Doctor: does a broker's port answer. A TCP connection, closed at once without a word; no sign-in, for that could end the
// session of a running hub with the same client id. The broker's log shows a client that closed the connection.

import Foundation
import NIOCore
import NIOPosix

/// Namespace of the check.
enum BrokerCheck {
  /// A broker in the same network answers in milliseconds; name look-up included.
  static let timeoutSeconds: Int64 = 2

  static func line(_ link: KnutepunktConfiguration.MQTTLinkSettings) async -> DoctorLine {
    let place = "\(link.host):\(link.port)"
    let area = "mqtt \(link.name)"
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(timeoutSeconds)).connect(host: link.host, port: link.port).get()
      try? await channel.close().get()
      return DoctorLine(area: area, .ok, "\(place) answers")
    } catch {
      return DoctorLine(area: area, .problem, "\(place): \(reason(error))", next: remedy(error, link))
    }
  }

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
