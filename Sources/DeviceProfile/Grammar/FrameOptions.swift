// The options of one frame in the `decode:` section: payload, byte order, repeats, ignored keys, users. Read before the steps,
// because they decide how the steps are compiled.

import VitalSigns

/// What the file says around the steps of a frame.
struct FrameOptions {
  var key: FrameKey
  var isJSON: Bool
  var allowsText = false
  var isShared = false
  var ignored: [IgnoredKey]?
  /// Which users of the device are this person. Given here, it takes the place of what the steps say.
  var users: [Quantity]?
  var retained: RetainedPolicy
  var frameBytesMax: Int
  var bigEndian: Bool
  var rejectsTrailing = true
  var repeats: RepeatRule?
  /// The name of the field that holds the packet's number, and where the file names it.
  var packet: (name: String, position: SourcePosition)?

  enum Payload: String, CaseIterable {
    case json, bytes, jsonOrText
  }
  enum Trailing: String, CaseIterable {
    case reject, ignore
  }

  init(key: FrameKey, transport: TransportSettings) {
    self.key = key
    isJSON = transport.kind == .mqttJSON
    retained = transport.retained
    frameBytesMax = transport.frameBytesMax
    bigEndian = transport.bigEndian
    if transport.kind == .bleAdvertisement { repeats = .identical(seconds: RepeatRule.identicalSecondsDefault) }
  }

  mutating func read(_ fields: Fields, _ transport: TransportSettings) {
    if let payload = fields.choice("payload", Payload.self) {
      if !transport.kind.isMQTT {
        fields.problems.note(fields.position("payload"), "`payload` is for MQTT; allowed with \(transport.kind.rawValue): leave it out")
      }
      isJSON = payload != .bytes
      allowsText = payload == .jsonOrText
    }
    if fields.flag("shared") == true {
      isShared = true
      if !transport.kind.isMQTT {
        fields.problems.note(fields.position("shared"), "`shared` is for MQTT; allowed with \(transport.kind.rawValue): leave it out")
      }
    }
    readIgnored(fields)
    if fields.has("users") { users = Self.users(fields, "users") }
    if let policy = fields.choice("retained", RetainedPolicy.self) { retained = policy }
    if let size = fields.integer("frameBytesMax", in: 1...Int64(DecodeLimits.frameBytesCeiling)) { frameBytesMax = Int(size) }
    if let order = fields.choice("byteOrder", ByteOrder.self) { bigEndian = order == .big }
    if let trailing = fields.choice("trailing", Trailing.self) { rejectsTrailing = trailing == .reject }
    readRepeats(fields, transport)
  }

  private mutating func readIgnored(_ fields: Fields) {
    guard fields.has("ignore") else { return }
    if !isJSON, !fields.has("decodeAs") {
      fields.problems.note(
        fields.keyPositions["ignore"] ?? fields.position, "`ignore` is for frames of JSON; allowed in frames of bytes: leave it out")
    }
    ignored = fields.list("ignore").compactMap { item in
      guard let text = item.scalar, !text.isEmpty, !text.dropLast().contains("*") else {
        fields.wrong(item, "ignore", "keys of the outermost object, such as linkquality, or update* for all that begin so")
        return nil
      }
      let isPrefix = text.hasSuffix("*")
      return IgnoredKey(bytes: Array((isPrefix ? text.dropLast() : text[...]).utf8), isPrefix: isPrefix)
    }
  }

  /// The numbers by which a device tells its users.
  static func users(_ fields: Fields, _ key: String) -> [Quantity] {
    fields.list(key).compactMap { item in
      if let number = item.scalar.flatMap(Scalars.integer), (0...255).contains(number) { return Quantity(mantissa: number) }
      fields.wrong(item, key, "the users of the device that are this person, numbers from 0 to 255; 255 is usually \"not known\"")
      return nil
    }
  }

  private mutating func readRepeats(_ fields: Fields, _ transport: TransportSettings) {
    guard let node = fields.node("repeats") else { return }
    if transport.kind != .bleAdvertisement {
      fields.problems.note(
        fields.keyPositions["repeats"] ?? node.position,
        "`repeats` is for bleAdvertisement; allowed with \(transport.kind.rawValue): leave it out")
      return
    }
    guard let inner = Fields(node, allowed: ["packet", "within", "identical"], what: "repeats", fields.problems) else { return }
    guard inner.has("packet") != inner.has("identical"), !inner.has("within") || inner.has("packet") else {
      fields.problems.note(node.position, "`repeats` is unclear; allowed: packet (a field's name) with within, or identical (a time)")
      return
    }
    if inner.has("identical") {
      repeats = SessionCompiler.wait("identical", inner).map { .identical(seconds: $0) }
    } else if let name = inner.text("packet") {
      packet = (name, inner.position("packet"))
      let within = inner.has("within") ? SessionCompiler.wait("within", inner) : RepeatRule.packetSecondsDefault
      repeats = within.map { .packet(withinSeconds: $0) }
    }
  }
}
