// Which conditions of the hub hold. They are noted where they enter the intake, and where the core decides about one by itself, so
// that status, readiness and the board say what the core was told. Nothing here reaches the core.

import Synchronization
package import VitalSigns

/// The conditions that hold now. Any thread.
package final class HubConditions: Sendable {
  package struct Holding: Sendable, Hashable {
    package var rule: AlertRule
    /// As in `HubCondition`.
    package var subject: UInt32
    package var since: WallTime
    /// Whether the core decided it without having been told. Such a condition ends when a person resolves its alert, because nobody
    /// else ends it.
    var isDecided: Bool
  }

  /// Conditions at once: every link, destination and role of a large hub. Beyond this the newest are left out. Those that stand
  /// here already say that things are bad.
  package static let holdingMax = 512

  /// Calls that a destination refused for good, noted where the same alerts pass.
  package let refusedCalls = RefusedCalls()

  private let holding = Mutex<[Holding]>([])

  /// The conditions that hold, by rule and subject.
  package var all: [Holding] { holding.withLock { $0 } }

  /// Notes that the hub tells the core of a condition that starts or ends.
  package func note(_ condition: HubCondition, at wall: WallTime) {
    set(condition.rule, condition.subject, holds: condition.holds, isDecided: false, at: wall)
  }

  /// Notes what the core tells of an alert of the hub's own.
  package func note(_ transition: AlertTransition, at wall: WallTime) {
    refusedCalls.hear(transition)
    guard transition.rule.isOfHub else { return }
    if transition.state == .cleared {
      set(transition.rule, transition.subject, holds: false, isDecided: true, at: wall)
    } else if transition.state == .resolved {
      holding.withLock { $0.removeAll { $0.isDecided && $0.rule == transition.rule && $0.subject == transition.subject } }
    } else {
      set(transition.rule, transition.subject, holds: true, isDecided: true, at: wall)
    }
  }

  private func set(_ rule: AlertRule, _ subject: UInt32, holds: Bool, isDecided: Bool, at wall: WallTime) {
    holding.withLock { holding in
      let index = holding.firstIndex { $0.rule == rule && $0.subject == subject }
      guard holds else {
        if let index { holding.remove(at: index) }
        return
      }
      if let index {
        holding[index].isDecided = holding[index].isDecided && isDecided
      } else if holding.count < Self.holdingMax {
        holding.append(Holding(rule: rule, subject: subject, since: wall, isDecided: isDecided))
        holding.sort { ($0.rule.rawValue, $0.subject) < ($1.rule.rawValue, $1.subject) }
      }
    }
  }
}

extension AlertRule {
  /// Whether the rule is about the hub itself, and not about a person or a device.
  package var isOfHub: Bool { rawValue >= AlertRule.deadLetter.rawValue }
}
