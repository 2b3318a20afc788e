// The kernel's management protocol: annotated packets as the kernel sends them, every one of them cut at every length,
// and bytes by chance.

import Testing

@testable import BlueZ
@testable import BluetoothLink

/// Packets as Linux 6.1 sends them, taken from doc/mgmt-api.txt and mgmt.h.
enum ManagementSamples {
  /// Header (code, controller, length) and parameters.
  static func packet(_ code: UInt16, _ index: UInt16, _ parameters: [UInt8]) -> [UInt8] {
    little(code) + little(index) + little(UInt16(parameters.count)) + parameters
  }

  static func little(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }

  /// Command Complete of `command`.
  static func complete(_ command: UInt16, _ index: UInt16, _ parameters: [UInt8]) -> [UInt8] {
    packet(0x0001, index, little(command) + [0] + parameters)
  }

  /// Read Controller Information: address, HCI version 9, maker 0x000A, supported and current settings, class, names.
  static func info(_ index: UInt16, settings: UInt8, supported: [UInt8] = [0xFF, 0xFF, 0x00, 0x00]) -> [UInt8] {
    complete(
      0x0004, index,
      [0x01, 0x2A, 0xFF, 0x05, 0x1C, 0x00] + [9] + [0x0A, 0x00] + supported + [settings, 0x0A, 0x00, 0x00]
        + [0x0C, 0x01, 0x1C] + [UInt8](repeating: 0, count: 249 + 11))
  }

  static let none: UInt16 = 0xFFFF

  static let all: [(bytes: [UInt8], packet: ManagementPacket)] = [
    (complete(0x0001, none, [1, 22, 0]), .version(1, revision: 22)),
    // Two commands, three events.
    (
      complete(0x0002, none, [2, 0, 3, 0] + [0x03, 0, 0x04, 0] + [0x04, 0, 0x05, 0, 0x13, 0]),
      .supported(events: [4, 5, 0x13])
    ),
    (complete(0x0003, none, [0, 0]), .indexList([])),
    (complete(0x0003, none, [2, 0, 0, 0, 3, 0]), .indexList([0, 3])),
    (
      info(0, settings: 0x81),
      .controllerInfo(
        index: 0,
        ManagementControllerInfo(
          address: BluetoothAddress("00:1C:05:FF:2A:01"), version: 9, manufacturer: 10, supported: ManagementSettings(rawValue: 0xFFFF),
          current: ManagementSettings(rawValue: 0x0A81)))
    ),
    (packet(0x0002, 7, [0x04, 0, 0x11]), .failed(command: 4, index: 7, status: 0x11)),
    (packet(0x0001, 7, [0x04, 0, 0x14]), .failed(command: 4, index: 7, status: 0x14)),
    (packet(0x0002, none, [0x03, 0, 0x00]), .other(code: 2)),
    (packet(0x0003, 1, [0x42]), .controllerError(index: 1, code: 0x42)),
    (packet(0x0004, 1, []), .indexAdded(1)),
    (packet(0x0005, 0xFFFE, []), .indexRemoved(0xFFFE)),
    (packet(0x0006, 0, [0xC1, 0x0A, 0x00, 0x80]), .newSettings(index: 0, ManagementSettings(rawValue: 0x8000_0AC1))),
    (packet(0x0013, 0, [6, 1]), .discovering(index: 0, true)),
    (packet(0x0013, 0, [6, 0]), .discovering(index: 0, false)),
    // Device Found, with a stranger's advertisement: skipped.
    (packet(0x0012, 0, [UInt8](repeating: 0xAA, count: 45)), .other(code: 0x12)),
    // The answer to a command of somebody's later version.
    (complete(0x0056, 0, [1, 2, 3]), .other(code: 1)),
  ]
}

@Suite struct RadioProtocolTests {
  @Test(arguments: ManagementSamples.all.indices)
  func samplesAreRead(index: Int) {
    let sample = ManagementSamples.all[index]
    #expect(ManagementPacket.parse(sample.bytes) == .success(sample.packet))
  }

  /// As it was sent and cut by the way: the length in the header no longer fits.
  @Test(arguments: ManagementSamples.all.indices)
  func cutAnywhereIsRefused(index: Int) {
    let bytes = ManagementSamples.all[index].bytes
    for length in 0..<bytes.count {
      let expected: ManagementRejection = length < 6 ? .shortHeader : .wrongLength(code: UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
      #expect(ManagementPacket.parse(Array(bytes.prefix(length))) == .failure(expected), "at \(length)")
    }
  }

  /// Shorter by intent, with a header that agrees: refused by name, unless the event needs no more.
  @Test(arguments: ManagementSamples.all.indices)
  func fewerParametersAreRefused(index: Int) {
    let sample = ManagementSamples.all[index]
    let (code, controller) = (
      UInt16(sample.bytes[0]) | UInt16(sample.bytes[1]) << 8, UInt16(sample.bytes[2]) | UInt16(sample.bytes[3]) << 8
    )
    if case .other = sample.packet { return checkOther(sample.bytes, code, controller) }
    let parameters = Array(sample.bytes.dropFirst(6))
    for length in 0..<parameters.count {
      let packet = ManagementSamples.packet(code, controller, Array(parameters.prefix(length)))
      #expect(ManagementPacket.parse(packet) == .failure(.shortParameters(code: code)), "with \(length)")
    }
  }

  /// An event that is skipped has no parameters to miss; an answer has those that say whose answer it is.
  private func checkOther(_ bytes: [UInt8], _ code: UInt16, _ controller: UInt16) {
    for length in 0..<(bytes.count - 6) {
      let packet = ManagementSamples.packet(code, controller, Array(bytes.dropFirst(6).prefix(length)))
      let isShort = code <= 2 && length < 3
      #expect(ManagementPacket.parse(packet) == (isShort ? .failure(.shortParameters(code: code)) : .success(.other(code: code))))
    }
  }

  /// Later kernels append to what they send.
  @Test(arguments: ManagementSamples.all.indices)
  func moreParametersAreTaken(index: Int) {
    let sample = ManagementSamples.all[index]
    let (code, controller) = (
      UInt16(sample.bytes[0]) | UInt16(sample.bytes[1]) << 8, UInt16(sample.bytes[2]) | UInt16(sample.bytes[3]) << 8
    )
    let longer = ManagementSamples.packet(code, controller, Array(sample.bytes.dropFirst(6)) + [1, 2, 3])
    #expect(ManagementPacket.parse(longer) == .success(sample.packet))
    #expect(ManagementPacket.parse(sample.bytes + [0]) == .failure(.wrongLength(code: code)))
  }

  @Test(arguments: [0x0003, 0x0004, 0x0005, 0x0006, 0x0013] as [UInt16])
  func anEventOfNoControllerIsRefused(code: UInt16) {
    let packet = ManagementSamples.packet(code, 0xFFFF, [0, 0, 0, 0])
    #expect(ManagementPacket.parse(packet) == .failure(.noController(code: code)))
  }

  @Test func countsThatPromiseTooMuchAreRefused() {
    let list = ManagementSamples.complete(0x0003, 0xFFFF, [0xFF, 0xFF, 0, 0])
    #expect(ManagementPacket.parse(list) == .failure(.shortParameters(code: 1)))
    let supported = ManagementSamples.complete(0x0002, 0xFFFF, [0xFF, 0xFF, 0xFF, 0xFF, 4, 0])
    #expect(ManagementPacket.parse(supported) == .failure(.shortParameters(code: 1)))
  }

  /// Whatever comes is a value or a rejection, and a health that has taken it stays within its bounds.
  @Test func bytesByChanceNeverTrap() {
    var generator = SplitMix(state: 0x6B6E_7574)
    var health = RadioHealth()
    var taken = 0
    for _ in 0..<50_000 {
      var bytes = (0..<Int(generator.next() % 40)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      // Half of them with a header that agrees and a code that is known, or nothing would get far.
      if generator.next() % 2 == 0, bytes.count >= 6 {
        bytes[0] = UInt8(generator.next() % 0x14)
        bytes[1] = 0
        bytes.replaceSubrange(4..<6, with: ManagementSamples.little(UInt16(bytes.count - 6)))
        if bytes[0] == 1, bytes.count > 8 { bytes.replaceSubrange(6..<9, with: [UInt8(generator.next() % 5), 0, 0]) }
      }
      switch ManagementPacket.parse(bytes) {
      case .failure(let rejection): _ = health.reject(rejection)
      case .success(let packet):
        taken += 1
        _ = health.take(packet)
      }
      #expect(health.adapters.count <= RadioHealth.adaptersMax)
    }
    #expect(taken > 10_000 && health.rejected == UInt64(50_000 - taken))
    #expect(health.adapters.map(\.index) == health.adapters.map(\.index).sorted())
  }

  /// Codes and forms as the protocol has them. All four read; a change here would let the monitor change a radio.
  @Test func commandsOnlyRead() {
    #expect(ManagementCommand.readVersion.bytes == [0x01, 0, 0xFF, 0xFF, 0, 0])
    #expect(ManagementCommand.readSupported.bytes == [0x02, 0, 0xFF, 0xFF, 0, 0])
    #expect(ManagementCommand.readIndexList.bytes == [0x03, 0, 0xFF, 0xFF, 0, 0])
    #expect(ManagementCommand.readControllerInfo(index: 0x0102).bytes == [0x04, 0, 0x02, 0x01, 0, 0])
  }
}

/// A generator with a seed, so that a failure can be repeated.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
