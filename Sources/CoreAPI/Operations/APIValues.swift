// From the journal's rows to what the local API answers.

import AlertTexts
import HubCore
import HubRegistry
package import Journal
import JournalValues
package import LocalAPI
package import VitalSigns

extension API.Score {
  package init(_ score: NEWS2Score, at time: WallTime) {
    var points: [String: Int] = [:]
    var missing: [String] = []
    for parameter in NEWS2Parameter.allCases {
      let value = score.points[Int(parameter.rawValue)]
      if value >= 0 { points[parameter.key] = Int(value) }
      if score.missing & (1 << parameter.rawValue) != 0 { missing.append(parameter.key) }
    }
    self.init(
      low: Int(score.low), high: Int(score.high), complete: score.isComplete,
      // Where what is missing could change the band, the lower bound's own would be a false comfort: 0–20 is not "none".
      band: .known(score.isBandKnown ? .decided(score.band) : .incomplete), scale: Int(score.scale.rawValue),
      points: points, missing: missing, changeSinceLast: score.changeSinceLast == .min ? nil : Int(score.changeSinceLast),
      changeOver24Hours: score.changeOver24Hours == .min ? nil : Int(score.changeOver24Hours), at: time.description)
  }
}

extension CoreService {
  func apiAlert(_ row: AlertRow) -> API.Alert {
    let told = ToldAlert(row)
    let actor = told.transition.actor
    return API.Alert(
      told, registry: registry, actor: actor == .hub ? nil : parts.actors.name(of: actor),
      text: sentences.sentence(told.transition, raisedAt: told.raisedAt, language: language), change: nil)
  }

  /// What one entry was, in the words of the API.
  package func evidence(_ entry: IntakeEntry, points: Int? = nil) -> API.Explanation.Evidence {
    var what = ""
    var value: String?
    var unit: String?
    var quality: [String] = []
    switch entry.payload {
    case .observation(let observation):
      what = observation.code.entry?.key ?? "MDC \(observation.code.rawValue)"
      value = observation.code == .consciousness ? Self.consciousness(observation.value) : observation.value.description
      unit = observation.unit.sign.isEmpty ? nil : observation.unit.sign
      quality = observation.quality.keys
    case .event(let event): what = event.kind.key + (event.phase == .cleared ? " (ended)" : "")
    case .location(let fix):
      what = "location"
      // Whoever asks why is about to look for the person.
      let accuracy = fix.accuracyMetres == LocationFix.accuracyUnknown ? "" : " ± \(fix.accuracyMetres) m"
      value = "\(Self.degrees(fix.latitudeE7)), \(Self.degrees(fix.longitudeE7))\(accuracy)"
    case .registry(.planItem(let item)): what = "plan: \(API.PlanItem(item).kind.key)"
    case .registry: what = "registry change"
    case .command(let command): what = "command: \(command.action)"
    case .clock: what = "clock"
    case .hubCondition(let condition): what = "hub: \(condition.rule.key)"
    }
    return API.Explanation.Evidence(
      sequence: entry.sequence, measuredAt: entry.measuredAt == .unknown ? nil : entry.measuredAt.description,
      receivedAt: entry.wall.description, device: entry.device == .none ? nil : entry.device.description, what: what, value: value,
      unit: unit, quality: quality, points: points)
  }

  private static func degrees(_ e7: Int32) -> String { Quantity(mantissa: Int64(e7), exponent: -7).description }

  /// A, C, V, P or U.
  private static func consciousness(_ value: Quantity) -> String { Consciousness(value)?.letter ?? "\(value)" }

  package func evidence(_ row: ObservationRow, points: Int?) -> API.Explanation.Evidence {
    var entry = IntakeEntry(
      instant: row.instant, wall: row.wall, measuredAt: row.measuredAt, device: row.device, patient: row.patient,
      payload: .observation(row.observation))
    entry.sequence = row.sequence
    return evidence(entry, points: points)
  }
}
