// Doctor: does each destination's port answer. A TCP connection, closed at once: nothing is sent, for a receiver could take it for
// an alert. What the running hub knows of a destination (credentials, certificates, refusals) is told by CoreCheck.swift.

import Foundation
import HubConfiguration
import NIOCore
import NIOPosix

/// Namespace of the check.
enum DestinationCheck {
  static func line(_ destination: KnutepunktConfiguration.DestinationSettings) async -> DoctorLine {
    let area = "destination \(destination.name)"
    let parts = URLComponents(string: destination.url)
    guard let host = parts?.host, !host.isEmpty else {
      return DoctorLine(area: area, .problem, "its url names no host", next: "mend destinations.\(destination.name) url")
    }
    let port = parts?.port ?? (parts?.scheme == "http" ? 80 : 443)
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(BrokerCheck.timeoutSeconds)).connect(host: host, port: port).get()
      try? await channel.close().get()
      return DoctorLine(area: area, .ok, "\(host):\(port) answers")
    } catch {
      let way = "is the receiver up, and is the way to port \(port) open in every firewall between?"
      // A receiver that calls people needs a phone call instead. A record system gets everything later.
      return DoctorLine(
        area: area, .problem,
        "\(host):\(port): \(BrokerCheck.reason(error)); \(destination.isCalled ? "alerts to it wait" : "what it is owed waits, and is kept")",
        next: destination.isCalled ? "phone those who should have had them; \(way)" : way)
    }
  }
}
