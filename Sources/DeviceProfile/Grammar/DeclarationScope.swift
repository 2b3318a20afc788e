// The declarations that a profile's steps may name: its own, and those of a profile that it decodes like.

import VitalSigns

final class DeclarationScope {
  /// Finds the tree of another profile. Lives during one compilation.
  struct Resolver {
    let resolve: (String) -> ProfileNode?
  }

  private(set) var observations: [ObservationDeclaration] = []
  private(set) var events: [EventDeclaration] = []
  private var statusTables: [String: StatusTable] = [:]
  /// Where each own declaration stands in the file. What `decodeAs` brings along has no place in it.
  private(set) var positions: [String: SourcePosition] = [:]
  private let problems: ProblemList
  /// Where names that are not declared here are looked up while a `decodeAs` frame is compiled.
  var fallback: DeclarationScope?

  static let observationKeys = [
    "code", "mdc", "loinc", "snomed", "display", "unit", "units", "resolution", "plausible", "hard", "changeMax",
  ]
  static let eventKeys = ["kind", "type", "severity", "coalesce"]
  /// Keys of a self-test's expectation. No observation can be called by one of them.
  static let reservedNames: Set<String> = [
    "unit", "quality", "time", "event", "phase", "detail", "latitude", "longitude", "accuracy", "and", "not", "is", "present", "missing",
    "unusable", "bytesLeft",
  ]

  init(_ fields: Fields) {
    problems = fields.problems
    readObservations(fields)
    readEvents(fields)
    readStatusTables(fields)
  }

  // MARK: Look-up

  func observationIndex(_ key: String) -> Int? {
    if let index = observations.firstIndex(where: { $0.key == key }) { return index }
    guard let declaration = fallback?.observations.first(where: { $0.key == key }) else { return nil }
    observations.append(declaration)
    return observations.count - 1
  }

  func eventIndex(_ key: String) -> Int? {
    if let index = events.firstIndex(where: { $0.key == key }) { return index }
    guard let declaration = fallback?.events.first(where: { $0.key == key }) else { return nil }
    events.append(declaration)
    return events.count - 1
  }

  /// Whether the name is declared here, rightly or wrongly.
  func isDeclared(_ key: String) -> Bool { positions[key] != nil }

  func statusTable(_ key: String) -> StatusTable? { statusTables[key] ?? fallback?.statusTables[key] }

  var observationNames: String { names(observations.map(\.key) + (fallback?.observations.map(\.key) ?? [])) }
  var eventNames: String { names(events.map(\.key) + (fallback?.events.map(\.key) ?? [])) }
  var statusNames: String { names(statusTables.keys.sorted() + (fallback?.statusTables.keys.sorted() ?? [])) }

  private func names(_ keys: [String]) -> String {
    var seen: Set<String> = []
    let unique = keys.filter { seen.insert($0).inserted }
    return unique.isEmpty ? "none is declared" : unique.joined(separator: ", ")
  }

  // MARK: Reading

  /// The entries of a mapping of named declarations, names checked.
  private func declarations(_ fields: Fields, _ key: String, example: String) -> [(name: String, node: ProfileNode, at: SourcePosition)] {
    guard let node = fields.node(key) else { return [] }
    guard let entries = node.entries else {
      fields.wrong(node, key, "a mapping of names, such as \(example)")
      return []
    }
    if entries.count > 64 { problems.note(node.position, "`\(key)` has \(entries.count) entries; allowed: at most 64") }
    return entries.prefix(64).compactMap { entry in
      guard let name = entry.key.scalar, Scalars.isName(name), !Self.reservedNames.contains(name), positions[name] == nil else {
        problems.note(
          entry.key.position,
          "\(entry.key.kindName) cannot be a name here; allowed: letters, digits, - and _, a letter first, once in the profile, none of the grammar's own words"
        )
        return nil
      }
      positions[name] = entry.key.position
      return (name, entry.value, entry.key.position)
    }
  }

  private func readObservations(_ fields: Fields) {
    for (name, node, _) in declarations(fields, "observations", example: "`spo2: {code: spo2}`") {
      guard let inner = Fields(node, allowed: Self.observationKeys, what: "the observation `\(name)`", problems) else { continue }
      let known: CodeSystemEntry?
      if let key = inner.text("code") {
        known = ObservationCode(key: key)?.entry
        if known == nil {
          inner.wrong(
            inner.node("code") ?? node, "code",
            ObservationCode.known.map(\.key).joined(separator: ", ") + "; for others give mdc, unit and display")
          continue
        }
      } else {
        known = nil
        for required in ["mdc", "unit", "display"] where !inner.has(required) {
          problems.note(node.position, "`\(required)` is missing; allowed: `code` with a known name, or mdc, unit and display")
        }
      }
      let mdc = inner.integer("mdc", in: 1...Int64(UInt32.max)).map { ObservationCode(rawValue: UInt32($0)) }
      guard let code = mdc ?? known?.code, let units = units(inner, known?.unit), let unit = units.first else { continue }
      observations.append(
        ObservationDeclaration(
          key: name, code: code, loinc: loinc(inner) ?? known?.loinc, snomed: inner.text("snomed"),
          display: inner.text("display") ?? known?.display ?? name, unit: unit, units: units, resolution: inner.decimal("resolution"),
          plausible: range(inner, "plausible"), hard: range(inner, "hard"), changeMaxPerMinute: inner.decimal("changeMax")))
    }
  }

  private func units(_ inner: Fields, _ known: UCUMUnit?) -> [UCUMUnit]? {
    var units: [UCUMUnit] = []
    for node in inner.list("unit") + inner.list("units") {
      guard let unit = node.scalar.flatMap({ UCUMUnit(code: $0) }) else {
        inner.wrong(node, "unit", UCUMUnit.allCases.map(\.code).joined(separator: ", "))
        return nil
      }
      if !units.contains(unit) { units.append(unit) }
    }
    if !inner.has("unit"), let known {
      units.removeAll { $0 == known }
      units.insert(known, at: 0)
    }
    return units
  }

  /// A LOINC code: digits, a hyphen, a check digit by Luhn's rule.
  private func loinc(_ inner: Fields) -> String? {
    guard let text = inner.text("loinc") else { return nil }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    if parts.count == 2, parts[1].count == 1, (1...7).contains(parts[0].count), let check = Int(parts[1]) {
      let digits = parts[0].utf8.map { Int($0) - 48 }
      let sum = digits.reversed().enumerated().reduce(0) { sum, item in
        let doubled = item.offset % 2 == 0 ? item.element * 2 : item.element
        return sum + (doubled > 9 ? doubled - 9 : doubled)
      }
      if digits.allSatisfy({ (0...9).contains($0) }), (10 - sum % 10) % 10 == check { return text }
    }
    problems.note(inner.position("loinc"), "`loinc` is `\(text)`; allowed: a LOINC code with its right check digit, such as 2708-6")
    return nil
  }

  private func range(_ inner: Fields, _ key: String) -> ValueRange? {
    guard let node = inner.node(key) else { return nil }
    return Self.range(node, key, problems)
  }

  /// `[low, high]`.
  static func range(_ node: ProfileNode, _ key: String, _ problems: ProblemList) -> ValueRange? {
    if case .sequence(let items) = node.content, items.count == 2,
      let low = items[0].scalar.flatMap({ Quantity(decimal: $0) })?.rounded(toExponent: ValueRange.exponent),
      let high = items[1].scalar.flatMap({ Quantity(decimal: $0) })?.rounded(toExponent: ValueRange.exponent), low <= high
    {
      return ValueRange(low: low, high: high)
    }
    problems.note(node.position, "`\(key)` is \(node.kindName); allowed: two numbers, the lower first, such as [70, 100]")
    return nil
  }

  private func readEvents(_ fields: Fields) {
    for (name, node, position) in declarations(fields, "events", example: "`sos: {type: moment, severity: high}`") {
      guard let inner = Fields(node, allowed: Self.eventKeys, what: "the event `\(name)`", problems) else { continue }
      guard let kind = DeviceEventKind(key: inner.text("kind") ?? name) else {
        problems.note(
          inner.node("kind")?.position ?? position,
          "`\(inner.text("kind") ?? name)` is no kind of event; allowed: \(Self.eventKinds.map(\.key).joined(separator: ", "))")
        continue
      }
      if kind.isMadeByTheHub {
        problems.note(
          inner.node("kind")?.position ?? position,
          "`\(kind.key)` is what the hub itself finds out; allowed: \(Self.eventKinds.map(\.key).joined(separator: ", "))")
        continue
      }
      guard inner.required("type", EventType.allCases.map(\.rawValue).joined(separator: ", ")) != nil,
        let type = inner.choice("type", EventType.self)
      else { continue }
      let vital = kind == .sos || kind == .fall
      let coalesce = inner.choice("coalesce", Coalesce.self)
      if vital, coalesce == .allowed {
        problems.note(inner.position("coalesce"), "`coalesce` is `allowed`; allowed: never, because two calls for help are two")
      }
      if vital, type == .state {
        problems.note(
          inner.position("type"),
          "`type` is `state`; allowed: moment (a press, a fall that is told once), condition (what the device says as long as it lasts)")
      }
      events.append(
        EventDeclaration(
          key: name, kind: kind, type: type, severity: inner.choice("severity", EventSeverity.self) ?? (vital ? .high : .low),
          neverCoalesce: vital || coalesce == .never))
    }
  }

  /// The kinds of event that a device can report.
  static var eventKinds: [DeviceEventKind] { DeviceEventKind.allCases.filter { !$0.isMadeByTheHub } }

  private enum Coalesce: String, CaseIterable {
    case never, allowed
  }

  private func readStatusTables(_ fields: Fields) {
    let qualities = ObservationQuality.declarable
    let allowed = qualities.map(\.0).joined(separator: ", ")
    for (name, node, _) in declarations(fields, "status", example: "`measurement: {5: ongoing, 10: demo}`") {
      guard let entries = node.entries else {
        problems.note(node.position, "the table `\(name)` is \(node.kindName); allowed: bit numbers with one of \(allowed)")
        continue
      }
      var table = StatusTable(entries: [])
      for entry in entries {
        guard let bit = entry.key.scalar.flatMap(Scalars.integer), (0...62).contains(bit),
          !table.entries.contains(where: { $0.bit == UInt8(bit) })
        else {
          problems.note(entry.key.position, "\(entry.key.kindName) is no bit number; allowed: 0 to 62, each once")
          continue
        }
        guard let quality = qualities.first(where: { $0.0 == entry.value.scalar }) else {
          problems.note(entry.value.position, "bit \(bit) is \(entry.value.kindName); allowed: \(allowed)")
          continue
        }
        table.entries.append(.init(bit: UInt8(bit), quality: quality.1))
      }
      statusTables[name] = table
    }
  }
}
