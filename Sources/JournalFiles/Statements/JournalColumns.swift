// The columns of the tables that are written or read all the time, one enum a table. Every statement on these tables is made
// from the enum; a name that the file does not have fails when the statement is prepared, at the start.

internal import VitalSigns

package enum EntryColumn: Int, SQLColumn {
  case sequence, instant, wall, measuredAt, kind, device, patient, controller, attachment, moreFollows
}

package enum ObservationColumn: Int, SQLColumn {
  case sequence, code, mantissa, exponent, unit, quality, origin
}

package enum EventColumn: Int, SQLColumn {
  case sequence, patient, kind, phase, detail
}

package enum LocationColumn: Int, SQLColumn {
  case sequence, patient, latitudeE7, longitudeE7, accuracyMetres
}

package enum RegistryChangeColumn: Int, SQLColumn {
  case sequence, change, expectedIntervalSeconds, isContinuous, isSafetyAlarm, planKey, planValue, abilities, news2FromDay, isPregnant
}

package enum ClockColumn: Int, SQLColumn {
  case sequence, utcOffsetSeconds, beginsRun, idEpoch
}

package enum HubConditionColumn: Int, SQLColumn {
  case sequence, rule, holds, subject
}

package enum DeviceTimeColumn: Int, SQLColumn {
  case civil, epoch
}

package enum OutcomeColumn: Int, SQLColumn {
  case id, cause, instant, wall, patient, device, kind, remark
}

package enum ScoreColumn: Int, SQLColumn {
  case outcome, previous, low, high, band, scale, missing, changeSinceLast, changeOver24Hours
  case pointsRespiration, pointsSpo2, pointsOxygen, pointsSystolic, pointsPulse, pointsConsciousness, pointsTemperature
  case sourceRespiration, sourceSpo2, sourceOxygen, sourceSystolic, sourcePulse, sourceConsciousness, sourceTemperature

  /// In the order of `NEWS2Parameter`, as the arrays of a score are.
  package static let points: [Self] = [
    .pointsRespiration, .pointsSpo2, .pointsOxygen, .pointsSystolic, .pointsPulse, .pointsConsciousness, .pointsTemperature,
  ]
  package static let sources: [Self] = [
    .sourceRespiration, .sourceSpo2, .sourceOxygen, .sourceSystolic, .sourcePulse, .sourceConsciousness, .sourceTemperature,
  ]

  package var name: String {
    switch self {
    case .changeOver24Hours: "change_over_24_hours"
    default: snakeCase
    }
  }
}

package enum ScoreCurrentColumn: Int, SQLColumn {
  case patient, outcome
}

package enum TransitionColumn: Int, SQLColumn {
  case outcome, alert, rule, priority, state, previous, kind, level, deadline, firstCause, raisedAt, value, bound, subject, actor
  case revision, upper, alsoRule, alsoValue, alsoBound, alsoUpper, alsoSubject
}

package enum AlertColumn: Int, SQLColumn {
  case id, patient, device, controller, firstOutcome, lastOutcome, firstWall, raisedWall, changedWall, rule, state, isOpen, usefulness
}

package enum ControllerColumn: Int, SQLColumn {
  case organisationNumber
}

package enum PatientColumn: Int, SQLColumn {
  case id, displayName, nationalId, started, ended
}

package enum DeviceColumn: Int, SQLColumn {
  case id, label, profile, address, serialNumber, eui64, expectedIntervalSeconds, isContinuous, isSafetyAlarm, added, removed, abilities
}

package enum OutboxColumn: Int, SQLColumn {
  case destination, lane, row, kind, sequence, outcome, patient, created, attempts
}

/// How many records were ever queued for a destination.
package enum QueuedCountColumn: Int, SQLColumn {
  case destination, kind, queued
}

package enum DeliveryMarkColumn: Int, SQLColumn {
  case link, slot, number, message, hash, taken, wall
}
