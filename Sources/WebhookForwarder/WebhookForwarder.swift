// The connector for alarms to a response centre that takes signed JSON over HTTPS.
//
//   POST <url>
//   Knutepunkt-Id: <event uuid>   Knutepunkt-Timestamp: <Unix seconds>   Knutepunkt-Signature: v1=<hex>[,v1=<hex>]
//
// Delivered means: 2xx, and a JSON body whose `id` is the event's. A 2xx without that echo may come from a proxy or a login
// page, so the outcome is unknown and the event is sent again under the same id; receivers drop what they know. One request
// an event, those of a batch at the same time: a lane never puts two transitions of one alert into a batch.

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

  /// An echo is 50 bytes; what is larger than this is a web page.
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
    let timestamp = now().rawValue / 1000
    let fields: [(name: String, value: String)] = [
      ("Content-Type", "application/json"), ("Accept", "application/json"), ("Knutepunkt-Id", event.id),
      ("Knutepunkt-Timestamp", String(timestamp)),
      ("Knutepunkt-Signature", WebhookEvent.signature(timestamp: timestamp, id: event.id, body: event.body, secrets: secrets)),
    ]
    switch await exchange.perform(method: .POST, url: configuration.url, fields: fields, body: Array(event.body.utf8)) {
    case .failure(let failure): return .retry(failure.reason, after: nil)
    case .success(let answer): return Self.result(answer, eventID: event.id)
    }
  }

  static func result(_ answer: HTTPAnswer, eventID: String) -> ItemResult {
    struct Echo: Decodable { var id: String }
    switch HTTPVerdict(status: answer.status) {
    case .success:
      let echo = try? JSONDecoder().decode(Echo.self, from: Data(answer.body))
      return echo?.id.lowercased() == eventID ? .delivered(remoteID: nil) : .retry(.malformedAnswer, after: nil)
    case .retry(let reason):
      return .retry(reason, after: answer.retryAfter)
    case .refused, .tooLarge, .preconditionFailed:
      // What a receiver says is not kept: a body that quotes the alarm would put it into the dead letters' list.
      return .refused(Refusal(status: answer.status, diagnostics: "refused with HTTP status \(answer.status)"))
    }
  }

  /// Read for each batch, so that a changed secret counts at once. Nil when the current one cannot be used; a missing
  /// previous one only means that the change is over.
  private func secrets() -> [[UInt8]]? {
    guard let current = Self.secret(configuration.secretFile) else { return nil }
    let previous = configuration.previousSecretFile.flatMap(Self.secret)
    return [current] + [previous].compactMap(\.self)
  }

  private static func secret(_ path: String) -> [UInt8]? {
    guard let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
    var bytes = Array(data)
    while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
    return secretBytes.contains(bytes.count) ? bytes : nil
  }
}
