// Plan items in people's words: every kind there and back, and every refusal with its text.

import Testing
import VitalSigns

@testable import CoreAPI
@testable import LocalAPI

@Suite struct PlanItemCodingTests {
  private static let items: [CarePlanItem] = [
    .spo2Scale(.scale1), .spo2Scale(.scale2), .oxygen(.air), .oxygen(.oxygen), .oxygen(.unknown),
    .limits(.temperature, PlanLimits(redLow: 350, yellowLow: 360, yellowHigh: 380, redHigh: 391, delaySeconds: 60, hysteresis: 2)),
    .limits(.oxygenSaturation, PlanLimits(redLow: 85, yellowLow: 90)), .limits(.glucose, PlanLimits(redHigh: -3)),
    .limits(.pulse, .none), .validity(.respiration, seconds: 3_600), .validity(.oxygenSaturation, seconds: 0),
    .dose(slot: 0, PlannedDose(minuteOfDay: 0, graceSeconds: 1)), .dose(slot: 7, PlannedDose(minuteOfDay: 1_439, graceSeconds: 43_200)),
    .dose(slot: 3, nil), .nightWatch(NightWatch(fromMinute: 1_380, toMinute: 360, openDelaySeconds: 0)),
    .geofence(
      Geofence(latitudeE7: 599_138_688, longitudeE7: -107_522_454, radiusMetres: 20, confirmingFixes: 10, staleAfterSeconds: 900)),
    .geofence(Geofence(latitudeE7: -900_000_000, longitudeE7: 1_800_000_000, radiusMetres: 100_000, confirmingFixes: 1)),
    .geofence(Geofence(latitudeE7: 0, longitudeE7: 0, radiusMetres: 0)), .news2Alerts(true), .news2Alerts(false),
  ]

  @Test(arguments: items) func everyKindGoesThereAndBack(_ item: CarePlanItem) throws {
    #expect(try API.PlanItem(item).carePlanItem() == item)
  }

  @Test func allSignalsAndParametersGoThereAndBack() throws {
    for signal in PlanSignal.allCases {
      let item = CarePlanItem.limits(signal, PlanLimits(redLow: 1, yellowLow: 2, yellowHigh: 300, redHigh: 1_000))
      #expect(try API.PlanItem(item).carePlanItem() == item)
    }
    for parameter in NEWS2Parameter.allCases {
      let item = CarePlanItem.validity(parameter, seconds: 604_800)
      #expect(try API.PlanItem(item).carePlanItem() == item)
    }
  }

  @Test func decimalsAreInTheSignalsSteps() {
    let item = API.PlanItem.Fields(API.PlanItem(.limits(.temperature, PlanLimits(yellowHigh: 380, redHigh: 391, hysteresis: 2))))
    #expect(item.yellowHigh == "38.0")
    #expect(item.redHigh == "39.1")
    #expect(item.hysteresis == "0.2")
    #expect(item.redLow == nil)
  }

  @Test func leftOutFieldsHaveTheirDefaults() throws {
    let dose = API.PlanItem.dose(API.PlanItem.Dose(slot: 1, time: "8:05"))
    #expect(try dose.carePlanItem() == .dose(slot: 1, PlannedDose(minuteOfDay: 485, graceSeconds: 1_800)))
    let night = API.PlanItem.nightWatch(API.PlanItem.NightHours(from: "23:00", to: "06:00"))
    #expect(try night.carePlanItem() == .nightWatch(NightWatch(fromMinute: 1_380, toMinute: 360, openDelaySeconds: 600)))
    let fence = API.PlanItem.geofence(API.PlanItem.Circle(latitude: "59.9", longitude: "10.7", radiusMetres: 200))
    #expect(
      try fence.carePlanItem()
        == .geofence(Geofence(latitudeE7: 599_000_000, longitudeE7: 107_000_000, radiusMetres: 200, confirmingFixes: 2)))
  }

  /// A kind, what is wrong with it, and how that is said.
  struct Refusal: Sendable, CustomTestStringConvertible {
    var kind: String
    var text: String
    var change: @Sendable (inout API.PlanItem.Fields) -> Void
    var testDescription: String { "\(kind): \(text)" }

    init(_ kind: String, _ text: String, _ change: @escaping @Sendable (inout API.PlanItem.Fields) -> Void = { _ in }) {
      (self.kind, self.text, self.change) = (kind, text, change)
    }
  }

  private static let signals = "signal must be one of spo2, pulse, systolic, diastolic, temperature, respiration, weight, glucose"
  private static let rising = "the limits must rise: redLow < yellowLow < yellowHigh < redHigh"

  private static let refusals: [Refusal] = [
    Refusal(
      "weather", "kind is \"weather\"; allowed: spo2Scale, oxygen, limits, validity, dose, nightWatch, geofence, news2Alerts"),
    Refusal("spo2Scale", "scale must be 1 or 2"), Refusal("spo2Scale", "scale must be 1 or 2") { $0.scale = 3 },
    Refusal("spo2Scale", "scale must be 1 or 2") { $0.scale = -1 }, Refusal("oxygen", "oxygen must be air, oxygen or unknown"),
    Refusal("oxygen", "oxygen must be air, oxygen or unknown") { $0.oxygen = .unknown("Air") }, Refusal("limits", signals),
    Refusal("limits", signals) { $0.signal = .unknown("SpO2") },
    Refusal("limits", "redLow is \"low\"; allowed: a decimal number in %") { ($0.signal, $0.redLow) = (.known(.oxygenSaturation), "low") },
    Refusal("limits", "redHigh is \"100001\"; allowed: a decimal number in /min") { ($0.signal, $0.redHigh) = (.known(.pulse), "100001") },
    Refusal("limits", "delaySeconds is 86401; allowed: 0 to 86400") { ($0.signal, $0.delaySeconds) = (.known(.pulse), 86_401) },
    Refusal("limits", "hysteresis must not be below 0") { ($0.signal, $0.hysteresis) = (.known(.pulse), "-1") },
    Refusal("limits", rising) { ($0.signal, $0.redLow, $0.yellowLow) = (.known(.oxygenSaturation), "90", "85") },
    Refusal("limits", rising) { ($0.signal, $0.redLow, $0.redHigh) = (.known(.oxygenSaturation), "90", "90") },
    Refusal("validity", "parameter must be one of respiration, spo2, oxygen, systolic, pulse, consciousness, temperature"),
    Refusal("validity", "seconds is 59; allowed: 60 to 604800 (a week), or 0 for the default") {
      ($0.parameter, $0.seconds) = (.known(.pulse), 59)
    },
    Refusal("validity", "seconds is 604801; allowed: 60 to 604800 (a week), or 0 for the default") {
      ($0.parameter, $0.seconds) = (.known(.pulse), 604_801)
    },
    Refusal("dose", "slot must be 0 to 7"), Refusal("dose", "slot must be 0 to 7") { $0.slot = 8 },
    Refusal("dose", "graceSeconds is 0; allowed: 1 to 43200 (12 h)") { ($0.slot, $0.time, $0.graceSeconds) = (0, "08:00", 0) },
    Refusal("dose", "time must be a time of day like 08:00") { ($0.slot, $0.time) = (0, "24:00") },
    Refusal("dose", "time must be a time of day like 08:00") { ($0.slot, $0.time) = (0, "08:60") },
    Refusal("dose", "time must be a time of day like 08:00") { ($0.slot, $0.time) = (0, "08:0") },
    Refusal("dose", "time must be a time of day like 08:00") { ($0.slot, $0.time) = (0, "0800") },
    Refusal("dose", "time must be a time of day like 08:00") { ($0.slot, $0.time) = (0, "08:00:00") },
    Refusal("nightWatch", "from must be a time of day like 08:00") { $0.to = "06:00" },
    Refusal("nightWatch", "to must be a time of day like 08:00") { ($0.from, $0.to) = ("23:00", "-1:00") },
    Refusal("nightWatch", "openDelaySeconds is 43201; allowed: 0 to 43200") { $0.openDelaySeconds = 43_201 },
    Refusal("nightWatch", "a night that begins when it ends is none; allowed: another end, or 00:00 to 00:00 for no watch") {
      ($0.from, $0.to) = ("22:00", "22:00")
    },
    Refusal(
      "nightWatch", "openDelaySeconds is 28801, longer than the night: no door would ever be told of; allowed: 0 to 28800"
    ) {
      ($0.from, $0.to, $0.openDelaySeconds) = ("22:00", "06:00", 28_801)
    },
    Refusal("geofence", "radiusMetres is 19; allowed: 20 to 100000, or 0 for none") { $0.radiusMetres = 19 },
    Refusal("geofence", "confirmingFixes is 11; allowed: 1 to 10") { ($0.radiusMetres, $0.confirmingFixes) = (50, 11) },
    Refusal("geofence", "latitude must be decimal degrees from -90 to 90") {
      ($0.radiusMetres, $0.latitude, $0.longitude) = (50, "90.0000001", "10")
    },
    Refusal("geofence", "longitude must be decimal degrees from -180 to 180") { ($0.radiusMetres, $0.latitude) = (50, "59.9") },
    Refusal("news2Alerts", "enabled must be true or false"),
  ]

  @Test(arguments: refusals) func whatCannotBeMeantIsRefused(_ refusal: Refusal) throws {
    var fields = API.PlanItem.Fields(kind: API.Word(key: refusal.kind))
    refusal.change(&fields)
    let item = API.PlanItem(fields)
    let problem = #expect(throws: PlanItemProblem.self) { try item.carePlanItem() }
    #expect(problem?.text == refusal.text)
  }
}
