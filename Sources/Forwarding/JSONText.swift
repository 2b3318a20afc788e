// JSON for what connectors send: members in the order given, decimals digit for digit.
//
// A measurement must not pass through binary floating point on its way out ("36.60" stays "36.60", precision included), and
// a signature needs the same bytes for the same event every time. Hence this small writer. It only writes; answers are
// read with the platform's decoder, because nothing measured comes back.

public import VitalSigns

/// A JSON value to be written. Literals read like JSON; a nil member is left out.
public enum JSONValue: Sendable, Hashable {
  public struct Member: Sendable, Hashable {
    public var name: String
    public var value: JSONValue
  }
  case object([Member])
  case array([JSONValue])
  case string(String)
  case integer(Int64)
  /// Written with exactly the digits that the quantity has.
  case decimal(Quantity)
  case boolean(Bool)
  /// Written before: the bytes of one whole value, as `utf8` gives them. Nothing looks into it.
  case written([UInt8])

  /// The text, without any white space. Object members in their order: the same value gives the same bytes.
  public var text: String { String(decoding: utf8, as: UTF8.self) }

  /// The text's bytes, as they are sent.
  public var utf8: [UInt8] {
    var output: [UInt8] = []
    // A bundle of fifty resources is some 60 kB: it grows in a few steps.
    output.reserveCapacity(4_096)
    write(to: &output)
    return output
  }

  /// The member of an object, or nil.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  private func write(to output: inout [UInt8]) {
    switch self {
    case .object(let members):
      output.append(UInt8(ascii: "{"))
      for index in members.indices {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        JSONString.append(members[index].name, to: &output)
        output.append(UInt8(ascii: ":"))
        members[index].value.write(to: &output)
      }
      output.append(UInt8(ascii: "}"))
    case .array(let values):
      output.append(UInt8(ascii: "["))
      for index in values.indices {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        values[index].write(to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .string(let text): JSONString.append(text, to: &output)
    case .integer(let value): output += String(value).utf8
    case .decimal(let quantity): output += quantity.description.utf8
    case .boolean(let value): output += (value ? "true" : "false").utf8
    case .written(let bytes): output += bytes
    }
  }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
  public init(dictionaryLiteral elements: (String, JSONValue?)...) {
    self = .object(elements.compactMap { name, value in value.map { Member(name: name, value: $0) } })
  }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(stringLiteral value: String) { self = .string(value) }
}
