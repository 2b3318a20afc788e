// The steps that are no fields: skipping, checking, repeating, and reporting events and locations.

import VitalSigns

extension FrameCompiler {
  func action(_ verb: String, _ fields: Fields) {
    guard let node = fields.node(verb) else { return }
    switch verb {
    case "skip": skip(node, fields)
    case "check": check(fields)
    case "do", "repeat": block(verb, fields)
    case "quality": quality(fields)
    case "location": location(node, fields)
    case "reject":
      if let text = fields.text("reject") { instructions.append(.control(.reject(text: index(of: text)))) }
    default: event(verb, fields)
    }
  }

  private func skip(_ node: ProfileNode, _ fields: Fields) {
    if options.isJSON {
      return problems.note(fields.keyPositions["skip"] ?? node.position, "`skip` in a frame of JSON; allowed: in frames of bytes")
    }
    if node.scalar == "rest" { return instructions.append(.source(.skipRest)) }
    guard let bytes = node.scalar.flatMap(Scalars.integer), (1...512).contains(bytes) else {
      return fields.wrong(node, "skip", "a number of bytes from 1 to 512, or rest; forward only")
    }
    if let name = fields.text("count") {
      guard let register = register(named: name, at: fields.position("count")) else { return }
      return instructions.append(.source(.skipCounted(bytes: UInt16(bytes), count: register)))
    }
    instructions.append(.source(.skip(bytes: UInt16(bytes))))
  }

  private func check(_ fields: Fields) {
    if options.isJSON {
      return problems.note(fields.keyPositions["check"] ?? fields.position, "`check` in a frame of JSON; allowed: in frames of bytes")
    }
    if fields.text("check") == "length" { return checkLength(fields) }
    guard let kind = fields.text("check").flatMap({ ChecksumKind(rawValue: $0) }) else {
      return fields.problems.note(
        fields.position("check"),
        "`check` is \(fields.node("check")?.kindName ?? "nothing"); allowed: \(ChecksumKind.allCases.map(\.rawValue).joined(separator: ", ")), length"
      )
    }
    if let position = fields.keyPositions["of"] {
      problems.note(position, "`of` stands beside `check: \(kind.rawValue)`; allowed: beside check: length")
    }
    let order = fields.choice("byteOrder", ByteOrder.self)
    instructions.append(
      .control(
        .checksum(
          kind, from: UInt16(fields.integer("startingAt", in: 0...512) ?? 0), bigEndian: order.map { $0 == .big } ?? options.bigEndian)))
  }

  /// `check: length`, `of: NAME`: the frame states how many bytes follow this step.
  private func checkLength(_ fields: Fields) {
    guard fields.required("of", "the field that states how many bytes follow") != nil, let name = fields.text("of"),
      let register = register(named: name, at: fields.position("of"))
    else { return }
    instructions.append(.control(.bytesLeft(register)))
  }

  private func block(_ verb: String, _ fields: Fields) {
    guard let node = fields.required("do", "a list of steps") else { return }
    guard case .sequence(let steps) = node.content else { return fields.wrong(node, "do", "a list of steps") }
    if verb == "repeat" { return repeated(fields, steps) }
    for step in steps { self.step(step) }
  }

  private func quality(_ fields: Fields) {
    let allowed = ObservationQuality.declarable
    for item in fields.list("quality") {
      guard let quality = allowed.first(where: { $0.0 == item.scalar }) else {
        fields.wrong(item, "quality", allowed.map(\.0).joined(separator: ", "))
        continue
      }
      hasQualities = true
      instructions.append(.statement(.quality(quality.1.rawValue)))
    }
  }

  private func event(_ verb: String, _ fields: Fields) {
    guard let key = fields.text(verb) else { return }
    guard let declaration = scope.eventIndex(key) else {
      // The key is declared, and wrong where it is declared: the mistake is told there.
      if scope.isDeclared(key) { return }
      return problems.note(fields.position(verb), "`\(verb)` is `\(key)`; allowed: \(scope.eventNames)")
    }
    let type = scope.events[declaration].type
    if (verb == "event") == (type == .condition) {
      return problems.note(
        fields.keyPositions[verb] ?? fields.position,
        "`\(verb)` with the event `\(key)` of type \(type.rawValue); allowed: \(type == .condition ? "raise, clear" : "event")")
    }
    var detail = Instruction.noRegister
    if let name = fields.text("detail") {
      guard let register = register(named: name, at: fields.position("detail")) else { return }
      detail = register
    }
    let flag = newRegister()
    instructions.append(.transform(.setFlag(flag)))
    let phase: DeviceEventPhase = verb == "raise" ? .raised : verb == "clear" ? .cleared : .moment
    happened.append(declaration)
    pending.append(
      .event(
        flag: flag, declaration: UInt8(clamping: declaration), phase: phase.rawValue, detail: detail,
        byArrival: isByArrival(fields, byItself: scope.events[declaration].kind.isAboutTheDevice),
        emit: newEmit("\(verb): \(key)", at: fields.keyPositions[verb] ?? fields.position)))
  }

  private func location(_ node: ProfileNode, _ fields: Fields) {
    let keys = ["latitude", "longitude", "accuracy"]
    guard let inner = Fields(node, allowed: keys, what: "location", problems) else { return }
    var copies: [RegisterIndex] = []
    for key in keys {
      if key == "accuracy", !inner.has(key) {
        copies.append(Instruction.noRegister)
        continue
      }
      guard inner.required(key, "the name of an earlier field") != nil, let name = inner.text(key),
        let source = register(named: name, at: inner.position(key))
      else { return }
      // The location takes copies, so that a `when` around the location decides, and not one around the fields.
      let copy = newRegister()
      instructions.append(.transform(.copy(into: copy, from: source)))
      copies.append(copy)
    }
    pending.append(
      .location(
        latitude: copies[0], longitude: copies[1], accuracy: copies[2],
        emit: newEmit("location", at: fields.keyPositions["location"] ?? fields.position)))
  }
}
