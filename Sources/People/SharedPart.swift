// What is known of a person, in the parts of which an agreement says one by one whether they may leave the hub.

/// A part of what is known of a person.
public enum SharedPart: String, Sendable, Hashable, CaseIterable {
  case name, nationalID
  case birthDate, address, phones, nextOfKin, generalPractitioner, service, language, critical, actionPlan
  /// Door code and key box: only with an alert that is open, whatever the agreement says.
  case access

  /// What an agreement shares that says nothing of parts: the identity, without which a receiver cannot use what it gets.
  public static let identity: Set<Self> = [.name, .nationalID]

  /// The part to which fields of the record belong.
  public init(_ section: PersonField.Section) {
    self =
      switch section {
      case .birthDate: .birthDate
      case .address: .address
      case .phones: .phones
      case .nextOfKin: .nextOfKin
      case .generalPractitioner: .generalPractitioner
      case .service: .service
      case .language: .language
      case .critical: .critical
      case .actionPlan: .actionPlan
      case .access: .access
      }
  }
}

extension PersonRecord {
  /// What of the record these parts hold. `isOpen`: it goes with an alert that is open; without one nothing restricted goes.
  public func shared(_ parts: Set<SharedPart>, withOpenAlert isOpen: Bool) -> Self {
    keeping { field in parts.contains(SharedPart(field.section)) && (isOpen || !field.isRestricted) }
  }
}
