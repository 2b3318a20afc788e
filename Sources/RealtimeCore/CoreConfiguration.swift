// What the realtime core is told once, at start: how much room it has, how old "live" may be, and how alerts escalate.
// Everything that changes while it runs (people, devices, plans) comes through the intake instead.

public import VitalSigns

/// Default lifetimes of NEWS2 inputs, counted from the measurement. A person's plan may replace each.
public struct ValidityWindows: Sendable, Hashable {
  /// Pulse and SpO₂ of a device that measures continuously, seconds. 5 min: a sensor that fell off must not score on.
  public var continuousSeconds: UInt32
  /// Everything else, seconds. 12 h: the RCP's longest interval between two measurements.
  public var spotCheckSeconds: UInt32

  public init(continuousSeconds: UInt32 = 300, spotCheckSeconds: UInt32 = 43_200) {
    self.continuousSeconds = continuousSeconds
    self.spotCheckSeconds = spotCheckSeconds
  }
}

/// Room and rules of one core. All of it may change between runs, and then counts for what happens from then on: the state that is
/// stored holds neither sizes nor rules (docs/state.md).
public struct CoreConfiguration: Sendable {
  /// Most people at a time, 1…1 000 000. One more is answered with the remark `noRoom`.
  public var patientsMax: Int
  /// Most devices at a time, 1…4 000 000. One more is answered with the remark `noRoom`.
  public var devicesMax: Int
  /// Most open alerts (suspicions included) at a time, 16…1 000 000. One person (or device without one) gets at most an eighth of
  /// it for one rule; the last eighth is kept for high priority; beyond it each person has a place for a first alert.
  /// What finds no room is still told, but not followed (remark `noRoom`), and the hub says so: docs/alerts.md.
  public var alertsMax: Int
  /// Makes alert ids of two hubs differ. What was raised keeps its id when it changes.
  public var hubSalt: UInt64
  /// A measurement older than this on arrival is late: recorded, never a live alarm. Seconds.
  public var liveWindowSeconds: UInt32
  /// A measurement further than this in the future proves a wrong device clock: its arrival counts instead. Seconds.
  public var futureToleranceSeconds: UInt32
  /// A fresh observation repeats an unchanged score when the last one is older than this, so that the record of a steady
  /// person has a current score. Seconds.
  public var scoreRefreshSeconds: UInt32
  public var validity: ValidityWindows
  public var escalation: EscalationPolicy
  /// How urgent 3 points in one parameter are while the sum stays below 5. Medium until a clinical owner signs another.
  public var singleThreePriority: AlertPriority

  public init(
    patientsMax: Int = 64, devicesMax: Int = 512, alertsMax: Int = 512, hubSalt: UInt64 = 0,
    liveWindowSeconds: UInt32 = 900, futureToleranceSeconds: UInt32 = 300, scoreRefreshSeconds: UInt32 = 900,
    validity: ValidityWindows = ValidityWindows(), escalation: EscalationPolicy = .standard,
    singleThreePriority: AlertPriority = .medium
  ) {
    self.patientsMax = patientsMax
    self.devicesMax = devicesMax
    self.alertsMax = alertsMax
    self.hubSalt = hubSalt
    self.liveWindowSeconds = liveWindowSeconds
    self.futureToleranceSeconds = futureToleranceSeconds
    self.scoreRefreshSeconds = scoreRefreshSeconds
    self.validity = validity
    self.escalation = escalation
    self.singleThreePriority = singleThreePriority
  }
}

extension CoreConfiguration {
  /// How urgent an alert of a rule is on this hub.
  @_noLocks func priority(of rule: AlertRule) -> AlertPriority {
    switch rule {
    case .news2SingleThree: singleThreePriority
    default: rule.priority
    }
  }

  /// When a condition of this priority that was resolved at `instant` rises again if it still holds, as nanoseconds on the hub's
  /// timeline; 0: never.
  @_noLocks func instantToSpeakAgain(after instant: MonotonicInstant, _ priority: AlertPriority) -> Int64 {
    let seconds = escalation.steps(for: priority).retriggerSeconds
    return seconds == EscalationPolicy.never ? 0 : instant.adding(seconds: max(1, seconds)).rawValue
  }
}
