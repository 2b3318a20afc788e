// The kernel's Bluetooth management protocol (BlueZ, doc/mgmt-api.txt), as far as a listener needs it: four commands that
// read, and the events that tell whether a radio lives. Bytes in, values out; no socket here. Every packet is a header of
// six bytes (code, controller, length of what follows; little-endian) and its parameters.
//
// A packet that is longer than this version knows is taken: later kernels append fields. A shorter one is refused.

/// A command. There is none here that changes anything.
package enum ManagementCommand: Sendable, Hashable {
  case readVersion
  /// Which commands and events the kernel grants this socket: fewer without CAP_NET_ADMIN.
  case readSupported
  case readIndexList
  case readControllerInfo(index: UInt16)

  package var code: UInt16 {
    switch self {
    case .readVersion: 0x0001
    case .readSupported: 0x0002
    case .readIndexList: 0x0003
    case .readControllerInfo: 0x0004
    }
  }

  /// The packet: six bytes, for none of these has parameters.
  package var bytes: [UInt8] {
    let index = if case .readControllerInfo(let index) = self { index } else { ManagementPacket.noController }
    return [code, index, 0].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }
}

/// What the kernel says.
package enum ManagementPacket: Sendable, Hashable {
  /// The answer to `readVersion`.
  case version(UInt8, revision: UInt16)
  /// The answer to `readSupported`: codes of the events that this socket gets.
  case supported(events: Set<UInt16>)
  /// The answer to `readIndexList`.
  case indexList([UInt16])
  /// The answer to `readControllerInfo`.
  case controllerInfo(index: UInt16, ManagementControllerInfo)
  /// A command failed, with the protocol's status (0x11: no such controller).
  case failed(command: UInt16, index: UInt16, status: UInt8)
  case controllerError(index: UInt16, code: UInt8)
  case indexAdded(UInt16)
  case indexRemoved(UInt16)
  case newSettings(index: UInt16, ManagementSettings)
  case discovering(index: UInt16, Bool)
  /// An event that does not concern a listener, or an answer to a command of a later version.
  case other(code: UInt16)

  /// The controller index that means "none".
  package static let noController: UInt16 = 0xFFFF
  /// The longest packet that is read. The longest expected answer, to `readSupported`, has some 300 bytes; an event with a
  /// stranger's advertisement, which is skipped, up to some 1 700. A longer one is cut by the socket and then refused.
  package static let lengthMax = 4_096

  /// Code of the event that tells whether an adapter is scanning: what a socket without CAP_NET_ADMIN does not get.
  package static let discoveringCode: UInt16 = 0x0013

  /// Reads one packet. Any bytes give a value or a named rejection.
  package static func parse(_ bytes: [UInt8]) -> Result<ManagementPacket, ManagementRejection> {
    var reader = LittleEndianReader(bytes)
    guard let code = reader.u16(), let index = reader.u16(), let length = reader.u16() else { return .failure(.shortHeader) }
    guard reader.count == Int(length) else { return .failure(.wrongLength(code: code)) }
    guard let packet = event(code, index, &reader) else { return .failure(.shortParameters(code: code)) }
    if isOfOneController(packet), index == noController { return .failure(.noController(code: code)) }
    return .success(packet)
  }

  /// Nil when the parameters are too short.
  private static func event(_ code: UInt16, _ index: UInt16, _ reader: inout LittleEndianReader) -> ManagementPacket? {
    switch code {
    case 0x0001:
      guard let command = reader.u16(), let status = reader.u8() else { return nil }
      return status == 0 ? answer(command, index, &reader) : .failed(command: command, index: index, status: status)
    case 0x0002:
      guard let command = reader.u16(), let status = reader.u8() else { return nil }
      // "Begun": the answer comes later.
      return status == 0 ? .other(code: code) : .failed(command: command, index: index, status: status)
    case 0x0003: return reader.u8().map { .controllerError(index: index, code: $0) }
    case 0x0004: return .indexAdded(index)
    case 0x0005: return .indexRemoved(index)
    case 0x0006: return reader.u32().map { .newSettings(index: index, ManagementSettings(rawValue: $0)) }
    case discoveringCode:
      guard reader.u8() != nil, let value = reader.u8() else { return nil }
      return .discovering(index: index, value != 0)
    default: return .other(code: code)
    }
  }

  private static func answer(_ command: UInt16, _ index: UInt16, _ reader: inout LittleEndianReader) -> ManagementPacket? {
    switch command {
    case ManagementCommand.readVersion.code:
      guard let version = reader.u8(), let revision = reader.u16() else { return nil }
      return .version(version, revision: revision)
    case ManagementCommand.readSupported.code:
      guard let commands = reader.u16(), let events = reader.u16(), reader.skip(2 * Int(commands)),
        let codes = reader.u16s(count: Int(events))
      else { return nil }
      return .supported(events: Set(codes))
    case ManagementCommand.readIndexList.code:
      guard let count = reader.u16(), let indexes = reader.u16s(count: Int(count)) else { return nil }
      return .indexList(indexes)
    case ManagementCommand.readControllerInfo(index: 0).code:
      return ManagementControllerInfo(&reader).map { .controllerInfo(index: index, $0) }
    default: return .other(code: 0x0001)
    }
  }

  private static func isOfOneController(_ packet: ManagementPacket) -> Bool {
    switch packet {
    case .controllerInfo, .controllerError, .indexAdded, .indexRemoved, .newSettings, .discovering: true
    case .version, .supported, .indexList, .failed, .other: false
    }
  }
}

/// Why bytes from the management socket are no packet that this version takes.
public enum ManagementRejection: Error, Sendable, Hashable {
  /// Fewer than six bytes.
  case shortHeader
  /// The header's length is not that of what follows.
  case wrongLength(code: UInt16)
  /// The parameters end too early.
  case shortParameters(code: UInt16)
  /// An event about a controller that names none.
  case noController(code: UInt16)
}

/// Current settings of a controller: the two bits that matter here.
package struct ManagementSettings: Sendable, Hashable {
  package let rawValue: UInt32
  package var isPowered: Bool { rawValue & 1 != 0 }
  package var hasLowEnergy: Bool { rawValue & 1 << 9 != 0 }
}

/// The answer to Read Controller Information. Its names and class are of no use here.
package struct ManagementControllerInfo: Sendable, Hashable {
  /// Nil for a controller without a public address.
  package var address: BluetoothAddress?
  /// The Bluetooth SIG's number of the HCI version: 6 is 4.0, 9 is 5.0.
  package var version: UInt8
  /// Company identifier of the chip's maker.
  package var manufacturer: UInt16
  package var supported: ManagementSettings
  package var current: ManagementSettings
}

extension ManagementControllerInfo {
  fileprivate init?(_ reader: inout LittleEndianReader) {
    guard let address = reader.bytes(6), let version = reader.u8(), let manufacturer = reader.u16(), let supported = reader.u32(),
      let current = reader.u32(), reader.skip(3 + 249 + 11)
    else { return nil }
    self.address = BluetoothAddress(littleEndian: address).flatMap { $0.isUnset ? nil : $0 }
    self.version = version
    self.manufacturer = manufacturer
    self.supported = ManagementSettings(rawValue: supported)
    self.current = ManagementSettings(rawValue: current)
  }
}

/// Takes little-endian numbers from the front of some bytes; nil when they are used up.
private struct LittleEndianReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var count: Int { rest.count }

  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func skip(_ count: Int) -> Bool { bytes(count) != nil }
  mutating func u8() -> UInt8? { bytes(1)?.first }
  mutating func u16() -> UInt16? { bytes(2)?.reversed().reduce(0) { $0 << 8 | UInt16($1) } }
  mutating func u32() -> UInt32? { bytes(4)?.reversed().reduce(0) { $0 << 8 | UInt32($1) } }

  mutating func u16s(count: Int) -> [UInt16]? {
    guard rest.count / 2 >= count else { return nil }
    return (0..<count).compactMap { _ in u16() }
  }
}
