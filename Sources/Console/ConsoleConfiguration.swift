// What the console is told at start. `ConsoleRole` takes it from the hub's validated configuration; nothing here is parsed.

public import AlertTexts
public import Foundation
public import HubRuntime
public import VitalSigns

/// How the console serves.
public struct ConsoleConfiguration: Sendable {
  /// Address to listen on. Plain HTTP: anything but loopback belongs behind a proxy that speaks TLS.
  public var host: String
  /// 0: the system chooses one (see `ConsoleService.init`'s `onListening`).
  public var port: Int
  /// How browsers reach it, without a path: `https://tavle.kommune.example`. Links are made from it.
  public var publicURL: String
  public var language: TextLanguage
  /// The hub's zone, for every time that is shown.
  public var timeZone: TimeZone
  /// A session ends after this, whatever happens: one shift.
  public var sessionHours: Int
  /// A session ends after this long without a request and without an open board.
  public var idleMinutes: Int
  /// Shared with the command that issues links; at least `SignInLink.keyBytesMin` bytes from a secret file.
  public var linkKey: [UInt8]
  /// Whether cookies carry `Secure` (and the `__Host-` prefix). True whenever `publicURL` is https.
  public var secureCookies: Bool
  /// Folder that holds `templates`, `static` and `catalogue`; nil: the resources beside the executable.
  public var resources: String?

  public init(
    host: String = "127.0.0.1", port: Int = 8_460, publicURL: String? = nil, language: TextLanguage = .nb,
    timeZone: TimeZone, sessionHours: Int = 8, idleMinutes: Int = 60, linkKey: [UInt8], secureCookies: Bool? = nil,
    resources: String? = nil
  ) {
    self.host = host
    self.port = port
    self.publicURL = publicURL ?? "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    self.language = language
    self.timeZone = timeZone
    self.sessionHours = sessionHours
    self.idleMinutes = idleMinutes
    self.linkKey = linkKey
    self.secureCookies = secureCookies ?? self.publicURL.hasPrefix("https://")
    self.resources = resources
  }
}

/// The console's two clocks, so that tests can turn them.
public struct ConsoleClock: Sendable {
  /// For link expiry and everything that is shown.
  public var wall: @Sendable () -> WallTime
  /// For sessions, heartbeats and deadlines. Any origin, never goes back.
  public var monotonic: @Sendable () -> MonotonicInstant

  public init(wall: @escaping @Sendable () -> WallTime, monotonic: @escaping @Sendable () -> MonotonicInstant) {
    self.wall = wall
    self.monotonic = monotonic
  }

  /// The machine's clocks; the monotonic one counts through suspend and starts near 0 at this call.
  public static func system() -> Self {
    let clock = ContinuousClock()
    let start = clock.now
    return Self(
      wall: { SystemClock.wall() },
      monotonic: {
        MonotonicInstant.zero.adding(start.duration(to: clock.now))
      })
  }
}

/// Why the console cannot start. Trying again does not help without a change.
public enum ConsoleStartError: Error, Sendable, Hashable {
  case keyTooShort(bytes: Int, least: Int)
  case resourceMissing(path: String)
  case resourceInvalid(path: String, reason: String)
  case texts(TextCatalogueError)
}
