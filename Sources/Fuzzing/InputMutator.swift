// Inputs by chance, the same from the same seed: a seed input, changed a few times as libFuzzer changes it, without its view of the code.

import VitalSigns

/// Makes inputs out of seed inputs.
struct InputMutator {
  static let bytesMax = 8_192
  /// Numbers at which readers of numbers break.
  private static let edges: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, .max,
  ]
  /// Pieces of the grammars that are read.
  private static let words = [
    "{", "}", "[", "]", "\"", ":", ",", "null", "true", "NaN", "-0", "1e999", "99999999999999999999", "\\u0000", "\\uD800", "#", "+", "/",
    "- ", "\n", "\r\n", "  ", "&a", "*a", "!!binary ", "<<: ", "data:", "event: ", "\u{FEFF}", "\0", "%00", "æøå", "🆘",
  ]

  private let seeds: [[UInt8]]
  private var random: SeededRandom

  init(seeds: [[UInt8]], seed: UInt64) {
    self.seeds = seeds.isEmpty ? [[]] : seeds
    random = SeededRandom(seed: seed)
  }

  mutating func next() -> [UInt8] {
    var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
    for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes) }
    return bytes.count > Self.bytesMax ? Array(bytes.prefix(Self.bytesMax)) : bytes
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    switch Int.random(in: 0..<9, using: &random) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where place < bytes.count: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
    case 2: bytes.insert(contentsOf: Array(Self.words[Int.random(in: 0..<Self.words.count, using: &random)].utf8), at: place)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...16, using: &random)))
    case 4: bytes.removeSubrange(place...)
    case 5: putNumber(into: &bytes, at: place)
    case 6:
      // The end of one on the beginning of another.
      let other = seeds[Int.random(in: 0..<seeds.count, using: &random)]
      bytes.replaceSubrange(place..., with: other.dropFirst(Int.random(in: 0...other.count, using: &random)))
    case 7:
      // A piece of it, many times: what grows too deep or too long.
      let piece = bytes[place..<min(bytes.count, place + Int.random(in: 1...8, using: &random))]
      for _ in 0..<Int.random(in: 1...200, using: &random) { bytes.insert(contentsOf: piece, at: place) }
    default: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
    }
  }

  private mutating func putNumber(into bytes: inout [UInt8], at place: Int) {
    let number = Self.edges[Int.random(in: 0..<Self.edges.count, using: &random)]
    if Bool.random(using: &random) {
      bytes.insert(contentsOf: Array(String(number).utf8), at: place)
      return
    }
    let width = min(1 << Int.random(in: 0...3, using: &random), bytes.count - place)
    for index in 0..<width { bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
  }
}
