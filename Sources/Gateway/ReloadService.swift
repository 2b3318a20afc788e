// SIGHUP, which is what `systemctl reload` sends: the configuration is read again and checked, and people are told what
// it would mean. Secrets and certificates are read at each use anyway; everything else takes effect at the next restart,
// because a hub that changes its wiring while an alarm passes through is a hub that nobody can reason about.

import Foundation
import HubConfiguration
import Logging
import Observability
import ServiceLifecycle
import UnixSignals

/// Answers SIGHUP until shutdown.
struct ReloadService: Service {
  let path: String
  let notifier: ServiceNotifier
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      for await _ in await UnixSignalsSequence(trapping: .sighup) {
        notifier.reloading()
        notifier.ready(status: check())
      }
    }
  }

  /// One line for people; what is wrong stands in the log.
  private func check() -> String {
    do {
      let configuration = try KnutepunktConfiguration.load(path: path, checkingFiles: true)
      for warning in configuration.warnings { logger.warning("configuration", metadata: ["place": "\(warning)"]) }
      logger.notice("the configuration is good; secrets are read at each use, other changes count from the next restart")
      return "configuration checked: good; a restart applies it"
    } catch {
      for problem in error.diagnostics { logger.error("the configuration would not start", metadata: ["place": "\(problem)"]) }
      return "configuration checked: BAD, a restart would fail; see the journal"
    }
  }
}
