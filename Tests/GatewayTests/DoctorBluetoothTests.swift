// Doctor on Bluetooth: every combination that an installer meets, judged from made-up surroundings; rfkill from made-up
// folders; the system bus from a bus of our own.

import BluetoothLink
import Foundation
import Testing

@testable import BlueZ
@testable import Doctor
@testable import HubConfiguration

@Suite struct DoctorBluetoothTests {
  private static func adapter(_ index: UInt16, _ address: String, isUp: Bool = true) -> RadioAdapter {
    RadioAdapter(index: index, name: "hci\(index)", address: BluetoothAddress(address), isUp: isUp, bus: "USB")
  }

  private static let good = BluetoothSurroundings(
    adapters: .success([adapter(0, "00:1C:05:FF:2A:01"), adapter(1, "00:1C:05:FF:2A:02", isUp: false)]), managementAbsence: nil,
    hasNetAdmin: true, switches: [RadioSwitch(name: "hci0", isSoftBlocked: false, isHardBlocked: false)],
    bus: .success(.answers(bluezVersion: "5.66")))

  private static let wanted = BluetoothWish(isWanted: true)
  private static let unwanted = BluetoothWish(isWanted: false)

  private static func with(_ change: (inout BluetoothSurroundings) -> Void) -> BluetoothSurroundings {
    var surroundings = good
    change(&surroundings)
    return surroundings
  }

  @Test func everythingGood() {
    let lines = BluetoothCheck.lines(Self.wanted, Self.good)
    #expect(lines.allSatisfy { $0.state == .ok && $0.next == nil })
    #expect(
      lines.map(\.text) == [
        "hci0 00:1C:05:…, USB, up", "hci1 00:1C:05:…, USB, down; bluetoothd switches it on when the hub asks",
        "hears from the kernel of adapters, their power and scanning", "runs, BlueZ 5.66",
      ])
  }

  @Test(arguments: [.noKernelSupport, .notPermitted, .noAdapter, .other(EIO)] as [RadioAbsence])
  func noRadioIsAProblemToWhoWantsOne(absence: RadioAbsence) {
    let surroundings = Self.with {
      $0.adapters = .failure(absence)
      $0.managementAbsence = absence
    }
    let lines = BluetoothCheck.lines(Self.wanted, surroundings)
    #expect(lines[0] == DoctorLine(area: "bluetooth", .problem, absence.sentence, next: absence.remedy))
    #expect(lines[1].state == .note && lines[1].next == nil)
    // Nobody wants one: one line, and nothing to do.
    let quiet = BluetoothCheck.lines(Self.unwanted, surroundings)
    #expect(quiet == [DoctorLine(area: "bluetooth", .ok, "not configured, and \(absence.sentence)")])
  }

  @Test func anAdapterThatNobodyUsesIsNoted() {
    let broken = Self.with {
      $0.bus = .failure(SystemBus.Failure(code: ENOENT))
      $0.switches = [RadioSwitch(name: "hci0", isSoftBlocked: true, isHardBlocked: true)]
    }
    for surroundings in [Self.good, broken] {
      let lines = BluetoothCheck.lines(Self.unwanted, surroundings)
      #expect(lines[0].text.contains("leaves it alone") && lines.allSatisfy { $0.state != .problem })
    }
  }

  @Test(
    arguments: [
      ("hci0", true), ("hci1", true), ("hci2", false), ("00:1C:05:FF:2A:02", true), ("00:1c:05:ff:2a:02", true),
      ("00:1C:05:FF:2A:03", false),
    ] as [(String, Bool)])
  func theConfiguredAdapterMustBeThere(name: String, isThere: Bool) {
    let problems = BluetoothCheck.lines(BluetoothWish(isWanted: true, adapter: name), Self.good).filter { $0.state == .problem }
    #expect(problems.isEmpty == isThere)
    #expect(problems.allSatisfy { !$0.text.contains("2A:03") && $0.next?.contains("hci0, hci1") == true })
  }

  @Test func blockedRadiosAreProblems() {
    let soft = Self.with { $0.switches = [RadioSwitch(name: "hci0", isSoftBlocked: true, isHardBlocked: false)] }
    let problems = BluetoothCheck.lines(Self.wanted, soft).filter { $0.state == .problem }
    #expect(problems.map(\.next) == ["sudo rfkill unblock bluetooth"])
    // Software cannot lift what hardware holds: the advice is another.
    let hard = Self.with { $0.switches = [RadioSwitch(name: "hci0", isSoftBlocked: true, isHardBlocked: true)] }
    let others = BluetoothCheck.lines(Self.wanted, hard).filter { $0.state == .problem }
    #expect(others.count == 1 && others[0].text.contains("in hardware"))
  }

  @Test func theMonitorIsNeverAProblem() {
    let absent = BluetoothCheck.lines(Self.wanted, Self.with { $0.managementAbsence = .notPermitted }).first { $0.area == "radio monitor" }
    #expect(absent?.state == .note && absent?.next == RadioAbsence.notPermitted.remedy)
    let plain = BluetoothCheck.lines(Self.wanted, Self.with { $0.hasNetAdmin = false }).first { $0.area == "radio monitor" }
    #expect(plain?.state == .ok && plain?.text.contains("CAP_NET_ADMIN") == true)
  }

  @Test func bluetoothdMustRun() {
    let absent = Self.with { $0.bus = .success(.absent) }
    let line = BluetoothCheck.lines(Self.wanted, absent).last
    #expect(line?.area == "bluetoothd" && line?.state == .problem && line?.next?.contains("systemctl enable --now bluetooth") == true)
    let hung = BluetoothCheck.lines(Self.wanted, Self.with { $0.bus = .success(.silent) }).last
    #expect(hung?.state == .problem && hung?.text == "runs, but does not answer within 5 s: it hangs")
    #expect(hung?.next?.contains("systemctl restart bluetooth") == true)
    let unnamed = Self.with { $0.bus = .success(.answers(bluezVersion: nil)) }
    #expect(BluetoothCheck.lines(Self.wanted, unnamed).last?.text == "runs")
    let noBus = BluetoothCheck.lines(Self.wanted, Self.with { $0.bus = .failure(SystemBus.Failure(code: ENOENT)) }).last
    #expect(noBus?.state == .problem && noBus?.text == "the system bus does not answer: no such file or directory")
  }

  @Test func theWishComesFromTheConfiguration() throws {
    func wish(_ links: String) throws -> BluetoothWish {
      BluetoothWish(
        try KnutepunktConfiguration.read(yaml: "hub: { controller: \"974760673\" }\nprofiles: { trust: lab }\n\(links)", file: "x.yaml"))
    }
    #expect(try wish("") == BluetoothWish(isWanted: false))
    #expect(try wish("links: { bluetooth: {} }") == BluetoothWish(isWanted: true))
    #expect(try wish("links: { bluetooth: { adapter: hci1 } }") == BluetoothWish(isWanted: true, adapter: "hci1"))
    #expect(!BluetoothWish(nil).isWanted && !BluetoothWish(nil).isKnown)
  }
}

@Suite struct DoctorRadioSwitchTests {
  @Test func switchesAreRead() throws {
    let folder = TemporaryFolder()
    func control(_ entry: String, _ files: [String: String]) throws {
      try FileManager.default.createDirectory(atPath: "\(folder.path)/\(entry)", withIntermediateDirectories: false)
      for (name, text) in files { _ = folder.write(text, to: "\(entry)/\(name)") }
    }
    try control("rfkill0", ["type": "wlan\n", "name": "phy0\n", "soft": "1\n", "hard": "1\n"])
    try control("rfkill1", ["type": "bluetooth\n", "name": "hci0\n", "soft": "1\n", "hard": "0\n"])
    try control("rfkill2", ["type": "bluetooth\n", "name": "ideapad_bluetooth\n", "soft": "0\n", "hard": "1\n"])
    try control("rfkill3", ["type": "bluetooth\n"])
    try control("rfkill4", [:])
    #expect(
      RadioSwitch.list(folder.path) == [
        RadioSwitch(name: "hci0", isSoftBlocked: true, isHardBlocked: false),
        RadioSwitch(name: "ideapad_bluetooth", isSoftBlocked: false, isHardBlocked: true),
        RadioSwitch(name: "rfkill3", isSoftBlocked: false, isHardBlocked: false),
      ])
    #expect(RadioSwitch.list(folder.path + "/missing").isEmpty)
  }
}

@Suite struct DoctorSystemBusTests {
  @Test(
    arguments: [
      ("usb:v1D6Bp0246d0542", "5.66"), ("usb:v1D6Bp0246d054D", "5.77"), ("usb:v1D6Bp0246d0600", "6.0"), ("usb:v1D6Bp0246d", nil),
      ("usb:v1D6Bp0246d05420", nil), ("usb:v1D6Bp0246dGGGG", nil), ("bluetooth:v000Fp1200d1436", nil), ("", nil),
    ] as [(String, String?)])
  func theVersionIsInTheModalias(text: String, version: String?) {
    #expect(SystemBus.version(ofModalias: text) == version)
  }

  @Test func aBusThatIsNotThere() {
    let folder = TemporaryFolder()
    #expect(SystemBus.ask(adapter: nil, address: "unix:path=\(folder.path)/none") == .failure(SystemBus.Failure(code: ENOENT)))
    // A file that is no socket.
    let file = folder.write("", to: "file")
    #expect(SystemBus.ask(adapter: nil, address: "unix:path=\(file)") == .failure(SystemBus.Failure(code: ECONNREFUSED)))
  }

  /// A real bus on which nobody is bluetoothd.
  @Test func aBusWithoutBluetoothd() throws {
    let folder = TemporaryFolder()
    let daemon = Process()
    daemon.executableURL = URL(fileURLWithPath: "/usr/bin/dbus-daemon")
    let address = "unix:path=\(folder.path)/bus"
    daemon.arguments = ["--session", "--nofork", "--address=\(address)", "--print-address"]
    let output = Pipe()
    daemon.standardOutput = output
    try daemon.run()
    defer {
      // It inherits the signal mask of a test thread, in which SIGTERM is blocked.
      kill(daemon.processIdentifier, SIGKILL)
      daemon.waitUntilExit()
    }
    // It listens when it has printed where; it ends, and the pipe with it, when it cannot.
    let printed = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    try #require(printed.hasPrefix(address))
    let expected = SystemBus.Answer.absent
    #expect(SystemBus.ask(adapter: "hci0", address: address) == .success(expected))
  }
}
