// The name under which one thing is delivered, the same for every attempt, after every restart, at every destination.
//
// A key is text made from what a replay of the journal gives again: a sequence, an alert's id, an instant of the core.
// Connectors derive wire identities (FHIR identifiers, webhook event ids) from it; the lane recognises resends and
// strangers by it; the outbox and its receipts are filed under it. No name or national id is ever part of one.

public import VitalSigns

/// A delivery's identity. ASCII, at most 96 bytes, stable: a changed form would deliver old data a second time.
public struct DeliveryKey: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// One observation: `o/` and the sequence of its intake entry.
  public static func observation(sequence: UInt64) -> Self { Self(rawValue: "o/\(sequence)") }

  /// The blood-pressure panel of one frame: `p/` and the sequence of the frame's first entry.
  ///
  /// Never the key of an item: the connector derives the panel's wire identity from it.
  public static func panel(frame: UInt64) -> Self { Self(rawValue: "p/\(frame)") }

  /// One NEWS2 score: `n/`, the person, the core's instant of the score, and the entry that caused it: two values of one
  /// frame share an instant, and each may change the score.
  public static func score(patient: PatientID, at instant: MonotonicInstant, cause: UInt64) -> Self {
    Self(rawValue: "n/\(patient.rawValue)/\(instant.rawValue)/\(cause)")
  }

  /// An alert through all its life, at destinations that hold one updated record of it: `a/` and the alert's id.
  public static func alert(_ id: AlertID) -> Self { Self(rawValue: "a/\(id)") }

  /// One transition of an alert: `a/`, the alert's id, the transition, and the core's instant of it unless an alert can go
  /// through the transition only once.
  ///
  /// Known before the disk knows of it, so that the alarm which left at once and the outbox row that follows are one. The
  /// instant is left out of a raise because it may differ: after a crash between sending and storing, the broker brings the
  /// press again, and the same alert must go out under the same key.
  public static func transition(_ id: AlertID, _ kind: AlertTransitionKind, at instant: MonotonicInstant) -> Self {
    switch kind {
    case .raised, .resolved, .cleared: Self(rawValue: "a/\(id)/\(kind.key)")
    default: Self(rawValue: "a/\(id)/\(kind.key)/\(instant.rawValue)")
    }
  }

  /// What `transition(_:_:at:)` was made from, with instant zero where it has none; nil for any other key.
  public var parsedTransition: (alert: AlertID, kind: AlertTransitionKind, instant: MonotonicInstant)? {
    let parts = rawValue.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3 || parts.count == 4, parts[0] == "a", let alert = AlertID(text: parts[1]),
      let kind = (UInt8(1)...16).compactMap(AlertTransitionKind.init(rawValue:)).first(where: { $0.key == parts[2] })
    else { return nil }
    if parts.count == 3 { return (alert, kind, .zero) }
    guard let instant = Int64(parts[3]) else { return nil }
    return (alert, kind, MonotonicInstant(rawValue: instant))
  }

  /// One dose event: `d/` and the sequence of its intake entry.
  public static func dose(sequence: UInt64) -> Self { Self(rawValue: "d/\(sequence)") }

  /// A person or a device of this hub, where a destination needs a record of them.
  public static func patient(_ id: PatientID) -> Self { Self(rawValue: "patient/\(id.rawValue)") }
  public static func device(_ id: DeviceID) -> Self { Self(rawValue: "device/\(id.rawValue)") }
  /// The hub itself.
  public static var hub: Self { Self(rawValue: "hub") }
}
