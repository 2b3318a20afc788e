// NEWS2 as a pure function: every band edge and one step either side, both SpO₂ scales, with and without oxygen, and
// every subset of missing inputs against a brute force that knows nothing of intervals: it tries all completions.

import NEWS2Scoring
import Testing
import VitalSigns

@testable import RealtimeCore

/// The RCP's chart once more, as rows of upper edges; on purpose not written like the product.
private func chart(_ edges: [(upTo: Int32, points: Int)], _ value: Int32) -> Int {
  edges.first { value <= $0.upTo }?.points ?? -99
}
private let respirationRow: [(upTo: Int32, points: Int)] = [(8, 3), (11, 1), (20, 0), (24, 2), (.max, 3)]
private let scale1Row: [(upTo: Int32, points: Int)] = [(91, 3), (93, 2), (95, 1), (.max, 0)]
private let scale2OxygenRow: [(upTo: Int32, points: Int)] = [(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (.max, 3)]
private let scale2AirRow: [(upTo: Int32, points: Int)] = [(83, 3), (85, 2), (87, 1), (.max, 0)]
private let systolicRow: [(upTo: Int32, points: Int)] = [(90, 3), (100, 2), (110, 1), (219, 0), (.max, 3)]
private let pulseRow: [(upTo: Int32, points: Int)] = [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (.max, 3)]
private let temperatureRow: [(upTo: Int32, points: Int)] = [(350, 3), (360, 1), (380, 0), (390, 1), (.max, 2)]

/// One complete set of values; the order of `NEWS2Parameter`.
private typealias Values = (r: Int32, s: Int32, o: Bool, b: Int32, p: Int32, c: Int32, t: Int32)

private func total(_ v: Values, _ scale: SpO2Scale) -> Int {
  let saturation = scale == .scale1 ? scale1Row : v.o ? scale2OxygenRow : scale2AirRow
  return chart(respirationRow, v.r) + chart(saturation, v.s) + (v.o ? 2 : 0) + chart(systolicRow, v.b)
    + chart(pulseRow, v.p) + (v.c == 0 ? 0 : 3) + chart(temperatureRow, v.t)
}

@Suite struct NEWS2Tests {
  @Test func everyEdgeAndOneStepEitherSide() {
    func check(_ row: [(upTo: Int32, points: Int)], _ parameter: NEWS2Parameter, _ inputs: (Int32) -> NEWS2Inputs) {
      for edge in row where edge.upTo != .max {
        for value in [edge.upTo - 1, edge.upTo, edge.upTo + 1, edge.upTo + 2] {
          let score = NEWS2.score(inputs(value))
          #expect(Int(score.points[Int(parameter.rawValue)]) == chart(row, value), "\(parameter) \(value)")
        }
      }
    }
    check(respirationRow, .respiration) { NEWS2Inputs(respiration: $0) }
    check(systolicRow, .systolic) { NEWS2Inputs(systolic: $0) }
    check(pulseRow, .pulse) { NEWS2Inputs(pulse: $0) }
    check(temperatureRow, .temperature) { NEWS2Inputs(temperature: $0) }
    for oxygen in [nil, true, false] as [Bool?] {
      check(scale1Row, .oxygenSaturation) { NEWS2Inputs(oxygenSaturation: $0, supplementalOxygen: oxygen) }
    }
    check(scale2OxygenRow, .oxygenSaturation) { NEWS2Inputs(oxygenSaturation: $0, supplementalOxygen: true, scale: .scale2) }
    check(scale2AirRow, .oxygenSaturation) { NEWS2Inputs(oxygenSaturation: $0, supplementalOxygen: false, scale: .scale2) }
  }

  @Test func consciousnessAndOxygen() {
    for (level, points) in [(0, 0), (1, 3), (2, 3), (3, 3), (4, 3)] as [(Int32, Int8)] {
      #expect(NEWS2.score(NEWS2Inputs(consciousness: level)).points[5] == points)
    }
    #expect(NEWS2.score(NEWS2Inputs(supplementalOxygen: true)).points[2] == 2)
    #expect(NEWS2.score(NEWS2Inputs(supplementalOxygen: false)).points[2] == 0)
  }

  /// On scale 2 with oxygen unknown, a saturation of 93 and more is known as an interval only.
  @Test(
    arguments: [(92, 0, 2), (93, 0, 3), (94, 0, 3), (95, 0, 4), (96, 0, 4), (97, 0, 5), (100, 0, 5), (87, 1, 3), (83, 3, 5)]
      as [(Int32, UInt8, UInt8)])
  func scale2WithoutKnowingOxygen(saturation: Int32, low: UInt8, high: UInt8) {
    let known = NEWS2Inputs(
      respiration: 16, oxygenSaturation: saturation, systolic: 120, pulse: 70, consciousness: 0, temperature: 370, scale: .scale2)
    let score = NEWS2.score(known)
    #expect(score.low == low && score.high == high)
    #expect(score.missing == 0b000_0100 && !score.isComplete)
    #expect(score.points[1] == (saturation >= 93 ? -1 : Int8(low)))
  }

  @Test func everySubsetOfMissingInputsAgainstAllCompletions() {
    // One value for each number of points that each input can give.
    let respirations: [Int32] = [8, 10, 16, 22, 30]
    let saturations: [Int32] = [80, 85, 86, 90, 91, 92, 94, 95, 98]
    let pressures: [Int32] = [90, 95, 105, 150, 220]
    let pulses: [Int32] = [40, 45, 70, 100, 120, 140]
    let temperatures: [Int32] = [340, 355, 370, 385, 400]
    var random = SeededRandom(seed: 2017)
    for scale in [SpO2Scale.scale1, .scale2] {
      for _ in 0..<4 {
        let v: Values = (
          respirations.randomElement(using: &random) ?? 0, saturations.randomElement(using: &random) ?? 0,
          Bool.random(using: &random), pressures.randomElement(using: &random) ?? 0, pulses.randomElement(using: &random) ?? 0,
          Int32.random(in: 0...4, using: &random), temperatures.randomElement(using: &random) ?? 0
        )
        for missing in UInt8(0)..<128 {
          func has(_ bit: Int) -> Bool { missing & 1 << UInt8(bit) == 0 }
          var (least, most) = (Int.max, Int.min)
          for r in has(0) ? [v.r] : respirations {
            for s in has(1) ? [v.s] : saturations {
              for o in has(2) ? [v.o] : [false, true] {
                for b in has(3) ? [v.b] : pressures {
                  for p in has(4) ? [v.p] : pulses {
                    for c in has(5) ? [v.c] : [0, 4] {
                      for t in has(6) ? [v.t] : temperatures {
                        let sum = total((r, s, o, b, p, c, t), scale)
                        least = min(least, sum)
                        most = max(most, sum)
                      }
                    }
                  }
                }
              }
            }
          }
          let score = NEWS2.score(
            NEWS2Inputs(
              respiration: has(0) ? v.r : nil, oxygenSaturation: has(1) ? v.s : nil, supplementalOxygen: has(2) ? v.o : nil,
              systolic: has(3) ? v.b : nil, pulse: has(4) ? v.p : nil, consciousness: has(5) ? v.c : nil,
              temperature: has(6) ? v.t : nil, scale: scale))
          #expect(Int(score.low) == least && Int(score.high) == most, "\(v) \(scale) missing \(missing)")
          #expect(score.missing == missing)
          #expect(score.isComplete == (missing == 0))
        }
      }
    }
  }

  @Test func bands() {
    #expect(NEWS2.score(NEWS2Inputs()).band == .none)
    #expect(NEWS2.score(NEWS2Inputs()).high == 20)
    #expect(NEWS2.score(NEWS2Inputs(pulse: 100)).band == .low)
    #expect(NEWS2.score(NEWS2Inputs(pulse: 140)).band == .lowMedium)
    #expect(NEWS2.score(NEWS2Inputs(supplementalOxygen: true, pulse: 120)).band == .low)
    #expect(NEWS2.score(NEWS2Inputs(supplementalOxygen: true, pulse: 140)).band == .medium)
    #expect(NEWS2.score(NEWS2Inputs(respiration: 22, supplementalOxygen: true, pulse: 120)).band == .medium)
    #expect(NEWS2.score(NEWS2Inputs(respiration: 25, supplementalOxygen: true, pulse: 120)).band == .high)
  }

  /// A known 3 counts; a 3 that is only possible does not.
  @Test func onlyAKnownThreeIsASingleThree() {
    #expect(NEWS2.score(NEWS2Inputs(oxygenSaturation: 97, scale: .scale2)).band == .none)
    #expect(NEWS2.score(NEWS2Inputs(oxygenSaturation: 97, supplementalOxygen: true, scale: .scale2)).band == .medium)
    #expect(NEWS2.score(NEWS2Inputs(oxygenSaturation: 83, scale: .scale2)).band == .lowMedium)
  }
}
