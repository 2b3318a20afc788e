// Who may get what. A destination asks for kinds of records; a sharing agreement allows them, by data controller, kind
// and person. What is asked for without an agreement is withheld, counted and logged; what nobody asked for is neither.
//
// Decided once, inside the commit, so that a later change of the configuration never sends what was withheld before.

public import People
public import VitalSigns

/// What an agreement of the configuration lets a destination have.
public struct SharingPermission: Sendable, Hashable {
  public enum Patients: Sendable, Hashable {
    case all
    case listed(Set<PatientID>)
  }
  /// Organisation numbers of the data controllers who agreed.
  public var controllers: Set<String>
  public var kinds: Set<RecordKind>
  public var patients: Patients
  /// What of the person may go with a record.
  public var parts: Set<SharedPart>

  public init(controllers: Set<String>, kinds: Set<RecordKind>, patients: Patients = .all, parts: Set<SharedPart> = []) {
    self.controllers = controllers
    self.kinds = kinds
    self.patients = patients
    self.parts = parts
  }

  package func covers(_ kind: RecordKind, controller: String, patient: PatientID) -> Bool {
    guard kinds.contains(kind), controllers.contains(controller) else { return false }
    switch patients {
    case .all: return true
    // What the hub says of itself, or a call from a device that is nobody's, is about no person whom a list could leave out.
    case .listed(let listed): return listed.contains(patient) || (kind == .alert && patient == .none)
    }
  }
}

/// Where records go, and the agreements that let them.
public struct SharingDestination: Sendable, Hashable {
  /// Stable across restarts and configurations: part of outbox rows.
  public var number: UInt32
  public var name: String
  /// What the destination asks for.
  public var wants: Set<RecordKind>
  public var agreements: [SharingPermission]
  /// Changes of an alert below this escalation level are not for this destination: neither queued nor withheld.
  public var alertLevelMin: UInt8

  public init(number: UInt32, name: String, wants: Set<RecordKind>, agreements: [SharingPermission], alertLevelMin: UInt8 = 0) {
    self.number = number
    self.name = name
    self.wants = wants
    self.agreements = agreements
    self.alertLevelMin = alertLevelMin
  }

  /// Which parts of the person may go with a record of this kind; nil when the record itself may not.
  public func parts(for kind: RecordKind, controller: String, patient: PatientID) -> Set<SharedPart>? {
    let covering = agreements.filter { $0.covers(kind, controller: controller, patient: patient) }
    guard wants.contains(kind), !covering.isEmpty else { return nil }
    return covering.reduce(into: []) { $0.formUnion($1.parts) }
  }
}

extension SharingDestination {
  /// Whether an alert may say where the person is: an agreement on locations covers it. The destination gets no fixes of
  /// their own.
  public func maySeePosition(controller: String, patient: PatientID) -> Bool {
    agreements.contains { $0.covers(.location, controller: controller, patient: patient) }
  }
}

/// All destinations of a hub. At most 64: a set of them is one machine word on the write path.
public struct SharingRules: Sendable, Hashable {
  public static let destinationsMax = 64
  public let destinations: [SharingDestination]

  /// Traps on more than 64 destinations or a number used twice: the configuration's check comes first.
  public init(destinations: [SharingDestination] = []) {
    precondition(destinations.count <= Self.destinationsMax, "more destinations than a sharing verdict can hold")
    precondition(Set(destinations.map(\.number)).count == destinations.count, "a destination's number is used twice")
    self.destinations = destinations
  }

  /// The verdict for one person of one controller, for all kinds and destinations.
  package func verdict(patient: PatientID, controller: String) -> SharingVerdict {
    var verdict = SharingVerdict()
    for (index, destination) in destinations.enumerated() {
      let bit = UInt64(1) << UInt64(index)
      for kind in RecordKind.allCases where destination.wants.contains(kind) {
        let allowed = destination.agreements.contains { $0.covers(kind, controller: controller, patient: patient) }
        if allowed { verdict.allowed[Int(kind.rawValue)] |= bit } else { verdict.withheld[Int(kind.rawValue)] |= bit }
      }
    }
    return verdict
  }
}

/// Per kind, the destinations that get a record and those that it is withheld from; bit n is the n-th destination.
package struct SharingVerdict {
  package var allowed: InlineArray<5, UInt64> = .init(repeating: 0)
  package var withheld: InlineArray<5, UInt64> = .init(repeating: 0)
}
