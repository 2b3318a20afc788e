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
    return .spo2Scale(scale)
  }

  static func oxygen(_ text: String) throws -> API.PlanItem {
    guard let prescribed = PrescribedOxygen(key: text) else {
      throw ValidationError("\"\(text)\" is not allowed; allowed: air, oxygen, unknown.")
    }
    return .oxygen(.known(prescribed))
  }

  static func news2Alerts(_ text: String) throws -> API.PlanItem {
    guard ["on", "off"].contains(text) else { throw ValidationError("\"\(text)\" is not allowed; allowed: on, off.") }
    return .news2Alerts(text == "on")
  }

  // MARK: Limits

  static let limitForm = "SIGNAL:red<N,yellow<N,yellow>N,red>N,delay=5m,hysteresis=N, or SIGNAL:none"

  /// `spo2:red<85,yellow<88,delay=5m,hysteresis=2`.
  static func limit(_ text: String) throws -> API.PlanItem {
    let (key, rest) = try halves(text, ":", form: limitForm)
    guard let signal = PlanSignal(key: key) else {
      throw ValidationError("unknown signal \"\(key)\"; allowed: \(PlanSignal.allCases.map(\.key).joined(separator: ", ")).")
    }
    var limits = API.PlanItem.Limits(signal: .known(signal))
    if rest == "none" { return .limits(limits) }
    for part in rest.split(separator: ",", omittingEmptySubsequences: false) { try limitPart(String(part), signal, &limits) }
    try checkOrder(limits)
    return .limits(limits)
  }

  private static let words = [
    ("redBelow=", "red<"), ("redAbove=", "red>"), ("yellowBelow=", "yellow<"), ("yellowAbove=", "yellow>"),
  ]

  private static func limitPart(_ text: String, _ signal: PlanSignal, _ limits: inout API.PlanItem.Limits) throws {
    if text.hasPrefix("delay=") {
      limits.delaySeconds = try seconds(String(text.dropFirst(6)))
    } else if text.hasPrefix("hysteresis=") {
      let value = try steps(String(text.dropFirst(11)), signal)
      guard value >= 0 else { throw ValidationError("hysteresis is how far a value must come back; allowed: 0 or more.") }
      limits.hysteresis = decimal(value, signal)
    } else {
      var form = text
      for (word, sign) in words where text.hasPrefix(word) { form = sign + text.dropFirst(word.count) }
      try colourLimit(form, original: text, signal, &limits)
    }
  }

  private static func colourLimit(_ text: String, original: String, _ signal: PlanSignal, _ limits: inout API.PlanItem.Limits) throws {
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
    case ("red", "<"): limits.redLow = value
    case ("red", _): limits.redHigh = value
    case (_, "<"): limits.yellowLow = value
    default: limits.yellowHigh = value
    }
  }

  /// Red lies outside yellow, and low limits lie below high ones.
  private static func checkOrder(_ limits: API.PlanItem.Limits) throws {
    let named = [("red<", limits.redLow), ("yellow<", limits.yellowLow), ("yellow>", limits.yellowHigh), ("red>", limits.redHigh)]
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
    guard let parameter = NEWS2Parameter(key: key) else {
      throw ValidationError("unknown parameter \"\(key)\"; allowed: \(NEWS2Parameter.allCases.map(\.key).joined(separator: ", ")).")
    }
    let seconds = rest == "default" ? 0 : try seconds(rest)
    if rest != "default", seconds == 0 {
      throw ValidationError("a value that is valid for no time never scores; allowed: \(validityForm).")
    }
    return .validity(API.PlanItem.Validity(parameter: .known(parameter), seconds: seconds))
  }

  static let doseForm = "SLOT=HH:MM+GRACE such as 0=08:00+30m (slots 0 to 7), or SLOT=none"

  static func dose(_ text: String) throws -> API.PlanItem {
    let (key, rest) = try halves(text, "=", form: doseForm)
    guard let slot = Int(key), EntryLimits.doseSlots.contains(slot) else {
      let slots = EntryLimits.doseSlots
      throw ValidationError("\"\(key)\" is no dose slot; allowed: \(slots.lowerBound) to \(slots.upperBound).")
    }
    if rest == "none" { return .dose(API.PlanItem.Dose(slot: slot)) }
    let (time, grace) = try halves(rest, "+", form: doseForm)
    return .dose(API.PlanItem.Dose(slot: slot, time: try clock(time, form: doseForm), graceSeconds: try seconds(grace)))
  }

  static let nightForm = "HH:MM-HH:MM+DELAY such as 23:00-06:00+10m, or off"

  static func night(_ text: String) throws -> API.PlanItem {
    if text == "off" { return .nightWatch(API.PlanItem.NightHours(from: "00:00", to: "00:00", openDelaySeconds: 0)) }
    let (from, rest) = try halves(text, "-", form: nightForm)
    let plus = rest.firstIndex(of: "+")
    let night = API.PlanItem.NightHours(
      from: try clock(from, form: nightForm), to: try clock(String(rest[..<(plus ?? rest.endIndex)]), form: nightForm),
      openDelaySeconds: try plus.map { try seconds(String(rest[rest.index(after: $0)...])) } ?? 0)
    guard night.from != night.to else { throw ValidationError("a night that begins when it ends is none; allowed: \(nightForm).") }
    return .nightWatch(night)
  }

  static let geofenceForm = "LATITUDE,LONGITUDE,RADIUSm such as 59.91,10.75,300m, then fixes=2 and stale=2h if wanted, or off"

  static func geofence(_ text: String) throws -> API.PlanItem {
    if text == "off" { return .geofence(API.PlanItem.Circle(latitude: "0", longitude: "0", radiusMetres: 0)) }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3 else { throw ValidationError("\"\(text)\" is no geofence; allowed: \(geofenceForm).") }
    let (latitude, longitude) = (try degrees(parts[0], most: 90, "latitude"), try degrees(parts[1], most: 180, "longitude"))
    let metres = EntryLimits.geofenceMetres
    guard parts[2].hasSuffix("m"), let radius = UInt32(parts[2].dropLast()), metres.contains(radius) else {
      throw ValidationError("\"\(parts[2])\" is no radius; allowed: \(metres.lowerBound)m to \(metres.upperBound)m.")
    }
    var circle = API.PlanItem.Circle(latitude: latitude, longitude: longitude, radiusMetres: radius)
    for part in parts[3...] {
      if part.hasPrefix("fixes="), let fixes = Int(part.dropFirst(6)), EntryLimits.geofenceFixes.contains(fixes) {
        circle.confirmingFixes = fixes
      } else if part.hasPrefix("stale=") {
        circle.staleAfterSeconds = try seconds(String(part.dropFirst(6)))
      } else {
        let fixes = EntryLimits.geofenceFixes
        throw ValidationError(
          "\"\(part)\" is no part of a geofence; allowed: fixes=\(fixes.lowerBound) to fixes=\(fixes.upperBound), stale=2h.")
      }
    }
    return .geofence(circle)
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
