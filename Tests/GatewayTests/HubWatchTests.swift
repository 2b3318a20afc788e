// When a link, Bluetooth or a role that is gone is told, shown and taken back: driven second by second, without a clock.

import Testing
import VitalSigns

@testable import CoreAPI
@testable import HubCore

private struct Bench {
  static let home = HubWatch.Subject(rule: .linkDown, number: 7)
  var watch: HubWatch
  var second: Int64 = 0
  var told: [String] = []

  init(told: [(subject: HubWatch.Subject, since: WallTime)] = []) { watch = HubWatch(told: told, at: Self.at(0)) }

  static func at(_ second: Int64) -> MonotonicInstant { MonotonicInstant(rawValue: second * 1_000_000_000) }

  /// `pattern`: one look a second; `+` well, `-` unwell, `.` not in the samples at all. `takes`: whether the core takes what is due.
  mutating func run(_ pattern: String, takes: Bool = true) {
    for sign in pattern {
      second += 1
      let sample = HubWatch.Sample(subject: Self.home, name: "home", isWell: sign == "+", detail: sign == "-" ? "refused" : nil)
      watch.look(sign == "." ? [] : [sample], at: Self.at(second), wall: WallTime(rawValue: second * 1_000))
      for condition in watch.due(at: Self.at(second)) where takes {
        told.append("\(second)\(condition.holds ? "+" : "-")")
        watch.confirm(condition, at: Self.at(second))
      }
    }
  }

  func times(_ sign: String, _ count: Int) -> String { String(repeating: sign, count: count) }
}

@Suite("What the hub leans on")
struct HubWatchTests {
  @Test("A link that is well is never told of")
  func well() {
    var bench = Bench()
    bench.run(bench.times("+", 200))
    #expect(bench.told.isEmpty && bench.watch.shown.isEmpty)
  }

  @Test("Shown after three seconds, told after thirty, ended after a minute well")
  func lifeOfATrouble() throws {
    var bench = Bench()
    bench.run("+" + bench.times("-", 3))
    #expect(bench.watch.shown.isEmpty)
    bench.run("-")
    let shown = try #require(bench.watch.shown.first)
    #expect(shown.name == "home" && shown.since == WallTime(rawValue: 2_000) && shown.detail == "refused" && !shown.isSettling)
    bench.run(bench.times("-", 26))
    #expect(bench.told.isEmpty)
    bench.run("-")
    #expect(bench.told == ["32+"])
    bench.run("+")
    #expect(bench.watch.shown.map(\.isSettling) == [true])
    bench.run(bench.times("+", 59))
    #expect(bench.told == ["32+"])
    bench.run("+")
    #expect(bench.told == ["32+", "93-"] && bench.watch.shown.isEmpty)
  }

  @Test(
    "A link that falls again and again is one alert, however short each fall is",
    arguments: [
      ("-+", 60), ("--+", 40), ("-+++++++++", 12), ("----+", 30),
    ])
  func flapping(_ pattern: String, _ times: Int) {
    var bench = Bench()
    for _ in 0..<times { bench.run(pattern) }
    #expect(bench.told.count == 1, "\(bench.told)")
    bench.run(bench.times("+", 62))
    #expect(bench.told.count == 2, "\(bench.told)")
  }

  @Test("A broker that restarts once is nobody's business")
  func restart() {
    var bench = Bench()
    bench.run("+" + bench.times("-", 20) + bench.times("+", 61) + bench.times("-", 20) + bench.times("+", 61))
    #expect(bench.told.isEmpty)
  }

  @Test("What the core has no room for is offered again")
  func refusedByTheIntake() {
    var bench = Bench()
    bench.run(bench.times("-", 40), takes: false)
    #expect(bench.told.isEmpty)
    bench.run("-")
    #expect(bench.told == ["41+"])
    bench.run(bench.times("+", 70), takes: false)
    bench.run("+")
    #expect(bench.told == ["41+", "112-"])
  }

  @Test("What lasts is told again every ten minutes: an alert resolved too early speaks again")
  func repeats() {
    var bench = Bench()
    bench.run(bench.times("-", 31 + 600))
    #expect(bench.told == ["31+", "631+"])
  }

  @Test("What an earlier run told is taken back when it is well, and told on when it is not")
  func acrossARestart() {
    let open = [(subject: Bench.home, since: WallTime(rawValue: 5))]
    var well = Bench(told: open)
    well.run(well.times("+", 59))
    #expect(well.told.isEmpty)
    well.run("++")
    #expect(well.told == ["60-"])
    var unwell = Bench(told: open)
    unwell.run(unwell.times("-", 100))
    #expect(unwell.told.isEmpty && unwell.watch.shown.count == 1)
  }

  @Test("What has left the configuration is taken back at once")
  func leftTheConfiguration() {
    var bench = Bench(told: [(subject: Bench.home, since: .unknown)])
    bench.run("..")
    #expect(bench.told == ["1-"] && bench.watch.shown.isEmpty)
  }

  @Test("Time asleep is not time unwell")
  func asleep() {
    var bench = Bench()
    bench.run("-")
    bench.second += 3_600
    bench.run("-")
    #expect(bench.told.isEmpty)
  }
}

@Suite("Conditions of the hub")
struct HubConditionsTests {
  private func alert(_ rule: AlertRule, _ state: AlertState, subject: UInt32 = 0) -> AlertTransition {
    AlertTransition(
      id: .none, rule: rule, priority: .high, state: state, previous: .raised, kind: .raised, level: 0, deadline: .never, firstCause: 1,
      raisedAt: .zero, value: 0, limit: 0, subject: subject, actor: .hub)
  }

  @Test("A condition that was told holds until it is told to end, also when somebody resolves its alert")
  func told() {
    let conditions = HubConditions()
    conditions.note(HubCondition(rule: .destinationDown, holds: true, subject: 3), at: WallTime(rawValue: 1))
    conditions.note(alert(.destinationDown, .raised, subject: 3), at: WallTime(rawValue: 2))
    conditions.note(alert(.destinationDown, .resolved, subject: 3), at: WallTime(rawValue: 3))
    #expect(conditions.all.map(\.since) == [WallTime(rawValue: 1)])
    conditions.note(HubCondition(rule: .destinationDown, holds: false, subject: 3), at: WallTime(rawValue: 4))
    #expect(conditions.all.isEmpty)
  }

  @Test("What the core decided by itself ends with its alert")
  func decided() {
    for end in [AlertState.resolved, .cleared] {
      let conditions = HubConditions()
      conditions.note(alert(.nobodyOnDuty, .raised), at: WallTime(rawValue: 1))
      conditions.note(alert(.sos, .raised), at: WallTime(rawValue: 1))
      #expect(conditions.all.map(\.rule) == [.nobodyOnDuty])
      conditions.note(alert(.nobodyOnDuty, end), at: WallTime(rawValue: 2))
      #expect(conditions.all.isEmpty)
    }
  }

  @Test("An alert whose condition ended after it was resolved is forgotten")
  func endedByTheCore() {
    let conditions = HubConditions()
    conditions.note(HubCondition(rule: .linkDown, holds: true, subject: 1), at: WallTime(rawValue: 1))
    conditions.note(alert(.linkDown, .cleared, subject: 1), at: WallTime(rawValue: 2))
    #expect(conditions.all.isEmpty)
  }
}
