// The columns of the tables that are written or read all the time, one enum a table. Every statement on these tables is made
// from the enum; a name that the file does not have fails when the statement is prepared, at the start.

internal import VitalSigns

enum EntryColumn: Int, SQLColumn {
  case sequence, instant, wall, measuredAt, kind, device, patient, controller, attachment, moreFollows
}

enum ObservationColumn: Int, SQLColumn {
  case sequence, code, mantissa, exponent, unit, quality, origin
}

enum EventColumn: Int, SQLColumn {
  case sequence, patient, kind, phase, detail
}

enum LocationColumn: Int, SQLColumn {
  case sequence, patient, latitudeE7, longitudeE7, accuracyMetres
}

enum RegistryChangeColumn: Int, SQLColumn {
  case sequence, change, expectedIntervalSeconds, isContinuous, isSafetyAlarm, planKey, planValue, abilities
}

enum ClockColumn: Int, SQLColumn {
  case sequence, utcOffsetSeconds, beginsRun
}

enum HubConditionColumn: Int, SQLColumn {
  case sequence, rule, holds, subject
}

enum DeviceTimeColumn: Int, SQLColumn {
  case civil, epoch
}

enum OutcomeColumn: Int, SQLColumn {
  case id, cause, instant, wall, patient, device, kind, remark
}

enum ScoreColumn: Int, SQLColumn {
  case outcome, previous, low, high, band, scale, missing, changeSinceLast, changeOver24Hours
  case pointsRespiration, pointsSpo2, pointsOxygen, pointsSystolic, pointsPulse, pointsConsciousness, pointsTemperature
  case sourceRespiration, sourceSpo2, sourceOxygen, sourceSystolic, sourcePulse, sourceConsciousness, sourceTemperature

  /// In the order of `NEWS2Parameter`, as the arrays of a score are.
  static let points: [Self] = [
    .pointsRespiration, .pointsSpo2, .pointsOxygen, .pointsSystolic, .pointsPulse, .pointsConsciousness, .pointsTemperature,
  ]
  static let sources: [Self] = [
    .sourceRespiration, .sourceSpo2, .sourceOxygen, .sourceSystolic, .sourcePulse, .sourceConsciousness, .sourceTemperature,
  ]

  var name: String {
    switch self {
    case .changeOver24Hours: "change_over_24_hours"
    default: snakeCase
    }
  }
}

enum ScoreCurrentColumn: Int, SQLColumn {
  case patient, outcome
}

enum TransitionColumn: Int, SQLColumn {
  case outcome, alert, rule, priority, state, previous, kind, level, deadline, firstCause, raisedAt, value, bound, subject, actor
  case revision, upper, alsoRule, alsoValue, alsoBound, alsoUpper, alsoSubject
}

enum AlertColumn: Int, SQLColumn {
  case id, patient, device, controller, firstOutcome, lastOutcome, firstWall, raisedWall, changedWall, rule, state, isOpen, usefulness
}

enum ControllerColumn: Int, SQLColumn {
  case organisationNumber
}

enum PatientColumn: Int, SQLColumn {
  case id, displayName, nationalId, started, ended
}

enum DeviceColumn: Int, SQLColumn {
  case id, label, profile, address, serialNumber, eui64, expectedIntervalSeconds, isContinuous, isSafetyAlarm, added, removed, abilities
}

enum OutboxColumn: Int, SQLColumn {
  case destination, lane, row, kind, sequence, outcome, patient, created, attempts
}

/// How many records were ever queued for a destination.
enum QueuedCountColumn: Int, SQLColumn {
  case destination, kind, queued
}

enum DeliveryMarkColumn: Int, SQLColumn {
  case link, slot, number, message, hash, taken, wall
}
