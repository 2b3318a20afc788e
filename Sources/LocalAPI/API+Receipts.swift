// What became of a delivery, as the forward role tells the core.

extension API {
  /// Which queue of the outbox a record stands in.
  public enum Lane: String, WireWord, CaseIterable { case alarm, routine }

  /// A delivery's result, from the forward role.
  public struct Receipt: Sendable, Hashable {
    /// What became of it.
    public enum Result: Sendable, Hashable {
      /// - Parameter remoteID: what the destination calls the record, if it said so.
      case delivered(remoteID: String?)
      /// Refused for good: a dead letter.
      case refused(reason: String)
      /// It is tried again.
      case failing(error: String)
      /// A word of another version.
      case unknown(String)
    }

    /// The destination's name in the configuration.
    public var destination: String
    public var lane: Word<Lane>
    /// The outbox row, or nil for an alarm that left before its row was known; then `key` names it.
    public var row: UInt64?
    /// The record's delivery key.
    public var key: String
    public var result: Result

    public init(destination: String, lane: Word<Lane>, row: UInt64?, key: String, result: Result) {
      self.destination = destination
      self.lane = lane
      self.row = row
      self.key = key
      self.result = result
    }
  }
}

extension API.Receipt: Codable {
  private enum CodingKeys: String, CodingKey {
    case destination, lane, row, key, state, error, remoteID
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let error = try fields.decodeIfPresent(String.self, forKey: .error) ?? ""
    let state = try fields.decode(String.self, forKey: .state)
    let result: Result =
      switch state {
      case "delivered": .delivered(remoteID: try fields.decodeIfPresent(String.self, forKey: .remoteID))
      case "dead": .refused(reason: error)
      case "failing": .failing(error: error)
      default: .unknown(state)
      }
    self.init(
      destination: try fields.decode(String.self, forKey: .destination), lane: try fields.decode(API.Word<API.Lane>.self, forKey: .lane),
      row: try fields.decodeIfPresent(UInt64.self, forKey: .row), key: try fields.decode(String.self, forKey: .key),
      result: result)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(destination, forKey: .destination)
    try fields.encode(lane, forKey: .lane)
    try fields.encodeIfPresent(row, forKey: .row)
    try fields.encode(key, forKey: .key)
    switch result {
    case .delivered(let remoteID):
      try fields.encode("delivered", forKey: .state)
      try fields.encodeIfPresent(remoteID, forKey: .remoteID)
    case .refused(let reason):
      try fields.encode("dead", forKey: .state)
      try fields.encode(reason, forKey: .error)
    case .failing(let error):
      try fields.encode("failing", forKey: .state)
      try fields.encode(error, forKey: .error)
    case .unknown(let word): try fields.encode(word, forKey: .state)
    }
  }
}
