// Fans out what happens now to everybody who listens on the local API: alert changes before the disk has them, commits,
// and a pulse that proves that the core lives. A listener that cannot keep up loses its stream, not its alarms: it
// connects again and reads the state anew.

package import LocalAPI
package import NIOCore
import Synchronization
package import VitalSigns

/// One server-sent event, encoded once for all listeners on the socket.
package struct ServerEvent: Sendable {
  package let bytes: ByteBuffer

  /// Nil: an event that is never sent.
  package init?(_ event: LocalAPIEvent) {
    switch event {
    case .alert(let alert): self.init(LocalAPIEvent.Kind.alert.rawValue, alert)
    case .committed(let committed): self.init(LocalAPIEvent.Kind.committed.rawValue, committed)
    case .core(let pulse): self.init(LocalAPIEvent.Kind.core.rawValue, pulse)
    case .destinations(let states): self.init(LocalAPIEvent.Kind.destinations.rawValue, states)
    case .other: return nil
    }
  }

  package init(_ name: String, _ value: some Encodable) {
    var buffer = ByteBuffer(string: "event: \(name)\ndata: ")
    // The types are ours and always encode. An event that did not would be an empty object, which listeners refuse aloud.
    if (try? EventJSON.append(value, to: &buffer)) == nil { buffer.writeStaticString("{}") }
    buffer.writeString("\n\n")
    bytes = buffer
  }
}

/// The listeners. Any thread.
package final class EventHub: Sendable {
  /// Events that wait for one slow listener before it is cut off: several minutes of a busy evening.
  static let backlogMax = 1_024
  /// Listeners at once: the forward role, the console role, and people's `status --watch`.
  static let listenersMax = 64
  /// A role that has said nothing for so long does not hear, although its connection is open: it is stopped or hangs, and a socket
  /// takes a quarter of an hour of events before it is full. Three beats. Nanoseconds.
  static let beatPatience: Int64 = 10_000_000_000

  /// Where one listener's events go.
  private enum Way {
    /// Over the socket, as bytes.
    case socket(AsyncStream<ServerEvent>.Continuation)
    /// In this process, as the value.
    case inside(AsyncStream<LocalAPIEvent>.Continuation)

    func give(_ event: LocalAPIEvent) {
      var encoded: ServerEvent?
      give(event, encoded: &encoded)
    }

    /// - Parameter encoded: the event for the socket, made by the first listener there.
    func give(_ event: LocalAPIEvent, encoded: inout ServerEvent?) {
      switch self {
      case .inside(let continuation):
        if case .dropped = continuation.yield(event) { continuation.finish() }
      case .socket(let continuation):
        encoded = encoded ?? ServerEvent(event)
        guard let encoded else { return }
        if case .dropped = continuation.yield(encoded) { continuation.finish() }
      }
    }

    func finish() {
      switch self {
      case .socket(let continuation): continuation.finish()
      case .inside(let continuation): continuation.finish()
      }
    }
  }

  private struct State {
    var listeners: [UInt64: Way] = [:]
    /// Which role each listener said that it is; absent for people.
    var roles: [UInt64: API.Role] = [:]
    /// When each role last showed that it works. Bound: the roles that may listen.
    var beats: [API.Role: MonotonicInstant] = [:]
    var next: UInt64 = 1
    var isClosed = false
    var unstored = UnstoredAlerts()
  }
  private let state = Mutex(State())

  /// A stream of everything from now on, as bytes for the socket; nil when there are too many listeners or the hub has closed. A role
  /// first hears what was told and is not stored yet.
  func subscribe(role: API.Role? = nil, at now: MonotonicInstant = MonotonicInstant(rawValue: 0)) -> AsyncStream<ServerEvent>? {
    let (stream, continuation) = AsyncStream.makeStream(of: ServerEvent.self, bufferingPolicy: .bufferingOldest(Self.backlogMax))
    guard let id = add(.socket(continuation), role: role, at: now) else { return nil }
    continuation.onTermination = { [weak self] _ in self?.remove(id) }
    return stream
  }

  /// The same for a role in this process. `first` is what it hears at once.
  func listen(role: API.Role, first: LocalAPIEvent, at now: MonotonicInstant) -> AsyncStream<LocalAPIEvent>? {
    let (stream, continuation) = AsyncStream.makeStream(of: LocalAPIEvent.self, bufferingPolicy: .bufferingOldest(Self.backlogMax))
    continuation.yield(first)
    guard let id = add(.inside(continuation), role: role, at: now) else { return nil }
    continuation.onTermination = { [weak self] _ in self?.remove(id) }
    return stream
  }

  private func add(_ way: Way, role: API.Role?, at now: MonotonicInstant) -> UInt64? {
    state.withLock { state in
      if state.isClosed || state.listeners.count >= Self.listenersMax { return nil }
      let id = state.next
      state.next += 1
      if role != nil { for alert in state.unstored.all { way.give(.alert(alert)) } }
      state.listeners[id] = way
      state.roles[id] = role
      // A role that connects counts as at work. Its first beat follows.
      if let role { state.beats[role] = now }
      return id
    }
  }

  var listenerCount: Int { state.withLock { $0.listeners.count } }

  /// Whether a listener of this role is connected, at work or not.
  func isConnected(_ role: API.Role) -> Bool { state.withLock { $0.roles.values.contains(role) } }

  /// The role says that it works. One that does not listen is not taken for one that hears.
  func beat(_ role: API.Role, at now: MonotonicInstant) {
    state.withLock { if $0.beats[role] != nil { $0.beats[role] = now } }
  }

  /// Whether a listener of this role is connected and at work.
  func hears(_ role: API.Role, at now: MonotonicInstant) -> Bool {
    state.withLock { state in
      guard state.roles.values.contains(role), let beat = state.beats[role] else { return false }
      return now < beat.adding(nanoseconds: Self.beatPatience)
    }
  }

  /// Made only when somebody listens, and encoded only when somebody listens on the socket. `sparing`: a role that has no use for it.
  package func send(_ made: @autoclosure () -> LocalAPIEvent, sparing role: API.Role? = nil) {
    let listeners = state.withLock { state in
      role == nil ? Array(state.listeners.values) : state.listeners.filter { state.roles[$0.key] != role }.map(\.value)
    }
    if listeners.isEmpty { return }
    give(made(), to: listeners)
  }

  /// An alert changed: everybody hears it now, and a role that connects before it is stored hears it then.
  ///
  /// - Parameter instant: when it was decided.
  package func tell(_ alert: API.Alert, decidedAt instant: MonotonicInstant) {
    let listeners = state.withLock { state in
      state.unstored.told(alert, at: instant)
      return Array(state.listeners.values)
    }
    give(.alert(alert), to: listeners)
  }

  private func give(_ event: LocalAPIEvent, to listeners: [Way]) {
    var encoded: ServerEvent?
    for listener in listeners { listener.give(event, encoded: &encoded) }
  }

  /// Everything that was decided up to `instant` is in the journal.
  package func stored(through instant: MonotonicInstant) { state.withLock { $0.unstored.stored(through: instant) } }

  /// What a role hears first that connects now.
  package var unstored: [API.Alert] { state.withLock { $0.unstored.all } }

  /// Ends every stream.
  package func close() {
    let listeners = state.withLock { state in
      state.isClosed = true
      defer { state.listeners = [:] }
      return Array(state.listeners.values)
    }
    for listener in listeners { listener.finish() }
  }

  private func remove(_ id: UInt64) {
    state.withLock {
      $0.listeners[id] = nil
      $0.roles[id] = nil
    }
  }
}
