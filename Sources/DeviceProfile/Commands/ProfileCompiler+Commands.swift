// The `commands:` section. What may never be retried is refused here if a profile says otherwise.

import VitalSigns

extension ProfileCompiler {
  static let commandKeys = [
    "summary", "effect", "parameters", "role", "dualControl", "timeout", "retry", "topic", "characteristic", "qos", "format", "payload",
    "success", "readBack",
  ]

  static func commands(_ fields: Fields, transport: TransportSettings, frames: [FrameProgram]) -> [CommandDeclaration] {
    guard let node = fields.node("commands") else { return [] }
    guard let entries = node.entries else {
      fields.wrong(node, "commands", "a mapping of names to commands")
      return []
    }
    return entries.compactMap { entry in
      guard let name = entry.key.scalar, Scalars.isName(name) else {
        fields.problems.note(
          entry.key.position, "\(entry.key.kindName) cannot be a name; allowed: letters, digits, - and _, a letter first")
        return nil
      }
      guard let inner = Fields(entry.value, allowed: commandKeys, what: "the command `\(name)`", fields.problems) else { return nil }
      return command(name, inner, transport: transport, frames: frames)
    }
  }

  private static func command(
    _ name: String, _ fields: Fields, transport: TransportSettings, frames: [FrameProgram]
  ) -> CommandDeclaration? {
    func list<T: RawRepresentable & CaseIterable>(_ type: T.Type) -> String where T.RawValue == String {
      T.allCases.map(\.rawValue).joined(separator: ", ")
    }
    guard fields.required("effect", list(CommandEffect.self)) != nil, let effect = fields.choice("effect", CommandEffect.self),
      fields.required("role", list(CommandRole.self)) != nil, let role = fields.choice("role", CommandRole.self),
      fields.required("timeout", "such as `30 s`") != nil, let timeout = fields.seconds("timeout"),
      fields.required("retry", list(CommandRetry.self)) != nil, let retry = fields.choice("retry", CommandRetry.self),
      let destination = destination(fields, transport: transport, frames: frames)
    else { return nil }
    if effect.isAtMostOnce, retry != .never {
      fields.problems.note(fields.position("retry"), "`retry` is `\(retry.rawValue)`; allowed with effect \(effect.rawValue): never")
    }
    let parameters = parameters(fields)
    guard let template = PayloadTemplate(fields, parameters) else { return nil }
    return CommandDeclaration(
      key: name, summary: fields.text("summary") ?? name, effect: effect, parameters: parameters, role: role,
      needsDualControl: fields.flag("dualControl") ?? false, timeoutSeconds: timeout, retry: retry, destination: destination,
      qos: fields.integer("qos", in: 0...2).map { UInt8($0) } ?? 1, success: success(fields), readBack: readBack(fields, frames: frames),
      format: template.format, parts: template.parts)
  }

  private static func destination(_ fields: Fields, transport: TransportSettings, frames: [FrameProgram]) -> FrameKey? {
    let key = transport.kind.isMQTT ? "topic" : "characteristic"
    for other in ["topic", "characteristic"] where other != key && fields.has(other) {
      fields.problems.note(fields.keyPositions[other] ?? fields.position, "`\(other)` with \(transport.kind.rawValue); allowed: \(key)")
    }
    guard let node = fields.required(key, "where the command goes"), let text = node.scalar else { return nil }
    guard transport.kind.isMQTT else {
      if let uuid = BluetoothUUID(text) { return .characteristic(uuid) }
      fields.wrong(node, key, "a characteristic's UUID")
      return nil
    }
    let captures = frames.compactMap { if case .topic(let pattern) = $0.key { pattern.captures } else { nil } }.first
    if let pattern = TopicPattern(text), !text.contains("+"), !text.contains("#"), captures == nil || pattern.captures == captures {
      return .topic(pattern)
    }
    fields.wrong(node, key, "a topic with the captures of the decode section and no wildcard")
    return nil
  }

  private static func parameters(_ fields: Fields) -> [CommandParameter] {
    guard let node = fields.node("parameters") else { return [] }
    guard let entries = node.entries else {
      fields.wrong(node, "parameters", "a mapping of names such as `slot: {type: integer, min: 0, max: 7}`")
      return []
    }
    return entries.compactMap { entry in
      let keys = ["type", "min", "max", "places", "choices", "maxBytes", "summary"]
      guard let name = entry.key.scalar, Scalars.isName(name),
        let inner = Fields(entry.value, allowed: keys, what: "the parameter \(entry.key.kindName)", fields.problems)
      else { return nil }
      let types = "integer (min, max), decimal (places), choice (choices), text (maxBytes), flag"
      let kind: CommandParameter.Kind
      switch inner.requiredText("type", types) {
      case "integer":
        guard inner.required("min", "a whole number") != nil, inner.required("max", "a whole number") != nil,
          let min = inner.integer("min", in: Int64.min...Int64.max), let max = inner.integer("max", in: min...Int64.max)
        else { return nil }
        kind = .integer(min: min, max: max)
      case "decimal": kind = .decimal(places: inner.integer("places", in: 0...6).map { UInt8($0) } ?? 0)
      case "choice":
        guard inner.required("choices", "a list of texts") != nil else { return nil }
        kind = .choice(inner.list("choices").compactMap(\.scalar))
      case "text": kind = .text(maxBytes: inner.integer("maxBytes", in: 1...512).map { Int($0) } ?? 64)
      case "flag": kind = .flag
      case .some(let other):
        inner.problems.note(inner.position("type"), "`type` is `\(other)`; allowed: \(types)")
        return nil
      case nil: return nil
      }
      return CommandParameter(key: name, kind: kind, summary: inner.text("summary"))
    }
  }

  private static func success(_ fields: Fields) -> CommandSuccess? {
    guard let node = fields.node("success"),
      let inner = Fields(node, allowed: ["topic", "pointer", "equals"], what: "success", fields.problems),
      let topic = inner.requiredText("topic", "the topic of the answer"), let equals = inner.requiredText("equals", "the answer's text")
    else { return nil }
    guard let pattern = TopicPattern(topic) else {
      inner.wrong(inner.node("topic") ?? node, "topic", "a topic such as `nuki/{device}/commandResponse`")
      return nil
    }
    var pointers: JSONPointerSet?
    if let pointer = inner.text("pointer") {
      var set = JSONPointerSet()
      if set.slot(for: pointer) == nil { inner.wrong(inner.node("pointer") ?? node, "pointer", "a JSON pointer such as /result") }
      pointers = set
    }
    return CommandSuccess(topic: pattern, pointer: pointers, equals: equals)
  }

  private static func readBack(_ fields: Fields, frames: [FrameProgram]) -> CommandReadBack? {
    guard let node = fields.node("readBack"),
      let inner = Fields(node, allowed: ["event", "within"], what: "readBack", fields.problems),
      inner.required("event", "a declared event") != nil, let key = inner.text("event"),
      inner.required("within", "such as `30 s`") != nil, let within = inner.seconds("within")
    else { return nil }
    let declared = frames.first?.eventRules ?? []
    guard let event = declared.first(where: { $0.key == key }) else {
      inner.problems.note(inner.position("event"), "`event` is `\(key)`; allowed: \(declared.map(\.key).joined(separator: ", "))")
      return nil
    }
    return CommandReadBack(event: event.kind, withinSeconds: within)
  }
}

/// A payload with `${parameter}` in it; in hex `${parameter:u16le}`.
private struct PayloadTemplate {
  var format: CommandDeclaration.Format
  var parts: [CommandDeclaration.Part] = []

  init?(_ fields: Fields, _ parameters: [CommandParameter]) {
    format = fields.choice("format", CommandDeclaration.Format.self) ?? .text
    guard let node = fields.required("payload", "the message, with ${name} where a parameter goes"), let text = node.scalar else {
      return nil
    }
    var used: Set<String> = []
    var rest = text[...]
    while let open = rest.firstRange(of: "${") {
      guard append(literal: rest[..<open.lowerBound], fields, node), let close = rest[open.upperBound...].firstIndex(of: "}") else {
        fields.wrong(node, "payload", "each ${ closed by }, and pairs of hexadecimal digits in hex")
        return nil
      }
      let words = rest[open.upperBound..<close].split(separator: ":").map(String.init)
      guard let name = words.first, let index = parameters.firstIndex(where: { $0.key == name }),
        let width = Self.width(words.dropFirst().first, format)
      else {
        let names = parameters.map(\.key).joined(separator: ", ")
        fields.problems.note(
          node.position,
          "`payload` has ${\(words.joined(separator: ":"))}; allowed: \(names.isEmpty ? "no parameter is declared" : names)"
            + (format == .hex ? ", with a width such as ${\(parameters.first?.key ?? "name"):u8}" : ""))
        return nil
      }
      used.insert(name)
      parts.append(.parameter(index, bytes: width.bytes, bigEndian: width.bigEndian))
      rest = rest[rest.index(after: close)...]
    }
    guard append(literal: rest, fields, node) else {
      fields.wrong(node, "payload", "pairs of hexadecimal digits in hex")
      return nil
    }
    for parameter in parameters where !used.contains(parameter.key) {
      fields.problems.note(node.position, "the parameter `\(parameter.key)` is not in the payload; allowed: ${\(parameter.key)} in it")
    }
  }

  private mutating func append(literal text: Substring, _ fields: Fields, _ node: ProfileNode) -> Bool {
    if text.isEmpty { return true }
    guard format == .hex else {
      parts.append(.literal(Array(text.utf8)))
      return true
    }
    guard let bytes = Scalars.hexBytes(String(text)) else { return false }
    parts.append(.literal(bytes))
    return true
  }

  private static func width(_ text: String?, _ format: CommandDeclaration.Format) -> (bytes: UInt8, bigEndian: Bool)? {
    guard format == .hex else { return text == nil ? (0, false) : nil }
    return switch text {
    case "u8", "s8": (1, false)
    case "u16le", "s16le": (2, false)
    case "u16be", "s16be": (2, true)
    case "u32le", "s32le": (4, false)
    case "u32be", "s32be": (4, true)
    default: nil
    }
  }
}

extension Substring {
  /// The first place of a short text. Foundation's search is not at hand here.
  fileprivate func firstRange(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
