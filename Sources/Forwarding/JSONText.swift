// JSON for what connectors send: members in the order given, decimals digit for digit.
//
// A measurement must not pass through binary floating point on its way out ("36.60" stays "36.60", precision included), and
// a signature needs the same bytes for the same event every time. Hence this small writer. It only writes; answers are
// read with the platform's decoder, because nothing measured comes back.

public import VitalSigns

/// A JSON value to be written. Literals read like JSON; a nil member is left out.
public indirect enum JSONValue: Sendable, Hashable {
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

  /// The text, without any white space. Object members in their order: the same value gives the same bytes.
  public var text: String {
    var output = ""
    write(to: &output)
    return output
  }

  /// The member of an object, or nil.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  private func write(to output: inout String) {
    switch self {
    case .object(let members):
      output += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { output += "," }
        JSONString.append(member.name, to: &output)
        output += ":"
        member.value.write(to: &output)
      }
      output += "}"
    case .array(let values):
      output += "["
      for (index, value) in values.enumerated() {
        if index > 0 { output += "," }
        value.write(to: &output)
      }
      output += "]"
    case .string(let text): JSONString.append(text, to: &output)
    case .integer(let value): output += String(value)
    case .decimal(let quantity): output += quantity.description
    case .boolean(let value): output += value ? "true" : "false"
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
