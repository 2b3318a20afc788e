// Values that a person enters by hand, and the scores that follow from all values.

extension API {
  public struct EnterObservations: Codable, Sendable {
    public var patient: String
    /// Key (`consciousness`, `oxygen`, `respiration`, `temperature`, …) to value: a decimal, or A C V P U.
    public var values: [String: String]
    /// `staff` or `self`.
    public var origin: String
    public var actor: String
    public init(patient: String, values: [String: String], origin: String, actor: String) {
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
    public var low: Int
    public var high: Int
    public var complete: Bool
    public var band: String
    public var scale: Int
    public var points: [String: Int]
    public var missing: [String]
    public var changeSinceLast: Int?
    public var changeOver24Hours: Int?
    public var at: String

    package init(
      low: Int, high: Int, complete: Bool, band: String, scale: Int, points: [String: Int], missing: [String],
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
