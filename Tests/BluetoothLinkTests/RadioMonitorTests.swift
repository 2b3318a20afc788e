// What a listener makes of the kernel's packets: power, adapters that come and go, and what stays unknown. The kernel's
// part is played over a socket pair; what the machine's own kernel says of Bluetooth is asked of socket(2) for comparison.

import Foundation
import Testing

@testable import BlueZ
@testable import BluetoothLink

/// A socket pair whose far end is the kernel.
private final class PlayedKernel {
  let near: Int32
  private let far: Int32

  init() throws {
    var pair: [Int32] = [-1, -1]
    // SOCK_SEQPACKET, SOCK_NONBLOCK and SOCK_CLOEXEC of Linux: which module shows the names to Swift depends on the build.
    let kind: Int32 = 5 | 0o4000 | 0o2_000_000
    try #require(socketpair(AF_UNIX, kind, 0, &pair) == 0)
    (near, far) = (pair[0], pair[1])
  }

  deinit { hangUp() }

  func say(_ packet: [UInt8]) { #expect(send(far, packet, packet.count, 0) == packet.count) }

  /// What the monitor has sent since the last look, packet by packet.
  func heard() -> [[UInt8]] {
    var packets: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 64)
    while true {
      let count = recv(far, &buffer, buffer.count, 0)
      guard count > 0 else { return packets }
      packets.append(Array(buffer.prefix(count)))
    }
  }

  /// A socket whose other end is closed reads as ended; one that is open and silent would give EAGAIN.
  func expectEnd() {
    var byte: UInt8 = 0
    #expect(recv(far, &byte, 1, 0) == 0)
  }

  private var isOpen = true
  func hangUp() {
    if isOpen { close(far) }
    isOpen = false
  }
}

extension ManagementMonitor {
  fileprivate func events() -> [RadioEvent] {
    var events: [RadioEvent] = []
    read { events.append($0) }
    return events
  }
}

@Suite struct RadioMonitorTests {
  private typealias Samples = ManagementSamples

  @Test func itAsksFourThingsAndNoMore() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    #expect(kernel.heard() == RadioHealth.opening.map(\.bytes))
    #expect(monitor.events().isEmpty && !monitor.health.isComplete && monitor.health.hearsScanning == nil)
    kernel.say(Samples.complete(0x0001, Samples.none, [1, 22, 0]))
    kernel.say(Samples.complete(0x0002, Samples.none, [0, 0, 1, 0, 0x13, 0]))
    kernel.say(Samples.complete(0x0003, Samples.none, [2, 0, 1, 0, 0, 0]))
    #expect(monitor.events() == [.appeared(index: 1), .appeared(index: 0)])
    #expect(kernel.heard() == [[4, 0, 1, 0, 0, 0], [4, 0, 0, 0, 0, 0]])
    #expect(monitor.health.version == "1.22" && monitor.health.hearsScanning == true && monitor.health.isComplete)
    #expect(monitor.health.adapters.map(\.name) == ["hci0", "hci1"])
    #expect(monitor.health.adapters.allSatisfy { $0.isPowered == nil && !$0.isUsable })
    kernel.say(Samples.info(1, settings: 0x81))
    #expect(monitor.events() == [.power(index: 1, isOn: true)])
    let adapter = try #require(monitor.health.adapter(1))
    #expect(adapter.isUsable && adapter.hasLowEnergy == true && adapter.manufacturer == 10 && adapter.isScanning == nil)
    #expect(adapter.address?.text == "00:1C:05:FF:2A:01")
    #expect(kernel.heard().isEmpty)
  }

  @Test func withoutTheCapabilityScanningStaysUnknown() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    kernel.say(Samples.complete(0x0002, Samples.none, [0, 0, 3, 0, 4, 0, 5, 0, 6, 0]))
    #expect(monitor.events().isEmpty && monitor.health.hearsScanning == false)
  }

  @Test func aDeadRadioIsNoticed() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    kernel.say(Samples.complete(0x0003, Samples.none, [1, 0, 0, 0]))
    kernel.say(Samples.info(0, settings: 0x01))
    kernel.say(Samples.packet(0x0013, 0, [6, 1]))
    #expect(monitor.events() == [.appeared(index: 0), .power(index: 0, isOn: true), .scanning(index: 0, true)])
    #expect(monitor.health.adapter(0)?.isScanning == true)
    // The same again is no news; another setting is none either.
    kernel.say(Samples.packet(0x0013, 0, [6, 1]))
    kernel.say(Samples.packet(0x0006, 0, [0x81, 0, 0, 0]))
    #expect(monitor.events().isEmpty)
    kernel.say(Samples.packet(0x0003, 0, [0x42]))
    kernel.say(Samples.packet(0x0006, 0, [0x80, 0, 0, 0]))
    #expect(monitor.events() == [.controllerError(index: 0, code: 0x42), .power(index: 0, isOn: false)])
    let adapter = try #require(monitor.health.adapter(0))
    #expect(adapter.errors == 1 && adapter.isScanning == false && !adapter.isUsable)
    #expect(adapter.lastEvent == .power(index: 0, isOn: false))
    kernel.say(Samples.packet(0x0005, 0, []))
    #expect(monitor.events() == [.vanished(index: 0)])
    #expect(monitor.health.adapters.isEmpty)
    // Plugged in again: everything about it is asked anew.
    _ = kernel.heard()
    kernel.say(Samples.packet(0x0004, 0, []))
    #expect(monitor.events() == [.appeared(index: 0)])
    #expect(kernel.heard() == [[4, 0, 0, 0, 0, 0]])
    #expect(monitor.health.adapter(0) == RadioHealth.Adapter(index: 0, lastEvent: .appeared(index: 0)))
  }

  @Test func anAdapterWithoutLowEnergyIsOfNoUse() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    kernel.say(Samples.packet(0x0004, 2, []))
    kernel.say(Samples.info(2, settings: 0x81, supported: [0xFF, 0xFD, 0, 0]))
    #expect(monitor.events() == [.appeared(index: 2), .power(index: 2, isOn: true)])
    #expect(monitor.health.adapter(2)?.isUsable == false)
  }

  /// Events about adapters that are not known, and failures, change nothing.
  @Test func strangersChangeNothing() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    let before = monitor.health
    for packet in [
      Samples.packet(0x0006, 9, [1, 0, 0, 0]), Samples.packet(0x0013, 9, [6, 1]), Samples.packet(0x0003, 9, [1]),
      Samples.packet(0x0005, 9, []),
      Samples.info(9, settings: 1), Samples.packet(0x0002, 9, [4, 0, 0x11]), Samples.packet(0x0012, 9, [1, 2, 3]),
    ] { kernel.say(packet) }
    #expect(monitor.events().isEmpty)
    #expect(monitor.health == before)
  }

  @Test func adaptersAreBounded() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    for index in 0..<40 { kernel.say(Samples.packet(0x0004, UInt16(index), [])) }
    #expect(monitor.events().count == RadioHealth.adaptersMax)
    #expect(monitor.health.adapters.map(\.index) == Array(0..<16))
  }

  @Test func rubbishIsCountedAndPassed() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    kernel.say([1, 2, 3])
    // Longer than any packet: the socket cuts it, and its length no longer fits.
    kernel.say(Samples.packet(0x0012, 0, [UInt8](repeating: 7, count: 8_000)))
    kernel.say(Samples.packet(0x0004, 0, []))
    #expect(monitor.events() == [.rejected(.shortHeader), .rejected(.wrongLength(code: 0x12)), .appeared(index: 0)])
    #expect(monitor.health.rejected == 2)
  }

  /// A flood is taken in parts, so that the loop gets its turn in between.
  @Test func oneReadIsBounded() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    kernel.say(Samples.packet(0x0004, 0, []))
    for round in 0..<100 { kernel.say(Samples.packet(0x0013, 0, [6, UInt8(1 - round % 2)])) }
    #expect(monitor.events().count == 64)
    #expect(monitor.events().count == 37)
    #expect(monitor.events().isEmpty)
  }

  @Test func aSocketThatEndsIsSaidOnce() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    _ = kernel.heard()
    kernel.say(Samples.packet(0x0004, 0, []))
    kernel.hangUp()
    #expect(monitor.events() == [.appeared(index: 0), .ended(code: 0)])
    #expect(!monitor.health.isWatching && monitor.events().isEmpty)
  }

  /// Closed with something unread: the kernel calls that a reset.
  @Test func aSocketThatBreaksSaysHow() throws {
    let kernel = try PlayedKernel()
    let monitor = ManagementMonitor(owning: kernel.near)
    kernel.hangUp()
    #expect(monitor.events() == [.ended(code: ECONNRESET)])
    #expect(monitor.events().isEmpty)
  }

  @Test func itsSocketIsClosedWithIt() throws {
    let kernel = try PlayedKernel()
    var monitor: ManagementMonitor? = ManagementMonitor(owning: kernel.near)
    #expect(monitor?.descriptor == kernel.near)
    _ = kernel.heard()
    monitor = nil
    kernel.expectEnd()
  }
}

/// What this machine's own kernel says, asked with bare numbers: AF_BLUETOOTH 31, SOCK_RAW 3, BTPROTO_HCI 1.
@Suite struct RadioAbsenceTests {
  private static func kernelsAnswer() -> Int32 {
    let descriptor = socket(31, 3, 1)
    if descriptor >= 0 { close(descriptor) }
    return descriptor >= 0 ? 0 : errno
  }

  @Test func theListIsTheKernels() {
    let code = Self.kernelsAnswer()
    // `hci0`; connections stand there too, as `hci0:64`.
    let present = ((try? FileManager.default.contentsOfDirectory(atPath: "/sys/class/bluetooth")) ?? []).filter { !$0.contains(":") }
    switch RadioAdapters.list() {
    case .success(let adapters):
      #expect(code == 0 && Set(adapters.map(\.name)) == Set(present))
    case .failure(.noAdapter): #expect(code == 0 && present.isEmpty)
    case .failure(.noKernelSupport): #expect([EAFNOSUPPORT, EPROTONOSUPPORT].contains(code))
    case .failure(.notPermitted): #expect([EPERM, EACCES].contains(code))
    case .failure(.other(let other)): #expect(code == other && code != 0)
    }
  }

  @Test func theMonitorAgrees() {
    let code = Self.kernelsAnswer()
    do {
      let monitor = try ManagementMonitor()
      #expect(code == 0 && fcntl(monitor.descriptor, F_GETFD) & FD_CLOEXEC != 0)
      #expect(fcntl(monitor.descriptor, F_GETFL) & O_NONBLOCK != 0)
    } catch {
      #expect(code != 0 && error == RadioAbsence(code: code))
    }
  }

  @Test(
    arguments: [
      (EAFNOSUPPORT, .noKernelSupport), (EPROTONOSUPPORT, .noKernelSupport), (EPERM, .notPermitted), (EACCES, .notPermitted),
      (ENODEV, .noAdapter), (EMFILE, .other(EMFILE)), (EIO, .other(EIO)),
    ] as [(Int32, RadioAbsence)])
  func errnosHaveAMeaning(code: Int32, absence: RadioAbsence) {
    #expect(RadioAbsence(code: code) == absence)
    for text in [absence.sentence, absence.remedy] { #expect(text.count > 20 && !text.hasSuffix(".")) }
  }
}
