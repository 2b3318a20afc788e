// The order in which alert changes are told: by person in turn, not first in, first out. A button that is stuck, or a device
// gone mad, sends thousands; somebody else's call must not stand behind them. Whose changes come faster than people can read
// waits, and the rest is told through the outbox, which has everything.

package import VitalSigns

/// Alert changes that wait to be told, by whose alerts they are. Sans-I/O. The dispatch thread's.
package struct FairLane {
  /// Changes that are told at once before their holder is slowed down. More than one person's or device's alerts change in any
  /// honest second.
  static let burst = 32
  /// Changes of a slowed holder that are told each second. Listeners (the forward role, the console) keep up with that from every
  /// holder together.
  static let perSecond = 50
  /// Changes of one holder that wait. Beyond this the newest is left out here; it reaches receivers through the outbox.
  static let perHolderMax = 1_024
  /// Holders with something waiting, or slowed down a moment ago. Beyond this nobody is slowed down: all is told at once, in turn.
  static let holdersMax = 4_096

  private struct Holder {
    var waiting: [Outcome] = []
    var first = 0
    /// Thousandths of a change that may be told now.
    var credit = FairLane.burst * 1_000
    var creditAt: MonotonicInstant

    var count: Int { waiting.count - first }
  }

  private var holders: [UInt64: Holder] = [:]
  /// Holders with something waiting, next first.
  private var turns: [UInt64] = []
  /// Changes that were left out.
  private(set) var leftOut: UInt64 = 0

  package init() {}

  var isEmpty: Bool { turns.isEmpty }
  /// Places in memory, what was told a moment ago included.
  var kept: Int { holders.values.reduce(0) { $0 + $1.waiting.count } }

  /// The holder: a person, else a device, else the hub.
  private static func key(_ outcome: Outcome) -> UInt64 {
    outcome.patient != .none ? UInt64(outcome.patient.rawValue) : 1 << 32 | UInt64(outcome.device.rawValue)
  }

  package mutating func append(_ outcome: Outcome, at now: MonotonicInstant) {
    let key = Self.key(outcome)
    if holders[key] == nil, holders.count >= Self.holdersMax { forgetIdle() }
    // The holder is taken out and put back. If it were changed in place, each change of a flood would copy all that waits.
    var holder = holders.removeValue(forKey: key) ?? Holder(creditAt: now)
    if holder.count >= Self.perHolderMax {
      holders[key] = holder
      leftOut += 1
      return
    }
    if holder.count == 0 { turns.append(key) }
    holder.waiting.append(outcome)
    holders[key] = holder
  }

  /// The next one to tell; nil when nothing waits, or all that waits is slowed down until `nextDue`.
  package mutating func next(at now: MonotonicInstant) -> Outcome? {
    for _ in 0..<turns.count {
      // `remove(at: 0)` and not `removeFirst`, which the standard library does not specialise here: that would cost some
      // microseconds an alert.
      let key = turns.remove(at: 0)
      guard var holder = holders.removeValue(forKey: key) else { continue }
      refill(&holder, at: now)
      guard holder.credit >= 1_000 || holders.count >= Self.holdersMax else {
        holders[key] = holder
        turns.append(key)
        continue
      }
      holder.credit = max(0, holder.credit - 1_000)
      let outcome = holder.waiting[holder.first]
      holder.first += 1
      if holder.first == holder.waiting.count { (holder.waiting, holder.first) = ([], 0) } else { turns.append(key) }
      // A holder that never runs empty must not keep what was told.
      if holder.first >= Self.perHolderMax {
        holder.waiting.removeFirst(holder.first)
        holder.first = 0
      }
      holders[key] = holder
      return outcome
    }
    return nil
  }

  /// When something that waits may be told.
  package var nextDue: MonotonicInstant? {
    turns.compactMap { key in
      holders[key].map { $0.creditAt.adding(nanoseconds: Int64(max(0, 1_000 - $0.credit)) * 1_000_000 / Int64(Self.perSecond)) }
    }.min()
  }

  private func refill(_ holder: inout Holder, at now: MonotonicInstant) {
    let milliseconds = (now.rawValue - holder.creditAt.rawValue) / 1_000_000
    guard milliseconds > 0 else { return }
    holder.credit = Int(min(Int64(Self.burst * 1_000), Int64(holder.credit) + min(milliseconds, 60_000) * Int64(Self.perSecond)))
    holder.creditAt = now
  }

  private mutating func forgetIdle() { holders = holders.filter { $0.value.count > 0 } }
}
