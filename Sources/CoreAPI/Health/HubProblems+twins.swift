// Another hub with this one's identity among the problems: that this one was replaced, that a copy of it runs, or that the hub which it
// replaced goes on. Told to the core as one condition, so that people are called; shown in words for each.

import DeviceIntake
import HubConfiguration
import HubCore
import LocalAPI
import Synchronization
import VitalSigns

extension HubProblems {
  /// Looks once a pulse. A condition that the intake has no room for is offered again at the next pulse.
  func lookForOtherHubs() {
    let found = parts.links.lookForOtherHubs()
    beside.withLock { $0 = found }
    let holds = found != nil || parts.links.otherHubs.replaced != nil
    let isTold = parts.intake.conditions.all.contains { $0.rule == .hubDoubled }
    if holds != isTold { _ = parts.intake.submit(.hubCondition(HubCondition(rule: .hubDoubled, holds: holds))) }
  }

  /// At most one: who was replaced looks for nobody any more.
  func otherHubs() -> [API.Problem] {
    if let replaced = parts.links.otherHubs.replaced { return [problem(replaced)] }
    guard let found = beside.withLock({ $0 }) else { return [] }
    let since = parts.clock.wall().moved(from: parts.clock.now(), to: found.since)
    switch found.other {
    case .twin:
      return [
        problem(
          .rule(.hubDoubled), name: API.Problem.Doubled.twin.rawValue, since: since, effect: .deaf,
          detail: "at the broker of link \(found.link) another run of this very hub answers: its disk, or its journal, was copied",
          next: "stop one of the two for good; the journal of the other is then the hub's (docs/backup.md)")
      ]
    case .original:
      return [
        problem(
          .rule(.hubDoubled), name: API.Problem.Doubled.original.rawValue, since: since, effect: .deaf,
          detail: "at the broker of link \(found.link) the hub answers from whose backup this one was restored, and does not stand down",
          next: "stop the original for good: systemctl disable --now knutepunkt.target (docs/backup.md)")
      ]
    }
  }

  private func problem(_ mark: ReplacedMark) -> API.Problem {
    problem(
      .rule(.hubDoubled), name: API.Problem.Doubled.replaced.rawValue, since: mark.noticed, effect: .deaf,
      detail: "this is generation \(mark.generation) of the hub, and generation \(mark.by) is at the broker: it was restored from a backup",
      next: "if the other is right, switch this one off for good (systemctl disable --now knutepunkt.target): what waits here goes to "
        + "nobody. If this one is to go on, stop both, then knutepunkt takeover --reason … here (docs/backup.md)")
  }
}
