// People and devices: who is here, and which device is whose.

public import VitalSigns

extension API {
  public struct Patient: Codable, Sendable {
    public var id: String
    public var name: String
    /// Present only in answers to the local command line, never in events, logs or metrics.
    public var nationalID: String?
    public var controller: String
    public var since: String
    public var ended: String?
    /// Why NEWS2 is not made for the person; nil: it is.
    public var notScored: Word<NEWS2Hindrance>?
    public var score: Score?
    public var devices: [String]
    /// True: nobody outside the board is called for this person, because no agreement covers it. Nil: somebody is, or this hub is meant to
    /// show a board only.
    public var nobodyCalled: Bool?

    package init(
      id: String, name: String, nationalID: String? = nil, controller: String, since: String, ended: String? = nil,
      score: Score? = nil, devices: [String], nobodyCalled: Bool? = nil
    ) {
      self.id = id
      self.name = name
      self.nationalID = nationalID
      self.controller = controller
      self.since = since
      self.ended = ended
      self.score = score
      self.devices = devices
      self.nobodyCalled = nobodyCalled
    }
  }

  public struct AddPatient: Codable, Sendable {
    public var name: String
    public var nationalID: String?
    /// Organisation number; nil: the hub's own.
    public var controller: String?
    public var actor: String
    public var reason: String
    public init(name: String, nationalID: String?, controller: String?, actor: String, reason: String) {
      self.name = name
      self.nationalID = nationalID
      self.controller = controller
      self.actor = actor
      self.reason = reason
    }
  }

  public struct Device: Codable, Sendable {
    public enum Liveness: String, WireWord, CaseIterable {
      case live, silent
      /// Never heard.
      case never
      case removed
    }

    public var id: String
    public var label: String
    public var profile: String
    public var address: String
    public var patient: String?
    public var liveness: Word<Liveness>
    public var lastSeen: String?
    public var expectedIntervalSeconds: UInt32

    package init(
      id: String, label: String, profile: String, address: String, patient: String? = nil, liveness: Word<Liveness>,
      lastSeen: String? = nil,
      expectedIntervalSeconds: UInt32
    ) {
      self.id = id
      self.label = label
      self.profile = profile
      self.address = address
      self.patient = patient
      self.liveness = liveness
      self.lastSeen = lastSeen
      self.expectedIntervalSeconds = expectedIntervalSeconds
    }
  }

  public struct AddDevice: Codable, Sendable {
    public var label: String
    /// Profile id, e.g. `zigbee2mqtt/sos-button`.
    public var profile: String
    /// What the profile's topic or advertisement names the device with.
    public var address: String
    /// Longest silence in seconds; nil: the profile's own, or what it calls usual; 0: never.
    public var expectedIntervalSeconds: UInt32?
    /// Assign to this person at once, or nil.
    public var patient: String?
    public var actor: String
    public var reason: String
    public init(
      label: String, profile: String, address: String, expectedIntervalSeconds: UInt32?, patient: String?, actor: String,
      reason: String
    ) {
      self.label = label
      self.profile = profile
      self.address = address
      self.expectedIntervalSeconds = expectedIntervalSeconds
      self.patient = patient
      self.actor = actor
      self.reason = reason
    }
  }

  public struct AssignDevice: Codable, Sendable {
    public var patient: String
    public var actor: String
    public var reason: String
    public init(patient: String, actor: String, reason: String) {
      self.patient = patient
      self.actor = actor
      self.reason = reason
    }
  }
}
