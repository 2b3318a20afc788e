// From a score to an alert: one NEWS2 alert a person at a time. 7 and more is high, 5–6 medium, a single 3 by the configuration,
// each by the lower bound, so that a missing input never hides an alarm.
//
// The open alert follows the score: it keeps its id, takes the numbers that hold now, and is told anew when the category gets
// worse, the sum rises by two, or the single 3 moves to another parameter. It never gets milder by itself. Resolved while it
// holds, it speaks again: worse, at once; unchanged, after its time (SpeakingAgain.swift). What is lost is no improvement.

import VitalSigns

/// Why a score is computed anew.
enum ScoringCause {
  /// A fresh measurement.
  case measured
  /// An input went stale: it proves nothing about the person.
  case lost
  /// The plan changed what the same inputs mean.
  case prescribed

  var isLost: Bool {
    @_noLocks get {
      switch self {
      case .lost: true
      case .measured, .prescribed: false
      }
    }
  }

  var isMeasured: Bool {
    @_noLocks get {
      switch self {
      case .measured: true
      case .lost, .prescribed: false
      }
    }
  }
}

/// What a score asks for.
enum NEWS2Change {
  case nothing
  case rise
  case worsen

  var isNothing: Bool {
    @_noLocks get {
      switch self {
      case .nothing: true
      case .rise, .worsen: false
      }
    }
  }
}

extension NEWS2Severity {
  /// What a NEWS2 rule stands for.
  @_noLocks init(_ rule: AlertRule) {
    switch rule {
    case .news2High: self = .high
    case .news2Medium: self = .medium
    case .news2SingleThree: self = .singleThree
    default: self = .none
    }
  }
}

extension RealtimeCore {
  /// How much the sum must rise within its category before an open alert is told anew: one point is often a rounding.
  private static var tellingStep: Int { @_noLocks get { 2 } }

  /// The priority of a rule as this hub is configured.
  @_noLocks func priority(of rule: AlertRule) -> AlertPriority {
    switch rule {
    case .news2SingleThree: configuration.singleThreePriority
    default: rule.priority
    }
  }

  /// Looks at the score as last told.
  @_noLocks func judgeScore(_ patient: UInt32, isLost: Bool) -> NEWS2Change {
    let state = arena.patient(patient)
    let severity = NEWS2Severity(state.pointee.band)
    state.pointee.newsSeverity = severity
    if state.pointee.newsAlert != 0 { return judgeOpenScore(patient, severity) }
    // What is lost is neither better nor worse. When it comes back, it is measured against what was resolved.
    if isLost { return .nothing }
    if severity == .none {
      if state.pointee.resolvedSeverity != .none { forgetResolvedScore(patient) }
      return .nothing
    }
    let low = state.pointee.low
    if severity < state.pointee.resolvedSeverity {
      state.pointee.resolvedSeverity = severity
      state.pointee.heardLow = low
      state.pointee.heardParameter = parameterWithThree(patient)
    }
    if state.pointee.news2AlertsOff { return .nothing }
    if severity > state.pointee.resolvedSeverity || low > state.pointee.heardLow || hasMoved(patient, severity) { return .rise }
    if Int(low) <= Int(state.pointee.heardLow) - Self.tellingStep { state.pointee.heardLow = low }
    return .nothing
  }

  @_noLocks private func judgeOpenScore(_ patient: UInt32, _ severity: NEWS2Severity) -> NEWS2Change {
    let state = arena.patient(patient)
    let record = arena.alert(state.pointee.newsAlert)
    guard let told = record.pointee.ground(of: .patientNEWS2) else { return .nothing }
    let before = NEWS2Severity(told.rule)
    let low = state.pointee.low
    // The record follows the score, but not into ignorance: a sum with an input less is no news unless it is higher.
    if state.pointee.missing & ~record.pointee.missing == 0 || Int32(low) >= told.value {
      var ground = scoreGround(patient)
      if severity < before {
        ground.rule = told.rule
        ground.limit = told.limit
        // A single 3 that is gone: its parameter's points now.
        ground.subject = told.subject
        if before == .singleThree {
          ground.value = Int32(max(0, state.pointee.points[min(Int(told.subject), NEWS2Parameter.count - 1)]))
          ground.upper = ground.value
        }
      }
      record.pointee.missing = state.pointee.missing
      record.pointee.set(ground, of: .patientNEWS2)
    }
    if severity > before { return .worsen }
    guard severity == before else { return .nothing }
    let hasRisen = severity != .singleThree && Int(low) >= Int(state.pointee.heardLow) + Self.tellingStep
    return hasRisen || hasMoved(patient, severity) ? .worsen : .nothing
  }

  /// A single 3 stands in another parameter than the one that was heard of.
  @_noLocks private func hasMoved(_ patient: UInt32, _ severity: NEWS2Severity) -> Bool {
    severity == .singleThree && parameterWithThree(patient) != arena.patient(patient).pointee.heardParameter
  }

  /// The first parameter with 3 points; 0 when none has.
  @_noLocks func parameterWithThree(_ patient: UInt32) -> UInt8 {
    let state = arena.patient(patient)
    var index = 0
    while index < NEWS2Parameter.count {
      if state.pointee.points[index] == 3 { return UInt8(truncatingIfNeeded: index) }
      index += 1
    }
    return 0
  }

  /// The reason that the score gives now. A single 3 is about its parameter: its value is 3.
  @_noLocks func scoreGround(_ patient: UInt32) -> AlertGround {
    let state = arena.patient(patient)
    let severity = NEWS2Severity(state.pointee.band)
    let isSingle = severity == .singleThree
    return AlertGround(
      rule: severity.rule, value: isSingle ? 3 : Int32(state.pointee.low), limit: severity.limit,
      upper: isSingle ? 3 : Int32(state.pointee.high), subject: isSingle ? UInt32(parameterWithThree(patient)) : 0)
  }
}
