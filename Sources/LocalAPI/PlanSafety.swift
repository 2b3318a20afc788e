// What a change of a care plan may not do by a slip of the keyboard: drop a limit that somebody prescribed, or set one that
// cannot be meant. Values only: the command line asks before it sends, the core asks again, because the API is another door.
//
// Not here: whether a plan is good for a person. Ranges are those within which a limit can have been meant at all.

package import VitalSigns

/// Checks of plan items. No state.
public enum PlanSafety {
  /// Where limits of a signal can lie, in its unit: a low one below which a person is worse, a high one above.
  package struct Range: Sendable {
    package var low: ClosedRange<Double>
    package var high: ClosedRange<Double>
  }

  package static func range(of signal: PlanSignal) -> Range {
    switch signal {
    case .oxygenSaturation: Range(low: 50...99, high: 80...100)
    case .pulse: Range(low: 20...100, high: 60...250)
    case .systolic: Range(low: 50...160, high: 90...260)
    case .diastolic: Range(low: 20...110, high: 50...160)
    case .temperature: Range(low: 30...37, high: 36...43)
    case .respiration: Range(low: 4...20, high: 10...60)
    case .weight: Range(low: 2...400, high: 2...400)
    case .glucose: Range(low: 1...12, high: 3...40)
    }
  }

  /// What is wrong with one item whatever the plan holds; nil: nothing. One sentence that says what was probably meant.
  public static func problem(_ item: API.PlanItem) -> String? {
    guard case .limits(let limits) = item, case .known(let signal) = limits.signal else { return nil }
    return problem(signal, Limit.all(limits))
  }

  private static func problem(_ signal: PlanSignal, _ limits: [Limit]) -> String? {
    let (key, range) = (signal.key, range(of: signal))
    for limit in limits {
      guard let value = Double(limit.text) else { return "\(key): \(limit.text) is no number" }
      let allowed = limit.isLow ? range.low : range.high
      if allowed.contains(value) { continue }
      let other = limit.isLow ? range.high : range.low
      let place = "\(short(allowed.lowerBound)) to \(short(allowed.upperBound)) \(signal.unit.sign)"
      let sentence = "\(key): \(limit.colour) at \(limit.text) and \(limit.isLow ? "below" : "above") cannot be meant; allowed: \(place)"
      return other.contains(value) ? sentence + "; did you mean \(limit.colour)\(limit.isLow ? ">" : "<")\(limit.written)?" : sentence
    }
    // A low saturation is what harms; a limit above alone would let it fall without a word.
    if signal == .oxygenSaturation, let high = limits.first(where: { !$0.isLow }), !limits.contains(where: \.isLow) {
      return
        "\(key): \(high.colour) at \(high.text) and above, and no limit below: nothing would tell that the saturation falls; did you mean \(high.colour)<\(high.written)?"
    }
    return nil
  }

  /// What of `present` a change to `items` drops without saying so, each in words; empty: nothing. An item that says `none` (no limit
  /// at all) or `off` drops by its own words.
  public static func dropped(by items: [API.PlanItem], from present: [API.PlanItem]) -> [String] {
    let inForce = present.compactMap { item -> API.PlanItem.Limits? in
      guard case .limits(let limits) = item else { return nil }
      return limits
    }
    return items.flatMap { item -> [String] in
      guard case .limits(let wanted) = item, let old = inForce.first(where: { $0.signal == wanted.signal }) else { return [] }
      let new = Limit.all(wanted)
      if new.isEmpty { return [] }
      return Limit.all(old).filter { limit in !new.contains { $0.isLow == limit.isLow && $0.colour == limit.colour } }.map {
        "\(wanted.signal?.key ?? "?"): \($0.colour) at \($0.text) and \($0.isLow ? "below" : "above")"
      }
    }
  }

  private static func short(_ value: Double) -> String { "\(Int(value))" }

  /// One limit of an item as it is stored: inside its colour.
  private struct Limit {
    var colour: String
    var isLow: Bool
    var text: String

    /// As it is written with < or >: one step outside.
    var written: String {
      guard let value = Quantity(decimal: text) else { return text }
      let step: Int64 = isLow ? 1 : -1
      return Quantity(mantissa: value.mantissa &+ step, exponent: value.exponent).description
    }

    static func all(_ limits: API.PlanItem.Limits) -> [Limit] {
      [
        limits.redLow.map { Limit(colour: "red", isLow: true, text: $0) },
        limits.yellowLow.map { Limit(colour: "yellow", isLow: true, text: $0) },
        limits.yellowHigh.map { Limit(colour: "yellow", isLow: false, text: $0) },
        limits.redHigh.map { Limit(colour: "red", isLow: false, text: $0) },
      ].compactMap { $0 }
    }
  }
}
