// Server-sent events from bytes (WHATWG HTML, section 9.2), as much of it as the local API uses: `event`, `data`, comments. Sans
// I/O: bytes go in in any portions, whole events come out. `id` and `retry` are passed over: whoever loses the connection asks the
// journal what was missed.

/// One event as it came.
package struct ServerSentEvent: Sendable, Hashable {
  /// The event's type, `message` when the stream names none.
  package var name: String
  /// The data lines, joined by line feeds.
  package var data: String

  package init(name: String, data: String) {
    self.name = name
    self.data = data
  }
}

/// Turns a byte stream into events.
package struct ServerSentEventParser {
  /// An event larger than this is a fault of the stream: the largest of ours, an alert, has some 2 KiB.
  static let eventBytesMax = 1 << 20

  package struct Oversized: Error {}

  private var line: [UInt8] = []
  private var name = ""
  private var data: [String] = []
  private var bytesOfEvent = 0
  private var skipsLineFeed = false

  package init() {}

  /// Takes the next bytes and gives the events that they complete, in order. After an error the parser is of no use.
  package mutating func events(in bytes: some Sequence<UInt8>) throws(Oversized) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      // CR, LF and CR LF all end a line. The LF of a pair ends nothing more.
      let isPaired = skipsLineFeed && byte == UInt8(ascii: "\n")
      skipsLineFeed = byte == UInt8(ascii: "\r")
      if isPaired { continue }
      guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
        bytesOfEvent += 1
        guard bytesOfEvent <= Self.eventBytesMax else { throw Oversized() }
        line.append(byte)
        continue
      }
      if line.isEmpty {
        if !data.isEmpty { events.append(ServerSentEvent(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))) }
        (name, data, bytesOfEvent) = ("", [], 0)
      } else {
        field(String(decoding: line, as: UTF8.self))
        line.removeAll(keepingCapacity: true)
      }
    }
    return events
  }

  private mutating func field(_ line: String) {
    let colon = line.firstIndex(of: ":") ?? line.endIndex
    var value = line[colon...].dropFirst()
    if value.hasPrefix(" ") { value = value.dropFirst() }
    switch line[..<colon] {
    case "event": name = String(value)
    case "data": data.append(String(value))
    default: break
    }
  }
}
