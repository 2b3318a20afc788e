// Why a score is computed, and what it asks of the person's NEWS2 alert. Its severity: PatientState.swift.

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
