// The connector for alarms to a response centre that takes signed JSON over HTTPS.
//
//   POST <url>
//   Knutepunkt-Id: <event uuid>   Knutepunkt-Timestamp: <Unix seconds>   Knutepunkt-Signature: v1=<hex>[,v1=<hex>]
//
// Delivered means: 2xx. An echo, a JSON body with the event's `id`, is a bonus; an echo of another id, or a web page, says
// that something else answers at this address, so the outcome is unknown and the event is sent again under the same id;
// receivers drop what they know. One request an event, those of a batch at the same time: a lane never puts two transitions
// of one alert into a batch. docs/webhook.md is written for those who build a receiver.

public import Forwarding
internal import HTTPDelivery
internal import NIOHTTP1
public import VitalSigns

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A receiver of signed alarms. Safe from any task.
public struct WebhookForwarder: Forwarder {
  public struct Configuration: Sendable {
    public var url: String
    /// PEM file with the authorities to trust; nil: the system's.
    public var caFile: String?
    /// The shared secret: the file's bytes without line ends at its end, 16 to 1024 of them.
    public var secretFile: String
    /// The secret before, while it is being changed; nil otherwise.
    public var previousSecretFile: String?
    /// The hub's id: event ids are derived from it.
    public var hubID: String
    /// For one event, from connecting to the last byte of the answer.
    public var attemptTimeout: Duration

    public init(
      url: String, caFile: String? = nil, secretFile: String, previousSecretFile: String? = nil, hubID: String,
      attemptTimeout: Duration = .seconds(10)
    ) {
      self.url = url
      self.caFile = caFile
      self.secretFile = secretFile
      self.previousSecretFile = previousSecretFile
      self.hubID = hubID
      self.attemptTimeout = attemptTimeout
    }
  }

  /// An echo is 50 bytes; more than this is not looked at.
  static let responseBytesMax = 64 * 1024
  static let secretBytes = 16...1024

  private let configuration: Configuration
  private let exchange: HTTPExchange
  private let now: @Sendable () -> WallTime

  /// - Parameter now: stamps the requests, so that a receiver can refuse replays.
  public init(_ configuration: Configuration, now: @escaping @Sendable () -> WallTime) {
    self.configuration = configuration
    self.now = now
    exchange = HTTPExchange(
      url: configuration.url,
      caFile: configuration.caFile, timeout: configuration.attemptTimeout, responseBytesMax: Self.responseBytesMax)
  }

  /// Closes the connections. To be awaited once, after the last `deliver` has returned.
  public func shutdown() async { await exchange.shutdown() }

  public func deliver(_ batch: [DeliveryItem]) async -> DeliveryReport {
    guard let secrets = secrets() else { return DeliveryReport(.failed(.unauthorised(status: 0), retryAfter: nil)) }
    let indexed = await withTaskGroup(of: (Int, ItemResult).self) { group in
      for (index, item) in batch.enumerated() {
        group.addTask { (index, await deliver(item, secrets: secrets)) }
      }
      return await group.reduce(into: [(Int, ItemResult)]()) { $0.append($1) }
    }
    return DeliveryReport(.each(indexed.sorted { $0.0 < $1.0 }.map(\.1)))
  }

  private func deliver(_ item: DeliveryItem, secrets: [[UInt8]]) async -> ItemResult {
    guard let event = WebhookEvent(item.record, hubID: configuration.hubID) else {
      return .refused(Refusal(status: 0, diagnostics: "a webhook takes alerts only"))
    }
    let wall = now()
    let (result, theirs) = await attempt(event, stampedAt: wall, secrets: secrets)
    // The receiver refuses, and its clock says another time than ours: it may be ours that is wrong, and the request looks like a replay.
    guard let theirs, (theirs.rawValue &- wall.rawValue).magnitude > Self.stampToleranceMilliseconds else { return result }
    return await attempt(event, stampedAt: theirs, secrets: secrets).result
  }

  /// A receiver takes stamps within five minutes of its clock; a minute is left for the way. Milliseconds.
  private static let stampToleranceMilliseconds: UInt64 = 240_000

  /// One request. `theirs`: what the receiver's clock says, when it refuses.
  private func attempt(
    _ event: WebhookEvent, stampedAt wall: WallTime, secrets: [[UInt8]]
  ) async -> (result: ItemResult, theirs: WallTime?) {
    let timestamp = wall.rawValue / 1000
    let fields: [(name: String, value: String)] = [
      ("Content-Type", "application/json"), ("Accept", "application/json"), ("Knutepunkt-Id", event.id),
      ("Knutepunkt-Timestamp", String(timestamp)),
      ("Knutepunkt-Signature", WebhookEvent.signature(timestamp: timestamp, id: event.id, body: event.body, secrets: secrets)),
    ]
    switch await exchange.perform(method: .POST, url: configuration.url, fields: fields, body: Array(event.body.utf8)) {
    case .failure(let failure): return (.retry(failure.reason, after: nil), nil)
    case .success(let answer):
      // What a receiver says to a request whose stamp it does not take.
      let mayBeStamp = [400, 401, 403].contains(answer.status)
      return (Self.result(answer, eventID: event.id), mayBeStamp ? answer.dateMilliseconds.map(WallTime.init(rawValue:)) : nil)
    }
  }

  static func result(_ answer: HTTPAnswer, eventID: String) -> ItemResult {
    switch HTTPVerdict(status: answer.status) {
    case .success:
      return isForeign(answer, eventID: eventID) ? .retry(.malformedAnswer, after: nil) : .delivered(remoteID: nil)
    case .retry(let reason):
      return .retry(reason, after: answer.retryAfter)
    case .refused, .tooLarge, .preconditionFailed:
      // A proxy's page ("plain HTTP was sent to an HTTPS port", "request blocked") says nothing of the alarm.
      if answer.isWebPage { return .retry(.wrongAddress(status: answer.status), after: nil) }
      // What a receiver says is not kept: a body that quotes the alarm would put it into the dead letters' list.
      return .refused(Refusal(status: answer.status, diagnostics: "refused with HTTP status \(answer.status)"))
    }
  }

  /// Whether a success shows that not our receiver has answered: it echoes another event, or it is a page for people (a
  /// proxy's, or a sign-in). An empty body, a word or any other JSON shows no such thing.
  private static func isForeign(_ answer: HTTPAnswer, eventID: String) -> Bool {
    struct Echo: Decodable { var id: String }
    if let echo = try? JSONDecoder().decode(Echo.self, from: Data(answer.body)) {
      // A receiver may give an id of its own; only another event's id is a sign of a mix-up.
      return WebhookEvent.isEventID(echo.id) && echo.id.lowercased() != eventID
    }
    return answer.isWebPage
  }

  /// Whether the receiver can be reached and our secret be read.
  public func probe() async -> RetryReason? {
    if secrets() == nil { return .unauthorised(status: 0) }
    return await exchange.probe(url: configuration.url)
  }

  /// Read for each batch, so that a changed secret counts at once. Nil when the current one cannot be used; a missing
  /// previous one only means that the change is over.
  private func secrets() -> [[UInt8]]? {
    guard let current = Self.secret(configuration.secretFile) else { return nil }
    let previous = configuration.previousSecretFile.flatMap(Self.secret)
    return [current] + [previous].compactMap(\.self)
  }

  private static func secret(_ path: String) -> [UInt8]? {
    // Two more than a secret may have, for the line end; a larger file is not read to its end.
    guard var bytes = BoundedSecret.bytes(path, most: secretBytes.upperBound + 2) else { return nil }
    while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
    return secretBytes.contains(bytes.count) ? bytes : nil
  }
}
