// What does not work at the hub, as `GET /v1/status` and the pulse of `GET /v1/events` tell it: the board's banner, `status`,
// `/readyz` and `doctor` are all made from these values, so that no screen says good when another says bad.

import Foundation
import HubRuntime
public import VitalSigns

extension API {
  /// One thing of the hub that does not work now.
  public struct Problem: Codable, Sendable, Hashable {
    public var kind: Word<Kind>
    /// The link's, destination's or role's name, a device's number (`D3`); nil for what the hub has one of.
    public var name: String?
    /// Since when it does not work; nil when not known.
    public var since: String?
    /// What is lost by it.
    public var effect: Word<Effect>
    /// One sentence for nurses, in the hub's language: what it means and what to do.
    public var text: String
    /// What the part itself says, in English; nil: nothing.
    public var detail: String?
    /// What operations do next, in English; nil: nothing is known.
    public var next: String?
    /// Whether it works at this moment, but has not for long enough.
    public var isSettling: Bool?
    /// How many people or devices it concerns; nil: it is not about a number.
    public var count: Int?

    public init(
      kind: Kind, name: String? = nil, since: String? = nil, effect: Effect, text: String, detail: String? = nil, next: String? = nil,
      isSettling: Bool? = nil, count: Int? = nil
    ) {
      self.kind = .known(kind)
      self.name = name
      self.since = since
      self.effect = .known(effect)
      self.text = text
      self.detail = detail
      self.next = next
      self.isSettling = isSettling
      self.count = count
    }

    public enum Kind: WireWord, CaseIterable {
      /// One that is an alert, too: `linkDown`, `destinationDown`, `bluetoothDown`, `roleDown`, `bondLost`, …
      case rule(AlertRule)
      case coreStill, storeFull, journalBehind, bondsLost, callRefused, nobodyCalled, portClosed, backupOverdue
    }

    public enum Effect: String, WireWord, CaseIterable {
      /// Alarms may not come in.
      case deaf
      /// Alarms may not reach who should hear them.
      case mute
      /// Somebody, or something that devices say, is not watched over.
      case unwatched
      /// Alarms are told, and nothing is stored.
      case unstored
      /// Something else is lost; alarms go on.
      case partial
    }

    /// Whether silence cannot be trusted, or nothing is kept: the hub is not ready.
    public var isGrave: Bool {
      switch effect {
      case .known(.deaf), .known(.mute), .known(.unwatched), .known(.unstored): true
      case .known(.partial): false
      // What only a newer core has a word for may be the worst of all.
      case .unknown: true
      }
    }
  }
}

extension API.Problem {
  /// Which other hub `hubDoubled` means; the problem's name.
  package enum Doubled: String, Sendable, CaseIterable {
    /// One that was restored from a backup of this one: this one has stood down.
    case replaced
    /// A copy of this one's disk.
    case twin
    /// The one from whose backup this one was restored.
    case original
  }

  /// A few English words for one line: `link home not connected for 20 s`.
  public func words(now: WallTime) -> String {
    guard let age = age(now: now) else { return what }
    if isSettling == true { return "\(what) within the last \(age), back now" }
    return "\(what) for \(age)"
  }

  /// The words, with what the part itself says, or said while it was gone.
  public func wordsAndDetail(now: WallTime) -> String {
    words(now: now) + (detail.map { isSettling == true ? " (before: \($0))" : ": \($0)" } ?? "")
  }

  private var what: String {
    let name = name ?? ""
    switch kind {
    case .known(.rule(let rule)): return what(rule, name)
    case .known(.bondsLost): return "\(count ?? 0) more devices without their pairing"
    case .known(.callRefused): return "destination \(name) REFUSED A CALL that nobody has taken"
    case .known(.portClosed): return "\(name) closed"
    case .known(.nobodyCalled): return "nobody is called for \(count ?? 0) \(count == 1 ? "person" : "people")"
    case .known(.storeFull): return "DISK FULL, alarms are stored, routine values only counted"
    case .known(.journalBehind): return "JOURNAL TOO OLD, something that was acknowledged is missing"
    case .known(.backupOverdue): return "no backup was taken in time"
    case .known(.coreStill): return "THE CORE STANDS STILL, no alarm goes out"
    case .unknown: return kindAndName
    }
  }

  private func what(_ rule: AlertRule, _ name: String) -> String {
    switch rule {
    case .linkDown: "link \(name) not connected"
    case .bluetoothDown: "Bluetooth down"
    case .bondLost: "device \(name) without its pairing"
    case .destinationDown: "destination \(name) not reached"
    case .roleDown: "\(name) role missing"
    case .deadLetter: "destination \(name) refused something for good"
    case .storeFailing: "STORE FAILING, nothing is acknowledged, alarms still go out"
    case .journalLost: "JOURNAL LOST, alarms go out"
    case .nobodyOnDuty: "nobody on duty"
    case .alertRoomFull: "too many open alerts to follow"
    case .registryFull: "people or devices not watched over"
    case .clockDoubtful: "the clock is not to be trusted"
    case .recordsDropped: "records dropped"
    case .hubDoubled:
      switch Doubled(rawValue: name) {
      case .replaced: "REPLACED BY ANOTHER HUB, nothing is taken and nobody is told"
      case .original: "THE HUB THAT THIS ONE REPLACED STILL RUNS"
      case .twin, nil: "ANOTHER HUB RUNS WITH THE SAME IDENTITY"
      }
    // Alerts about people and their devices are no problems of the hub.
    case .sos, .fall, .news2High, .news2Medium, .news2SingleThree, .planRed, .planYellow, .doseMissed, .doseRefused, .dispenserEmpty,
      .doorOpenAtNight, .lockJammed, .geofenceExit, .signalLoss, .lowBattery, .tamper, .jam, .notUnderstood, .deviceClockWrong,
      .notMeasuring:
      kindAndName
    }
  }

  /// What a problem is called that has no words here, such as one of a newer core.
  private var kindAndName: String { [kind.key, name ?? ""].filter { !$0.isEmpty }.joined(separator: " ") }

  /// Seconds in tens, then whole minutes: a line that is compared does not change each second.
  private func age(now: WallTime) -> String? {
    guard let since = since.flatMap({ WallTime(text: $0) }) else { return nil }
    let seconds = now.seconds(since: since)
    let step: Int64 = seconds < 10 ? 1 : seconds < 120 ? 10 : 60
    return TimeSpan(seconds: seconds / step * step).text
  }
}

extension API.Problem.Kind {
  /// What is not an alert.
  private static let others: [Self] = [
    .coreStill, .storeFull, .journalBehind, .bondsLost, .callRefused, .nobodyCalled, .portClosed, .backupOverdue,
  ]

  /// In no order that means anything.
  public static var allCases: [Self] { AlertRule.allCases.map(Self.rule) + others }

  public var key: String {
    switch self {
    case .rule(let rule): rule.key
    case .coreStill: "coreStill"
    case .storeFull: "storeFull"
    case .journalBehind: "journalBehind"
    case .bondsLost: "bondsLost"
    case .callRefused: "callRefused"
    case .nobodyCalled: "nobodyCalled"
    case .portClosed: "portClosed"
    case .backupOverdue: "backupOverdue"
    }
  }

  public init?(key: String) {
    if let rule = AlertRule(key: key) {
      self = .rule(rule)
    } else if let other = Self.others.first(where: { $0.key == key }) {
      self = other
    } else {
      return nil
    }
  }
}
