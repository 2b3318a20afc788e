// The connector to a FHIR R4 server: one transaction bundle an attempt.
//
// Success is 200 or 201 for each entry, never the outer 200 alone. Who is asked, what is sent and what an answer means
// stand in the other files; here they meet the network. Retries, order and dead letters are the lane's (Forwarding).

public import Forwarding
internal import HTTPDelivery
internal import NIOHTTP1

/// A destination that takes FHIR R4 transactions. Safe from any task.
public struct FHIRForwarder: Forwarder {
  public struct Configuration: Sendable {
    /// The service's base, `https://…/fhir`, with or without a slash at its end.
    public var baseURL: String
    /// PEM file with the authorities to trust; nil: the system's.
    public var caFile: String?
    public var authorizer: any RequestAuthorizer
    public var hub: HubIdentity
    /// For one attempt, from connecting to the last byte of the answer.
    public var attemptTimeout: Duration
    /// False for services that know persons only by logical identifiers and take no Patient.
    public var createsPatients: Bool

    public init(
      baseURL: String, caFile: String? = nil, authorizer: any RequestAuthorizer = NoAuthorization(), hub: HubIdentity,
      attemptTimeout: Duration = .seconds(30), createsPatients: Bool = true
    ) {
      self.baseURL = baseURL
      self.caFile = caFile
      self.authorizer = authorizer
      self.hub = hub
      self.attemptTimeout = attemptTimeout
      self.createsPatients = createsPatients
    }
  }

  /// An answer to a bundle of 52 items is some 30 kB; 4 MiB leaves room for servers that add long narratives.
  static let responseBytesMax = 4 * 1024 * 1024

  private let configuration: Configuration
  private let base: String
  private let exchange: HTTPExchange
  private let written = WrittenEntries()

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    base = configuration.baseURL.hasSuffix("/") ? String(configuration.baseURL.dropLast()) : configuration.baseURL
    exchange = HTTPExchange(
      url: configuration.baseURL,
      caFile: configuration.caFile, timeout: configuration.attemptTimeout, responseBytesMax: Self.responseBytesMax)
  }

  /// Closes the connections. To be awaited once, after the last `deliver` has returned.
  public func shutdown() async { await exchange.shutdown() }

  public func deliver(_ batch: [DeliveryItem]) async -> DeliveryReport {
    if batch.isEmpty { return DeliveryReport(.each([])) }
    let bundle = FHIRBundleBuilder.bundle(batch, hub: configuration.hub, createsPatients: configuration.createsPatients, written: written)
    let answer: HTTPAnswer
    switch await send(.POST, url: base, body: bundle.json.utf8) {
    case .failure(let failure): return DeliveryReport(.failed(failure.reason, retryAfter: nil))
    case .success(let received): answer = received
    }
    if answer.isTooLong || answer.isUnreadable, HTTPVerdict(status: answer.status) == .success {
      return DeliveryReport(.failed(.malformedAnswer, retryAfter: nil))
    }
    // A proxy's page says nothing of what we sent: condemning it would empty the outbox into the dead letters.
    if answer.isWebPage, HTTPVerdict(status: answer.status) == .refused {
      return DeliveryReport(.failed(.wrongAddress(status: answer.status), retryAfter: nil))
    }
    switch FHIRAnswer.reading(status: answer.status, body: answer.body, retryAfter: answer.retryAfter, bundle: bundle, items: batch) {
    case .report(let report): return report
    case .severalMatches: return await lookUp(bundle, batch)
    }
  }

  /// Whether the server can be reached and our credential be had.
  public func probe() async -> RetryReason? {
    do {
      _ = try await configuration.authorizer.fields(method: HTTPMethod.POST.rawValue, url: base)
    } catch {
      return .unauthorised(status: 0)
    }
    return await exchange.probe(url: base)
  }

  /// After a 412 about one thing: is it there?
  private func lookUp(_ bundle: FHIRBundle, _ batch: [DeliveryItem]) async -> DeliveryReport {
    guard let index = bundle.entryOfItem.first else { return DeliveryReport(.each([])) }
    let entry = bundle.entries[index]
    let query = "identifier=\(FHIRIdentifier.escaped(entry.identifier.system))%7C\(FHIRIdentifier.escaped(entry.identifier.value))"
    let result = await send(.GET, url: "\(base)/\(entry.type)?\(query)&_summary=count", body: nil)
    if case .success(let answer) = result, HTTPVerdict(status: answer.status) == .success, let total = FHIRAnswer.total(answer.body),
      total > 0
    {
      return DeliveryReport(
        .each(batch.map { _ in .delivered(remoteID: nil) }), notes: batch.map { .severalMatches($0.key) })
    }
    return DeliveryReport(.each(batch.map { _ in .retry(.conflictAtDestination, after: nil) }))
  }

  private func send(_ method: HTTPMethod, url: String, body: [UInt8]?) async -> Result<HTTPAnswer, ExchangeFailure> {
    var fields: [(name: String, value: String)] = [("Accept", "application/fhir+json")]
    if body != nil { fields.append(("Content-Type", "application/fhir+json")) }
    do {
      fields += try await configuration.authorizer.fields(method: method.rawValue, url: url)
    } catch {
      return .failure(ExchangeFailure(reason: .unauthorised(status: 0)))
    }
    return await exchange.perform(method: method, url: url, fields: fields, body: body)
  }
}
