// Values that a person enters by hand, and the scores that follow from all values.

public import VitalSigns

extension API {
  public struct EnterObservations: Codable, Sendable {
    /// Who measured.
    public enum Origin: String, WireWord, CaseIterable {
      case staff
      case selfReported = "self"
    }

    public var patient: String
    /// Key (`consciousness`, `oxygen`, `respiration`, `temperature`, …) to value: a decimal, or A C V P U.
    public var values: [String: String]
    public var origin: Word<Origin>
    public var actor: String
    public init(patient: String, values: [String: String], origin: Word<Origin>, actor: String) {
      self.patient = patient
      self.values = values
      self.origin = origin
      self.actor = actor
    }
  }

  public struct Entered: Codable, Sendable {
    public var sequences: [UInt64]
    public var score: Score?

    package init(sequences: [UInt64], score: Score? = nil) {
      self.sequences = sequences
      self.score = score
    }
  }

  public struct Score: Codable, Sendable {
    public enum Band: WireWord, CaseIterable {
      case decided(NEWS2Band)
      /// What is missing could change it.
      case incomplete
    }

    public var low: Int
    public var high: Int
    public var complete: Bool
    public var band: Word<Band>
    public var scale: Int
    public var points: [String: Int]
    public var missing: [String]
    public var changeSinceLast: Int?
    public var changeOver24Hours: Int?
    public var at: String

    package init(
      low: Int, high: Int, complete: Bool, band: Word<Band>, scale: Int, points: [String: Int], missing: [String],
      changeSinceLast: Int? = nil, changeOver24Hours: Int? = nil, at: String
    ) {
      self.low = low
      self.high = high
      self.complete = complete
      self.band = band
      self.scale = scale
      self.points = points
      self.missing = missing
      self.changeSinceLast = changeSinceLast
      self.changeOver24Hours = changeOver24Hours
      self.at = at
    }
  }
}

extension API.Score.Band {
  public static var allCases: [Self] { NEWS2Band.allCases.map(Self.decided) + [.incomplete] }

  public var key: String {
    switch self {
    case .decided(let band): band.key
    case .incomplete: "incomplete"
    }
  }

  public init?(key: String) {
    guard let band = Self.allCases.first(where: { $0.key == key }) else { return nil }
    self = band
  }
}
