// `plan`: a person's own limits, doses, night watch, geofence and prescriptions. Each item replaces the one of its key and
// is an event in the journal with author and reason. The flags' notation is in PlanFlagText.swift.

import ArgumentParser
import HubRuntime
import LocalAPI
import VitalSigns

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "A person's own care plan.", subcommands: [Set.self, Show.self])

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set", abstract: "Change items of a person's plan; the others stay.",
      discussion: """
        Example: knutepunkt plan set P1 --scale 2 --oxygen oxygen --limit 'spo2:red<85,yellow<88,delay=5m,hysteresis=2' \
        --dose 0=08:00+30m --night 23:00-06:00+10m --geofence 59.91,10.75,300m --reason "prescribed by Dr. Berg"

        Put limits in quotation marks, because < and > mean something to the shell; or write redBelow=85, yellowBelow=88, \
        yellowAbove=110, redAbove=130.
        """)
    @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
    @Option(help: ArgumentHelp("SpO₂ scale: 1, or 2 by a clinician's prescription only.", valueName: "1|2"), transform: PlanFlagText.scale)
    var scale: API.PlanItem?
    @Option(help: ArgumentHelp("What the person breathes at home.", valueName: "air|oxygen|unknown"), transform: PlanFlagText.oxygen)
    var oxygen: API.PlanItem?
    @Option(
      help: ArgumentHelp("Limits of a signal, replaced as a whole.", discussion: PlanFlagText.limitForm, valueName: "limits"),
      transform: PlanFlagText.limit)
    var limit: [API.PlanItem] = []
    @Option(
      help: ArgumentHelp("How long a NEWS2 input stays valid.", discussion: PlanFlagText.validityForm, valueName: "validity"),
      transform: PlanFlagText.validity)
    var validity: [API.PlanItem] = []
    @Option(
      help: ArgumentHelp("A daily dose and when it counts as missed.", discussion: PlanFlagText.doseForm, valueName: "dose"),
      transform: PlanFlagText.dose)
    var dose: [API.PlanItem] = []
    @Option(
      help: ArgumentHelp("When an open door is worth a visit.", discussion: PlanFlagText.nightForm, valueName: "window"),
      transform: PlanFlagText.night)
    var night: API.PlanItem?
    @Option(
      help: ArgumentHelp("Where the person is expected to stay.", discussion: PlanFlagText.geofenceForm, valueName: "circle"),
      transform: PlanFlagText.geofence)
    var geofence: API.PlanItem?
    @Option(
      name: .customLong("news2-alerts"), help: ArgumentHelp("Whether NEWS2 raises alerts; it is always computed.", valueName: "on|off"),
      transform: PlanFlagText.news2Alerts) var news2Alerts: API.PlanItem?
    @Flag(help: "Limits of a signal that are not named again may go; without it such a change is refused.") var replace = false
    @Option(help: "Why, for the record and the access log.") var reason: String
    @OptionGroup var actor: ActorOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    /// The items that were given, in the order of the help.
    var items: [API.PlanItem] {
      [scale, oxygen].compactMap { $0 } + limit + validity + dose + [night, geofence, news2Alerts].compactMap { $0 }
    }

    func validate() throws {
      if items.isEmpty {
        throw ValidationError(
          "Nothing to change. Give at least one of --scale, --oxygen, --limit, --validity, --dose, --night, --geofence, --news2-alerts.")
      }
      if reason.isEmpty { throw ValidationError("--reason is empty; a plan is changed for a reason.") }
      for item in items { if let problem = PlanSafety.problem(item) { throw ValidationError("\(problem)") } }
    }

    func run() async throws {
      let client = try core.client()
      let before: API.Plan = try await client.get("/v1/plans/\(patient)")
      let plan: API.Plan = try await client.post(
        "/v1/plans/\(patient)", API.ChangePlan(items: items, actor: actor.actor, reason: reason, replace: replace ? true : nil))
      if output.json { return try Terminal.printJSON(plan) }
      // The changes go to standard error: they are read before the whole plan, and by whoever looks at a log.
      for line in PlanText.changes(items, before: before.items.map(\.item)) { Terminal.error(line) }
      PlanText.print(plan)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show a person's plan: each item, who set it, when and why.")
    @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
    @OptionGroup var output: OutputOptions
    @OptionGroup var core: CoreOptions

    func run() async throws {
      let plan: API.Plan = try await core.client().get("/v1/plans/\(patient)")
      if output.json { return try Terminal.printJSON(plan) }
      PlanText.print(plan)
    }
  }
}

/// Plan items in words.
enum PlanText {
  static func print(_ plan: API.Plan) {
    var table = Table(
      ["Plan of \(plan.patient)", "Set by", "Since", "Reason"],
      whenEmpty: "\(plan.patient) has no plan of their own: NEWS2 alone decides, on SpO₂ scale 1.")
    for item in plan.items {
      table.rows.append([Cell(sentence(item.item)), Cell(item.author), TimeDisplay.cell(item.since), Cell(item.reason)])
    }
    table.print()
  }

  /// `before → after` for each item that was given.
  static func changes(_ items: [API.PlanItem], before: [API.PlanItem]) -> [String] {
    items.map { item in
      let old = before.last { $0.isOfSameKey(as: item) }.map(sentence) ?? "nothing of its own"
      let new = sentence(item)
      return old == new ? "Unchanged: \(new)" : "Changed: \(old) → \(new)"
    }
  }

  static func sentence(_ item: API.PlanItem) -> String {
    switch item {
    case .spo2Scale(let scale): "SpO₂ scale \(scale ?? 1)"
    case .oxygen(.known(.unknown)): "oxygen: not prescribed"
    case .oxygen(let oxygen): "breathes \(oxygen?.key ?? "?") at home"
    case .limits(let limits): sentence(limits)
    case .validity(let validity):
      "\(validity.parameter?.key ?? "?") is valid for \((validity.seconds ?? 0) == 0 ? "the default time" : duration(validity.seconds))"
    case .dose(let dose):
      dose.time.map { "dose \(dose.slot ?? 0) at \($0), missed after \(duration(dose.graceSeconds))" } ?? "dose \(dose.slot ?? 0): none"
    case .nightWatch(let night):
      night.from == night.to
        ? "night watch off" : "night \(night.from ?? "?")–\(night.to ?? "?"), door may be open for \(duration(night.openDelaySeconds))"
    case .geofence(let circle):
      (circle.radiusMetres ?? 0) == 0
        ? "geofence off" : "stays within \(circle.radiusMetres ?? 0) m of \(circle.latitude ?? "?"), \(circle.longitude ?? "?")"
    case .news2Alerts(let enabled): "NEWS2 alerts \(enabled == false ? "off" : "on")"
    // Of a newer core: its word says at least that there is something.
    case .unknown: item.kind.key
    }
  }

  private static func sentence(_ limits: API.PlanItem.Limits) -> String {
    let signal = limits.signal?.key ?? "?"
    var parts: [String] = []
    if let value = limits.redLow { parts.append("red at \(value) and below") }
    if let value = limits.yellowLow { parts.append("yellow at \(value) and below") }
    if let value = limits.yellowHigh { parts.append("yellow at \(value) and above") }
    if let value = limits.redHigh { parts.append("red at \(value) and above") }
    if parts.isEmpty { return "\(signal): no limits" }
    if let seconds = limits.delaySeconds, seconds > 0 { parts.append("after \(duration(seconds))") }
    if let value = limits.hysteresis, value != "0", value != "0.0" { parts.append("hysteresis \(value)") }
    return "\(signal): " + parts.joined(separator: ", ")
  }

  private static func duration(_ seconds: UInt32?) -> String { DurationText.text(.seconds(Int64(seconds ?? 0))) }
}

extension API.PlanItem {
  /// What a plan holds one item of.
  private enum Key: Equatable {
    case only(API.Word<Kind>)
    case limits(API.Word<PlanSignal>?)
    case validity(API.Word<NEWS2Parameter>?)
    case dose(slot: Int?)
  }

  private var key: Key {
    switch self {
    case .limits(let limits): .limits(limits.signal)
    case .validity(let validity): .validity(validity.parameter)
    case .dose(let dose): .dose(slot: dose.slot)
    case .spo2Scale, .oxygen, .nightWatch, .geofence, .news2Alerts, .unknown: .only(kind)
    }
  }

  /// Whether one replaces the other in a plan.
  func isOfSameKey(as other: API.PlanItem) -> Bool { key == other.key }
}
