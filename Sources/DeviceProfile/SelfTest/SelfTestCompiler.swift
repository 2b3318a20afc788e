// The `selfTest:` section: vectors with their frames, bytes and expectations.

import VitalSigns

struct SelfTestCompiler {
  let fields: Fields
  let frames: [FrameProgram]
  let scope: DeclarationScope
  let commands: [CommandDeclaration]

  static let keys = [
    "name", "frame", "hex", "json", "text", "retained", "expect", "dropped", "rejected", "command", "arguments", "address", "sends",
  ]

  init(_ fields: Fields, frames: [FrameProgram], scope: DeclarationScope, commands: [CommandDeclaration]) {
    self.fields = fields
    self.frames = frames
    self.scope = scope
    self.commands = commands
  }

  func compile() -> [SelfTestVector] {
    guard let node = fields.required("selfTest", "a list of vectors") else { return [] }
    guard case .sequence(let items) = node.content else {
      fields.wrong(node, "selfTest", "a list of vectors")
      return []
    }
    return items.compactMap { item in
      guard let inner = Fields(item, allowed: Self.keys, what: "the vector", fields.problems),
        let name = inner.requiredText("name", "what the vector shows")
      else { return nil }
      let content = inner.has("command") ? command(inner) : frame(inner)
      return content.map { SelfTestVector(name: name, position: item.position, content: $0) }
    }
  }

  // MARK: Frames

  private func frame(_ inner: Fields) -> SelfTestVector.Content? {
    let index = frameIndex(inner)
    let bytes = bytes(inner)
    let retained = inner.flag("retained") ?? false
    if inner.has("rejected") {
      guard let reason = inner.text("rejected").flatMap({ FrameRejection.Reason(key: $0) }) else {
        inner.wrong(
          inner.node("rejected") ?? ProfileNode(.sequence([]), at: inner.position), "rejected",
          FrameRejection.Reason.allCases.map(\.key).joined(separator: ", "))
        return nil
      }
      guard let index, let bytes else { return nil }
      return .frame(index: index, bytes: bytes, retained: retained, expected: .rejected(reason))
    }
    guard inner.has("expect") || inner.has("dropped") else {
      inner.problems.note(inner.position, "the vector expects nothing; allowed: expect (a list, [] for no reading), dropped, or rejected")
      return nil
    }
    let dropped = inner.list("dropped").compactMap { item -> DropReason? in
      if let reason = item.scalar.flatMap({ DropReason(key: $0) }) { return reason }
      inner.wrong(item, "dropped", DropReason.allCases.map(\.key).joined(separator: ", "))
      return nil
    }
    let lines = inner.list("expect").compactMap { expectation($0, inner.problems) }
    guard let index, let bytes else { return nil }
    return .frame(index: index, bytes: bytes, retained: retained, expected: .readings(lines, dropped: dropped))
  }

  private func frameIndex(_ inner: Fields) -> Int? {
    let known = frames.map(\.key.description).joined(separator: ", ")
    guard let text = inner.text("frame") else {
      if frames.count == 1 { return 0 }
      if !frames.isEmpty { inner.problems.note(inner.position, "`frame` is missing; allowed: \(known)") }
      return nil
    }
    let wanted = [ProfileTransport.bleGatt, .bleAdvertisement, .mqttJSON].compactMap { DecodeSectionCompiler.key(text, $0) }
    if let index = frames.firstIndex(where: { wanted.contains($0.key) }) { return index }
    if !frames.isEmpty { inner.problems.note(inner.position("frame"), "`frame` is `\(text)`; allowed: \(known)") }
    return nil
  }

  private func bytes(_ inner: Fields) -> [UInt8]? {
    let given = ["hex", "json", "text"].filter(inner.has)
    guard given.count == 1, let key = given.first, let node = inner.node(key), let text = node.scalar else {
      inner.problems.note(
        inner.position,
        "the vector has \(given.isEmpty ? "no bytes" : given.joined(separator: " and ")); allowed: exactly one of hex, json, text")
      return nil
    }
    if key != "hex" { return Array(text.utf8) }
    if let bytes = Scalars.hexBytes(text) { return bytes }
    inner.wrong(node, key, "pairs of hexadecimal digits")
    return nil
  }

  /// `{spo2: 97}`, `{event: sos}`, `{latitude: 59.9, longitude: 10.7, accuracy: 12}`, each with unit, quality, time…
  private func expectation(_ node: ProfileNode, _ problems: ProblemList) -> String? {
    let own = ["unit", "quality", "time", "event", "phase", "detail", "latitude", "longitude", "accuracy"]
    let names = scope.observations.map(\.key)
    // A name whose declaration is wrong is told at the declaration.
    let broken = (node.entries ?? []).compactMap(\.key.scalar).filter { !names.contains($0) && !own.contains($0) && scope.isDeclared($0) }
    if !broken.isEmpty { return nil }
    guard let inner = Fields(node, allowed: names + own, what: "an expected reading", problems) else { return nil }
    let time = inner.text("time") ?? "none"
    if let key = inner.text("event") { return event(key, inner, time: time) }
    if inner.has("latitude") { return location(inner, time: time) }
    guard let key = names.first(where: inner.has), let value = inner.decimal(key),
      let declaration = scope.observations.first(where: { $0.key == key })
    else {
      problems.note(node.position, "an expected reading names nothing; allowed: \((names + ["event", "latitude"]).joined(separator: ", "))")
      return nil
    }
    var quality: ObservationQuality = []
    for item in inner.list("quality") {
      let all = ObservationQuality.declarable + [("implausible", ObservationQuality.implausible)]
      guard let known = all.first(where: { $0.0 == item.scalar }) else {
        inner.wrong(item, "quality", all.map(\.0).joined(separator: ", "))
        continue
      }
      quality.formUnion(known.1)
    }
    let unit = inner.text("unit").flatMap { UCUMUnit(code: $0) } ?? declaration.unit
    return SelfTestText.observation(key: key, value: value, unit: unit, quality: quality, time: time)
  }

  private func event(_ key: String, _ inner: Fields, time: String) -> String? {
    guard let declaration = scope.events.first(where: { $0.key == key }) else {
      if scope.isDeclared(key) { return nil }
      if key == DeviceEventKind.heartbeat.key { return SelfTestText.event(key: key, phase: .moment, detail: 0, time: time) }
      inner.problems.note(inner.position("event"), "`event` is `\(key)`; allowed: \(scope.eventNames), heartbeat")
      return nil
    }
    var phase: DeviceEventPhase = .moment
    if declaration.type == .condition {
      guard let stated = [DeviceEventPhase.raised, .cleared].first(where: { $0.key == inner.text("phase") }) else {
        inner.problems.note(inner.position("phase"), "`phase` of `\(key)` is not given; allowed: raised, cleared")
        return nil
      }
      phase = stated
    }
    let detail = inner.integer("detail", in: 0...Int64(UInt32.max)).map { UInt32($0) } ?? 0
    return SelfTestText.event(key: declaration.key, phase: phase, detail: detail, time: time)
  }

  private func location(_ inner: Fields, time: String) -> String? {
    guard inner.required("longitude", "degrees") != nil, let latitude = inner.decimal("latitude")?.rounded(toExponent: -7),
      let longitude = inner.decimal("longitude")?.rounded(toExponent: -7), let north = Int32(exactly: latitude),
      let east = Int32(exactly: longitude)
    else { return nil }
    let accuracy = inner.integer("accuracy", in: 0...Int64(UInt32.max) - 1).map { UInt32($0) } ?? LocationFix.accuracyUnknown
    return SelfTestText.location(LocationFix(latitudeE7: north, longitudeE7: east, accuracyMetres: accuracy), time: time)
  }

  // MARK: Commands

  private func command(_ inner: Fields) -> SelfTestVector.Content? {
    let known = commands.map(\.key).joined(separator: ", ")
    guard let key = inner.text("command"), let command = commands.first(where: { $0.key == key }) else {
      if !commands.isEmpty { inner.problems.note(inner.position("command"), "`command` is no command here; allowed: \(known)") }
      return nil
    }
    guard inner.required("sends", "what goes out: {topic or characteristic, text or json or hex}") != nil, let node = inner.node("sends"),
      let sends = Fields(node, allowed: ["topic", "characteristic", "hex", "json", "text"], what: "sends", inner.problems),
      let payload = bytes(sends)
    else { return nil }
    let destination: EncodedCommand.Destination
    if let topic = sends.text("topic") {
      destination = .topic(topic, qos: command.qos)
    } else if let uuid = sends.text("characteristic").flatMap({ BluetoothUUID($0) }) {
      destination = .characteristic(uuid)
    } else {
      inner.problems.note(sends.position, "`sends` names no place; allowed: topic, characteristic")
      return nil
    }
    var arguments: [String: CommandArgument] = [:]
    for entry in inner.node("arguments")?.entries ?? [] {
      guard let name = entry.key.scalar, let text = entry.value.scalar else { continue }
      arguments[name] = Self.argument(text, command.parameters.first { $0.key == name }?.kind)
    }
    return .command(
      command, arguments: arguments, address: inner.text("address") ?? "",
      expected: EncodedCommand(destination: destination, payload: payload))
  }

  private static func argument(_ text: String, _ kind: CommandParameter.Kind?) -> CommandArgument {
    switch kind {
    case .integer: Scalars.integer(text).map(CommandArgument.integer) ?? .text(text)
    case .decimal: Quantity(decimal: text).map(CommandArgument.decimal) ?? .text(text)
    case .flag: text == "true" || text == "false" ? .flag(text == "true") : .text(text)
    case .choice, .text, nil: .text(text)
    }
  }
}
