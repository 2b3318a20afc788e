// The local API's client side: events from bytes in any portions, and what a failed attempt is called.

import Testing

@testable import LocalAPI

@Suite struct ServerSentEventParserTests {
  static let stream =
    ": hello\r\nevent: alert\r\ndata: {\"a\":\r\ndata:1}\r\n\r\nevent: core\ndata: x\n\ndata: y\r\rid: 4\n\nevent: empty\n\n"
  static let events = [
    ServerSentEvent(name: "alert", data: "{\"a\":\n1}"), ServerSentEvent(name: "core", data: "x"),
    ServerSentEvent(name: "message", data: "y"),
  ]

  @Test func anyPortionsGiveTheSameEvents() throws {
    let bytes = Array(Self.stream.utf8)
    for size in 1...bytes.count {
      var parser = ServerSentEventParser()
      var found: [ServerSentEvent] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        found += try parser.events(in: bytes[start..<min(start + size, bytes.count)])
      }
      #expect(found == Self.events)
    }
  }

  @Test func anEndlessEventIsCutOff() {
    var parser = ServerSentEventParser()
    #expect(throws: ServerSentEventParser.Oversized.self) {
      for _ in 0...20 { _ = try parser.events(in: [UInt8](repeating: 0x61, count: 65_536)) }
    }
  }
}

@Suite struct LocalAPIClientTests {
  @Test func aMissingCoreIsCalledNotRunning() async {
    let folder = TemporaryFolder()
    for path in [folder.path + "/none.sock", folder.write("", to: "plain-file")] {
      do {
        _ = try await LocalAPIClient(socketPath: path).get("/v1/status", as: API.Status.self)
        Issue.record("nobody answered, yet there is an answer")
      } catch {
        guard case .notRunning(let socket) = error else {
          Issue.record("called \(error)")
          continue
        }
        #expect(socket == path)
      }
    }
  }

  @Test func theEventStreamOfAMissingCoreFails() async {
    let client = LocalAPIClient(socketPath: "/nonexistent/k.sock")
    await #expect(throws: LocalAPIError.self) {
      for try await _ in client.events() { Issue.record("an event from nowhere") }
    }
  }

  @Test func namesInPathsAreEscaped() {
    #expect(LocalAPIClient.escaped("/run/k p.sock&ø") == "%2Frun%2Fk%20p.sock%26%C3%B8")
  }
}
