// Commands to a device: what may be sent, by whom, and how it becomes bytes. Commands are not data: unlocking a door
// and releasing a dose are sent at most once and never retried by a machine, and a profile that says otherwise does
// not load. Only `identify` without parameters over Bluetooth is sent today: `role`, `needsDualControl`, `timeoutSeconds`, `retry`,
// `success` and `readBack` are checked when a profile loads and obeyed by nobody yet. DeviceProfiles/README.md says so too.

public import VitalSigns

/// What a command does in the world. The load check and the screens go by it.
public enum CommandEffect: String, Sendable, Hashable, CaseIterable {
  case unlock, lock, dispense, silence, identify, configure

  /// A command that does harm when it is done twice, or that opens what somebody has closed meanwhile. It is never retried.
  public var isAtMostOnce: Bool { self == .unlock || self == .dispense }
}

/// The least that a person must be to send the command.
public enum CommandRole: String, Sendable, Hashable, CaseIterable {
  case installer, nurse, responder, operations
}

public enum CommandRetry: String, Sendable, Hashable, CaseIterable {
  case never
  /// Doing the command again changes nothing more.
  case safe
}

/// One typed parameter.
public struct CommandParameter: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case integer(min: Int64, max: Int64)
    /// At most this many decimals.
    case decimal(places: UInt8)
    case choice([String])
    /// At most this many bytes of UTF-8, no control characters.
    case text(maxBytes: Int)
    case flag
  }
  public var key: String
  public var kind: Kind
  public var summary: String?
}

/// A value for a parameter. A choice is given as text.
public enum CommandArgument: Sendable, Hashable {
  case integer(Int64)
  case decimal(Quantity)
  case text(String)
  case flag(Bool)
}

/// How the device says that it carried the command out.
public struct CommandSuccess: Sendable, Hashable {
  public var topic: TopicPattern
  /// JSON pointer into the answer; nil: the whole payload as text.
  var pointer: JSONPointerSet?
  public var equals: String
}

/// What must be observed before the command counts as done.
public struct CommandReadBack: Sendable, Hashable {
  public var event: DeviceEventKind
  public var withinSeconds: UInt32
}

/// One command of a profile.
public struct CommandDeclaration: Sendable, Hashable {
  enum Format: String, Sendable, Hashable, CaseIterable {
    case text, json, hex
  }
  enum Part: Sendable, Hashable {
    case literal([UInt8])
    /// `parameter`: an index in `parameters`. `bytes`: the integer's width, for `hex`.
    case parameter(Int, bytes: UInt8, bigEndian: Bool)
  }

  public var key: String
  public var summary: String
  public var effect: CommandEffect
  public var parameters: [CommandParameter]
  public var role: CommandRole
  /// Two people must agree.
  public var needsDualControl: Bool
  /// An older command is not sent any more. A command without an answer by then has an unknown outcome.
  public var timeoutSeconds: UInt32
  public var retry: CommandRetry
  /// The topic with the address's captures (MQTT), or the characteristic (Bluetooth).
  public var destination: FrameKey
  public var qos: UInt8
  public var success: CommandSuccess?
  public var readBack: CommandReadBack?
  var format: Format
  var parts: [Part]
}

/// A command ready to send.
public struct EncodedCommand: Sendable, Hashable {
  public enum Destination: Sendable, Hashable {
    case topic(String, qos: UInt8)
    case characteristic(BluetoothUUID)
  }
  public var destination: Destination
  public var payload: [UInt8]

  public init(destination: Destination, payload: [UInt8]) {
    self.destination = destination
    self.payload = payload
  }
}

/// Why a command was not encoded. Nothing was sent. Trying again with the same arguments fails again.
public enum CommandError: Error, Sendable, Hashable, CustomStringConvertible {
  case unknownParameter(String)
  case missingParameter(String)
  /// The parameter and what it allows.
  case wrongValue(parameter: String, allowed: String)
  case addressDoesNotFit

  public var description: String {
    switch self {
    case .unknownParameter(let key): "the command has no parameter \(key)"
    case .missingParameter(let key): "the parameter \(key) is missing"
    case .wrongValue(let key, let allowed): "the value of \(key) is not allowed; allowed: \(allowed)"
    case .addressDoesNotFit: "the device's address does not fit the profile's topics"
    }
  }
}

extension CommandDeclaration {
  /// The message for one device. MQTT payloads never carry a retain flag: a device would carry a stored command out again.
  public func encode(_ arguments: [String: CommandArgument], address: String) throws(CommandError) -> EncodedCommand {
    for key in arguments.keys.sorted() where !parameters.contains(where: { $0.key == key }) { throw .unknownParameter(key) }
    var payload: [UInt8] = []
    for part in parts {
      switch part {
      case .literal(let bytes): payload += bytes
      case .parameter(let index, let bytes, let bigEndian):
        let parameter = parameters[index]
        guard let argument = arguments[parameter.key] else { throw .missingParameter(parameter.key) }
        payload += try parameter.bytes(of: argument, format: format, width: bytes, bigEndian: bigEndian)
      }
    }
    switch destination {
    case .topic(let pattern):
      guard let topic = pattern.filter(for: address) else { throw .addressDoesNotFit }
      return EncodedCommand(destination: .topic(topic, qos: qos), payload: payload)
    case .characteristic(let uuid), .serviceData(let uuid):
      return EncodedCommand(destination: .characteristic(uuid), payload: payload)
    case .manufacturerData:
      throw .addressDoesNotFit
    }
  }

  /// Whether an answer says that the command was carried out; nil when the topic carries no answer to this command.
  public func isSuccess(topic: String, payload: [UInt8]) -> Bool? {
    guard let success, success.topic.matches(topic) else { return nil }
    let wanted = Array(success.equals.utf8)
    guard let pointers = success.pointer else {
      let spaces: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
      let text = payload.drop(while: spaces.contains).reversed().drop(while: spaces.contains).reversed()
      return Array(text) == wanted
    }
    guard payload.count <= DecodeLimits.frameBytesDefault else { return false }
    var reader = JSONReader()
    do throws(FrameRejection) { try reader.read(payload.span, pointers: pointers) } catch { return false }
    let slot = reader.slots[0]
    switch slot.kind {
    case .booleanTrue: return success.equals == "true"
    case .booleanFalse: return success.equals == "false"
    case .number, .string: return Array(payload[Int(slot.start)..<Int(slot.end)]) == wanted
    case .escapedString: return JSONText.equals(payload.span, start: Int(slot.start), end: Int(slot.end), wanted)
    case .missing, .null, .container: return false
    }
  }
}

extension CommandParameter {
  /// What a person may enter, in words.
  public var allowed: String {
    switch kind {
    case .integer(let min, let max): "a whole number from \(min) to \(max)"
    case .decimal(let places): "a number with at most \(places) decimals"
    case .choice(let choices): choices.joined(separator: ", ")
    case .text(let bytes): "a text of at most \(bytes) bytes without control characters"
    case .flag: "true or false"
    }
  }

  func bytes(
    of argument: CommandArgument, format: CommandDeclaration.Format, width: UInt8, bigEndian: Bool
  ) throws(CommandError) -> [UInt8] {
    let wrong = CommandError.wrongValue(parameter: key, allowed: allowed)
    switch (kind, argument) {
    case (.integer(let min, let max), .integer(let value)):
      guard value >= min, value <= max else { throw wrong }
      if format != .hex { return Array(String(value).utf8) }
      let little = (0..<Int(width)).map { UInt8(truncatingIfNeeded: value >> Int64(8 * $0)) }
      return bigEndian ? little.reversed() : little
    case (.decimal(let places), .decimal(let value)):
      guard value.exponent >= -Int8(clamping: places), value.exponent <= 18, format != .hex else { throw wrong }
      return Array(value.description.utf8)
    case (.flag, .flag(let value)) where format != .hex:
      return Array((value ? "true" : "false").utf8)
    case (.choice(let choices), .text(let text)):
      guard choices.contains(text), format != .hex else { throw wrong }
      return format == .json ? Array(JSONString.quoted(text).utf8) : Array(text.utf8)
    case (.text(let maxBytes), .text(let text)):
      guard text.utf8.count <= maxBytes, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }), format != .hex
      else { throw wrong }
      return format == .json ? Array(JSONString.quoted(text).utf8) : Array(text.utf8)
    default:
      throw wrong
    }
  }
}
