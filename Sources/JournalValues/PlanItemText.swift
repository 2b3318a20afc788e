// A plan item as a key and a line of text, for people who read the file and for the exact way back. `limits.spo2` with
// `redLow=85 yellowLow=88 delaySeconds=60 hysteresis=1`. What equals "none" is left out, so each item has one form.

public import VitalSigns

extension CarePlanItem {
  /// What the item replaces: one current item per key and person.
  public var key: String {
    switch self {
    case .spo2Scale: "spo2Scale"
    case .oxygen: "oxygen"
    case .limits(let signal, _): "limits.\(signal.key)"
    case .validity(let parameter, _): "validity.\(parameter.key)"
    case .dose(let slot, _): "dose.\(slot)"
    case .nightWatch: "nightWatch"
    case .geofence: "geofence"
    case .news2Alerts: "news2Alerts"
    }
  }

  /// The item's content in one line.
  public var text: String {
    switch self {
    case .spo2Scale(let scale): "\(scale.rawValue)"
    case .oxygen(let oxygen): "\(oxygen.rawValue)"
    case .limits(_, let limits):
      pairs([
        ("redLow", limits.redLow == .min ? nil : Int64(limits.redLow)),
        ("yellowLow", limits.yellowLow == .min ? nil : Int64(limits.yellowLow)),
        ("yellowHigh", limits.yellowHigh == .max ? nil : Int64(limits.yellowHigh)),
        ("redHigh", limits.redHigh == .max ? nil : Int64(limits.redHigh)),
        ("delaySeconds", limits.delaySeconds == 0 ? nil : Int64(limits.delaySeconds)),
        ("hysteresis", limits.hysteresis == 0 ? nil : Int64(limits.hysteresis)),
      ])
    case .validity(_, let seconds): "\(seconds)"
    case .dose(_, let dose):
      dose.map { pairs([("minuteOfDay", Int64($0.minuteOfDay)), ("graceSeconds", Int64($0.graceSeconds))]) } ?? ""
    case .nightWatch(let watch):
      pairs([
        ("fromMinute", Int64(watch.fromMinute)), ("toMinute", Int64(watch.toMinute)),
        ("openDelaySeconds", Int64(watch.openDelaySeconds)),
      ])
    case .geofence(let fence):
      pairs([
        ("latitudeE7", Int64(fence.latitudeE7)), ("longitudeE7", Int64(fence.longitudeE7)),
        ("radiusMetres", Int64(fence.radiusMetres)), ("confirmingFixes", Int64(fence.confirmingFixes)),
        ("staleAfterSeconds", Int64(fence.staleAfterSeconds)),
      ])
    case .news2Alerts(let enabled): enabled ? "1" : "0"
    }
  }

  /// Reads what `key` and `text` wrote; nil for anything else.
  public init?(key: String, text: String) {
    let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
    let name = parts.count == 2 ? parts[1] : ""
    let fields = Fields(text)
    switch parts.first {
    case "spo2Scale":
      guard let raw = UInt8(text), let scale = SpO2Scale(rawValue: raw) else { return nil }
      self = .spo2Scale(scale)
    case "oxygen":
      guard let raw = UInt8(text), let oxygen = PrescribedOxygen(rawValue: raw) else { return nil }
      self = .oxygen(oxygen)
    case "limits":
      guard let signal = PlanSignal(key: name), let fields,
        let redLow: Int32 = fields["redLow", .min], let yellowLow: Int32 = fields["yellowLow", .min],
        let yellowHigh: Int32 = fields["yellowHigh", .max], let redHigh: Int32 = fields["redHigh", .max],
        let delay: UInt32 = fields["delaySeconds", 0], let hysteresis: Int32 = fields["hysteresis", 0]
      else { return nil }
      self = .limits(
        signal,
        PlanLimits(
          redLow: redLow, yellowLow: yellowLow, yellowHigh: yellowHigh, redHigh: redHigh, delaySeconds: delay, hysteresis: hysteresis))
    case "validity":
      guard let parameter = NEWS2Parameter(key: name), let seconds = UInt32(text) else { return nil }
      self = .validity(parameter, seconds: seconds)
    case "dose":
      guard let slot = UInt8(name), let fields else { return nil }
      if text.isEmpty {
        self = .dose(slot: slot, nil)
        return
      }
      guard let minute: UInt16 = fields["minuteOfDay", 0], let grace: UInt32 = fields["graceSeconds", 0] else { return nil }
      self = .dose(slot: slot, PlannedDose(minuteOfDay: minute, graceSeconds: grace))
    case "nightWatch":
      guard let fields, let from: UInt16 = fields["fromMinute", 0], let to: UInt16 = fields["toMinute", 0],
        let delay: UInt32 = fields["openDelaySeconds", 0]
      else { return nil }
      self = .nightWatch(NightWatch(fromMinute: from, toMinute: to, openDelaySeconds: delay))
    case "geofence":
      guard let fields, let fence = Geofence(fields) else { return nil }
      self = .geofence(fence)
    case "news2Alerts":
      guard text == "1" || text == "0" else { return nil }
      self = .news2Alerts(text == "1")
    default: return nil
    }
  }
}

extension Geofence {
  fileprivate init?(_ fields: Fields) {
    guard let latitude: Int32 = fields["latitudeE7", 0], let longitude: Int32 = fields["longitudeE7", 0],
      let radius: UInt32 = fields["radiusMetres", 0], let fixes: UInt8 = fields["confirmingFixes", 0],
      let stale: UInt32 = fields["staleAfterSeconds", 0]
    else { return nil }
    self.init(
      latitudeE7: latitude, longitudeE7: longitude, radiusMetres: radius, confirmingFixes: fixes, staleAfterSeconds: stale)
  }
}

private func pairs(_ values: [(String, Int64?)]) -> String {
  values.compactMap { name, value in value.map { "\(name)=\($0)" } }.joined(separator: " ")
}

/// `name=number` words.
private struct Fields {
  private var values: [String: Int64] = [:]

  /// Nil when a word is not `name=number` or a name comes twice.
  init?(_ text: String) {
    for word in text.split(separator: " ") {
      let halves = word.split(separator: "=", maxSplits: 1)
      guard halves.count == 2, let value = Int64(halves[1]), values.updateValue(value, forKey: String(halves[0])) == nil else { return nil }
    }
  }

  /// The field, or what its absence means; nil when it does not fit.
  subscript<T: FixedWidthInteger>(name: String, absent: T) -> T? {
    guard let value = values[name] else { return absent }
    return T(exactly: value)
  }
}
