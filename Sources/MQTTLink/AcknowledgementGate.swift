// Acknowledge after durable, as a decision: may the link write now, and may it read?
//
// libmosquitto has one queue for everything outgoing, first in, first out: PUBACK, PINGREQ, SUBSCRIBE, PUBLISH. A PUBACK
// enters it while its message is read; all leave together in `mosquitto_loop_write`. So the gate is shut while any
// message read since the last write is not durable, and everything behind it waits too.
//
// - Shut for less than the hold time: reading goes on. An alarm behind routine data must not wait for the disk.
// - Shut for longer: reading stops until the watermark catches up. Otherwise, under constant traffic, one more message would always be
//   on its way to the disk, and no acknowledgement would ever leave.
// - The watermark stands still for longer than the stall time: the store is failing, and waiting does not help.
//   Reading starts again, so that alarms come in; nothing is acknowledged. The broker's in-flight window bounds it.
//   Past the keep-alive time the broker drops us and sends everything again later; the core meets it as duplicates.

package import VitalSigns

/// Sans-I/O. One per connection: acknowledgements of a dead connection are owed to nobody.
package struct AcknowledgementGate: Sendable {
  package struct Decision: Sendable, Hashable {
    package var mayWrite: Bool
    package var mayRead: Bool
    /// Ask the journal for a commit. True once until the watermark moves.
    package var asksForCommit: Bool
    /// When to decide again though nothing happened.
    package var again: MonotonicInstant
  }

  /// No message for so long, and no more is waited for: either nothing comes, or the broker's in-flight window is full and
  /// it waits for us. Nanoseconds.
  static let quietNanoseconds: Int64 = 20_000_000

  let holdNanoseconds: Int64
  let stallNanoseconds: Int64
  /// Ask for a commit when this many acknowledgements are owed: half of the in-flight window, since a full one stops the broker.
  let owedBeforeAsking: Int

  /// The highest sequence that must be durable before the owed acknowledgements may leave.
  private(set) var highestSequence: UInt64 = 0
  /// Acknowledgements in the library's queue.
  package private(set) var owed = 0
  /// Since when the gate is shut.
  package private(set) var shutSince: MonotonicInstant?
  private var watermark: UInt64 = 0
  private var watermarkMovedAt: MonotonicInstant = .zero
  private var hasAsked = false
  /// How many of the owed had been taken when the watermark moved last: a commit has served most of them.
  private var owedBefore = 0
  /// When the last message was taken.
  private var tookAt: MonotonicInstant = .zero

  package init(hold: Duration, stall: Duration, window: Int) {
    holdNanoseconds = MonotonicInstant.zero.adding(hold).rawValue
    stallNanoseconds = MonotonicInstant.zero.adding(stall).rawValue
    owedBeforeAsking = max(1, window / 2)
  }

  /// A frame was taken by the handler; its PUBACK (QoS ≥ 1) is in the queue. `sequence`: what it waits for, if anything.
  package mutating func took(qos: UInt8, sequence: UInt64?, at now: MonotonicInstant) {
    guard qos > 0 else { return }
    owed += 1
    tookAt = now
    if let sequence { highestSequence = max(highestSequence, sequence) }
  }

  /// The library's queue is empty: everything owed is on its way.
  package mutating func wrote() { (owed, owedBefore) = (0, 0) }

  /// `framesWait`: the handler was busy, and frames that it has not taken are acknowledged in the queue already.
  package mutating func decide(watermark current: UInt64, framesWait: Bool, at now: MonotonicInstant) -> Decision {
    if current > watermark {
      watermark = current
      watermarkMovedAt = now
      // The commit that was asked for has come. What was read meanwhile needs another.
      hasAsked = false
      owedBefore = owed
    }
    if watermark >= highestSequence, !framesWait {
      shutSince = nil
      return Decision(mayWrite: true, mayRead: true, asksForCommit: false, again: .never)
    }
    let since = shutSince ?? now
    shutSince = since
    let holdEnds = since.adding(nanoseconds: holdNanoseconds)
    let stallEnds = max(since, watermarkMovedAt).adding(nanoseconds: stallNanoseconds)
    // Only the disk can be in the way of the sequence; a full intake is not helped by a commit that is not needed.
    let quietEnds = tookAt.adding(nanoseconds: Self.quietNanoseconds)
    let asks = !hasAsked && watermark < highestSequence && (now >= min(holdEnds, quietEnds) || owed - owedBefore >= owedBeforeAsking)
    if asks { hasAsked = true }
    if framesWait { return Decision(mayWrite: false, mayRead: false, asksForCommit: asks, again: .never) }
    if now < holdEnds {
      return Decision(mayWrite: false, mayRead: true, asksForCommit: asks, again: hasAsked ? holdEnds : min(holdEnds, quietEnds))
    }
    if now < stallEnds { return Decision(mayWrite: false, mayRead: false, asksForCommit: asks, again: stallEnds) }
    return Decision(mayWrite: false, mayRead: true, asksForCommit: asks, again: .never)
  }

  /// Whether an acknowledgement waits for the disk.
  func waits(for watermark: UInt64) -> Bool { owed > 0 && watermark < highestSequence }

  /// Whether the store counts as failing at `now`: shut, and the watermark stands still for longer than the stall time.
  func storeStalls(at now: MonotonicInstant) -> Bool {
    guard let shutSince, watermark < highestSequence else { return false }
    return now >= max(shutSince, watermarkMovedAt).adding(nanoseconds: stallNanoseconds)
  }
}
