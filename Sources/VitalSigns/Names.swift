// Stable English keys of the vocabularies, for JSON, metrics labels and catalogue look-ups. Not for the realtime path.

/// A vocabulary whose words have stable English keys, one each.
public protocol KeyedVocabulary: CaseIterable {
  var key: String { get }
}

extension KeyedVocabulary {
  /// The word with this key, or nil.
  public init?(key: String) {
    guard let word = Self.allCases.first(where: { $0.key == key }) else { return nil }
    self = word
  }
}

extension AlertRule: KeyedVocabulary {
  /// `news2High`, `signalLoss`, …: the key in JSON and in the text catalogues.
  public var key: String {
    switch self {
    case .sos: "sos"
    case .fall: "fall"
    case .news2High: "news2High"
    case .news2Medium: "news2Medium"
    case .news2SingleThree: "news2SingleThree"
    case .planRed: "planRed"
    case .planYellow: "planYellow"
    case .doseMissed: "doseMissed"
    case .doseRefused: "doseRefused"
    case .dispenserEmpty: "dispenserEmpty"
    case .doorOpenAtNight: "doorOpenAtNight"
    case .lockJammed: "lockJammed"
    case .geofenceExit: "geofenceExit"
    case .signalLoss: "signalLoss"
    case .lowBattery: "lowBattery"
    case .tamper: "tamper"
    case .jam: "jam"
    case .deadLetter: "deadLetter"
    case .nobodyOnDuty: "nobodyOnDuty"
    case .storeFailing: "storeFailing"
    case .notUnderstood: "notUnderstood"
    case .deviceClockWrong: "deviceClockWrong"
    case .bondLost: "bondLost"
    case .notMeasuring: "notMeasuring"
    case .linkDown: "linkDown"
    case .destinationDown: "destinationDown"
    case .bluetoothDown: "bluetoothDown"
    case .alertRoomFull: "alertRoomFull"
    case .journalLost: "journalLost"
    case .roleDown: "roleDown"
    case .registryFull: "registryFull"
    case .clockDoubtful: "clockDoubtful"
    case .recordsDropped: "recordsDropped"
    case .hubDoubled: "hubDoubled"
    }
  }
}

extension NEWS2Hindrance: KeyedVocabulary {
  public var key: String {
    switch self {
    case .under16: "under16"
    case .pregnant: "pregnant"
    }
  }
}

extension AlertPriority: KeyedVocabulary {
  public var key: String {
    switch self {
    case .low: "low"
    case .medium: "medium"
    case .high: "high"
    }
  }
}

extension AlertState: KeyedVocabulary {
  public var key: String {
    switch self {
    case .suspected: "suspected"
    case .raised: "raised"
    case .notified: "notified"
    case .acknowledged: "acknowledged"
    case .responding: "responding"
    case .resolved: "resolved"
    case .cleared: "cleared"
    }
  }
}

extension AlertTransitionKind: KeyedVocabulary {
  public var key: String {
    switch self {
    case .suspected: "suspected"
    case .raised: "raised"
    case .notified: "notified"
    case .acknowledged: "acknowledged"
    case .responding: "responding"
    case .resolved: "resolved"
    case .cleared: "cleared"
    case .escalated: "escalated"
    case .retriggered: "retriggered"
    case .upgraded: "upgraded"
    }
  }
}

extension NEWS2Band {
  public var key: String {
    switch self {
    case .none: "none"
    case .low: "low"
    case .lowMedium: "lowMedium"
    case .medium: "medium"
    case .high: "high"
    }
  }
}

extension NEWS2Parameter: KeyedVocabulary {
  /// As in the `score` command's JSON.
  public var key: String {
    switch self {
    case .respiration: "respiration"
    case .oxygenSaturation: "spo2"
    case .supplementalOxygen: "oxygen"
    case .systolic: "systolic"
    case .pulse: "pulse"
    case .consciousness: "consciousness"
    case .temperature: "temperature"
    }
  }
}

extension PrescribedOxygen: KeyedVocabulary {
  public var key: String {
    switch self {
    case .unknown: "unknown"
    case .air: "air"
    case .oxygen: "oxygen"
    }
  }
}

extension PlanSignal: KeyedVocabulary {
  public var key: String {
    switch self {
    case .oxygenSaturation: "spo2"
    case .pulse: "pulse"
    case .systolic: "systolic"
    case .diastolic: "diastolic"
    case .temperature: "temperature"
    case .respiration: "respiration"
    case .weight: "weight"
    case .glucose: "glucose"
    }
  }
}

extension DeviceEventKind: KeyedVocabulary {
  public var key: String {
    switch self {
    case .sos: "sos"
    case .fall: "fall"
    case .lowBattery: "lowBattery"
    case .tamper: "tamper"
    case .jam: "jam"
    case .dosePlanned: "dosePlanned"
    case .doseDispensed: "doseDispensed"
    case .doseTaken: "doseTaken"
    case .doseMissed: "doseMissed"
    case .doseRefused: "doseRefused"
    case .doseAssisted: "doseAssisted"
    case .dispenserEmpty: "dispenserEmpty"
    case .doorOpened: "doorOpened"
    case .doorClosed: "doorClosed"
    case .locked: "locked"
    case .unlocked: "unlocked"
    case .locking: "locking"
    case .unlocking: "unlocking"
    case .lockJammed: "lockJammed"
    case .motion: "motion"
    case .motionEnded: "motionEnded"
    case .online: "online"
    case .offline: "offline"
    case .heartbeat: "heartbeat"
    case .notUnderstood: "notUnderstood"
    case .clockWrong: "clockWrong"
    case .bondLost: "bondLost"
    case .noContact: "noContact"
    }
  }
}

extension ObservationQuality {
  /// The names of the set bits, in bit order.
  public var keys: [String] {
    let names: [(Self, String)] = [
      (.questionable, "questionable"), (.invalid, "invalid"), (.demo, "demo"), (.test, "test"),
      (.earlyEstimate, "earlyEstimate"), (.fromStorage, "fromStorage"), (.clockUnset, "clockUnset"), (.late, "late"),
      (.implausible, "implausible"), (.ongoing, "ongoing"), (.retained, "retained"),
    ]
    return names.filter { contains($0.0) }.map(\.1)
  }
}

extension IntakeRemark {
  public var key: String {
    switch self {
    case .none: "none"
    case .late: "late"
    case .unassigned: "unassigned"
    case .refused: "refused"
    case .noRoom: "noRoom"
    case .flood: "flood"
    case .outOfRange: "outOfRange"
    case .unknownSubject: "unknownSubject"
    }
  }
}
