// The words and numbers of the wire as values. Inside the product a state is an enum; text stands in JSON alone. A core and its roles may be
// of different versions, so a word that this version does not know is a case of its own: it is kept as it came, written again as it came,
// and whoever reads a word says in its `switch` what becomes of one that is not known.

public import VitalSigns

/// A vocabulary that travels as words: each value has one word, and each word means one value.
public protocol WireWord: Sendable, Hashable {
  /// The word on the wire.
  var key: String { get }
  /// Nil for a word that is none of this vocabulary.
  init?(key: String)
}

/// A vocabulary of the local API alone: its raw values are the words.
extension WireWord where Self: RawRepresentable, RawValue == String {
  public var key: String { rawValue }
  public init?(key: String) { self.init(rawValue: key) }
}

/// A vocabulary that travels as numbers: its raw values.
public protocol WireNumber: Sendable, Hashable, RawRepresentable where RawValue == UInt8 {}

extension API {
  /// A field that holds a word.
  public enum Word<Known: WireWord>: Sendable, Hashable {
    case known(Known)
    /// A word of another version.
    case unknown(String)
  }

  /// A field that holds a vocabulary's number.
  public enum Number<Known: WireNumber>: Sendable, Hashable {
    case known(Known)
    /// A number of another version.
    case unknown(UInt8)
  }
}

extension API.Word: Codable {
  /// The word on the wire; of an unknown one the word that came.
  public var key: String {
    switch self {
    case .known(let value): value.key
    case .unknown(let word): word
    }
  }

  public init(key: String) { self = Known(key: key).map(Self.known) ?? .unknown(key) }

  public init(from decoder: any Decoder) throws { self.init(key: try decoder.singleValueContainer().decode(String.self)) }

  public func encode(to encoder: any Encoder) throws {
    var place = encoder.singleValueContainer()
    try place.encode(key)
  }
}

extension API.Number: Codable {
  /// The number on the wire; of an unknown one the number that came.
  package var rawValue: UInt8 {
    switch self {
    case .known(let value): value.rawValue
    case .unknown(let number): number
    }
  }

  /// Nil for a number of another version.
  package var known: Known? {
    switch self {
    case .known(let value): value
    case .unknown: nil
    }
  }

  public init(from decoder: any Decoder) throws {
    let number = try decoder.singleValueContainer().decode(UInt8.self)
    self = Known(rawValue: number).map(Self.known) ?? .unknown(number)
  }

  public func encode(to encoder: any Encoder) throws {
    var place = encoder.singleValueContainer()
    try place.encode(rawValue)
  }
}

extension KeyedEncodingContainer {
  /// A word is written as the text that it is, without a container of its own: alerts are told at once, and each has four.
  mutating func encode<Known>(_ word: API.Word<Known>, forKey key: Key) throws { try encode(word.key, forKey: key) }
}

extension AlertRule: WireWord, WireNumber {}
extension AlertPriority: WireWord, WireNumber {}
extension AlertState: WireWord, WireNumber {}
extension AlertTransitionKind: WireWord, WireNumber {}
extension NEWS2Hindrance: WireWord {}
extension NEWS2Parameter: WireWord {}
extension PlanSignal: WireWord {}
extension PrescribedOxygen: WireWord {}
