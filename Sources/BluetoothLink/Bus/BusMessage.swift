// Reading the bodies of bus messages. libsystemd keeps the place in the message; these few methods are all that the
// module knows of D-Bus's types. Every length is checked before anything is copied: a message is bytes from outside.

import CSystemd

/// The body is not what the interface says. Also thrown when a body is damaged.
struct MalformedMessage: Error, Sendable, Hashable {}

/// The most that is kept of what bluetoothd says. What is larger is read as `.unknown`, or left out where it is a whole entry.
enum BusLimits {
  /// Objects of one GetManagedObjects. BlueZ has some 60 for a connected device and one for every device in range.
  static let objects = 4_096
  /// Interfaces of one object; BlueZ's richest object, an adapter, has seven.
  static let interfaces = 32
  /// Properties of one interface; Device1 has 27.
  static let properties = 64
  /// Strings and object paths, in bytes. A device's name has at most 248.
  static let textBytes = 1_024
  /// An attribute's value has at most 512.
  static let bytes = 4_096
  /// Elements of a list of strings: a device's services, a characteristic's flags.
  static let texts = 256
  /// Companies or services in one advertisement; 1 650 bytes of extended advertising hold no more of use.
  static let dataEntries = 64
}

/// A message's body, from where reading stands. Does not own the message. Used on the connection's thread only.
struct BusMessage {
  let handle: OpaquePointer

  init(_ handle: OpaquePointer) { self.handle = handle }

  var path: String? { sd_bus_message_get_path(handle).flatMap { Self.text($0) } }
  var interface: String? { sd_bus_message_get_interface(handle).flatMap { Self.text($0) } }
  var member: String? { sd_bus_message_get_member(handle).flatMap { Self.text($0) } }
  var sender: String? { sd_bus_message_get_sender(handle).flatMap { Self.text($0) } }

  /// Whether the whole body has this signature.
  func has(signature: String) -> Bool { sd_bus_message_has_signature(handle, signature) > 0 }

  func flag() throws(MalformedMessage) -> Bool { try scalar("b", Int32(0)) != 0 }
  func byte() throws(MalformedMessage) -> UInt8 { try scalar("y", UInt8(0)) }
  func int16() throws(MalformedMessage) -> Int16 { try scalar("n", Int16(0)) }
  func uint16() throws(MalformedMessage) -> UInt16 { try scalar("q", UInt16(0)) }
  func int32() throws(MalformedMessage) -> Int32 { try scalar("i", Int32(0)) }
  func uint32() throws(MalformedMessage) -> UInt32 { try scalar("u", UInt32(0)) }
  func int64() throws(MalformedMessage) -> Int64 { try scalar("x", Int64(0)) }
  func uint64() throws(MalformedMessage) -> UInt64 { try scalar("t", UInt64(0)) }
  /// A descriptor that belongs to the message: duplicate it to keep it.
  func descriptor() throws(MalformedMessage) -> Int32 { try scalar("h", Int32(-1)) }

  /// A string (`s`), object path (`o`) or signature (`g`); nil when it is longer than `BusLimits.textBytes`.
  func text(_ type: Unicode.Scalar = "s") throws(MalformedMessage) -> String? {
    var pointer: UnsafePointer<CChar>?
    guard sd_bus_message_read_basic(handle, code(type), &pointer) > 0, let pointer else { throw MalformedMessage() }
    return Self.text(pointer)
  }

  /// An array of bytes; nil when it is longer than `BusLimits.bytes`.
  func bytes() throws(MalformedMessage) -> [UInt8]? {
    var pointer: UnsafeRawPointer?
    var count = 0
    guard sd_bus_message_read_array(handle, code("y"), &pointer, &count) >= 0 else { throw MalformedMessage() }
    guard let pointer, count > 0 else { return [] }
    guard count <= BusLimits.bytes else { return nil }
    return Array(UnsafeRawBufferPointer(start: pointer, count: count))
  }

  /// Reads each element of an array of `contents` with `body`.
  func forEach(of contents: String, _ body: () throws(MalformedMessage) -> Void) throws(MalformedMessage) {
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
  func forEachEntry(of contents: String, _ body: () throws(MalformedMessage) -> Void) throws(MalformedMessage) {
    try forEach(of: "{\(contents)}") { () throws(MalformedMessage) in
      guard sd_bus_message_enter_container(handle, code("e"), contents) > 0 else { throw MalformedMessage() }
      try body()
      try leave()
    }
  }

  /// Reads a variant: `body` gets the signature of what is inside and must read exactly that.
  func variant<Value>(_ body: (String) throws(MalformedMessage) -> Value) throws(MalformedMessage) -> Value {
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
  func skip(_ types: String) throws(MalformedMessage) {
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
