// Compiles the steps of one frame into a program. Emits wait until the end of the frame (or of the round of a repeat),
// so that status words and times anywhere in the frame hold for all of its values.

import VitalSigns

/// Lives during the compilation of one frame.
final class FrameCompiler {
  let options: FrameOptions
  let scope: DeclarationScope
  let problems: ProblemList

  var instructions: [Instruction] = []
  var constants: [Quantity] = []
  var lists: [[Quantity]] = []
  var textLists: [[[UInt8]]] = []
  var lookups: [LookupTable] = []
  var ranges: [ValueRange] = []
  var statusTables: [StatusTable] = []
  var conditions: [Condition] = []
  var texts: [String] = []
  var pointers = JSONPointerSet()
  var units: [UCUMUnit] = []
  /// Registers by name. A name is defined by an earlier step; any other name is a problem.
  var names: [String: RegisterIndex] = [:]
  var nextRegister = 0
  /// Reports that wait for the end of the frame or of the round.
  var pending: [Instruction.Report] = []
  var emits: [EmitOrigin] = []
  var observed: [Int] = []
  var happened: [Int] = []
  var hasSentinels = false
  var hasQualities = false
  var cost = 0
  var isRepeating = false
  var hasRepeat = false
  var hasPacketMark = false

  init(options: FrameOptions, scope: DeclarationScope, problems: ProblemList) {
    self.options = options
    self.scope = scope
    self.problems = problems
  }

  func compile(_ steps: [ProfileNode], at position: SourcePosition) -> CompiledFrame? {
    let before = problems.problems.count
    for node in steps { step(node) }
    flushEmits()
    if let packet = options.packet, !hasPacketMark {
      problems.note(packet.position, "`packet` is `\(packet.name)`; allowed: a name that a step of the frame gives with `as`")
    }
    checkLimits(position)
    guard problems.problems.count == before else { return nil }
    let program = FrameProgram(
      key: options.key, isJSON: options.isJSON, allowsText: options.allowsText, isShared: options.isShared,
      ignoredKeys: options.ignored, retained: options.retained, frameBytesMax: options.frameBytesMax, repeats: options.repeats,
      rejectsTrailingBytes: options.rejectsTrailing, instructions: instructions, constants: constants, lists: lists,
      textLists: textLists, lookups: lookups, ranges: ranges, statusTables: statusTables, conditions: conditions, texts: texts,
      pointers: pointers, units: units,
      observationRules: scope.observations.map { ObservationRule(code: $0.code, unit: $0.unit, plausible: $0.plausible, hard: $0.hard) },
      eventRules: scope.events, emitCount: emits.count, costMax: cost)
    return CompiledFrame(
      program: program, emits: emits, observed: observed, happened: happened, hasSentinels: hasSentinels, hasQualities: hasQualities,
      position: position)
  }

  private func checkLimits(_ position: SourcePosition) {
    func check(_ count: Int, _ limit: Int, _ what: String) {
      if count > limit { problems.note(position, "the frame needs \(count) \(what); allowed: at most \(limit)") }
    }
    check(instructions.count, DecodeLimits.instructionsMax, "instructions")
    check(nextRegister, DecodeLimits.registersMax, "fields with a value")
    check(emits.count, DecodeLimits.emitsMax, "reports")
    check(pointers.pointers.count, DecodeLimits.pointersMax, "JSON pointers")
    cost += instructions.count
    check(cost, DecodeLimits.executedMax, "instructions at run time, repeats included")
    let tables = [
      constants.count, lists.count, textLists.count, lookups.count, ranges.count, statusTables.count, conditions.count, texts.count,
    ]
    check(tables.max() ?? 0, 255, "tables of one kind")
  }

  // MARK: Registers and tables

  func newRegister() -> RegisterIndex {
    nextRegister += 1
    // Beyond the register file `checkLimits` refuses the program, so the clamped index is never executed.
    return RegisterIndex(min(nextRegister - 1, DecodeLimits.registersMax - 1))
  }

  func define(_ name: String, _ register: RegisterIndex, at position: SourcePosition) {
    guard Scalars.isName(name), !DeclarationScope.reservedNames.contains(name) else {
      problems.note(
        position, "`\(name)` cannot be a name; allowed: letters, digits, - and _, a letter first, none of the grammar's own words")
      return
    }
    names[name] = register
  }

  func register(named name: String, at position: SourcePosition) -> RegisterIndex? {
    if let register = names[name] { return register }
    let defined = names.keys.sorted().joined(separator: ", ")
    problems.note(
      position, "`\(name)` is not defined by an earlier step; allowed: \(defined.isEmpty ? "none yet, define it with `as`" : defined)")
    return nil
  }

  func index(of constant: Quantity) -> UInt8 { Self.append(constant, to: &constants) }
  func index(of list: [Quantity]) -> UInt8 { Self.append(list, to: &lists) }
  func index(of list: [[UInt8]]) -> UInt8 { Self.append(list, to: &textLists) }
  func index(of table: LookupTable) -> UInt8 { Self.append(table, to: &lookups) }
  func index(of range: ValueRange) -> UInt8 { Self.append(range, to: &ranges) }
  func index(of condition: Condition) -> UInt8 { Self.append(condition, to: &conditions) }
  func index(of table: StatusTable) -> UInt8 { Self.append(table, to: &statusTables) }
  func index(of unit: UCUMUnit) -> UInt8 { Self.append(unit, to: &units) }
  func index(of text: String) -> UInt8 { Self.append(text, to: &texts) }

  private static func append<T: Equatable>(_ value: T, to table: inout [T]) -> UInt8 {
    if let index = table.firstIndex(of: value) { return UInt8(clamping: index) }
    table.append(value)
    return UInt8(clamping: table.count - 1)
  }

  // MARK: Emits

  func newEmit(_ label: String, at position: SourcePosition) -> UInt8 {
    emits.append(EmitOrigin(label: label, position: position))
    return UInt8(clamping: emits.count - 1)
  }

  func flushEmits() {
    instructions += pending.map(Instruction.report)
    pending.removeAll()
  }

  // MARK: Control

  /// `when:` around whatever `body` compiles.
  func guarded(by node: ProfileNode?, _ body: () -> Void) {
    guard let node else { return body() }
    let questions = ConditionParser(compiler: self).parse(node)
    let jumps = questions.map { condition in
      instructions.append(.control(.jumpUnless(condition: index(of: condition), to: 0)))
      return instructions.count - 1
    }
    body()
    let target = UInt16(clamping: instructions.count)
    for jump in jumps {
      if case .control(.jumpUnless(let condition, _)) = instructions[jump] {
        instructions[jump] = .control(.jumpUnless(condition: condition, to: target))
      }
    }
  }

  /// `repeat: 16`, `atLeast: 1`, `do:`.
  func repeated(_ fields: Fields, _ steps: [ProfileNode]) {
    let position = fields.keyPositions["repeat"] ?? fields.position
    if options.isJSON { return problems.note(position, "`repeat` stands in a JSON frame; allowed: in frames of bytes") }
    if hasRepeat { return problems.note(position, "a second `repeat` in one frame; allowed: one") }
    guard let atMost = fields.integer("repeat", in: 1...255) else { return }
    hasRepeat = true
    isRepeating = true
    // Reports from before the repeat stay for the frame's end: a `when` around the repeat must not swallow them.
    let outerPending = pending
    pending = []
    let begin = instructions.count
    let firstRegister = nextRegister
    let outerNames = names
    // This instruction holds the place of `repeatBegin`, which needs to know where the repeat ends.
    instructions.append(.source(.skipRest))
    for step in steps { self.step(step) }
    flushEmits()
    instructions.append(.control(.repeatEnd(begin: UInt16(clamping: begin), atMost: UInt16(atMost))))
    instructions[begin] = .control(
      .repeatBegin(
        end: UInt16(clamping: instructions.count), atLeast: UInt16(fields.integer("atLeast", in: 0...255) ?? 0),
        firstRegister: UInt8(clamping: firstRegister), endRegister: UInt8(clamping: min(nextRegister, DecodeLimits.registersMax))))
    cost += (instructions.count - begin) * Int(atMost)
    names = outerNames
    pending = outerPending
    isRepeating = false
  }
}
