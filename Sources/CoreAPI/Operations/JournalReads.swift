// The journal's reading end behind asynchronous code: a query may wait for the disk, so it never runs on a thread that
// serves requests.

package import Journal
package import JournalValues
import NIOPosix

extension CoreService {
  /// Runs a query off the event loops. A journal that cannot be read is an answer of 503, never a crash.
  package func read<Value: Sendable>(_ query: @escaping @Sendable (JournalReader) throws(JournalError) -> Value)
    async throws(LocalAPIFailure)
    -> Value
  {
    let reader = parts.reader
    do {
      return try await NIOThreadPool.singleton.runIfActive { try query(reader) }
    } catch {
      throw Self.unreadable((error as? JournalError) ?? .busy(detail: "the core is stopping"))
    }
  }

  package static func unreadable(_ error: JournalError) -> LocalAPIFailure {
    .unavailable("the journal cannot be read: \(error)", hint: "journalctl -u knutepunkt-core tells more")
  }
}
