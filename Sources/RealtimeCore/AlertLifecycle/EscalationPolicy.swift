// Who is told when, as numbers: seconds after which an alert that nobody took goes one level up, and is told again at the last one.
// Levels are places in a roster (0 the first receivers, then the next person, the next team, the response centre). The core does not
// know who receives at a level, only whether anybody does.

import VitalSigns

/// Escalation times per priority, and which levels have a receiver. Fixed size. Realtime-safe.
public struct EscalationPolicy: Sendable, Hashable {
  /// "This level is never reached by time", or "never told anew".
  public static var never: UInt32 { @_noLocks get { .max } }
  /// Levels 0…3.
  public static var levelMax: UInt8 { @_noLocks get { 3 } }

  /// The times of one priority, in seconds. Levels count from the moment the alert was raised (or became more urgent),
  /// so level 2 must not be earlier than level 1; the re-trigger counts from the acknowledgement, and again and again.
  public struct Steps: Sendable, Hashable {
    public var level1Seconds: UInt32
    public var level2Seconds: UInt32
    public var level3Seconds: UInt32
    /// How long something may be acknowledged or responded to without being resolved. 0 counts as 1.
    public var retriggerSeconds: UInt32
    /// How long an alert that nobody took is left after its last level until that level is told again. 0 counts as 1.
    public var repeatSeconds: UInt32

    public init(level1Seconds: UInt32, level2Seconds: UInt32, level3Seconds: UInt32, retriggerSeconds: UInt32, repeatSeconds: UInt32) {
      self.level1Seconds = level1Seconds
      self.level2Seconds = level2Seconds
      self.level3Seconds = level3Seconds
      self.retriggerSeconds = retriggerSeconds
      self.repeatSeconds = repeatSeconds
    }

    @_noLocks func seconds(untilLevel level: UInt8) -> UInt32 {
      switch level {
      case 1: level1Seconds
      case 2: level2Seconds
      case 3: level3Seconds
      default: EscalationPolicy.never
      }
    }
  }

  public var high: Steps
  public var medium: Steps
  public var low: Steps
  /// Bit n: level n has a receiver. A level without one is passed over at once; with none at all the hub raises
  /// `nobodyOnDuty` beside the alert.
  public var receiverLevels: UInt8

  public init(high: Steps, medium: Steps, low: Steps, receiverLevels: UInt8 = 0b1111) {
    self.high = high
    self.medium = medium
    self.low = low
    self.receiverLevels = receiverLevels
  }

  /// High follows telecare's aims (MASCOT: 97.5 % answered in 60 s, 99 % in 3 min, attended in 45 min); the rest is slower.
  public static var standard: EscalationPolicy {
    EscalationPolicy(
      high: Steps(level1Seconds: 60, level2Seconds: 180, level3Seconds: 300, retriggerSeconds: 2_700, repeatSeconds: 300),
      medium: Steps(level1Seconds: 900, level2Seconds: 1_800, level3Seconds: 3_600, retriggerSeconds: 14_400, repeatSeconds: 1_800),
      low: Steps(
        level1Seconds: never, level2Seconds: never, level3Seconds: never, retriggerSeconds: 86_400, repeatSeconds: 86_400))
  }

  @_noLocks func steps(for priority: AlertPriority) -> Steps {
    switch priority {
    case .high: high
    case .medium: medium
    case .low: low
    }
  }

  /// Whether anybody receives anything.
  var hasReceivers: Bool { @_noLocks get { receiverLevels & 0b1111 != 0 } }

  @_noLocks func hasReceiver(at level: UInt8) -> Bool { level <= Self.levelMax && receiverLevels & (1 << level) != 0 }

  /// Where a new alert starts: the first level with a receiver; 0 when there is none, because it is told all the same.
  var firstLevel: UInt8 {
    @_noLocks get {
      var level: UInt8 = 0
      while level <= Self.levelMax {
        if hasReceiver(at: level) { return level }
        level += 1
      }
      return 0
    }
  }

  /// The next level above `level` that has a receiver and a time; nil when the alert has gone as far as it can.
  @_noLocks func nextLevel(above level: UInt8, for priority: AlertPriority) -> UInt8? {
    let steps = steps(for: priority)
    var next = level + 1
    while next <= Self.levelMax {
      if hasReceiver(at: next), steps.seconds(untilLevel: next) != Self.never { return next }
      next += 1
    }
    return nil
  }
}

extension AlertPriority {
  /// The more urgent of the two.
  @_noLocks func orMoreUrgent(_ other: Self) -> Self { other > self ? other : self }
}
