// Who may hold a connection to a listener, and for how long without saying anything: so that silent connections, however many,
// cost neither the core's descriptors nor the next honest caller's place. Values and times as arguments; no I/O.

package import NIOCore

/// The connections of one listener.
package struct ConnectionBook {
  package struct Limits: Sendable, Hashable {
    /// Connections at once. One more takes the place of the one that has been silent longest.
    package var connectionsMax: Int
    /// The time from connecting until the first request's head has come.
    package var headSeconds: Int64
    /// The time without a byte in either direction. It is longer than a client keeps an idle connection (AsyncHTTPClient: 60 s), so
    /// that no request is sent into a connection that we close. It is also longer than a request waits for the disk.
    package var idleSeconds: Int64

    package init(connectionsMax: Int, headSeconds: Int64, idleSeconds: Int64) {
      self.connectionsMax = connectionsMax
      self.headSeconds = headSeconds
      self.idleSeconds = idleSeconds
    }
  }

  private struct Entry {
    var last: NIODeadline
    /// Whether no request has come yet.
    var isSilent: Bool
  }

  package let limits: Limits
  private var entries: [UInt64: Entry] = [:]
  private var next: UInt64 = 1

  package init(_ limits: Limits) { self.limits = limits }

  package var count: Int { entries.count }

  /// A new connection. `evicted`: who must be closed for it.
  package mutating func enter(at now: NIODeadline) -> (id: UInt64, evicted: UInt64?) {
    let evicted = entries.count >= limits.connectionsMax ? leastWanted : nil
    if let evicted { entries[evicted] = nil }
    let id = next
    next &+= 1
    entries[id] = Entry(last: now, isSilent: true)
    return (id, evicted)
  }

  /// Something came in or went out.
  mutating func touch(_ id: UInt64, at now: NIODeadline) {
    guard entries[id] != nil else { return }
    entries[id] = Entry(last: now, isSilent: false)
  }

  package mutating func leave(_ id: UInt64) { entries[id] = nil }

  /// Takes out the connections whose time is over. The caller closes them.
  mutating func overdue(at now: NIODeadline) -> [UInt64] {
    let ids = entries.filter { _, entry in
      now - entry.last >= .seconds(entry.isSilent ? limits.headSeconds : limits.idleSeconds)
    }.map(\.key).sorted()
    for id in ids { entries[id] = nil }
    return ids
  }

  /// The connection to close first: one that never said anything, else the one that was quiet longest.
  private var leastWanted: UInt64? {
    entries.min { a, b in
      if a.value.isSilent != b.value.isSilent { return a.value.isSilent }
      return a.value.last == b.value.last ? a.key < b.key : a.value.last < b.value.last
    }?.key
  }
}
