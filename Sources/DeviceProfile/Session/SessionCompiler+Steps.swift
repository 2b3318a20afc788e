// One step of a Bluetooth session: exactly one verb, what may stand beside it, and the characteristic it is about.

import VitalSigns

extension SessionCompiler {
  static let verbs = ["setClock", "read", "write", "subscribe", "fetchRecords", "wait", "disconnect"]
  static let stepKeys =
    verbs + ["service", "optional", "form", "hex", "response", "notifications", "from", "context", "delete", "sequenceAt", "atMost"]
  /// The longest value of a characteristic (Core Specification, volume 3, part F).
  static let valueBytesMax = 512

  private static func companions(of verb: String) -> [String] {
    switch verb {
    case "setClock": ["form", "service", "optional"]
    case "read": ["service", "optional"]
    case "write": ["hex", "response", "service", "optional"]
    case "subscribe": ["notifications", "service", "optional"]
    case "fetchRecords": ["from", "context", "delete", "sequenceAt", "service", "optional"]
    case "wait": ["atMost"]
    default: []
    }
  }

  func step(_ node: ProfileNode) -> BluetoothSessionStep? {
    if node.scalar == "disconnect" { return BluetoothSessionStep(.disconnect) }
    guard let fields = Fields(node, allowed: Self.stepKeys, what: "a step", problems) else { return nil }
    let given = Self.verbs.filter(fields.has)
    guard let verb = given.first, given.count == 1 else {
      let found = given.isEmpty ? "no verb" : given.joined(separator: " and ")
      problems.note(node.position, "the step has \(found); allowed: exactly one of \(Self.verbs.joined(separator: ", "))")
      return nil
    }
    let companions = Self.companions(of: verb)
    for key in Self.stepKeys where key != verb && fields.has(key) && !companions.contains(key) {
      let allowed = companions.isEmpty ? "nothing" : companions.joined(separator: ", ")
      problems.note(fields.keyPositions[key] ?? node.position, "`\(key)` stands beside `\(verb)`; allowed there: \(allowed)")
    }
    switch verb {
    case "wait": return wait(fields)
    case "disconnect":
      if fields.flag("disconnect") == false { fields.wrong(fields.node("disconnect") ?? node, "disconnect", "true") }
      return BluetoothSessionStep(.disconnect)
    default: break
    }
    guard let characteristic = uuid(verb, fields), let action = action(verb, characteristic, fields) else { return nil }
    return BluetoothSessionStep(
      action, characteristic: characteristic, service: fields.has("service") ? uuid("service", fields) : nil,
      isOptional: fields.flag("optional") ?? false)
  }

  private func uuid(_ key: String, _ fields: Fields) -> BluetoothUUID? {
    guard let node = fields.node(key) else { return nil }
    if let uuid = node.scalar.flatMap({ BluetoothUUID($0) }) { return uuid }
    fields.wrong(node, key, "a UUID such as 2A35 or the form of 36 characters")
    return nil
  }

  private func action(_ verb: String, _ characteristic: BluetoothUUID, _ fields: Fields) -> BluetoothSessionStep.Action? {
    switch verb {
    case "read": return .read
    case "write": return write(fields)
    case "setClock": return clock(characteristic, fields).map { .setClock($0) }
    case "subscribe":
      guard isDecoded(characteristic, "subscribe", fields) else { return nil }
      return .subscribe(mode: fields.choice("notifications", BluetoothSessionPlan.Notifications.self))
    default: return fetch(fields).map { .fetchRecords($0) }
    }
  }

  private func wait(_ fields: Fields) -> BluetoothSessionStep? {
    guard let quiet = Self.wait("wait", fields) else { return nil }
    var limit = max(60, quiet)
    if fields.has("atMost") {
      guard let stated = Self.wait("atMost", fields) else { return nil }
      if stated < quiet {
        fields.wrong(fields.node("atMost") ?? ProfileNode(.sequence([]), at: fields.position), "atMost", "no less than `wait`")
      }
      limit = stated
    }
    return BluetoothSessionStep(.wait(quietSeconds: quiet, limitSeconds: limit))
  }

  private func write(_ fields: Fields) -> BluetoothSessionStep.Action? {
    let allowed = "1 to \(Self.valueBytesMax) bytes as pairs of hexadecimal digits"
    guard let node = fields.required("hex", allowed) else { return nil }
    guard let bytes = node.scalar.flatMap(Scalars.hexBytes), (1...Self.valueBytesMax).contains(bytes.count) else {
      fields.wrong(node, "hex", allowed)
      return nil
    }
    return .write(bytes: bytes, awaitsResponse: fields.flag("response") ?? true)
  }

  private func clock(_ characteristic: BluetoothUUID, _ fields: Fields) -> BluetoothSessionStep.ClockForm? {
    if fields.has("form") { return fields.choice("form", BluetoothSessionStep.ClockForm.self) }
    if characteristic == BluetoothUUID(short: 0x2A2B) { return .currentTime }
    if characteristic == BluetoothUUID(short: 0x2A08) { return .dateTime }
    let forms = BluetoothSessionStep.ClockForm.allCases.map(\.rawValue).joined(separator: ", ")
    problems.note(fields.position, "`form` is missing; allowed: \(forms) (2A2B and 2A08 have their own)")
    return nil
  }

  private func fetch(_ fields: Fields) -> BluetoothSessionStep.RecordFetch? {
    guard fields.required("from", "the characteristic that carries the records") != nil, let records = uuid("from", fields),
      isDecoded(records, "from", fields)
    else { return nil }
    var context: BluetoothUUID?
    if fields.has("context") {
      guard let uuid = uuid("context", fields), isDecoded(uuid, "context", fields) else { return nil }
      context = uuid
    }
    let deletion = fields.choice("delete", BluetoothSessionStep.RecordFetch.Deletion.self) ?? .never
    let offset = fields.integer("sequenceAt", in: 0...Int64(Self.valueBytesMax - 2)).map { Int($0) }
    if deletion == .upToSequence, !fields.has("sequenceAt") {
      problems.note(fields.position("delete"), "`delete` is `upToSequence` without `sequenceAt`; allowed: the byte where the number begins")
    }
    if deletion != .upToSequence, let position = fields.keyPositions["sequenceAt"] {
      problems.note(position, "`sequenceAt` without `delete: upToSequence`; allowed: beside it")
    }
    return BluetoothSessionStep.RecordFetch(records: records, context: context, deletion: deletion, sequenceOffset: offset)
  }

  /// Whether some program decodes the characteristic. Values that nobody can decode are not asked for.
  private func isDecoded(_ uuid: BluetoothUUID, _ key: String, _ fields: Fields) -> Bool {
    if decoded.contains(where: { $0.uuid == uuid }) { return true }
    let known = decoded.map(\.uuid.description).joined(separator: ", ")
    problems.note(fields.position(key), "`\(key)` is \(uuid), which decode does not read; allowed: \(known.isEmpty ? "none" : known)")
    return false
  }
}
