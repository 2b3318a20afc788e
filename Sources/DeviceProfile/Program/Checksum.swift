// Checksums over a range of a frame, bit by bit: frames are short, and a table of 512 bytes for each kind is not worth it.

extension ChecksumKind {
  /// The checksum of `frame[from..<end]`. The caller has checked the range.
  func compute(_ frame: Span<UInt8>, from: Int, end: Int) -> UInt16 {
    switch self {
    case .crc16ccitt: forwardCRC(frame, from: from, end: end)
    case .crc16itu: reflectedCRC(frame, from: from, end: end, polynomial: 0x8408, start: 0xFFFF) ^ 0xFFFF
    case .crc16ibm: reflectedCRC(frame, from: from, end: end, polynomial: 0xA001, start: 0)
    case .crc16modbus: reflectedCRC(frame, from: from, end: end, polynomial: 0xA001, start: 0xFFFF)
    case .sum8: (from..<end).reduce(into: UInt16(0)) { $0 = ($0 + UInt16(frame[$1])) & 0xFF }
    case .xor8: (from..<end).reduce(into: UInt16(0)) { $0 ^= UInt16(frame[$1]) }
    }
  }
}

private func forwardCRC(_ frame: Span<UInt8>, from: Int, end: Int) -> UInt16 {
  var crc: UInt16 = 0xFFFF
  for index in from..<end {
    crc ^= UInt16(frame[index]) << 8
    for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
  }
  return crc
}

private func reflectedCRC(_ frame: Span<UInt8>, from: Int, end: Int, polynomial: UInt16, start: UInt16) -> UInt16 {
  var crc = start
  for index in from..<end {
    crc ^= UInt16(frame[index])
    for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ polynomial : crc >> 1 }
  }
  return crc
}
