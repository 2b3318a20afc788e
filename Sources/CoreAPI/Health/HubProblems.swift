// What does not work at the hub now: looks at links, Bluetooth and the other roles once a pulse, tells the core through
// HubWatch.swift, and gives everything that is wrong as one list to the local API, `/readyz`, systemd and the metrics.

package import AlertTexts
package import BluetoothLink
import DeviceIntake
import Foundation
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
package import LocalAPI
import MQTTLink
import Synchronization
package import VitalSigns

/// The hub's problems. Any thread; `look()` is the pulse's.
package final class HubProblems: Sendable {
  package let parts: CoreParts
  private let sentences: AlertSentences
  private let names: [UInt32: String]
  private let watch: Mutex<HubWatch>
  /// People for whom nobody outside the board is called, as of a version of the registry.
  private let uncalled = Mutex<(version: UInt64, people: [PatientID])>((0, []))
  /// Another hub with this one's identity that lives, as it was found last.
  let beside = Mutex<(other: DeviceLinks.OtherHub, link: String, since: MonotonicInstant)?>(nil)
  private var configuration: KnutepunktConfiguration { parts.configuration }

  package init(parts: CoreParts, sentences: AlertSentences) {
    self.parts = parts
    self.sentences = sentences
    let configuration = parts.configuration
    let known = configuration.mqttLinks.map(\.name) + configuration.destinations.map(\.name) + API.Role.allCases.map(\.key)
    names = Dictionary(known.map { (stableNumber(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
    // Conditions that the run before left open. Others tell of a journal that cannot be read now.
    let open = Self.openHubAlerts(parts.reader)
    for row in open { parts.intake.conditions.note(row.transition, at: row.raisedWall ?? row.firstWall) }
    parts.intake.conditions.refusedCalls.replace(with: (try? parts.reader.refusedCalls(limit: RefusedCalls.callsMax)) ?? [])
    watch = Mutex(
      HubWatch(
        told: open.filter { Self.watchedRules.contains($0.transition.rule) }.map {
          (HubWatch.Subject(rule: $0.transition.rule, number: $0.transition.subject), $0.raisedWall ?? $0.firstWall)
        }, at: parts.clock.now()))
    rememberLostBonds()
  }

  private static let watchedRules: [AlertRule] = [.linkDown, .bluetoothDown, .roleDown, .clockDoubtful]

  private static func openHubAlerts(_ reader: JournalReader) -> [AlertRow] {
    AlertRule.allCases.filter(\.isOfHub).flatMap { rule in
      (try? reader.alerts(AlertFilter(rule: rule, openOnly: true, limit: HubConditions.holdingMax))) ?? []
    }
  }

  // MARK: Watching

  /// Looks once a pulse. A condition that the intake has no room for is offered again at the next pulse.
  package func look() {
    let (now, wall) = (parts.clock.now(), parts.clock.wall())
    lookForOtherHubs()
    let samples = samples() + [clock(wall, at: now)]
    let due = watch.withLock { watch in
      watch.look(samples, at: now, wall: wall)
      return watch.due(at: now)
    }
    parts.links.beginEpochIfDue()
    for condition in due where parts.intake.submit(.hubCondition(condition)) != nil {
      watch.withLock { $0.confirm(condition, at: now) }
    }
  }

  private func samples() -> [HubWatch.Sample] {
    // A hub that was replaced has let its links go, and nobody delivers.
    if parts.links.otherHubs.replaced != nil { return [] }
    var samples = parts.links.mqtt.map { running in
      let statistics = running.link.statistics
      // A live link may be deaf all the same: a subscription is refused, or another hub uses its client id.
      let problem = statistics.problem
      let isWell = statistics.state == .live && problem?.deafensLiveLink != true
      return sample(.linkDown, running.name, isWell: isWell, problem.map { "\($0.text); \($0.next)" })
    }
    if let bluetooth = parts.links.bluetooth { samples.append(Self.sample(bluetooth.link.snapshot)) }
    let now = parts.clock.now()
    for role in neededRoles {
      let fault = fault(of: role, at: now)
      samples.append(sample(.roleDown, role.key, isWell: fault == nil, fault?.detail))
    }
    return samples
  }

  /// Why a role does not do its work.
  private enum RoleFault {
    case missing
    /// The role is connected, and gives no sign of life.
    case still
    /// The role works, and nothing is heard of these destinations.
    case silentAbout([String])

    var detail: String? {
      switch self {
      case .missing: nil
      case .still: "it is connected and gives no sign of life: it is stopped or hangs"
      case .silentAbout(let names):
        "nothing is heard of destination \(names.joined(separator: ", ")): it runs with another configuration; restart it"
      }
    }
  }

  private func fault(of role: API.Role, at now: MonotonicInstant) -> RoleFault? {
    guard parts.hub.isConnected(role) else { return .missing }
    guard parts.hub.hears(role, at: now) else { return .still }
    guard role == .forward else { return nil }
    let unheard = parts.destinations.unheard(configuration, at: now)
    return unheard.isEmpty ? nil : .silentAbout(unheard)
  }

  private static func sample(_ bluetooth: BluetoothSnapshot) -> HubWatch.Sample {
    let isPowered = bluetooth.adapter?.isPowered
    var sample = HubWatch.Sample(
      subject: HubWatch.Subject(rule: .bluetoothDown, number: 0), name: nil, isWell: bluetooth.problem == nil && isPowered == true,
      detail: nil)
    if let problem = bluetooth.problem {
      (sample.detail, sample.next) = (words(problem), next(problem))
    } else if isPowered == false {
      (sample.detail, sample.next) = ("the adapter is switched off", next(.cannotPowerOn))
    } else if isPowered == nil {
      sample.detail = "the Bluetooth service (bluetoothd) has not said yet what adapters there are"
    }
    return sample
  }

  private func sample(_ rule: AlertRule, _ name: String, isWell: Bool, _ detail: String?) -> HubWatch.Sample {
    HubWatch.Sample(
      subject: HubWatch.Subject(rule: rule, number: stableNumber(of: name)), name: name, isWell: isWell, detail: isWell ? nil : detail)
  }

  /// The roles beside the core that this hub's configuration needs.
  private var neededRoles: [API.Role] {
    (configuration.destinations.isEmpty ? [] : [.forward]) + (configuration.console.listen == nil ? [] : [.console])
  }

  package static func words(_ problem: AdapterProblem) -> String {
    switch problem {
    case .noService: "the Bluetooth service (bluetoothd) does not run"
    case .noAnswer: "the Bluetooth service (bluetoothd) runs, but does not answer"
    case .noAdapter: "there is no Bluetooth adapter, or not the configured one"
    case .cannotPowerOn: "the Bluetooth adapter cannot be switched on"
    case .cannotScan: "the Bluetooth adapter refuses to look for devices"
    case .scanStalled: "the Bluetooth adapter hears nothing from anybody"
    }
  }

  /// What to do about the problem. Each step is one that helps; the doctor sees the rest.
  private static func next(_ problem: AdapterProblem) -> String {
    let step =
      switch problem {
      case .noService: "systemctl start bluetooth"
      case .noAnswer, .cannotScan: "systemctl restart bluetooth"
      case .noAdapter: "put the adapter in, or into another USB port"
      case .cannotPowerOn: "rfkill unblock bluetooth"
      case .scanStalled: "take the adapter out and put it in again, away from metal and USB 3 devices"
      }
    return "\(step); systemctl status bluetooth and knutepunkt doctor say more"
  }

  // MARK: The list

  /// Everything that is wrong now, gravest first.
  package func now(isLive: Bool) -> [API.Problem] {
    var problems: [API.Problem] = []
    if !isLive {
      problems.append(problem(.coreStill, effect: .deaf, next: "systemctl restart knutepunkt-core, and tell the maintainers"))
    }
    problems += otherHubs()
    if parts.links.otherHubs.replaced != nil { return problems + store() }
    for shown in watch.withLock({ $0.shown }) { problems.append(problem(shown)) }
    problems += store() + bonds() + refusedCalls()
    for holding in parts.intake.conditions.all {
      // Conditions that are known at first hand stand above.
      if Self.watchedRules.contains(holding.rule) || [.storeFailing, .journalLost, .hubDoubled].contains(holding.rule) { continue }
      problems.append(problem(holding))
    }
    problems += nobodyCalled() + closedPort() + parts.backups.problems(self)
    return problems.filter(\.isGrave) + problems.filter { !$0.isGrave }
  }

  /// Calls for help that a receiver will never take and that nobody has taken on the board: the gravest kind of dead letter.
  private func refusedCalls() -> [API.Problem] {
    parts.intake.conditions.refusedCalls.waiting.compactMap { waiting in
      // A record system calls nobody, so what it refuses is no call.
      guard let name = names[waiting.destination], configuration.destinations.contains(where: { $0.name == name && $0.isCalled }) else {
        return nil
      }
      return problem(
        .callRefused, name: name, since: waiting.since, effect: .mute,
        detail: waiting.calls == 1 ? "one alert of high priority" : "\(waiting.calls) alerts of high priority",
        next: "phone them, and acknowledge the alert: on the board, or knutepunkt alerts acknowledge; knutepunkt outbox list --state dead"
          + " says why; mended, knutepunkt outbox retry --destination \(name) --reason … sends it again")
    }
  }

  /// The observability port is closed. Machines that watch this one get no answer, and may or may not be set up to notice.
  private func closedPort() -> [API.Problem] {
    guard let closed = parts.closedPort.withLock({ $0 }) else { return [] }
    return [
      problem(
        .portClosed, name: "observability.listen", since: closed.since, effect: .partial, detail: closed.reason,
        next: "end the other program or give observability.listen another port; it is tried again every 10 s")
    ]
  }

  /// People whose alarms climb from level to level to nobody. On a hub that is meant to show a board only, nobody is missing.
  private func nobodyCalled() -> [API.Problem] {
    let configuration = configuration
    guard configuration.isMeantToCall else { return [] }
    let version = parts.registry.peopleVersion
    let people = uncalled.withLock { known in
      if known.version != version {
        known = (
          version,
          parts.registry.patients.filter { $0.ended == nil && !configuration.callsSomebody(for: $0.id, controller: $0.controller) }
            .map(\.id)
        )
      }
      return known.people
    }
    if people.isEmpty { return [] }
    let named = people.prefix(Self.namedMax).map(\.description).joined(separator: ", ")
    return [
      problem(
        .nobodyCalled, effect: configuration.console.listen == nil ? .mute : .partial,
        detail: people.count > Self.namedMax ? "\(named) and \(people.count - Self.namedMax) more" : named,
        next: "give a webhook destination an agreement under sharing that covers their alerts and their data controller"
          + " (patients: all, or their numbers), and restart the core and forward roles", count: people.count)
    ]
  }
  /// People who are named in one line.
  private static let namedMax = 10

  private func store() -> [API.Problem] {
    let conditions = parts.intake.conditions.all
    let since = conditions.first { $0.rule == .storeFailing }?.since
    let lostSince = conditions.first { $0.rule == .journalLost }?.since
    let state = parts.pipeline.writer.storeState
    switch state {
    case .writing: return formerLoss(since: lostSince)
    case .shedding:
      return formerLoss(since: lostSince) + [
        problem(.storeFull, effect: .partial, detail: state.reason, next: "make room on the disk of \(configuration.hub.statePath)")
      ]
    case .emergency(let loss):
      return [
        problem(
          loss.kind == .behind ? .journalBehind : .rule(.journalLost), since: lostSince,
          effect: .unstored, detail: loss.sentence,
          next: "look at \(configuration.hub.journalPath); journalctl -u knutepunkt-core says more")
      ]
    case .failing where parts.pipeline.core.vitals.waitsForDisk.load(ordering: .relaxed):
      // Only a disk that hangs is told of here. When the disk answers with an error, the writer goes to another journal before.
      return [
        problem(
          .coreStill, since: since, effect: .deaf, detail: state.reason,
          next: "mend the disk of \(configuration.hub.statePath), or restart knutepunkt-core: it then goes on without that journal")
      ]
    case .failing:
      return formerLoss(since: lostSince) + [
        problem(
          .rule(.storeFailing), since: since, effect: .unstored, detail: state.reason,
          next: "look at the disk of \(configuration.hub.statePath); journalctl -u knutepunkt-core says more")
      ]
    }
  }

  /// Tells of a loss of the journal that the store's state does not show.
  private func formerLoss(since: WallTime?) -> [API.Problem] {
    let wasRescued = parts.pipeline.writer.wasRescued(at: parts.clock.now())
    guard since != nil || wasRescued else { return [] }
    let detail = "the file was removed or changed while the hub ran, and was written anew with all that it held; said for a minute"
    return [
      problem(
        .rule(.journalLost), since: since, effect: .unstored, detail: wasRescued ? detail : nil,
        next: wasRescued
          ? "find out who removed or changed \(configuration.hub.journalPath); journalctl -u knutepunkt-core says more"
          : "look at \(configuration.hub.journalPath); journalctl -u knutepunkt-core says more")
    ]
  }

  private func problem(_ shown: HubWatch.Shown) -> API.Problem {
    let effect: API.Problem.Effect
    let next: String
    switch shown.subject.rule {
    case .linkDown:
      effect = .deaf
      next = shown.next ?? "knutepunkt doctor says what is wrong between the hub and the broker of links.mqtt \(shown.name ?? "")"
    case .bluetoothDown:
      effect = .deaf
      next = shown.next ?? "systemctl status bluetooth; knutepunkt doctor says more"
    case .clockDoubtful:
      effect = .partial
      next = shown.next ?? "timedatectl shows the clock and whether it is kept right"
    default:
      // Without a board alarms still reach the destinations; without any destination nobody hears of them.
      effect = shown.name == API.Role.forward.key || configuration.destinations.isEmpty ? .mute : .partial
      next = "systemctl status knutepunkt-\(shown.name ?? "")"
    }
    return problem(
      .rule(shown.subject.rule), name: shown.name, since: shown.since, effect: shown.isSettling ? .partial : effect, detail: shown.detail,
      next: next, isSettling: shown.isSettling)
  }

  private func problem(_ holding: HubConditions.Holding) -> API.Problem {
    let name = names[holding.subject]
    let effect: API.Problem.Effect
    let next: String?
    switch holding.rule {
    case .destinationDown:
      effect = configuration.destinations.contains { $0.name == name && $0.isCalled } ? .mute : .partial
      next = "knutepunkt doctor tries destinations[\(name ?? "?")]; knutepunkt outbox list shows what waits"
    case .deadLetter: (effect, next) = (.partial, "knutepunkt outbox list --state dead")
    case .nobodyOnDuty: (effect, next) = (.mute, "give escalation.receivers a destination, or console.listen an address")
    case .registryFull: (effect, next) = (.unwatched, "raise realtime.patientsMax or realtime.devicesMax and restart the core")
    case .alertRoomFull: (effect, next) = (.partial, "resolve alerts that are done: knutepunkt alerts list; or raise realtime.alertsMax")
    case .clockDoubtful: (effect, next) = (.partial, "timedatectl shows the clock and whether it is kept right")
    case .recordsDropped: (effect, next) = (.partial, "journalctl -u knutepunkt-core says which; is the disk slow or full?")
    default: (effect, next) = (.partial, nil)
    }
    return problem(.rule(holding.rule), name: name, since: holding.since, effect: effect, next: next)
  }

  /// `variant`: which sentence for nurses, where the kind has several.
  package func problem(
    _ kind: API.Problem.Kind, name: String? = nil, since: WallTime? = nil, effect: API.Problem.Effect, detail: String? = nil,
    next: String? = nil,
    isSettling: Bool = false, variant: String? = nil, count: Int? = nil
  ) -> API.Problem {
    let language = configuration.hub.language
    let files = kind == .rule(.destinationDown) && configuration.destinations.contains { $0.name == name && !$0.isCalled }
    return API.Problem(
      kind: kind, name: name, since: since == .unknown ? nil : since?.description, effect: effect,
      text: sentences.hubProblem(
        kind.key, name: name, isSettling: isSettling, variant: files ? "files" : variant, count: count, language: language),
      detail: detail, next: next, isSettling: isSettling ? true : nil, count: count)
  }
}
