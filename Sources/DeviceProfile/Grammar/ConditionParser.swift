// `when:` in words: `flags.3`, `not flags.0`, `flags.1-2 = 2`, `action = sos | emergency`, `contact = false`,
// `battery < 15`, `slot is missing`, and several of them joined by `and`.

import VitalSigns

struct ConditionParser {
  let compiler: FrameCompiler

  static let allowed =
    "`flags.3`, `not flags.3`, `flags.1-2 = 2`, `action = sos | emergency`, `contact = false`, `battery < 15`, `slot is missing`, joined by `and`"

  func parse(_ node: ProfileNode) -> [Condition] {
    guard let text = node.scalar, !text.isEmpty else {
      compiler.problems.note(node.position, "`when` is \(node.kindName); allowed: \(Self.allowed)")
      return []
    }
    let words = text.split(separator: " ").map(String.init)
    return words.split(separator: "and").compactMap { question(Array($0), node) }
  }

  private func question(_ words: [String], _ node: ProfileNode) -> Condition? {
    let states: [String: Condition.Test] = ["present": .present, "missing": .missing, "unusable": .unusable]
    if words.count == 3, words[1] == "is", let state = states[words[2]] {
      return named(words[0], node).map { Condition(register: $0, test: state, negated: false) }
    }
    if let bits = flagBits(words) {
      guard let register = named(bits.name, node) else { return nil }
      let mask = (bits.count >= 63 ? UInt64.max : 1 << UInt64(bits.count) - 1) << UInt64(bits.lowest)
      return Condition(register: register, test: .bits(mask: mask), negated: words[0] == "not")
    }
    guard words.count >= 3, ["=", "!=", "<", "<=", ">", ">="].contains(words[1]) else { return wrong(node) }
    let values = words[2...].joined(separator: " ").split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
    if values.isEmpty { return wrong(node) }
    return comparison(words[0], words[1], values, node)
  }

  private func flagBits(_ words: [String]) -> (name: String, lowest: UInt8, count: UInt8)? {
    if words.count == 1 { return Self.bits(words[0]) }
    return words.count == 2 && words[0] == "not" ? Self.bits(words[1]) : nil
  }

  private func comparison(_ subject: String, _ sign: String, _ values: [String], _ node: ProfileNode) -> Condition? {
    let numbers = values.compactMap(Self.number)
    let bits = Self.bits(subject)
    guard let register = named(bits?.name ?? subject, node) else { return nil }
    if sign != "=", sign != "!=" {
      guard numbers.count == 1, values.count == 1, bits == nil else { return wrong(node) }
      let constant = compiler.index(of: numbers[0])
      return sign.hasPrefix("<") == (sign.count == 1)
        ? Condition(register: register, test: .less(constant: constant), negated: sign == ">=")
        : Condition(register: register, test: .greater(constant: constant), negated: sign == "<=")
    }
    let negated = sign == "!="
    if let bits {
      guard numbers.count == values.count else { return wrong(node) }
      return Condition(
        register: register, test: .bitsEqual(lowest: bits.lowest, count: bits.count, list: compiler.index(of: numbers)), negated: negated)
    }
    if numbers.count == values.count {
      return Condition(register: register, test: .number(list: compiler.index(of: numbers)), negated: negated)
    }
    let texts = values.map { value in
      value.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"") ? Array(value.utf8.dropFirst().dropLast()) : Array(value.utf8)
    }
    return Condition(register: register, test: .text(list: compiler.index(of: texts)), negated: negated)
  }

  private func named(_ name: String, _ node: ProfileNode) -> RegisterIndex? {
    guard name == "bytesLeft" else { return compiler.register(named: name, at: node.position) }
    if compiler.options.isJSON {
      compiler.problems.note(node.position, "`bytesLeft` in a frame of JSON; allowed: in frames of bytes")
      return nil
    }
    let register = compiler.newRegister()
    compiler.instructions.append(.source(.countLeft(into: register)))
    return register
  }

  private func wrong(_ node: ProfileNode) -> Condition? {
    compiler.problems.note(node.position, "`when` is \(node.kindName); allowed: \(Self.allowed)")
    return nil
  }

  /// `true` and `false` are the numbers 1 and 0, because devices write both.
  static func number(_ text: String) -> Quantity? {
    switch text {
    case "true": Quantity(mantissa: 1)
    case "false": Quantity(mantissa: 0)
    default: Scalars.isHex(text) ? Scalars.integer(text).map { Quantity(mantissa: $0) } : Quantity(decimal: text)
    }
  }

  /// `flags.3` or `flags.1-2`.
  static func bits(_ text: String) -> (name: String, lowest: UInt8, count: UInt8)? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, Scalars.isName(String(parts[0])) else { return nil }
    let ends = parts[1].split(separator: "-", omittingEmptySubsequences: false).map { UInt8($0) }
    guard (1...2).contains(ends.count), let lowest = ends[0], let highest = ends[ends.count - 1], lowest <= highest, highest <= 62 else {
      return nil
    }
    return (String(parts[0]), lowest, highest - lowest + 1)
  }
}
