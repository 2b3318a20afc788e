// The local API over its socket, with a running core behind it: what a request may be, who may make one, and how many may listen.

import Foundation
import Hummingbird
import Journal
import NIOCore
import Testing
import VitalSigns

@testable import Console
@testable import CoreAPI
@testable import HTTPServing
@testable import HubConfiguration
@testable import HubCore
@testable import HubRegistry
@testable import LocalAPI

/// One at a time: each has a core or a role of its own, with its threads and its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LocalAPIServerTests {
  private let folder = TemporaryFolder()

  /// A core and its API, until `body` returns.
  private func running(_ body: (TestHub, LocalAPIClient) async throws -> Void) async throws {
    let hub = try await TestHub(folder)
    let client = LocalAPIClient(socketPath: hub.parts.configuration.hub.socketPath)
    let serving = try await serve(hub, .unixDomainSocket(path: client.socketPath))
    let result: Result<Void, any Error>
    do { result = .success(try await body(hub, client)) } catch { result = .failure(error) }
    hub.parts.hub.close()
    serving.task.cancel()
    await serving.task.value
    await hub.parts.stop()
    try result.get()
  }

  /// The router as the core role serves it.
  private func serve(_ hub: TestHub, _ address: BindAddress) async throws -> (task: Task<Void, Never>, port: Int) {
    var unknown: [String] = []
    let policy = PeerPolicy(userNames: [], groupNames: [], unknown: &unknown)
    let (started, start) = AsyncStream.makeStream(of: Int.self)
    let application = HTTPService(
      responder: LocalAPIServer(service: try hub.service(), policy: policy, logger: Street.logger).router().buildResponder(),
      server: .http1(), configuration: ApplicationConfiguration(address: address),
      onServerRunning: { channel in start.yield(channel.localAddress?.port ?? 0) }, logger: Street.logger)
    let task = Task {
      try? await application.run()
      start.finish()
    }
    var iterator = started.makeAsyncIterator()
    return (task, try #require(await iterator.next()))
  }

  /// The status and the words that a request is refused with; nil: it was answered.
  private func refusal(_ call: () async throws(LocalAPIError) -> some Any) async -> (status: Int, error: String)? {
    do {
      _ = try await call()
      return nil
    } catch {
      guard case .refused(let status, let failure) = error else {
        Issue.record("not refused: \(error)")
        return nil
      }
      return (status, failure.error)
    }
  }

  private struct Anything: Decodable, Sendable {}

  // MARK: Requests

  @Test func whatNoRequestMayBeIsRefused() async throws {
    let requests: [(path: String, status: Int, words: String)] = [
      ("/v1/alerts?state=some", 400, "allowed: open, all"), ("/v1/outbox?state=x", 400, "allowed: pending, dead, all"),
      ("/v1/devices/D1/readings?after=abc", 400, "allowed: an entry's sequence"), ("/v1/devices/cuff", 400, "look like D12"),
      ("/v1/devices/D99", 404, "there is no device D99"), ("/v1/plans/D1", 400, "look like P7"),
      ("/v1/audit?patient=Kari", 400, "look like P7"), ("/v1/audit/verify?head=1:zz", 400, "ROWS:HASH"),
      ("/v1/explain/P99", 404, "P99"), ("/v1/nothing", 404, "404"),
    ]
    try await running { _, client in
      for (path, status, words) in requests {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        let query = parts.dropFirst().map { part -> (name: String, value: String) in
          let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
          return (pair[0], pair[1])
        }
        let answer = await refusal { () throws(LocalAPIError) in try await client.get(parts[0], query: query, as: Anything.self) }
        #expect(answer?.status == status && answer?.error.contains(words) == true, "\(path): \(String(describing: answer))")
      }
    }
  }

  /// The field is named: who wrote the request by hand finds it.
  @Test func aBodyThatDoesNotFitSaysWhere() async throws {
    struct Broken: Codable, Sendable {
      var name: Int?
      var actor: String?
    }
    try await running { hub, client in
      func answer(_ body: some Codable & Sendable, _ path: String = "/v1/patients") async -> String? {
        let answer = await refusal { () throws(LocalAPIError) in try await client.post(path, body, as: Anything.self) }
        #expect(answer?.status == 400)
        return answer?.error
      }
      #expect(await answer(Broken()) == "the body lacks name")
      #expect(await answer(Broken(name: 7))?.hasPrefix("the body's name has the wrong type") == true)
      #expect(await answer([Broken()])?.hasPrefix("the body's whole has the wrong type") == true)
      #expect(await answer(["role": "janitor"], "/v1/roles") == "\"janitor\" is no role; allowed: forward, console")
      let long = String(repeating: "x", count: 1_048_577)
      #expect(await refusal { () throws(LocalAPIError) in try await client.post("/v1/patients", [long], as: Anything.self) }?.status == 413)
      #expect(hub.parts.registry.patients.isEmpty)
    }
  }

  @Test func aRequestIsDoneAndAnswered() async throws {
    try await running { hub, client in
      let request = API.AddPatient(name: "Kari Test", nationalID: nil, controller: nil, actor: "Nina", reason: "moves in")
      let added: API.Patient = try await client.post("/v1/patients", request)
      #expect(added.id == "P1" && hub.parts.registry.patient(Street.kari)?.name == "Kari Test")
      let status: API.Status = try await client.get("/v1/status")
      #expect(status.patients == 1 && status.durable >= 1 && status.live)
      let (live, metrics) = (try await client.text("/livez"), try await client.text("/metrics"))
      #expect(live == "ok\n" && metrics == "metrics\n")
      // Who looked is the account at the other end of the socket.
      _ = try await client.get("/v1/plans/P1", as: API.Plan.self)
      let account = PeerCredentials(userID: getuid(), groupID: 0, processID: 0).accountName
      try await eventually("the look is in the access log") {
        let rows: [API.AuditRow] = try await client.get("/v1/audit", query: [("patient", "P1")])
        return rows.contains { $0.action == "read" && $0.detail == "plan" && $0.actor == account }
      }
    }
  }

  // MARK: Peers

  /// Served by mistake on a port, it answers nobody: a peer whom the kernel does not know has no name.
  @Test func overTCPNobodyIsLetIn() async throws {
    let hub = try await TestHub(folder)
    let serving = try await serve(hub, .hostname("127.0.0.1", port: 0))
    for path in ["/v1/status", "/v1/patients", "/livez"] {
      let url = try #require(URL(string: "http://127.0.0.1:\(serving.port)\(path)"))
      let head = try headOfAnswer(url)
      #expect(head.hasPrefix("HTTP/1.1 403"), "\(path): \(head.prefix(40))")
    }
    serving.task.cancel()
    await serving.task.value
    await hub.parts.stop()
  }

  /// A request by hand: no client of ours speaks to the core over TCP.
  private func headOfAnswer(_ url: URL) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(url.port ?? 0).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) } == 0
    }
    try #require(isConnected)
    let request = Array("GET \(url.path) HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".utf8)
    #expect(write(descriptor, request, request.count) == request.count)
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  // MARK: Events

  @Test func aListenerHearsAPulseAtOnceAndThenAlarmsBeforeTheyAreStored() async throws {
    try await running { hub, client in
      try await hub.register()
      var events = client.events(role: .known(.forward)).makeAsyncIterator()
      guard case .core(let pulse)? = try await events.next() else {
        Issue.record("the first is a pulse")
        return
      }
      #expect(pulse.live && pulse.durable > 0)
      #expect(hub.parts.hub.hears(.forward, at: hub.parts.clock.now()))
      let press = try hub.push(Street.sos)
      while let event = try await events.next() {
        guard case .alert(let alert) = event else { continue }
        #expect(alert.firstCause == press && alert.alertTransition?.rule == .sos && alert.patient == "P1")
        break
      }
    }
  }

  @Test func aRoleThatNobodyKnowsIsNoRole() async throws {
    try await running { hub, client in
      var events = client.events(role: .unknown("janitor")).makeAsyncIterator()
      _ = try await events.next()
      #expect(hub.parts.hub.listenerCount == 1 && !API.Role.allCases.contains(where: hub.parts.hub.isConnected))
    }
  }

  @Test func thereIsAnEndToHowManyListen() async throws {
    try await running { hub, client in
      let others = (0..<EventHub.listenersMax).compactMap { _ in hub.parts.hub.subscribe() }
      #expect(others.count == EventHub.listenersMax)
      var events = client.events().makeAsyncIterator()
      do {
        _ = try await events.next()
        Issue.record("one too many was let in")
      } catch let LocalAPIError.refused(status, failure) {
        #expect(status == 503 && failure.hint?.contains("\(EventHub.listenersMax)") == true)
      }
      withExtendedLifetime(others) {}
    }
  }
}
