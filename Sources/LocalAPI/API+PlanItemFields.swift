// A plan item's JSON: one flat object for every kind, as every version has written it. Here are the one way from the object to the item and
// the one way back; fields that do not belong to the kind are read past, and fields that are nil are left out.

package import VitalSigns

extension API.PlanItem {
  /// All fields of all kinds, as they stand side by side.
  public struct Fields: Sendable, Hashable {
    package var kind: API.Word<Kind>
    package var scale: Int?
    package var oxygen: API.Word<PrescribedOxygen>?
    package var signal: API.Word<PlanSignal>?
    package var redLow: String?
    package var yellowLow: String?
    package var yellowHigh: String?
    package var redHigh: String?
    package var hysteresis: String?
    package var delaySeconds: UInt32?
    package var parameter: API.Word<NEWS2Parameter>?
    package var seconds: UInt32?
    package var slot: Int?
    package var time: String?
    package var graceSeconds: UInt32?
    package var from: String?
    package var to: String?
    package var openDelaySeconds: UInt32?
    package var latitude: String?
    package var longitude: String?
    package var radiusMetres: UInt32?
    package var confirmingFixes: Int?
    package var staleAfterSeconds: UInt32?
    package var enabled: Bool?

    package init(kind: API.Word<Kind>) { self.kind = kind }
  }
}

extension API.PlanItem: Codable {
  fileprivate enum CodingKeys: String, CodingKey {
    case kind, scale, oxygen, signal, redLow, yellowLow, yellowHigh, redHigh, hysteresis, delaySeconds, parameter, seconds, slot, time
    case graceSeconds, from, to, openDelaySeconds, latitude, longitude, radiusMetres, confirmingFixes, staleAfterSeconds, enabled
  }

  public init(from decoder: any Decoder) throws { self.init(try Fields(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try Fields(self).encode(to: encoder) }
}

extension API.PlanItem.Fields: Codable {
  fileprivate typealias CodingKeys = API.PlanItem.CodingKeys
}

extension API.PlanItem {
  package init(_ fields: Fields) {
    switch fields.kind {
    case .known(.spo2Scale): self = .spo2Scale(fields.scale)
    case .known(.oxygen): self = .oxygen(fields.oxygen)
    case .known(.limits): self = .limits(Limits(fields))
    case .known(.validity): self = .validity(Validity(parameter: fields.parameter, seconds: fields.seconds))
    case .known(.dose): self = .dose(Dose(slot: fields.slot, time: fields.time, graceSeconds: fields.graceSeconds))
    case .known(.nightWatch):
      self = .nightWatch(NightHours(from: fields.from, to: fields.to, openDelaySeconds: fields.openDelaySeconds))
    case .known(.geofence): self = .geofence(Circle(fields))
    case .known(.news2Alerts): self = .news2Alerts(fields.enabled)
    case .unknown: self = .unknown(fields)
    }
  }
}

extension API.PlanItem.Limits {
  fileprivate init(_ fields: API.PlanItem.Fields) {
    self.init(signal: fields.signal)
    (redLow, yellowLow, yellowHigh, redHigh) = (fields.redLow, fields.yellowLow, fields.yellowHigh, fields.redHigh)
    (hysteresis, delaySeconds) = (fields.hysteresis, fields.delaySeconds)
  }
}

extension API.PlanItem.Circle {
  fileprivate init(_ fields: API.PlanItem.Fields) {
    self.init(latitude: fields.latitude, longitude: fields.longitude, radiusMetres: fields.radiusMetres)
    (confirmingFixes, staleAfterSeconds) = (fields.confirmingFixes, fields.staleAfterSeconds)
  }
}

extension API.PlanItem.Fields {
  package init(_ item: API.PlanItem) {
    self.init(kind: item.kind)
    switch item {
    case .spo2Scale(let scale): self.scale = scale
    case .oxygen(let oxygen): self.oxygen = oxygen
    case .limits(let limits):
      signal = limits.signal
      (redLow, yellowLow, yellowHigh, redHigh) = (limits.redLow, limits.yellowLow, limits.yellowHigh, limits.redHigh)
      (hysteresis, delaySeconds) = (limits.hysteresis, limits.delaySeconds)
    case .validity(let validity): (parameter, seconds) = (validity.parameter, validity.seconds)
    case .dose(let dose): (slot, time, graceSeconds) = (dose.slot, dose.time, dose.graceSeconds)
    case .nightWatch(let night): (from, to, openDelaySeconds) = (night.from, night.to, night.openDelaySeconds)
    case .geofence(let circle):
      (latitude, longitude, radiusMetres) = (circle.latitude, circle.longitude, circle.radiusMetres)
      (confirmingFixes, staleAfterSeconds) = (circle.confirmingFixes, circle.staleAfterSeconds)
    case .news2Alerts(let enabled): self.enabled = enabled
    case .unknown(let fields): self = fields
    }
  }
}
