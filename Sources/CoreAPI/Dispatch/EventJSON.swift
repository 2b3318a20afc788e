// JSON of an event, written straight into the bytes that the listeners get. An alert is told when its JSON is ready, and the
// platform's encoder took longer than all else that the dispatch thread does: it builds a tree of dictionaries first, sorts it and
// writes it then. Here each value is written when its type names it, so members stand in the order of the type.
//
// For the types of the local API's events: text, whole numbers, truth values, structs and arrays of them. What these types say is
// said once, in their `Codable`; what is read from it is what the platform's decoder reads (EventJSONTests).

import NIOCore
import VitalSigns

/// Writes one value. Each value gets a writer of its own.
final class EventJSON {
  fileprivate var bytes: ByteBuffer
  /// What closes the objects and arrays that are open, innermost last.
  fileprivate var closers: [UInt8] = []

  private init(_ bytes: ByteBuffer) { self.bytes = bytes }

  /// Appends the JSON of `value`; on an error nothing is appended.
  static func append(_ value: some Encodable, to bytes: inout ByteBuffer) throws {
    let begin = bytes.writerIndex
    let json = EventJSON(bytes)
    // The bytes are given away, so that writing does not copy them.
    bytes = ByteBuffer()
    defer { bytes = json.bytes }
    do {
      try json.write(value, path: [])
    } catch {
      json.bytes.moveWriterIndex(to: begin)
      throw error
    }
  }

  fileprivate func write(_ value: some Encodable, path: [any CodingKey]) throws {
    let (depth, begin) = (closers.count, bytes.writerIndex)
    try value.encode(to: Place(json: self, codingPath: path))
    close(to: depth)
    // A type without members asks for no container, so its braces are written here.
    if bytes.writerIndex == begin { bytes.writeStaticString("{}") }
  }

  fileprivate func open(_ opener: Character, _ closer: Character) {
    bytes.writeInteger(opener.asciiValue ?? 0)
    closers.append(closer.asciiValue ?? 0)
  }

  /// Ends what was opened inside the container of this depth.
  fileprivate func close(to depth: Int) {
    while closers.count > depth, let closer = closers.popLast() { bytes.writeInteger(closer) }
  }

  /// A comma, unless this is the first in its object or array.
  fileprivate func separate() {
    let last: UInt8? = bytes.getInteger(at: bytes.writerIndex - 1)
    if last != UInt8(ascii: "{"), last != UInt8(ascii: "[") { bytes.writeInteger(UInt8(ascii: ",")) }
  }

  fileprivate func write(_ text: String) { JSONString.write(text) { bytes.writeBytes($0) } }

  fileprivate func write(_ value: some FixedWidthInteger) {
    var rest = value.magnitude
    if rest == 0 { return _ = bytes.writeInteger(UInt8(ascii: "0")) }
    if value < 0 { bytes.writeInteger(UInt8(ascii: "-")) }
    // Room for 128 bits.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40) { digits in
      var first = digits.count
      while rest > 0 {
        let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
        first -= 1
        digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: remainder)
        rest = quotient
      }
      bytes.writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[first...]))
    }
  }

  fileprivate func write(_ value: Bool) { bytes.writeString(value ? "true" : "false") }

  fileprivate func writeNull() { bytes.writeStaticString("null") }

  fileprivate func write(_ value: Double, path: [any CodingKey]) throws {
    guard value.isFinite else {
      throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "JSON has no such number"))
    }
    bytes.writeString(value.description)
  }
}

/// The place of one value.
private struct Place: Encoder {
  let json: EventJSON
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    json.open("{", "}")
    return KeyedEncodingContainer(Members<Key>(json: json, depth: json.closers.count, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    json.open("[", "]")
    return Elements(json: json, depth: json.closers.count, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(json: json, codingPath: codingPath) }
}

/// An object. Members are written when they are named, one after the other.
private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let json: EventJSON
  let depth: Int
  let codingPath: [any CodingKey]

  private func name(_ key: any CodingKey) {
    json.close(to: depth)
    json.separate()
    json.write(key.stringValue)
    json.bytes.writeInteger(UInt8(ascii: ":"))
  }

  mutating func encodeNil(forKey key: Key) {
    name(key)
    json.writeNull()
  }
  mutating func encode(_ value: Bool, forKey key: Key) {
    name(key)
    json.write(value)
  }
  mutating func encode(_ value: String, forKey key: Key) {
    name(key)
    json.write(value)
  }
  mutating func encode(_ value: Double, forKey key: Key) throws {
    name(key)
    try json.write(value, path: codingPath + [key])
  }
  mutating func encode(_ value: Float, forKey key: Key) throws { try encode(Double(value), forKey: key) }
  mutating func encode(_ value: Int, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: Int8, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: Int16, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: Int32, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: Int64, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: UInt, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: UInt8, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: UInt16, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: UInt32, forKey key: Key) { encode(number: value, forKey: key) }
  mutating func encode(_ value: UInt64, forKey key: Key) { encode(number: value, forKey: key) }
  private func encode(number: some FixedWidthInteger, forKey key: Key) {
    name(key)
    json.write(number)
  }
  mutating func encode(_ value: some Encodable, forKey key: Key) throws {
    name(key)
    try json.write(value, path: codingPath + [key])
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
    name(key)
    return Place(json: json, codingPath: codingPath + [key]).container(keyedBy: type)
  }
  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    name(key)
    return Place(json: json, codingPath: codingPath + [key]).unkeyedContainer()
  }
  mutating func superEncoder(forKey key: Key) -> any Encoder {
    name(key)
    return Place(json: json, codingPath: codingPath + [key])
  }
  mutating func superEncoder() -> any Encoder {
    json.close(to: depth)
    json.separate()
    json.bytes.writeStaticString("\"super\":")
    return Place(json: json, codingPath: codingPath)
  }
}

/// An array.
private struct Elements: UnkeyedEncodingContainer {
  let json: EventJSON
  let depth: Int
  let codingPath: [any CodingKey]
  private(set) var count = 0

  private mutating func next() {
    json.close(to: depth)
    json.separate()
    count += 1
  }

  mutating func encodeNil() {
    next()
    json.writeNull()
  }
  mutating func encode(_ value: some Encodable) throws {
    next()
    try json.write(value, path: codingPath)
  }
  mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    next()
    return Place(json: json, codingPath: codingPath).container(keyedBy: type)
  }
  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    next()
    return Place(json: json, codingPath: codingPath).unkeyedContainer()
  }
  mutating func superEncoder() -> any Encoder {
    next()
    return Place(json: json, codingPath: codingPath)
  }
}

/// One value without a name: what the standard library's text and numbers, and enums with raw values, ask for.
private struct Single: SingleValueEncodingContainer {
  let json: EventJSON
  let codingPath: [any CodingKey]

  mutating func encodeNil() { json.writeNull() }
  mutating func encode(_ value: Bool) { json.write(value) }
  mutating func encode(_ value: String) { json.write(value) }
  mutating func encode(_ value: Double) throws { try json.write(value, path: codingPath) }
  mutating func encode(_ value: Float) throws { try json.write(Double(value), path: codingPath) }
  mutating func encode(_ value: Int) { json.write(value) }
  mutating func encode(_ value: Int8) { json.write(value) }
  mutating func encode(_ value: Int16) { json.write(value) }
  mutating func encode(_ value: Int32) { json.write(value) }
  mutating func encode(_ value: Int64) { json.write(value) }
  mutating func encode(_ value: UInt) { json.write(value) }
  mutating func encode(_ value: UInt8) { json.write(value) }
  mutating func encode(_ value: UInt16) { json.write(value) }
  mutating func encode(_ value: UInt32) { json.write(value) }
  mutating func encode(_ value: UInt64) { json.write(value) }
  mutating func encode(_ value: some Encodable) throws { try json.write(value, path: codingPath) }
}
