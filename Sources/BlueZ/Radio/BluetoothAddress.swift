// A Bluetooth device address: 48 bits, and what its two top bits say about how long it will last. An address can follow a
// person around, so what lands in a log shows only the half that names the vendor; `text` is for storage and for bluetoothd.

import VitalSigns

/// A device or adapter address.
///
/// Equality is by the 48 bits alone: whether an address is public or random stands beside it (`DeviceObject.AddressType`).
public struct BluetoothAddress: Sendable, Hashable, Comparable {
  /// The 48 bits, the first written byte highest; the upper 16 are 0.
  public let rawValue: UInt64

  /// How an address was made (Core Specification, Volume 6, Part B, 1.3).
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Given by the IEEE to the maker: for ever the same.
    case publicDevice
    /// Chosen by the device: the same until its battery is changed, at least.
    case staticRandom
    /// Changes every few minutes; who holds the device's identity key (a bond) can tell whose it is.
    case resolvablePrivate
    /// Changes, and nobody can tell whose it is.
    case nonResolvablePrivate
    /// Two top bits that the specification reserves.
    case reserved

    /// Whether the address still names the same device tomorrow, so that it may be stored as a device's name.
    public var lasts: Bool { self == .publicDevice || self == .staticRandom }
  }

  /// Nil when `rawValue` has more than 48 bits.
  public init?(rawValue: UInt64) {
    guard rawValue >> 48 == 0 else { return nil }
    self.rawValue = rawValue
  }

  /// From `AA:BB:CC:DD:EE:FF`: six pairs of hexadecimal digits with colons between, either case, and nothing else.
  public init?(_ text: some StringProtocol) {
    var value: UInt64 = 0
    var place = 0
    for byte in text.utf8 {
      // Seventeen characters; every third is a colon.
      guard place < 17 else { return nil }
      if place % 3 == 2 {
        guard byte == 0x3A else { return nil }
      } else {
        guard let digit = Hexadecimal.digit(byte) else { return nil }
        value = value << 4 | UInt64(digit)
      }
      place += 1
    }
    guard place == 17 else { return nil }
    rawValue = value
  }

  /// From the six bytes of a packet, where the last written byte comes first. Nil for another number of bytes.
  public init?(littleEndian bytes: some Collection<UInt8>) {
    guard bytes.count == 6 else { return nil }
    rawValue = bytes.enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
  }

  /// `AA:BB:CC:DD:EE:FF`, upper case: for storage, for bluetoothd, and for the installer who compares it with a label.
  public var text: String {
    stride(from: 40, through: 0, by: -8).map { Hexadecimal.text(UInt8(truncatingIfNeeded: rawValue >> UInt64($0)), digits: 2) }
      .joined(separator: ":").uppercased()
  }

  /// All zeros: an adapter without an address of its own.
  public var isUnset: Bool { rawValue == 0 }

  /// What the address is. `isRandom`: BlueZ's AddressType is `random`; the bits alone do not say it.
  public func kind(isRandom: Bool) -> Kind {
    guard isRandom else { return .publicDevice }
    return switch rawValue >> 46 {
    case 0b11: .staticRandom
    case 0b01: .resolvablePrivate
    case 0b00: .nonResolvablePrivate
    default: .reserved
    }
  }

  public static func < (a: BluetoothAddress, b: BluetoothAddress) -> Bool { a.rawValue < b.rawValue }
}

extension BluetoothAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `AA:BB:CC:…`: the vendor's half. This is what string interpolation, logs and dumps give.
  public var description: String { text.prefix(9) + "…" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
