// One HTTP server: its answers carry the date, an unknown error is a 500, and the services beside it run with it.

import Foundation
import Hummingbird
import NIOCore
import NIOPosix
import Testing

@testable import HTTPServing

@Suite(.timeLimit(.minutes(5))) struct HTTPServiceTests {
  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
  ])
  func aDateIsWrittenAsHTTPWantsIt(second: Int, text: String) {
    let date = DateHeader()
    #expect(date.text(at: second) == text)
    #expect(date.text(at: second) == text, "from memory")
    #expect(date.text(at: second + 86_400) != text)
  }

  private struct Unforeseen: Error {}

  /// A whole answer on a connection of its own.
  private func ask(_ path: String, port: Int) async throws -> (status: String, headers: [String: String], body: String) {
    let request = ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
      }
    let answer = try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(request)
      var text = ""
      for try await piece in inbound { text += String(buffer: piece) }
      return text
    }
    let parts = answer.components(separatedBy: "\r\n\r\n")
    let lines = try #require(parts.first).components(separatedBy: "\r\n")
    let headers = lines.dropFirst().map { line in line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) } }
    return (
      try #require(lines.first), Dictionary(headers.map { ($0[0].lowercased(), $0[1]) }, uniquingKeysWith: { first, _ in first }),
      parts.dropFirst().joined()
    )
  }

  /// A server with one page that is well and one that is ill, until its task is cancelled.
  private func serve() async throws -> (task: Task<Void, any Error>, port: Int) {
    let router = Router(context: BasicRequestContext.self)
    router.get("well") { _, _ in "well\n" }
    router.get("ill") { _, _ -> String in throw Unforeseen() }
    let (started, start) = AsyncStream.makeStream(of: Int.self)
    let service = HTTPService(
      responder: router.buildResponder(), server: .http1(),
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { start.yield($0.localAddress?.port ?? 0) }, logger: Street.logger)
    let task = Task { try await service.run() }
    var ports = started.makeAsyncIterator()
    return (task, try #require(await ports.next()))
  }

  @Test func anAnswerHasADateAndAnUnknownErrorIsAnAnswer() async throws {
    let (serving, port) = try await serve()
    let well = try await ask("/well", port: port)
    #expect(well.status == "HTTP/1.1 200 OK" && well.body == "well\n")
    let date = try #require(well.headers["date"])
    #expect(date.hasSuffix(" GMT") && date.count == 29)
    let ill = try await ask("/ill", port: port)
    #expect(ill.status.hasPrefix("HTTP/1.1 500") && ill.headers["date"] != nil && ill.body.isEmpty)
    serving.cancel()
    _ = await serving.result
  }

  /// Connections that come in the very moment of the end: each is answered or closed, and the process lives.
  @Test func endingUnderAStreamOfConnectionsIsNoTrap() async throws {
    for _ in 0..<20 {
      let (serving, port) = try await serve()
      let (answers, answer) = AsyncStream.makeStream(of: Void.self)
      let asking = Task {
        while !Task.isCancelled, (try? await ask("/well", port: port)) != nil { answer.yield() }
        answer.finish()
      }
      // It ends in the middle of them, however slow the machine is.
      var heard = answers.makeAsyncIterator()
      try #require(await heard.next() != nil)
      try await Task.sleep(for: .milliseconds(20))
      serving.cancel()
      _ = await serving.result
      asking.cancel()
      await asking.value
    }
  }
}
