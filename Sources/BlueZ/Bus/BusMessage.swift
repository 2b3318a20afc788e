// Reading the bodies of bus messages: D-Bus's types, one method each. libsystemd keeps the place in the message. Every length is
// checked before anything is copied: a message is bytes from outside.

import CSystemd

/// The body is not what the interface says. Also thrown when a body is damaged.
package struct MalformedMessage: Error, Sendable, Hashable {}

/// The most that is kept of what bluetoothd says. What is larger is read as `.unknown`, or left out where it is a whole entry.
package enum BusLimits {
  /// Objects of one GetManagedObjects. BlueZ has some 60 for a connected device and one for every device in range.
  package static let objects = 4_096
  /// Interfaces of one object; BlueZ's richest object, an adapter, has seven.
  package static let interfaces = 32
  /// Properties of one interface; Device1 has 27.
  package static let properties = 64
  /// Strings and object paths, in bytes. A device's name has at most 248.
  package static let textBytes = 1_024
  /// An attribute's value has at most 512.
  package static let bytes = 4_096
  /// Elements of a list of strings: a device's services, a characteristic's flags.
  package static let texts = 256
  /// Companies or services in one advertisement; 1 650 bytes of extended advertising hold no more of use.
  package static let dataEntries = 64
}

/// A message's body, from where reading stands. Does not own the message. Used on the connection's thread only.
package struct BusMessage {
  package let handle: OpaquePointer

  package init(_ handle: OpaquePointer) { self.handle = handle }

  package var path: String? { sd_bus_message_get_path(handle).flatMap { Self.text($0) } }
  package var interface: String? { sd_bus_message_get_interface(handle).flatMap { Self.text($0) } }
  package var member: String? { sd_bus_message_get_member(handle).flatMap { Self.text($0) } }
  package var sender: String? { sd_bus_message_get_sender(handle).flatMap { Self.text($0) } }

  /// Whether the whole body has this signature.
  package func has(signature: String) -> Bool { sd_bus_message_has_signature(handle, signature) > 0 }

  package func flag() throws(MalformedMessage) -> Bool { try scalar("b", Int32(0)) != 0 }
  package func byte() throws(MalformedMessage) -> UInt8 { try scalar("y", UInt8(0)) }
  package func int16() throws(MalformedMessage) -> Int16 { try scalar("n", Int16(0)) }
  package func uint16() throws(MalformedMessage) -> UInt16 { try scalar("q", UInt16(0)) }
  package func int32() throws(MalformedMessage) -> Int32 { try scalar("i", Int32(0)) }
  package func uint32() throws(MalformedMessage) -> UInt32 { try scalar("u", UInt32(0)) }
  package func int64() throws(MalformedMessage) -> Int64 { try scalar("x", Int64(0)) }
  package func uint64() throws(MalformedMessage) -> UInt64 { try scalar("t", UInt64(0)) }
  /// A descriptor that belongs to the message: duplicate it to keep it.
  package func descriptor() throws(MalformedMessage) -> Int32 { try scalar("h", Int32(-1)) }

  /// A string (`s`), object path (`o`) or signature (`g`); nil when it is longer than `BusLimits.textBytes`.
  package func text(_ type: Unicode.Scalar = "s") throws(MalformedMessage) -> String? {
    var pointer: UnsafePointer<CChar>?
    guard sd_bus_message_read_basic(handle, code(type), &pointer) > 0, let pointer else { throw MalformedMessage() }
    return Self.text(pointer)
  }

  /// An array of bytes; nil when it is longer than `BusLimits.bytes`.
  package func bytes() throws(MalformedMessage) -> [UInt8]? {
    var pointer: UnsafeRawPointer?
    var count = 0
    guard sd_bus_message_read_array(handle, code("y"), &pointer, &count) >= 0 else { throw MalformedMessage() }
    guard let pointer, count > 0 else { return [] }
    guard count <= BusLimits.bytes else { return nil }
    return Array(UnsafeRawBufferPointer(start: pointer, count: count))
  }

  /// Reads each element of an array of `contents` with `body`.
  package func forEach(of contents: String, _ body: () throws(MalformedMessage) -> Void) throws(MalformedMessage) {
    guard sd_bus_message_enter_container(handle, code("a"), contents) > 0 else { throw MalformedMessage() }
    while true {
      let isAtEnd = sd_bus_message_at_end(handle, 0)
      guard isAtEnd >= 0 else { throw MalformedMessage() }
      if isAtEnd > 0 { break }
      try body()
    }
    try leave()
  }

  /// Reads each entry of a dictionary whose keys and values have the types `contents`: `sv`, `oa{sa{sv}}`.
  package func forEachEntry(of contents: String, _ body: () throws(MalformedMessage) -> Void) throws(MalformedMessage) {
    try forEach(of: "{\(contents)}") { () throws(MalformedMessage) in
      guard sd_bus_message_enter_container(handle, code("e"), contents) > 0 else { throw MalformedMessage() }
      try body()
      try leave()
    }
  }

  /// Reads a variant: `body` gets the signature of what is inside and must read exactly that.
  package func variant<Value>(_ body: (String) throws(MalformedMessage) -> Value) throws(MalformedMessage) -> Value {
    var contents: UnsafePointer<CChar>?
    var type: CChar = 0
    guard sd_bus_message_peek_type(handle, &type, &contents) > 0, type == code("v"), let contents else { throw MalformedMessage() }
    let signature = String(cString: contents)
    guard sd_bus_message_enter_container(handle, code("v"), signature) > 0 else { throw MalformedMessage() }
    let value = try body(signature)
    try leave()
    return value
  }

  /// Passes over values of these types.
  package func skip(_ types: String) throws(MalformedMessage) {
    guard sd_bus_message_skip(handle, types) >= 0 else { throw MalformedMessage() }
  }

  private func leave() throws(MalformedMessage) {
    guard sd_bus_message_exit_container(handle) >= 0 else { throw MalformedMessage() }
  }

  private func scalar<Value: BitwiseCopyable>(_ type: Unicode.Scalar, _ zero: Value) throws(MalformedMessage) -> Value {
    var value = zero
    guard sd_bus_message_read_basic(handle, code(type), &value) > 0 else { throw MalformedMessage() }
    return value
  }

  private func code(_ type: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: type.value) }

  /// libsystemd has checked that the bytes are UTF-8 and end with a zero.
  private static func text(_ pointer: UnsafePointer<CChar>) -> String? {
    var count = 0
    while pointer[count] != 0 {
      count += 1
      if count > BusLimits.textBytes { return nil }
    }
    return String(cString: pointer)
  }
}
