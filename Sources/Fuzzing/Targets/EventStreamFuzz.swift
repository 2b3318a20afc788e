// The core's event stream, as the other roles and the command line read it.

import LocalAPI

enum EventStreamFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "events", summary: "how to cut the stream, and server-sent events",
      seeds: { _ in
        [
          "\u{3}event: alert\ndata: {\"id\":\"1\"}\n\n: quiet\n\nevent: core\r\ndata: {}\r\n\r\n", "\u{1}data: a\ndata: b\rid: 7\n\n",
          "\u{7}retry: 5\n:\n\n",
        ].map { Array($0.utf8) }
      },
      prepare: { _ in attempt })
  }

  /// However the bytes are cut into portions, the same events come out.
  private static func attempt(_ bytes: [UInt8]) {
    var input = InputReader(bytes)
    let portion = Int(input.byte()) % 32 + 1
    let stream = input.takeRest()
    var whole = ServerSentEventParser()
    var parts = ServerSentEventParser()
    let expected = try? whole.events(in: stream)
    var events: [ServerSentEvent]? = []
    for start in stride(from: 0, to: stream.count, by: portion) {
      guard let more = try? parts.events(in: stream[start..<min(start + portion, stream.count)]) else {
        events = nil
        break
      }
      events?.append(contentsOf: more)
    }
    precondition(events == expected, "the events depend on how the stream was cut")
  }
}
