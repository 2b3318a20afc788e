// Doctor as a whole, and its checks of limits, brokers and the core: made-up texts of /proc, ports of our own, sockets
// that nobody listens on.

import Foundation
import MQTTLink
import Testing
import VitalSigns

@testable import Doctor
@testable import HubConfiguration
@testable import HubRuntime
@testable import LocalAPI

@Suite struct DoctorProcessFactsTests {
  private static let limits = """
    Limit                     Soft Limit           Hard Limit           Units
    Max locked memory         8388608              unlimited            bytes
    Max realtime priority     50                   99
    Max realtime timeout      unlimited            unlimited            us
    """

  @Test func textsOfTheKernelAreRead() {
    let facts = ProcessFacts(status: "Name:\tx\nCapInh:\tffffffffffffffff\nCapEff:\t0000000000801000\n", limits: Self.limits)
    #expect(facts.has(.netAdmin) && facts.has(.sysNice) && !facts.has(.ipcLock))
    #expect(facts.realtimePriority == .value(50) && facts.lockedMemory == .value(8_388_608))
    let unlimited = ProcessFacts(status: "", limits: "Max locked memory         unlimited            unlimited            bytes")
    #expect(unlimited.lockedMemory == .unlimited && unlimited.lockedMemory.isAtLeast(.max))
  }

  @Test(arguments: ["", "CapEff:", "CapEff:\tzz", "Max realtime priority", "Max realtime priority     many"])
  func whatIsMissingIsNotAllowed(text: String) {
    let facts = ProcessFacts(status: text, limits: text)
    #expect(ProcessFacts.Capability.allCases.allSatisfy { !facts.has($0) })
    #expect(!facts.realtimePriority.isAtLeast(1) && !facts.lockedMemory.isAtLeast(1))
  }

  @Test func thisProcessHasLimits() throws {
    // Root in a container may lack capabilities; the text itself is always there.
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
    #expect(
      String(ProcessFacts.current.capabilities, radix: 16) == line.dropFirst(8).drop { $0 == "0" } || line.hasSuffix("0000000000000000"))
  }
}

@Suite struct DoctorRealtimeTests {
  private static func settings(_ yaml: String) throws -> KnutepunktConfiguration.RealtimeSettings {
    try KnutepunktConfiguration.read(
      yaml: "hub: { controller: \"974760673\" }\nprofiles: { trust: lab }\nrealtime: { \(yaml) }", file: "x.yaml"
    ).realtime
  }

  private static func facts(_ capabilities: String, priority: Int, locked: Int) -> ProcessFacts {
    ProcessFacts(status: "CapEff:\t\(capabilities)", limits: "Max locked memory \(locked) 0 bytes\nMax realtime priority \(priority) 0")
  }

  /// Limits at their edges; CAP_SYS_NICE (bit 23) and CAP_IPC_LOCK (bit 14) instead of them.
  @Test(
    arguments: [
      ("0", 50, 64 << 20, [.ok, .ok]), ("0", 49, (64 << 20) - 1, [.note, .note]), ("800000", 0, 0, [.ok, .note]),
      ("4000", 0, 0, [.note, .ok]), ("804000", 0, 0, [.ok, .ok]),
    ] as [(String, Int, Int, [DoctorLine.State])])
  func withoutACoreTheLimitsCount(capabilities: String, priority: Int, locked: Int, states: [DoctorLine.State]) throws {
    let facts = Self.facts(capabilities, priority: priority, locked: locked)
    for settings in [nil, try Self.settings("priority: 50")] {
      let lines = RealtimeCheck.lines(settings, facts, core: nil)
      #expect(lines.map(\.state) == states)
      #expect(lines.allSatisfy { ($0.state == .ok) == ($0.next == nil) })
    }
  }

  @Test(arguments: [true, false])
  func aRunningCoreIsBelieved(isGood: Bool) throws {
    // The opposite of what the caller may.
    let facts = isGood ? Self.facts("0", priority: 0, locked: 0) : Self.facts("804000", priority: 99, locked: 1 << 40)
    let core = CoreCheck.Standing(isRealtime: isGood, locksMemory: isGood)
    let lines = RealtimeCheck.lines(try Self.settings("priority: 50"), facts, core: core)
    #expect(lines.map(\.state) == (isGood ? [.ok, .ok] : [.note, .note]))
  }

  @Test func whatIsNotWantedIsNotMissed() throws {
    let lines = RealtimeCheck.lines(
      try Self.settings("scheduler: ordinary, lockMemory: false"), Self.facts("0", priority: 0, locked: 0), core: nil)
    #expect(lines.map(\.state) == [.ok, .ok] && lines.allSatisfy { $0.text.contains("as configured") })
  }
}

@Suite struct DoctorBrokerTests {
  private static func link(_ host: String, _ port: Int) throws -> KnutepunktConfiguration.MQTTLinkSettings {
    let yaml = """
      hub: { controller: "974760673" }
      profiles: { trust: lab }
      links: { mqtt: [{ name: home, host: "\(host)", port: \(port), tls: {} }] }
      """
    return try #require(try KnutepunktConfiguration.read(yaml: yaml, file: "x.yaml").mqttLinks.first)
  }

  /// A TCP socket on a port of the kernel's choice; it answers once it listens.
  private static func bound(listening: Bool) throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try #require(bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0)
      }
    }
    if listening { try #require(listen(descriptor, 8) == 0) }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// An open port is no broker: one that takes the connection and says nothing is a problem, whatever TCP thinks of it.
  @Test func anOpenPortThatSaysNothingIsAProblem() async throws {
    let server = try Self.bound(listening: true)
    defer { close(server.descriptor) }
    let line = await BrokerCheck.line(try Self.link("127.0.0.1", server.port))
    #expect(line.state == .problem && line.area == "mqtt home" && line.next != nil, "\(line)")
  }

  @Test(
    arguments: [
      (.refusedByBroker(code: 0x87, text: "Not authorized"), "user name or password is wrong"),
      (.refusedByBroker(code: 5, text: "Not authorized"), "user name or password is wrong"),
      (.refusedByBroker(code: 0x89, text: "Server busy"), "Server busy"),
      (.tls("error:0A000126:SSL routines::unexpected eof while reading"), "does not speak TLS"),
      (.tls("certificate verify failed"), "not of an authority"), (.tls("hostname mismatch"), "for another name"),
      (.tls("certificate has expired"), "out of its dates"), (.tls("tlsv13 alert certificate required"), "wants a client certificate"),
      (.fileUnreadable(path: "/etc/x", detail: "Permission denied"), "/etc/x"), (.connectionLost("x"), "without TLS"),
    ] as [(MQTTLinkError, String)])
  func whatIsWrongIsSaid(error: MQTTLinkError, words: String) throws {
    let problem = BrokerCheck.problem(error, try Self.link("127.0.0.1", 8883))
    #expect(problem.text.contains(words) && !problem.next.isEmpty, "\(problem)")
  }

  @Test func aClosedPortIsAProblem() async throws {
    // Bound and not listening: nobody else can take the port meanwhile.
    let server = try Self.bound(listening: false)
    defer { close(server.descriptor) }
    let line = await BrokerCheck.line(try Self.link("127.0.0.1", server.port))
    #expect(line.state == .problem && line.text == "127.0.0.1:\(server.port): connection refused")
    #expect(line.next?.contains("systemctl status mosquitto") == true)
  }

  /// `.invalid` is never in anybody's name service (RFC 2606).
  @Test func anUnknownNameIsAProblem() async throws {
    let line = await BrokerCheck.line(try Self.link("broker.invalid", 1883))
    #expect(line.state == .problem && line.next?.contains(line.text.contains("name") ? "getent hosts" : "firewall") == true)
  }
}

@Suite struct DoctorCoreTests {
  private static func status(live: Bool, version: String, scheduling: API.Status.Scheduling) -> API.Status {
    API.Status(
      version: version, hub: "hub-01", controller: "974760673", summary: "all is well", live: live, startedAt: "", now: "", sequence: 0,
      durable: 0, patients: 0, devices: 0, openAlerts: 0, observations: 0, intakeDepth: 0, store: .known(.writing), storeError: nil,
      shed: 0,
      scheduling: .known(scheduling), memoryLocked: scheduling == .fifo, links: [], destinations: [], roles: [:], notes: [])
  }

  @Test func aCoreThatIsWell() {
    let answer = CoreCheck.answer(Self.status(live: true, version: KnutepunktVersion.current, scheduling: .fifo))
    #expect(answer.lines == [DoctorLine(area: "core", .ok, "answers: all is well")])
    #expect(answer.status == CoreCheck.Standing(isRealtime: true, locksMemory: true))
  }

  @Test func whatTheCoreReportsIsAProblem() {
    var status = Self.status(live: true, version: KnutepunktVersion.current, scheduling: .fifo)
    status.problems = [
      API.Problem(kind: .rule(.linkDown), name: "home", since: nil, effect: .deaf, text: "t", detail: "refused", next: "n")
    ]
    let lines = CoreCheck.answer(status).lines
    #expect(lines.map(\.state) == [.ok, .problem] && lines[1].text == "link home not connected: refused" && lines[1].next == "n")
  }

  @Test func aCoreThatIsNot() {
    let answer = CoreCheck.answer(Self.status(live: false, version: "0.0.1", scheduling: .ordinary))
    #expect(answer.lines.map(\.state) == [.problem, .note] && answer.lines[1].text.contains("0.0.1"))
    #expect(answer.status == CoreCheck.Standing(isRealtime: false, locksMemory: false))
  }

  @Test(
    arguments: [
      (.notRunning(socket: "/s"), .note), (.notPermitted(socket: "/s"), .note), (.noAnswer(socket: "/s", reason: "r"), .problem),
      (.refused(status: 503, API.Failure(error: "e")), .problem), (.unexpectedAnswer("w"), .problem),
    ] as [(LocalAPIError, DoctorLine.State)])
  func failuresAreJudged(error: LocalAPIError, state: DoctorLine.State) {
    #expect(CoreCheck.line(error).state == state && CoreCheck.line(error).next != nil)
  }
}

@Suite struct DoctorTests {
  private static let areas = ["realtime", "memory", "bluetooth"]

  @Test func aMissingConfigurationIsTheFirstFinding() async {
    let lines = await Doctor.examine(configuration: "/nonexistent/knutepunkt.yaml")
    #expect(lines.first?.state == .problem && lines.first?.text.contains("does not exist") == true)
    for area in Self.areas { #expect(lines.contains { $0.area == area }, "\(area)") }
    #expect(!lines.contains { $0.area == "core" || $0.area == "state folder" })
  }

  /// A missing key file must not hide the rest, and a bad profile not the state folder.
  @Test func oneFaultHidesNoOther() async throws {
    let folder = TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path + "/profiles/x", withIntermediateDirectories: true)
    _ = folder.write("nonsense: true\n", to: "profiles/x/y.yaml")
    let file = folder.write(
      """
      hub: { controller: "974760673", state: ./state, runtime: ./run }
      profiles: { folders: [./profiles], trust: lab }
      links: { mqtt: [{ name: home, host: 127.0.0.1, port: 1, username: hub, passwordFile: ./missing }] }
      """, to: "k.yaml")
    let lines = await Doctor.examine(configuration: file)
    let problems = Set(lines.filter { $0.state == .problem }.map(\.area))
    #expect(problems.isSuperset(of: ["configuration", "profiles", "mqtt home"]))
    #expect(lines.contains { $0.area == "state folder" && $0.text.contains("does not exist yet") })
    #expect(lines.contains { $0.area == "core" && $0.state == .note && $0.text.contains("does not run") })
    // It has made nothing.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["k.yaml", "profiles"])
    #expect(lines.filter { $0.state == .problem }.allSatisfy { $0.next != nil })
  }

  @Test func aConfigurationFullOfErrorsIsCut() async {
    let folder = TemporaryFolder()
    let file = folder.write((0..<9).map { "key\($0): 1\n" }.joined(), to: "k.yaml")
    let lines = await Doctor.examine(configuration: file).filter { $0.area == "configuration" }
    #expect(lines.count == 4 && lines.allSatisfy { $0.state == .problem })
    #expect(lines.last?.text.hasSuffix("more errors in \(file)") == true)
  }

  @Test func linesTravelAsJSON() throws {
    let line = DoctorLine(area: "core", .note, "does not run", next: "start it")
    let text = String(decoding: try JSONEncoder().encode(line), as: UTF8.self)
    #expect(text.contains("\"state\":\"note\""))
    #expect(try JSONDecoder().decode(DoctorLine.self, from: Data(text.utf8)) == line)
  }
}

@Suite struct DoctorCoreProblemTests {
  private func problem(isSettling: Bool?) -> API.Problem {
    API.Problem(
      kind: .rule(.linkDown), name: "home", since: SystemClock.wall().adding(milliseconds: -125_000).description, effect: .deaf, text: "",
      detail: "Connection refused", next: "knutepunkt doctor says what is wrong", isSettling: isSettling)
  }

  /// The doctor never sends to the doctor, and what is back is not told as if it were gone.
  @Test func problemsOfTheCoreAreToldAsTheyStand() {
    let gone = CoreCheck.line(problem(isSettling: nil))
    #expect(gone.state == .problem && gone.text == "link home not connected for 2 min: Connection refused")
    #expect(gone.next?.contains("knutepunkt doctor") == false)
    let back = CoreCheck.line(problem(isSettling: true))
    #expect(back.text == "link home not connected within the last 2 min, back now (before: Connection refused)")
  }
}
