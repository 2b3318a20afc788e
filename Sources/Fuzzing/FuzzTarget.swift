// What is fuzzed: each way by which bytes of strangers come in. The same targets run in two ways: with libFuzzer, which sees which code an
// input reaches (`make fuzz`), and with inputs that are made from seeds by chance (`make test`, InputMutator.swift).

/// One way in. Any bytes are answered, with a value or with a named error; a trap, a hang and a broken rule are findings.
struct FuzzTarget {
  /// On the command line, and the name of its folder in Tests/Fuzzing/corpus.
  let name: String
  /// What the bytes are.
  let summary: String
  /// Inputs as devices and people send them. Read from the repository, so that they follow it.
  let seeds: (_ repository: String) throws -> [[UInt8]]
  /// Made once; called for each input. Ends the process when a rule is broken.
  let prepare: (_ repository: String) throws -> ([UInt8]) -> Void

  static var all: [FuzzTarget] {
    [
      FrameFuzz.target, ProfileFuzz.target, TopicFuzz.target, ConfigurationFuzz.target, RequestFuzz.target, EventStreamFuzz.target,
      RadioFuzz.target, CoreFuzz.target, StateFuzz.target, JournalFuzz.target, PlantedFuzz.target,
    ]
  }
}

/// Breaks a rule on purpose, so that tests see that a finding is found, kept and told. Its way in is nobody's.
enum PlantedFuzz {
  static var target: FuzzTarget {
    FuzzTarget(
      name: "planted", summary: "nothing of the product: traps when the input begins with FALL", seeds: { _ in [Array("FILL".utf8)] },
      prepare: { _ in { bytes in precondition(!bytes.starts(with: Array("FALL".utf8)), "the planted fault was found") } })
  }
}

/// Takes numbers and stretches off the front of an input; what is missing is zero. Never traps.
struct InputReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  /// Little-endian.
  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
    var number: Number = 0
    for index in 0..<(Number.bitWidth / 8) { number |= Number(truncatingIfNeeded: byte()) << Number(8 * index) }
    return number
  }

  /// One of several, chosen by the next byte. Nil when there is none.
  mutating func choice<Element>(of elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[Int(byte()) % elements.count]
  }

  mutating func take(_ count: Int) -> [UInt8] {
    let taken = Array(rest.prefix(count))
    rest = rest.dropFirst(count)
    return taken
  }

  mutating func takeRest() -> [UInt8] { take(rest.count) }
}
