// Homes and what is in them: who lives there, which devices send what and how often. Each home has a chance of its own, so that taking a
// home or a fault away changes nothing in the others.

import VitalSigns

/// A device in a home. A value.
struct SimulatedDevice {
  enum Kind: String, CaseIterable {
    case button, oximeter, thermometer, fallSensor

    var profile: String {
      switch self {
      case .button: "simulated/button"
      case .oximeter, .thermometer: "simulated/vitals"
      case .fallSensor: "simulated/fall"
      }
    }

    /// Between two signs of life, seconds.
    var interval: Int64 {
      switch self {
      case .button, .fallSensor: 300
      case .oximeter: 60
      case .thermometer: 900
      }
    }

    /// The longest silence that is not told, seconds.
    var expected: UInt32 { UInt32(interval) * 3 }
  }

  var kind: Kind
  var home: Int
  var id: DeviceID
  var patient: PatientID
  var random: SeededRandom
  /// Its own clock minus the true time, milliseconds.
  var clockError: Int64 = 0
  /// It sends nothing before then, on the world's time.
  var silentUntil: Int64 = 0

  var address: String { "\(kind.rawValue.lowercased())-\(id.rawValue)" }

  var topic: String {
    switch kind {
    case .button: "simulated/\(address)/button"
    case .oximeter, .thermometer: "simulated/\(address)/vitals"
    case .fallSensor: "simulated/\(address)/fall"
    }
  }

  /// What it sends next, and what that means. `wall`: the true time.
  mutating func speak(at wall: WallTime) -> (payload: String, meaning: SimulatedMessage.Meaning) {
    let time = wall.adding(milliseconds: clockError).description
    switch kind {
    case .button:
      // A press alone, so that the last entry of its frame is the press.
      if random.next(upTo: 12) == 0 { return (#"{"action": "press", "press": \#(1_000_000 + random.next(upTo: 1_000_000_000))}"#, .press) }
      return (#"{"action": "rest", "battery": \#(50 + random.next(upTo: 50))}"#, .life)
    case .oximeter:
      let isLow = random.next(upTo: 40) == 0
      let spo2 = isLow ? 78 + Int(random.next(upTo: 6)) : 94 + Int(random.next(upTo: 6))
      return (#"{"spo2": \#(spo2), "pulse": \#(60 + random.next(upTo: 40)), "time": "\#(time)"}"#, .values(measured: wall))
    case .thermometer:
      return (#"{"temperature": \#(36 + random.next(upTo: 2)).\#(random.next(upTo: 10)), "time": "\#(time)"}"#, .values(measured: wall))
    case .fallSensor:
      let falls = random.next(upTo: 20) == 0
      return (#"{"fall": \#(falls), "battery": 80}"#, .fall(holds: falls))
    }
  }
}

extension SeededRandom {
  /// A number below `bound`, which is at least 1.
  mutating func next(upTo bound: UInt64) -> UInt64 { next() % bound }

  /// A number in the range.
  mutating func next(in range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
  }
}
