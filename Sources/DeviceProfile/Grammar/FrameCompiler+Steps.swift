// One step of a frame: exactly one verb, its modifiers, and where the value goes.

import VitalSigns

extension FrameCompiler {
  static let sources = ["read", "json", "take", "from"]
  static let actions = ["skip", "check", "repeat", "do", "quality", "event", "raise", "clear", "location", "reject"]
  static let modifiers = [
    "length", "until", "invalid", "oneOf", "lookup", "times", "plus", "shift", "range", "required", "as", "observe", "unit", "time",
    "status", "user", "at",
  ]

  func step(_ node: ProfileNode) {
    let verbs = Self.sources + Self.actions
    let keys = ["when"] + verbs + Self.modifiers + ["detail", "atLeast", "startingAt", "count", "of", "byteOrder"]
    guard let fields = Fields(node, allowed: keys, what: "a step", problems) else { return }
    let given = verbs.filter { fields.has($0) && !($0 == "do" && fields.has("repeat")) }
    guard let verb = given.first, given.count == 1 else {
      let found = given.isEmpty ? "no verb" : given.joined(separator: " and ")
      return problems.note(node.position, "the step has \(found); allowed: exactly one of \(verbs.joined(separator: ", "))")
    }
    let mayHave = ["when", verb] + Self.companions(of: verb)
    for key in keys where fields.has(key) && !mayHave.contains(key) {
      problems.note(
        fields.keyPositions[key] ?? node.position,
        "`\(key)` stands beside `\(verb)`; allowed there: \(mayHave.filter { $0 != verb }.joined(separator: ", "))")
    }
    guarded(by: fields.node("when")) {
      if Self.sources.contains(verb) { source(verb, fields) } else { action(verb, fields) }
    }
  }

  private static func companions(of verb: String) -> [String] {
    switch verb {
    case "read": modifiers
    case "json", "take", "from": modifiers.filter { $0 != "length" && $0 != "until" }
    case "check": ["startingAt", "of", "byteOrder"]
    case "skip": ["count"]
    case "repeat": ["atLeast", "do"]
    case "event", "raise", "clear": ["detail", "at"]
    default: []
    }
  }

  // MARK: Sources

  private func source(_ verb: String, _ fields: Fields) {
    guard let node = fields.node(verb), let text = node.scalar else {
      if let node = fields.node(verb) { fields.wrong(node, verb, "a word") }
      return
    }
    let isBytes = verb == "read"
    if verb == "json" || verb == "read", isBytes == options.isJSON {
      problems.note(
        fields.keyPositions[verb] ?? node.position,
        "`\(verb)` in a frame of \(options.isJSON ? "JSON" : "bytes"); allowed: \(options.isJSON ? "json with a pointer such as /battery" : "read with a type such as u8")"
      )
      return
    }
    if isBytes, text == "datetime" {
      instructions.append(.source(.readCivilTime(bigEndian: options.bigEndian)))
      for key in Self.modifiers where fields.has(key) {
        problems.note(
          fields.keyPositions[key] ?? node.position, "`\(key)` stands beside `read: datetime`, which sets the frame's time; allowed: when")
      }
      return
    }
    let register = newRegister()
    // The name is defined even when the rest of the step is wrong, so that one mistake is told once.
    defer { if let name = fields.text("as") { define(name, register, at: fields.position("as")) } }
    var width = 8
    switch verb {
    case "read":
      guard let bytes = ReadType(text, options)?.compile(into: register, fields, self) else {
        return fields.wrong(node, "read", ReadType.allowed)
      }
      width = bytes
    case "json":
      guard let slot = pointers.slot(for: text) else {
        return fields.wrong(node, "json", "a JSON pointer such as /battery, or \"\" for the whole")
      }
      instructions.append(.source(.readJSON(into: register, slot: UInt8(clamping: min(slot, DecodeLimits.pointersMax - 1)))))
    case "take":
      guard let bits = ConditionParser.bits(text), let from = self.register(named: bits.name, at: node.position) else {
        if ConditionParser.bits(text) == nil { fields.wrong(node, "take", "a name with bits such as flags.3 or status.0-3") }
        return
      }
      instructions.append(.transform(.takeBits(into: register, from: from, lowest: bits.lowest, count: bits.count)))
    default:
      guard let from = self.register(named: text, at: node.position) else { return }
      instructions.append(.transform(.copy(into: register, from: from)))
    }
    modify(register, width: width, fields)
    deliver(register, fields)
    if let packet = options.packet, packet.name == fields.text("as") {
      hasPacketMark = true
      instructions.append(.statement(.packetMark(register)))
    }
  }

  /// The modifiers in their fixed order: invalid, oneOf, lookup, times, plus, shift, range, required.
  private func modify(_ register: RegisterIndex, width: Int, _ fields: Fields) {
    if fields.has("invalid") {
      hasSentinels = true
      let values = fields.list("invalid").compactMap { item -> Quantity? in
        if let value = invalidValue(item, width: width, fields) { return value }
        fields.wrong(item, "invalid", "numbers as read, such as 0xFFFF or -1")
        return nil
      }
      instructions.append(.transform(.invalidValues(register, list: index(of: values))))
    }
    if fields.has("oneOf") {
      let rows = fields.list("oneOf").compactMap { item -> LookupTable.Row? in
        guard let key = lookupKey(item) else {
          fields.wrong(item, "oneOf", "numbers, true, false or texts")
          return nil
        }
        return LookupTable.Row(key: key, value: Quantity(mantissa: 0))
      }
      instructions.append(.transform(.oneOf(register, table: index(of: LookupTable(rows: rows)))))
    }
    if let table = fields.node("lookup") { lookup(register, table, fields) }
    if let factor = fields.decimal("times") { instructions.append(.transform(.multiply(register, constant: index(of: factor)))) }
    if let term = fields.decimal("plus") { instructions.append(.transform(.add(register, constant: index(of: term)))) }
    if let places = fields.integer("shift", in: -18...18) { instructions.append(.transform(.shift(register, places: Int8(places)))) }
    if let node = fields.node("range"), let range = DeclarationScope.range(node, "range", problems) {
      instructions.append(.transform(.limit(register, range: index(of: range))))
    }
    if fields.flag("required") == true { instructions.append(.control(.require(register))) }
  }

  /// A hexadecimal value is the field's bit pattern, so `0x8000` in an s16 is −32768.
  private func invalidValue(_ node: ProfileNode, width: Int, _ fields: Fields) -> Quantity? {
    guard let text = node.scalar else { return nil }
    guard Scalars.isHex(text) else { return Quantity(decimal: text) }
    guard let bits = Scalars.integer(text) else { return nil }
    let isSigned = fields.node("read")?.scalar?.hasPrefix("s") ?? false
    guard isSigned, width < 8 else { return Quantity(mantissa: bits) }
    let unused = Int64(64 - 8 * width)
    return Quantity(mantissa: (bits << unused) >> unused)
  }

  private func lookup(_ register: RegisterIndex, _ node: ProfileNode, _ fields: Fields) {
    guard let entries = node.entries, !entries.isEmpty, entries.count <= 256 else {
      return fields.wrong(node, "lookup", "a mapping from what the device says to numbers, at most 256 rows")
    }
    let rows = entries.compactMap { entry -> LookupTable.Row? in
      guard let key = lookupKey(entry.key), let value = entry.value.scalar.flatMap({ Quantity(decimal: $0) }) else {
        problems.note(
          entry.key.position, "a row of `lookup` is \(entry.key.kindName): \(entry.value.kindName); allowed: a number or text, and a number"
        )
        return nil
      }
      return LookupTable.Row(key: key, value: value)
    }
    instructions.append(.transform(.lookup(register, table: index(of: LookupTable(rows: rows)), counts: !fields.has("observe"))))
  }

  private func lookupKey(_ node: ProfileNode) -> LookupTable.Key? {
    guard let text = node.scalar else { return nil }
    if !node.isQuoted {
      if text == "true" || text == "false" { return .boolean(text == "true") }
      if Scalars.isHex(text) { return Scalars.integer(text).map { .number(Quantity(mantissa: $0)) } }
      if let number = Quantity(decimal: text) { return .number(number) }
    }
    return .text(Array(text.utf8))
  }

  /// Where the value goes.
  private func deliver(_ register: RegisterIndex, _ fields: Fields) {
    if let key = fields.text("observe") { observe(key, register, fields) }
    if fields.has("unit"), !fields.has("observe") {
      problems.note(fields.keyPositions["unit"] ?? fields.position, "`unit` without `observe`; allowed: beside observe")
    }
    if fields.has("at"), !fields.has("observe") {
      problems.note(fields.keyPositions["at"] ?? fields.position, "`at` without `observe`; allowed: beside observe, event, raise, clear")
    }
    if fields.has("user") {
      let listed = FrameOptions.users(fields, "user")
      instructions.append(.statement(.user(register, list: index(of: options.users ?? listed))))
    }
    if let form = fields.choice("time", TimeForm.self) {
      switch form {
      case .epochSeconds: instructions.append(.statement(.epochTime(register, exponent: 0)))
      case .epochMilliseconds: instructions.append(.statement(.epochTime(register, exponent: -3)))
      case .localSeconds: instructions.append(.statement(.localTime(register)))
      case .iso8601: instructions.append(.statement(.textTime(register)))
      case .plusMinutes: instructions.append(.statement(.addMinutes(register)))
      }
    }
    if let key = fields.text("status") {
      guard let table = scope.statusTable(key) else {
        return problems.note(fields.position("status"), "`status` is `\(key)`; allowed: \(scope.statusNames)")
      }
      hasQualities = true
      instructions.append(.statement(.status(register, table: index(of: table))))
    }
  }

  private enum TimeForm: String, CaseIterable {
    case epochSeconds, epochMilliseconds, localSeconds, iso8601, plusMinutes
  }

  /// Whether a report is judged by its arrival. `byItself`: it is, unless the step says otherwise, because the report tells of the
  /// device.
  func isByArrival(_ fields: Fields, byItself: Bool) -> Bool {
    fields.choice("at", Judged.self).map { $0 == .arrival } ?? byItself
  }

  private enum Judged: String, CaseIterable {
    /// The time that the frame states.
    case frame
    case arrival
  }

  private func observe(_ key: String, _ register: RegisterIndex, _ fields: Fields) {
    guard let declaration = scope.observationIndex(key) else {
      if scope.isDeclared(key) { return }
      return problems.note(fields.position("observe"), "`observe` is `\(key)`; allowed: \(scope.observationNames)")
    }
    let units = scope.observations[declaration].units
    var unit = scope.observations[declaration].unit
    if let text = fields.text("unit") {
      guard let stated = UCUMUnit(code: text), units.contains(stated) else {
        return problems.note(
          fields.position("unit"), "`unit` is `\(text)`; allowed for `\(key)`: \(units.map(\.code).joined(separator: ", "))")
      }
      unit = stated
    }
    observed.append(declaration)
    pending.append(
      .observation(
        register, declaration: UInt8(clamping: declaration), unit: index(of: unit),
        byArrival: isByArrival(fields, byItself: scope.observations[declaration].code == .batteryLevel),
        emit: newEmit("observe: \(key)", at: fields.keyPositions["observe"] ?? fields.position)))
  }
}

/// `u16le`, `sfloat`, `bcd3`, `number`, `text`.
struct ReadType {
  private enum Form {
    case integer(bytes: Int, signed: Bool), shortFloat, float, bcd(bytes: Int), number, text
  }
  private let form: Form
  private let bigEndian: Bool
  private let statesOrder: Bool

  static let allowed =
    "u8, s8, u16 … u64 and s16 … s64 in steps of 8 (with le or be when it differs from byteOrder), sfloat, float32, datetime, bcd1 … bcd9, number, text"

  init?(_ text: String, _ options: FrameOptions) {
    var name = text
    statesOrder = text.count > 2 && (text.hasSuffix("le") || text.hasSuffix("be"))
    bigEndian = statesOrder ? text.hasSuffix("be") : options.bigEndian
    if statesOrder { name = String(text.dropLast(2)) }
    switch name {
    case "sfloat": form = .shortFloat
    case "float32": form = .float
    case "number" where !statesOrder: form = .number
    case "text" where !statesOrder: form = .text
    case _ where name.hasPrefix("bcd") && !statesOrder:
      guard let bytes = Int(name.dropFirst(3)), (1...9).contains(bytes) else { return nil }
      form = .bcd(bytes: bytes)
    default:
      guard name.hasPrefix("u") || name.hasPrefix("s"), let bits = Int(name.dropFirst()), bits % 8 == 0, (8...64).contains(bits) else {
        return nil
      }
      form = .integer(bytes: bits / 8, signed: name.hasPrefix("s"))
    }
  }

  /// Adds the instruction and gives the field's width in bytes. Notes problems.
  func compile(into register: RegisterIndex, _ fields: Fields, _ compiler: FrameCompiler) -> Int {
    var width = 8
    var usesExtent = false
    switch form {
    case .integer(let bytes, let signed):
      width = bytes
      compiler.instructions.append(.source(.readInteger(into: register, bytes: UInt8(bytes), signed: signed, bigEndian: bigEndian)))
    case .shortFloat:
      compiler.hasSentinels = true
      compiler.instructions.append(.source(.readShortFloat(into: register, bigEndian: bigEndian)))
    case .float:
      compiler.hasSentinels = true
      compiler.instructions.append(.source(.readFloat(into: register, bigEndian: bigEndian)))
    case .bcd(let bytes):
      compiler.instructions.append(.source(.readBCD(into: register, bytes: UInt8(bytes))))
    case .number:
      usesExtent = true
      compiler.instructions.append(.source(.readNumberText(into: register, extent: extent(fields))))
    case .text:
      usesExtent = true
      compiler.instructions.append(.source(.readText(into: register, extent: extent(fields))))
    }
    for key in ["length", "until"] where fields.has(key) && !usesExtent {
      compiler.problems.note(fields.keyPositions[key] ?? fields.position, "`\(key)` is for number and text; allowed: leave it out")
    }
    return width
  }

  private func extent(_ fields: Fields) -> TextExtent {
    if fields.has("length"), fields.has("until") {
      fields.problems.note(
        fields.keyPositions["until"] ?? fields.position, "`length` and `until` together; allowed: one, or none for the rest of the frame")
    }
    if fields.has("length") { return .length(UInt16(fields.integer("length", in: 1...512) ?? 1)) }
    guard let node = fields.node("until") else { return .rest }
    if let text = node.scalar, text.utf8.count == 1, let byte = text.utf8.first { return .until(byte) }
    fields.wrong(node, "until", "one ASCII character such as \",\"")
    return .rest
  }
}
