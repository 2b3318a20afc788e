// What a person chooses from when an alert is closed. The choices are stored by their keys and read from the catalogues.

/// Why the alert rose, as the person who closes it sees it. The raw value is the stored key and the catalogue's key.
public enum ResolutionCause: String, Sendable, Hashable, CaseIterable {
  case healthChange, needForHelp, fall, medication, mistakenPress, deviceFault, deviceNotWorn, other
}

/// What was done about the alert: from judging it to calling 113. The raw value is the stored key and the catalogue's key.
public enum ResolutionMeasure: String, Sendable, Hashable, CaseIterable {
  case assessed, phoned, visited, doctorInformed, emergencyCalled, deviceServiced, none
}
