// The notation of `plan set`: each flag's text becomes one plan item of the local API. Limits are written with the
// operator that is meant, `red<85` or `red<=84`; the core holds limits that are inside their colour, so `<` moves one step.
// Because < and > mean something to a shell, there are words for them too.

import ArgumentParser
import HubRuntime
import LocalAPI
import VitalSigns

enum PlanFlagText {
  /// A duration such as `5m`, in whole seconds.
  static func seconds(_ text: String) throws -> UInt32 {
    guard let duration = DurationText.duration(text), let seconds = UInt32(exactly: duration.wholeMilliseconds / 1_000),
      duration.wholeMilliseconds % 1_000 == 0
    else { throw ValidationError("\"\(text)\" is no duration; allowed: a whole number with s, m, h or d, such as 30m.") }
    return seconds
  }

  static func scale(_ text: String) throws -> API.PlanItem {
    guard let scale = Int(text), scale == 1 || scale == 2 else {
      throw ValidationError("\"\(text)\" is no SpO₂ scale; allowed: 1, or 2 when a clinician has prescribed it.")
    }
    var item = API.PlanItem(kind: "spo2Scale")
    item.scale = scale
    return item
  }

  static func oxygen(_ text: String) throws -> API.PlanItem {
    guard ["air", "oxygen", "unknown"].contains(text) else {
      throw ValidationError("\"\(text)\" is not allowed; allowed: air, oxygen, unknown.")
    }
    var item = API.PlanItem(kind: "oxygen")
    item.oxygen = text
    return item
  }

  static func news2Alerts(_ text: String) throws -> API.PlanItem {
    guard ["on", "off"].contains(text) else { throw ValidationError("\"\(text)\" is not allowed; allowed: on, off.") }
    var item = API.PlanItem(kind: "news2Alerts")
    item.enabled = text == "on"
    return item
  }

  // MARK: Limits

  static let limitForm = "SIGNAL:red<N,yellow<N,yellow>N,red>N,delay=5m,hysteresis=N, or SIGNAL:none"

  /// `spo2:red<85,yellow<88,delay=5m,hysteresis=2`.
  static func limit(_ text: String) throws -> API.PlanItem {
    let (key, rest) = try halves(text, ":", form: limitForm)
    guard let signal = PlanSignal(key: key) else {
      throw ValidationError("unknown signal \"\(key)\"; allowed: \(PlanSignal.allCases.map(\.key).joined(separator: ", ")).")
    }
    var item = API.PlanItem(kind: "limits")
    item.signal = key
    if rest == "none" { return item }
    for part in rest.split(separator: ",", omittingEmptySubsequences: false) { try limitPart(String(part), signal, &item) }
    try checkOrder(item)
    return item
  }

  private static let words = [
    ("redBelow=", "red<"), ("redAbove=", "red>"), ("yellowBelow=", "yellow<"), ("yellowAbove=", "yellow>"),
  ]

  private static func limitPart(_ text: String, _ signal: PlanSignal, _ item: inout API.PlanItem) throws {
    if text.hasPrefix("delay=") {
      item.delaySeconds = try seconds(String(text.dropFirst(6)))
    } else if text.hasPrefix("hysteresis=") {
      let value = try steps(String(text.dropFirst(11)), signal)
      guard value >= 0 else { throw ValidationError("hysteresis is how far a value must come back; allowed: 0 or more.") }
      item.hysteresis = decimal(value, signal)
    } else {
      var form = text
      for (word, sign) in words where text.hasPrefix(word) { form = sign + text.dropFirst(word.count) }
      try colourLimit(form, original: text, signal, &item)
    }
  }

  private static func colourLimit(_ text: String, original: String, _ signal: PlanSignal, _ item: inout API.PlanItem) throws {
    let colour = text.prefix { $0.isLetter }
    let sign = text.dropFirst(colour.count).prefix { "<>=".contains($0) }
    guard ["red", "yellow"].contains(colour), ["<", "<=", ">", ">="].contains(sign) else {
      if !original.isEmpty, original.allSatisfy(\.isNumber) {
        throw ValidationError("\"\(original)\" stands alone: a comma parts the limits, so write 38.5 with a point here.")
      }
      throw ValidationError(
        "\"\(original)\" is no part of a limit; allowed: red or yellow with <, <=, >, >= and a number (red<85, or redBelow=85 where the shell minds), delay=5m, hysteresis=2."
      )
    }
    let number = try steps(String(text.dropFirst(colour.count + sign.count)), signal)
    // The core's limits are inclusive: "below 85" is "84 or less" in whole steps.
    let limit =
      switch sign {
      case "<": number - 1
      case ">": number + 1
      default: number
      }
    let value = decimal(limit, signal)
    switch (colour, sign.first) {
    case ("red", "<"): item.redLow = value
    case ("red", _): item.redHigh = value
    case (_, "<"): item.yellowLow = value
    default: item.yellowHigh = value
    }
  }

  /// Checks that red lies outside yellow, and that low limits lie below high ones.
  private static func checkOrder(_ item: API.PlanItem) throws {
    let named = [("red<", item.redLow), ("yellow<", item.yellowLow), ("yellow>", item.yellowHigh), ("red>", item.redHigh)]
    let present = named.compactMap { name, text in
      text.flatMap { Quantity(decimal: $0) }.flatMap { $0.rounded(toExponent: -1) }.map { (name, $0) }
    }
    guard !present.isEmpty else { throw ValidationError("no limit is given; allowed: \(limitForm).") }
    for (a, b) in zip(present, present.dropFirst()) where a.1 >= b.1 {
      throw ValidationError("\(a.0) and \(b.0) overlap: red must lie outside yellow, and low limits below high ones.")
    }
  }

  private static func steps(_ text: String, _ signal: PlanSignal) throws -> Int64 {
    let exponent = signal.stepExponent
    guard let quantity = Quantity(decimal: text), let value = quantity.rounded(toExponent: exponent),
      value.magnitude <= EntryLimits.planStepsMax
    else {
      throw ValidationError("\"\(text)\" is no number; allowed: a decimal such as \(exponent == 0 ? "88" : "38.5").")
    }
    guard Quantity(mantissa: value, exponent: exponent) == quantity else {
      throw ValidationError(
        "\(signal.key) counts in steps of \(exponent == 0 ? "1" : "0.1"), so \(text) lies between two; write one of them.")
    }
    return value
  }

  private static func decimal(_ steps: Int64, _ signal: PlanSignal) -> String {
    Quantity(mantissa: steps, exponent: signal.stepExponent).description
  }

  // MARK: Validity, doses, night, geofence

  static let validityForm = "PARAMETER=DURATION such as pulse=5m, or PARAMETER=default"

  static func validity(_ text: String) throws -> API.PlanItem {
    let (key, rest) = try halves(text, "=", form: validityForm)
    guard NEWS2Parameter.allCases.contains(where: { $0.key == key }) else {
      throw ValidationError("unknown parameter \"\(key)\"; allowed: \(NEWS2Parameter.allCases.map(\.key).joined(separator: ", ")).")
    }
    var item = API.PlanItem(kind: "validity")
    item.parameter = key
    item.seconds = rest == "default" ? 0 : try seconds(rest)
    if rest != "default", item.seconds == 0 {
      throw ValidationError("a value that is valid for no time never scores; allowed: \(validityForm).")
    }
    return item
  }

  static let doseForm = "SLOT=HH:MM+GRACE such as 0=08:00+30m (slots 0 to 7), or SLOT=none"

  static func dose(_ text: String) throws -> API.PlanItem {
    let (key, rest) = try halves(text, "=", form: doseForm)
    guard let slot = Int(key), EntryLimits.doseSlots.contains(slot) else {
      let slots = EntryLimits.doseSlots
      throw ValidationError("\"\(key)\" is no dose slot; allowed: \(slots.lowerBound) to \(slots.upperBound).")
    }
    var item = API.PlanItem(kind: "dose")
    item.slot = slot
    if rest == "none" { return item }
    let (time, grace) = try halves(rest, "+", form: doseForm)
    item.time = try clock(time, form: doseForm)
    item.graceSeconds = try seconds(grace)
    return item
  }

  static let nightForm = "HH:MM-HH:MM+DELAY such as 23:00-06:00+10m, or off"

  static func night(_ text: String) throws -> API.PlanItem {
    var item = API.PlanItem(kind: "nightWatch")
    if text == "off" {
      (item.from, item.to, item.openDelaySeconds) = ("00:00", "00:00", 0)
      return item
    }
    let (from, rest) = try halves(text, "-", form: nightForm)
    let plus = rest.firstIndex(of: "+")
    item.from = try clock(from, form: nightForm)
    item.to = try clock(String(rest[..<(plus ?? rest.endIndex)]), form: nightForm)
    item.openDelaySeconds = try plus.map { try seconds(String(rest[rest.index(after: $0)...])) } ?? 0
    guard item.from != item.to else { throw ValidationError("a night that begins when it ends is none; allowed: \(nightForm).") }
    return item
  }

  static let geofenceForm = "LATITUDE,LONGITUDE,RADIUSm such as 59.91,10.75,300m, then fixes=2 and stale=2h if wanted, or off"

  static func geofence(_ text: String) throws -> API.PlanItem {
    var item = API.PlanItem(kind: "geofence")
    if text == "off" {
      (item.latitude, item.longitude, item.radiusMetres) = ("0", "0", 0)
      return item
    }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3 else { throw ValidationError("\"\(text)\" is no geofence; allowed: \(geofenceForm).") }
    item.latitude = try degrees(parts[0], most: 90, "latitude")
    item.longitude = try degrees(parts[1], most: 180, "longitude")
    let metres = EntryLimits.geofenceMetres
    guard parts[2].hasSuffix("m"), let radius = UInt32(parts[2].dropLast()), metres.contains(radius) else {
      throw ValidationError("\"\(parts[2])\" is no radius; allowed: \(metres.lowerBound)m to \(metres.upperBound)m.")
    }
    item.radiusMetres = radius
    for part in parts[3...] {
      if part.hasPrefix("fixes="), let fixes = Int(part.dropFirst(6)), EntryLimits.geofenceFixes.contains(fixes) {
        item.confirmingFixes = fixes
      } else if part.hasPrefix("stale=") {
        item.staleAfterSeconds = try seconds(String(part.dropFirst(6)))
      } else {
        let fixes = EntryLimits.geofenceFixes
        throw ValidationError(
          "\"\(part)\" is no part of a geofence; allowed: fixes=\(fixes.lowerBound) to fixes=\(fixes.upperBound), stale=2h.")
      }
    }
    return item
  }

  private static func degrees(_ text: String, most: Int64, _ what: String) throws -> String {
    guard let quantity = Quantity(decimal: text), quantity.canonical.exponent >= -7, let value = quantity.rounded(toExponent: -7),
      value.magnitude <= UInt64(most) * 10_000_000
    else { throw ValidationError("\"\(text)\" is no \(what); allowed: degrees from -\(most) to \(most) with at most 7 decimals.") }
    return quantity.description
  }

  private static func clock(_ text: String, form: String) throws -> String {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard text.utf8.count == 5, parts.count == 2, let hour = UInt8(parts[0]), let minute = UInt8(parts[1]), hour < 24, minute < 60 else {
      throw ValidationError("\"\(text)\" is no time of day; allowed: 00:00 to 23:59, as in \(form).")
    }
    return text
  }

  private static func halves(_ text: String, _ separator: Character, form: String) throws -> (String, String) {
    guard let split = text.firstIndex(of: separator), split != text.startIndex, text.index(after: split) != text.endIndex else {
      throw ValidationError("\"\(text)\" is not understood; allowed: \(form).")
    }
    return (String(text[..<split]), String(text[text.index(after: split)...]))
  }
}
