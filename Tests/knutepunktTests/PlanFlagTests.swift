// The notation of `plan set`, flag by flag: what each becomes, and what is said about what it cannot become.

import ArgumentParser
import LocalAPI
import Testing
import VitalSigns

@testable import knutepunkt

@Suite struct PlanFlagTests {
  @Test(
    arguments: [
      // "below 85" is "84 or less" in whole steps; a limit of the core is inside its colour.
      ("spo2:red<85,yellow<88,delay=5m,hysteresis=2", "84", "87", nil, nil, 300, "2"),
      ("spo2:redBelow=85,yellowBelow=88", "84", "87", nil, nil, nil, nil),
      ("pulse:yellow>=110,red>=130", nil, nil, "110", "130", nil, nil),
      ("pulse:yellowAbove=110,redAbove=130,delay=90s", nil, nil, "111", "131", 90, nil),
      ("temperature:red<35.1,yellow>38,hysteresis=0.3", "35.0", nil, "38.1", nil, nil, "0.3"),
      ("weight:yellow<=60.50", nil, "60.5", nil, nil, nil, nil),
    ] as [(String, String?, String?, String?, String?, UInt32?, String?)])
  func limits(text: String, redLow: String?, yellowLow: String?, yellowHigh: String?, redHigh: String?, delay: UInt32?, hysteresis: String?)
    throws
  {
    let item = API.PlanItem.Fields(try PlanFlagText.limit(text))
    #expect(item.kind == .known(.limits))
    #expect(item.signal?.key == text.prefix { $0 != ":" }.description)
    #expect(
      [item.redLow, item.yellowLow, item.yellowHigh, item.redHigh, item.hysteresis] == [redLow, yellowLow, yellowHigh, redHigh, hysteresis])
    #expect(item.delaySeconds == delay)
  }

  @Test func noneRemovesLimits() throws {
    let item = API.PlanItem.Fields(try PlanFlagText.limit("spo2:none"))
    #expect(item.signal == .known(.oxygenSaturation) && item.redLow == nil && item.yellowHigh == nil)
  }

  @Test(arguments: [
    ("spo2", "is not understood"), ("spo3:red<85", "unknown signal"), ("spo2:red<85.5", "lies between two"),
    ("spo2:green<90", "is no part of a limit"),
    ("spo2:red=85", "is no part of a limit"), ("spo2:red<x", "is no number"), ("spo2:red<88,yellow<85", "overlap"),
    ("spo2:red<85,yellow<85", "overlap"),
    ("pulse:yellow>130,red>110", "overlap"), ("spo2:delay=5m", "no limit is given"), ("spo2:red<85,delay=5", "is no duration"),
    ("spo2:red<85,hysteresis=-1", "0 or more"), ("spo2:red<99999999999999999999", "is no number"),
    ("spo2:red<85,", "is no part of a limit"), ("spo2:", "is not understood"),
  ])
  func wrongLimitsAreExplained(text: String, words: String) {
    expectRefusal(words) { try PlanFlagText.limit(text) }
  }

  @Test func whatWasMeantIsSaid() {
    for (text, words) in [("spo2:red>85", "did you mean red<85?"), ("pulse:red<130", "did you mean red>130?")] {
      do {
        _ = try Knutepunkt.parseAsRoot(["plan", "set", "P1", "--limit", text, "--reason", "x"])
        Issue.record("\(text) was taken")
      } catch {
        #expect(Knutepunkt.message(for: error).contains(words))
      }
    }
  }

  @Test func aDecimalCommaIsADecimalMark() throws {
    #expect(try ObserveText.values(["temperature=37,1", "oxygen=1,5"]) == ["temperature": "37.1", "oxygen": "1.5"])
    for text in ["temperature=,1", "temperature=37,", "temperature=3,7,1", "temperature=3.7,1"] {
      #expect(throws: ValidationError.self) { try ObserveText.values([text]) }
    }
  }

  /// The command line offers and refuses what the core does. A number that cannot be meant is the core's to refuse.
  @Test func whatMayBeEnteredIsOneTable() throws {
    let words = ["oxygen=Luft", "consciousness=v", "temperature=400", "pulse=72"]
    #expect(
      try ObserveText.values(words) == ["oxygen": "Luft", "consciousness": "v", "temperature": "400", "pulse": "72"])
    for text in ["height=1.7", "bmi=23", "consciousness=X", "oxygen=some", "pulse=fast"] {
      #expect(throws: ValidationError.self, "\(text)") { try ObserveText.values([text]) }
    }
  }

  @Test func aChangeIsToldAsBeforeAndAfter() throws {
    let before = [try PlanFlagText.limit("spo2:red<85,yellow<88")]
    let lines = PlanText.changes([try PlanFlagText.limit("spo2:red<83,yellow<88"), try PlanFlagText.scale("2")], before: before)
    #expect(
      lines == [
        "Changed: spo2: red at 84 and below, yellow at 87 and below → spo2: red at 82 and below, yellow at 87 and below",
        "Changed: nothing of its own → SpO₂ scale 2",
      ])
  }

  @Test func doses() throws {
    let item = API.PlanItem.Fields(try PlanFlagText.dose("7=23:59+90m"))
    #expect(item.slot == 7 && item.time == "23:59" && item.graceSeconds == 5_400)
    #expect(try API.PlanItem.Fields(PlanFlagText.dose("0=none")).time == nil)
    for text in ["8=08:00+1m", "0=24:00+1m", "0=8:00+1m", "0=08:60+1m", "0=08:00", "0=08:00+30", "=08:00+1m", "a=08:00+1m"] {
      #expect(throws: ValidationError.self) { try PlanFlagText.dose(text) }
    }
  }

  @Test func nights() throws {
    let item = API.PlanItem.Fields(try PlanFlagText.night("23:00-06:00+10m"))
    #expect(item.from == "23:00" && item.to == "06:00" && item.openDelaySeconds == 600)
    #expect(try API.PlanItem.Fields(PlanFlagText.night("22:30-05:00")).openDelaySeconds == 0)
    let off = API.PlanItem.Fields(try PlanFlagText.night("off"))
    #expect(off.from == off.to)
    for text in ["23:00", "23:00-23:00+1m", "23:00-+1m", "23:00-06:00+", "25:00-06:00"] {
      #expect(throws: ValidationError.self) { try PlanFlagText.night(text) }
    }
  }

  @Test func geofences() throws {
    let item = API.PlanItem.Fields(try PlanFlagText.geofence("59.91,-10.7500001,300m,fixes=3,stale=2h"))
    #expect(item.latitude == "59.91" && item.longitude == "-10.7500001" && item.radiusMetres == 300)
    #expect(item.confirmingFixes == 3 && item.staleAfterSeconds == 7_200)
    #expect(try API.PlanItem.Fields(PlanFlagText.geofence("off")).radiusMetres == 0)
    for text in [
      "59.91,10.75", "91,10,300m", "59,181,300m", "59,10,300", "59,10,9m", "59,10,300m,fixes=11", "59,10,300m,x", "59.12345678,10,300m",
      "a,10,300m",
    ] {
      #expect(throws: ValidationError.self) { try PlanFlagText.geofence(text) }
    }
  }

  @Test func validities() throws {
    let item = API.PlanItem.Fields(try PlanFlagText.validity("pulse=5m"))
    #expect(item.parameter == .known(.pulse) && item.seconds == 300)
    #expect(try API.PlanItem.Fields(PlanFlagText.validity("spo2=default")).seconds == 0)
    for text in ["puls=5m", "pulse=0s", "pulse=5", "pulse"] { #expect(throws: ValidationError.self) { try PlanFlagText.validity(text) } }
  }

  @Test func aWholeCommandLineBecomesItemsInOrder() throws {
    let command = try Knutepunkt.parseAsRoot([
      "plan", "set", "p1", "--scale", "2", "--oxygen", "oxygen", "--limit", "spo2:red<85", "--limit", "pulse:red>130", "--dose",
      "0=08:00+30m", "--night",
      "23:00-06:00+10m", "--geofence", "59.91,10.75,300m", "--validity", "pulse=5m", "--news2-alerts", "off", "--reason", "prescribed",
      "--author", "berg",
    ])
    let plan = try #require(command as? PlanCommand.Set)
    #expect(plan.patient == "P1")
    #expect(plan.actor.actor == "berg")
    #expect(
      plan.items.map(\.kind.key) == [
        "spo2Scale", "oxygen", "limits", "limits", "validity", "dose", "nightWatch", "geofence", "news2Alerts",
      ])
  }

  @Test(arguments: [
    ["plan", "set", "P1", "--reason", "x"], ["plan", "set", "P0", "--scale", "2", "--reason", "x"],
    ["plan", "set", "P1", "--scale", "3", "--reason", "x"],
    ["plan", "set", "P1", "--scale", "2"], ["plan", "set", "P1", "--scale", "2", "--reason", ""], ["alerts", "resolve", "3f9a"],
    ["alerts", "resolve", "3f9a", "--comment", " "],
    ["patient", "add", "A", "--controller", "974760674"], ["patient", "add", "A", "--national-id", "123"],
    ["plan", "set", "P1", "--limit", "spo2:red>85", "--reason", "x"], ["plan", "set", "P1", "--limit", "pulse:red<130", "--reason", "x"],
    ["observe", "P1", "temperature=3,7,1"], ["observe", "P1", "consciousness=B"], ["observe", "P1"],
    ["outbox", "retry", "--reason", "x"], ["run", "--role", "boss"], ["device", "assign", "D1", "X"],
  ])
  func wrongUsageExitsWith64(arguments: [String]) {
    do {
      _ = try Knutepunkt.parseAsRoot(arguments)
      Issue.record("taken")
    } catch {
      #expect(Knutepunkt.exitCode(for: error).rawValue == ExitCodes.usage)
    }
  }

  private func expectRefusal(_ words: String, _ body: () throws -> API.PlanItem) {
    do {
      _ = try body()
      Issue.record("taken")
    } catch {
      #expect("\(error)".contains(words))
    }
  }
}
