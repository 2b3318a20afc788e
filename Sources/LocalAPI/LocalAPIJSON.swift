// JSON of the local API: one encoder's settings for server, client and events.

package import Foundation

/// Encoding and decoding of the local API's types.
package enum LocalAPIJSON {
  /// JSON with sorted keys, so that answers can be compared, and with plain slashes, so that people can read it.
  package static func encode(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }

  package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    try JSONDecoder().decode(type, from: data)
  }
}
