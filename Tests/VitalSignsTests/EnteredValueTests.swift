// Values as a person writes them: what is taken, what is refused, and in which words.

import Testing
import VitalSigns

@Suite struct EnteredValueTests {
  @Test(
    arguments: [
      ("spo2", "97", .oxygenSaturation, Quantity(mantissa: 97), .percent),
      ("spo2", "96.5", .oxygenSaturation, Quantity(mantissa: 965, exponent: -1), .percent),
      ("pulse", "300", .pulseRateCuff, Quantity(mantissa: 300), .perMinute),
      ("systolic", "20", .systolic, Quantity(mantissa: 20), .millimetreOfMercury),
      ("diastolic", "82", .diastolic, Quantity(mantissa: 82), .millimetreOfMercury),
      ("temperature", "38.05", .bodyTemperature, Quantity(mantissa: 3_805, exponent: -2), .degreeCelsius),
      ("respiration", "0", .respirationRate, Quantity(mantissa: 0), .perMinute),
      ("weight", "71.5", .bodyWeight, Quantity(mantissa: 715, exponent: -1), .kilogram),
      ("glucose", "5.5", .glucose, Quantity(mantissa: 55, exponent: -1), .millimolePerLitre),
      ("consciousness", "A", .consciousness, Quantity(mantissa: 0), .one),
      ("consciousness", "c", .consciousness, Quantity(mantissa: 1), .one),
      ("consciousness", "V", .consciousness, Quantity(mantissa: 2), .one),
      ("consciousness", "p", .consciousness, Quantity(mantissa: 3), .one),
      ("consciousness", "U", .consciousness, Quantity(mantissa: 4), .one),
      ("oxygen", "air", .supplementalOxygen, Quantity(mantissa: 0), .litrePerMinute),
      ("oxygen", "Luft", .supplementalOxygen, Quantity(mantissa: 0), .litrePerMinute),
      ("oxygen", "0.5", .supplementalOxygen, Quantity(mantissa: 5, exponent: -1), .litrePerMinute),
      ("oxygen", "60", .supplementalOxygen, Quantity(mantissa: 60), .litrePerMinute),
    ] as [(String, String, ObservationCode, Quantity, UCUMUnit)])
  func whatIsMeantIsTaken(key: String, text: String, code: ObservationCode, value: Quantity, unit: UCUMUnit) throws {
    let observation = try EnteredValue.observation(key, text, origin: .staff)
    #expect(observation.code == code)
    #expect(observation.value == value)
    #expect(observation.unit == unit)
    #expect(observation.origin == .staff)
    #expect(observation.quality.isEmpty)
  }

  @Test(arguments: [
    ("respiration", "-0.4", "respiration is \"-0.4\"; allowed: 0 to 99 /min"), ("spo2", "100.4", "spo2 is \"100.4\"; allowed: 1 to 100 %"),
    ("spo2", "0", "spo2 is \"0\"; allowed: 1 to 100 %"), ("spo2", "101", "spo2 is \"101\"; allowed: 1 to 100 %"),
    ("spo2", "ninety", "spo2 is \"ninety\"; allowed: 1 to 100 %"), ("pulse", "", "pulse is \"\"; allowed: 1 to 300 /min"),
    ("temperature", "98.6", "temperature is \"98.6\"; allowed: 20 to 45 °C"),
    ("temperature", "nan", "temperature is \"nan\"; allowed: 20 to 45 °C"),
    (
      "consciousness", "X",
      "consciousness is \"X\"; allowed: A (alert), C (new confusion), V (voice), P (pain), U (unresponsive)"
    ),
    ("oxygen", "-1", "oxygen is \"-1\"; allowed: air, or the flow in litres a minute, 0 to 60"),
    ("oxygen", "60.1", "oxygen is \"60.1\"; allowed: air, or the flow in litres a minute, 0 to 60"),
    (
      "height", "170",
      "\"height\" cannot be entered; allowed: spo2, pulse, systolic, diastolic, temperature, respiration, weight, glucose, consciousness, oxygen"
    ),
  ])
  func whatCannotBeMeantIsRefused(key: String, text: String, message: String) {
    let refusal = #expect(throws: EnteredValue.Refusal.self) { try EnteredValue.observation(key, text, origin: .staff) }
    #expect(refusal?.text == message)
    #expect(refusal?.isNumber == (Quantity(decimal: text) != nil && key != "height"))
  }
}
