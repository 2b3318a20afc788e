// Device addresses: what is one, what its two top bits say, and that a log never gets more than the vendor's half.

import Testing

@testable import BlueZ
@testable import BluetoothLink

@Suite struct RadioAddressTests {
  @Test(
    arguments: [
      ("00:00:00:00:00:00", 0), ("00:1C:05:FF:2A:01", 0x001C_05FF_2A01), ("a1:b2:c3:d4:e5:f6", 0xA1B2_C3D4_E5F6),
      ("FF:FF:FF:FF:FF:FF", 0xFFFF_FFFF_FFFF), ("Aa:bB:0c:D0:9e:E9", 0xAABB_0CD0_9EE9),
    ] as [(String, UInt64)])
  func textIsRead(text: String, value: UInt64) throws {
    let address = try #require(BluetoothAddress(text))
    #expect(address.rawValue == value)
    #expect(address.text == text.uppercased())
    #expect(BluetoothAddress(rawValue: value) == address)
    #expect(BluetoothAddress(address.text) == address)
  }

  @Test(arguments: [
    "", "00", "00:1C:05:FF:2A", "00:1C:05:FF:2A:", "00:1C:05:FF:2A:0", "00:1C:05:FF:2A:011", "00:1C:05:FF:2A:01:02", "00-1C-05-FF-2A-01",
    "001C05FF2A01", "00:1C:05:FF:2A:0G", " 00:1C:05:FF:2A:01", "00:1C:05:FF:2A:01 ", "0:01C:05:FF:2A:01", "+0:1C:05:FF:2A:01",
    "00:1C:05:FF:2A:0１", "00:1C:05:FF:2A:01\n", ":00:1C:05:FF:2A:0", "dev_00_1C_05_FF_2A_01",
  ])
  func otherTextIsNone(_ text: String) { #expect(BluetoothAddress(text) == nil) }

  @Test func aPacketHasItBackwards() {
    #expect(BluetoothAddress(littleEndian: [0x01, 0x2A, 0xFF, 0x05, 0x1C, 0x00] as [UInt8])?.text == "00:1C:05:FF:2A:01")
    for length in 0...12 where length != 6 {
      #expect(BluetoothAddress(littleEndian: [UInt8](repeating: 1, count: length)) == nil)
    }
  }

  @Test func onlyFortyEightBitsAreOne() {
    #expect(BluetoothAddress(rawValue: 0xFFFF_FFFF_FFFF) != nil)
    #expect(BluetoothAddress(rawValue: 0x1_0000_0000_0000) == nil)
    #expect(BluetoothAddress(rawValue: .max) == nil)
  }

  /// First and last address of each quarter.
  @Test(
    arguments: [
      ("00:00:00:00:00:00", .nonResolvablePrivate), ("3F:FF:FF:FF:FF:FF", .nonResolvablePrivate),
      ("40:00:00:00:00:00", .resolvablePrivate), ("7F:FF:FF:FF:FF:FF", .resolvablePrivate),
      ("80:00:00:00:00:00", .reserved), ("BF:FF:FF:FF:FF:FF", .reserved),
      ("C0:00:00:00:00:00", .staticRandom), ("FF:FF:FF:FF:FF:FF", .staticRandom),
    ] as [(String, BluetoothAddress.Kind)])
  func topBitsTellTheKind(text: String, kind: BluetoothAddress.Kind) throws {
    let address = try #require(BluetoothAddress(text))
    #expect(address.kind(isRandom: true) == kind)
    #expect(address.kind(isRandom: false) == .publicDevice)
  }

  @Test func onlyTwoKindsLast() {
    #expect(BluetoothAddress.Kind.allCases.filter(\.lasts) == [.publicDevice, .staticRandom])
  }

  @Test func logsGetHalf() throws {
    struct Holder { var device: BluetoothAddress? }
    let address = try #require(BluetoothAddress("00:1C:05:FF:2A:01"))
    #expect("\(address)" == "00:1C:05:…")
    var dumped = ""
    dump(Holder(device: address), to: &dumped)
    for text in ["\(address)", String(reflecting: address), "\(Holder(device: address))", "\([address])", dumped] {
      #expect(!text.contains("2A") && !text.contains("ff2a") && !text.contains("\(address.rawValue)"), "\(text)")
      #expect(text.contains("00:1C:05:…"), "\(text)")
    }
  }

  @Test func orderIsThatOfTheText() throws {
    let texts = ["00:00:00:00:00:01", "00:1C:05:FF:2A:01", "7F:00:00:00:00:00", "C0:00:00:00:00:00"]
    #expect(texts.reversed().compactMap { BluetoothAddress($0) }.sorted().map(\.text) == texts)
  }
}
