// The console role: the nurses' web pages, fed from the journal (read-only) and the core's local API. It can die and come
// back without the core noticing, and it goes on showing the last board, with a loud banner, when the core is gone. Where the board
// comes from stands in JournalBoardSource.swift.

import Foundation
package import HubConfiguration
package import LocalAPI
package import Logging
import ServiceLifecycle
import VitalSigns

/// Makes and runs the console.
package struct ConsoleRole: Service {
  package let configuration: KnutepunktConfiguration
  package let core: any CoreConnection
  package let logger: Logger

  package init(configuration: KnutepunktConfiguration, core: any CoreConnection, logger: Logger) {
    self.configuration = configuration
    self.core = core
    self.logger = logger
  }

  package func run() async throws {
    guard let listen = configuration.console.listen else {
      logger.notice("no console: console.listen is off")
      try? await gracefulShutdown()
      return
    }
    let console = ConsoleConfiguration(
      host: listen.host, port: Int(listen.port), publicURL: configuration.console.publicURL,
      language: configuration.hub.language,
      timeZone: TimeZone(identifier: configuration.hub.timeZone) ?? .gmt, sessionHours: configuration.console.sessionHours,
      linkKey: try await SignInKey.readOrMake(in: configuration.hub.statePath))
    let source = JournalBoardSource(configuration: configuration, core: core, logger: logger)
    let service = try ConsoleService(configuration: console, source: source, logger: logger) { [logger] port in
      logger.notice("the console listens", metadata: ["port": "\(port)"])
    }
    try await service.run()
  }
}
