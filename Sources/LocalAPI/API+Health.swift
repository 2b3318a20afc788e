// What does not work at the hub, as `GET /v1/status` and the pulse of `GET /v1/events` tell it: the board's banner, `status`,
// `/readyz` and `doctor` are all made from these values, so that no screen says good when another says bad.

import Foundation
import HubRuntime
public import VitalSigns

extension API {
  /// One thing of the hub that does not work now.
  public struct Problem: Codable, Sendable, Hashable {
    /// An alert rule's key (`linkDown`, `destinationDown`, `bluetoothDown`, `roleDown`, `storeFailing`, `journalLost`, …, and
    /// `bondLost`), or `coreStill`, `storeFull`, `journalBehind`, `bondsLost`, `callRefused`, `nobodyCalled` or `portClosed`.
    public var kind: String
    /// The link's, destination's or role's name, a device's number (`D3`); nil for what the hub has one of.
    public var name: String?
    /// Since when it does not work; nil when not known.
    public var since: String?
    /// What is lost by it; see `Effect`. A word that this version does not know counts as `partial`.
    public var effect: String
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
      kind: String, name: String? = nil, since: String? = nil, effect: Effect, text: String, detail: String? = nil, next: String? = nil,
      isSettling: Bool? = nil, count: Int? = nil
    ) {
      self.kind = kind
      self.name = name
      self.since = since
      self.effect = effect.rawValue
      self.text = text
      self.detail = detail
      self.next = next
      self.isSettling = isSettling
      self.count = count
    }

    public enum Effect: String, Sendable, Hashable, CaseIterable {
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
    public var isGrave: Bool { Effect(rawValue: effect) ?? .partial != .partial }
  }
}

extension API.Problem {
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
    case "linkDown": return "link \(name) not connected"
    case "bluetoothDown": return "Bluetooth down"
    case "bondLost": return "device \(name) without its pairing"
    case "bondsLost": return "\(count ?? 0) more devices without their pairing"
    case "destinationDown": return "destination \(name) not reached"
    case "roleDown": return "\(name) role missing"
    case "deadLetter": return "destination \(name) refused something for good"
    case "callRefused": return "destination \(name) REFUSED A CALL that nobody has taken"
    case "portClosed": return "\(name) closed"
    case "nobodyCalled": return "nobody is called for \(count ?? 0) \(count == 1 ? "person" : "people")"
    case "storeFailing": return "STORE FAILING, nothing is acknowledged, alarms still go out"
    case "storeFull": return "DISK FULL, alarms are stored, routine values only counted"
    case "journalBehind": return "JOURNAL TOO OLD, something that was acknowledged is missing"
    case "journalLost": return "JOURNAL LOST, alarms go out"
    case "coreStill": return "THE CORE STANDS STILL, no alarm goes out"
    case "nobodyOnDuty": return "nobody on duty"
    case "alertRoomFull": return "too many open alerts to follow"
    case "registryFull": return "people or devices not watched over"
    case "clockDoubtful": return "the clock is not to be trusted"
    case "recordsDropped": return "records dropped"
    default: return [kind, name].filter { !$0.isEmpty }.joined(separator: " ")
    }
  }

  /// Seconds in tens, then whole minutes, then hours and minutes: a line that is compared does not change each second.
  private func age(now: WallTime) -> String? {
    guard let since = since.flatMap({ WallTime(text: $0) }) else { return nil }
    let seconds = now.seconds(since: since)
    let step: Int64 = seconds < 10 ? 1 : seconds < 120 ? 10 : 60
    return TimeSpan(seconds: seconds / step * step).text
  }
}
