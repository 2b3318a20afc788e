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

  /// Somebody close to a person, by their place in the order: `k/`, the person and the place. Never the key of an item.
  public static func nextOfKin(of patient: PatientID, number: Int) -> Self { Self(rawValue: "k/\(patient.rawValue)/\(number)") }

  /// One transition of an alert, with everything that tells it from another one.
  ///
  /// Known before the disk knows of it, so that the alarm which left at once and the outbox row that follows are one.
  ///
  /// - A raise has no instant and no revision: after a crash between sending and storing, the broker brings the press again,
  ///   and the same alert must go out under the same key. Where a raise may be more or less urgent (scores and limits of a
  ///   plan), its priority is part of the key: the alert that came back more urgent is news.
  /// - An alert is resolved or cleared once.
  /// - Every other change has the core's instant, its number within the alert, the priority and the level: one frame may
  ///   upgrade an alert twice at one instant.
  /// - A row without a number was written by version 1 of the journal. It keeps the key of then, because it may have been
  ///   delivered under it.
  public static func transition(_ transition: AlertTransition, at instant: MonotonicInstant) -> Self {
    let plain = Self.transition(transition.id, transition.kind, at: instant)
    switch transition.kind {
    case .resolved, .cleared: return plain
    case .raised:
      switch transition.rule {
      case .news2High, .news2Medium, .news2SingleThree, .planRed, .planYellow:
        return Self(rawValue: "\(plain.rawValue)/p\(transition.priority.rawValue)")
      default: return plain
      }
    default:
      if transition.revision == 0 { return plain }
      return Self(rawValue: "\(plain.rawValue)/r\(transition.revision)/p\(transition.priority.rawValue)/l\(transition.level)")
    }
  }

  /// The key of version 1: the alert, the kind, and the instant unless the kind happens once.
  public static func transition(_ id: AlertID, _ kind: AlertTransitionKind, at instant: MonotonicInstant) -> Self {
    switch kind {
    case .raised, .resolved, .cleared: Self(rawValue: "a/\(id)/\(kind.key)")
    default: Self(rawValue: "a/\(id)/\(kind.key)/\(instant.rawValue)")
    }
  }

  /// What a transition's key names.
  public struct Transition: Sendable, Hashable {
    public var alert: AlertID
    public var kind: AlertTransitionKind
    /// Zero where the key has none.
    public var instant: MonotonicInstant
    /// Nil where the key has none: a raise, an end, or a key of version 1.
    public var revision: UInt16?

    public init(alert: AlertID, kind: AlertTransitionKind, instant: MonotonicInstant, revision: UInt16? = nil) {
      self.alert = alert
      self.kind = kind
      self.instant = instant
      self.revision = revision
    }
  }

  /// What a transition's key, of this form or of version 1, was made from; nil for any other key.
  public var parsedTransition: Transition? {
    let parts = rawValue.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[0] == "a", let alert = AlertID(text: parts[1]),
      let kind = (UInt8(1)...16).compactMap(AlertTransitionKind.init(rawValue:)).first(where: { $0.key == parts[2] })
    else { return nil }
    let plain = Transition(alert: alert, kind: kind, instant: .zero, revision: nil)
    switch kind {
    case .resolved, .cleared: return parts.count == 3 ? plain : nil
    case .raised:
      if parts.count == 3 { return plain }
      return parts.count == 4 && Self.number(parts[3], after: "p") != nil ? plain : nil
    default:
      guard parts.count == 4 || parts.count == 7, let instant = Int64(parts[3]) else { return nil }
      var result = plain
      result.instant = MonotonicInstant(rawValue: instant)
      if parts.count == 4 { return result }
      guard let revision = Self.number(parts[4], after: "r"), Self.number(parts[5], after: "p") != nil,
        Self.number(parts[6], after: "l") != nil
      else { return nil }
      result.revision = revision
      return result
    }
  }

  private static func number(_ part: Substring, after letter: Character) -> UInt16? {
    part.first == letter ? UInt16(part.dropFirst()) : nil
  }

  /// One dose event: `d/` and the sequence of its intake entry.
  public static func dose(sequence: UInt64) -> Self { Self(rawValue: "d/\(sequence)") }

  /// What became of one planned dose, at destinations that hold one updated record of it: `dose/`, the person, the slot and
  /// the planned time in milliseconds since 1970.
  public static func plannedDose(of patient: PatientID, slot: UInt8, at planned: WallTime) -> Self {
    Self(rawValue: "dose/\(patient.rawValue)/\(slot)/\(planned.rawValue)")
  }

  /// A person or a device of this hub, where a destination needs a record of them.
  public static func patient(_ id: PatientID) -> Self { Self(rawValue: "patient/\(id.rawValue)") }
  public static func device(_ id: DeviceID) -> Self { Self(rawValue: "device/\(id.rawValue)") }
  /// The hub itself.
  public static var hub: Self { Self(rawValue: "hub") }
}
