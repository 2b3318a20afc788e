// Who may hold a connection to a listener, and for how long without saying anything: so that silent connections, however many,
// cost neither the core's descriptors nor the next honest caller's place. Values and times as arguments; no I/O.

import NIOCore

/// The connections of one listener.
struct ConnectionBook {
  struct Limits: Sendable, Hashable {
    /// Connections at once. One more takes the place of the one that has been silent longest.
    var connectionsMax: Int
    /// From connecting until the first request's head has come.
    var headSeconds: Int64
    /// Without a byte in either direction. Longer than a client keeps an idle connection (AsyncHTTPClient: 60 s), so that no request
    /// is sent into a connection that we close; and longer than a request waits for the disk.
    var idleSeconds: Int64
  }

  private struct Entry {
    var last: NIODeadline
    /// No request has come yet.
    var isSilent: Bool
  }

  let limits: Limits
  private var entries: [UInt64: Entry] = [:]
  private var next: UInt64 = 1

  init(_ limits: Limits) { self.limits = limits }

  var count: Int { entries.count }

  /// A new connection. `evicted`: who must be closed for it.
  mutating func enter(at now: NIODeadline) -> (id: UInt64, evicted: UInt64?) {
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

  mutating func leave(_ id: UInt64) { entries[id] = nil }

  /// Takes out those whose time is over; close them.
  mutating func overdue(at now: NIODeadline) -> [UInt64] {
    let ids = entries.filter { _, entry in
      now - entry.last >= .seconds(entry.isSilent ? limits.headSeconds : limits.idleSeconds)
    }.map(\.key).sorted()
    for id in ids { entries[id] = nil }
    return ids
  }

  /// Those who never said anything first, then the one that was quiet longest.
  private var leastWanted: UInt64? {
    entries.min { a, b in
      if a.value.isSilent != b.value.isSilent { return a.value.isSilent }
      return a.value.last == b.value.last ? a.key < b.key : a.value.last < b.value.last
    }?.key
  }
}
