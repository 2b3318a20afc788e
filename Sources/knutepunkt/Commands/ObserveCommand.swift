// `observe`: a person enters what no device measures, most often consciousness and oxygen. Keys and units are those of
// the observation table; the core checks ranges and answers with the new score.

import ArgumentParser
import Gateway
import VitalSigns

struct Observe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Enter observations that a person made.",
    discussion: """
      Example: knutepunkt observe P1 consciousness=A oxygen=2 respiration=18

      consciousness: A (alert), C (new confusion), V (voice), P (pain), U (unresponsive). oxygen: air, or litres a minute. \
      Others: \(ObserveText.keys.joined(separator: ", ")), in the units that screens show.
      """)
  @Argument(help: "The person, e.g. P7.", transform: IdentifierArgument.patient) var patient: String
  @Argument(help: ArgumentHelp("What was seen.", valueName: "key=value")) var values: [String]
  @Flag(name: .customLong("self"), help: "The person themselves or their family made the observation, not staff.") var isSelfReported =
    false
  @OptionGroup var actor: ActorOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func validate() throws { _ = try ObserveText.values(values) }

  func run() async throws {
    let entered: API.Entered = try await core.client().post(
      "/v1/observations",
      API.EnterObservations(
        patient: patient, values: try ObserveText.values(values), origin: isSelfReported ? "self" : "staff", actor: actor.actor))
    if output.json { return try Terminal.printJSON(entered) }
    let count = entered.sequences.count
    Terminal.print(
      "\(count == 1 ? "1 observation is" : "\(count) observations are") stored. \(entered.score.map(ScoreText.sentence) ?? "No score yet.")"
    )
  }
}

enum ObserveText {
  /// What a person can enter as a decimal, besides the two with words of their own.
  static let keys = EnteredKeys.decimals

  static func values(_ texts: [String]) throws -> [String: String] {
    var values: [String: String] = [:]
    for text in texts {
      guard let split = text.firstIndex(of: "="), split != text.startIndex else {
        throw ValidationError("\"\(text)\" is not understood; allowed: KEY=VALUE such as respiration=18.")
      }
      let key = String(text[..<split])
      guard values.updateValue(try value(String(text[text.index(after: split)...]), key), forKey: key) == nil else {
        throw ValidationError("\(key) is given twice; allowed: each once.")
      }
    }
    return values
  }

  private static func value(_ text: String, _ key: String) throws -> String {
    switch key {
    case "consciousness":
      guard ["A", "C", "V", "P", "U"].contains(text.uppercased()) else {
        throw ValidationError("consciousness is \"\(text)\"; allowed: A (alert), C (new confusion), V (voice), P (pain), U (unresponsive).")
      }
      return text.uppercased()
    case "oxygen":
      if text == "air" { return "0" }
      let text = DecimalMark.point(text)
      guard let flow = Quantity(decimal: text), flow.mantissa >= 0 else {
        throw ValidationError("oxygen is \"\(text)\"; allowed: air, or litres a minute such as 2.")
      }
      return text
    default:
      guard keys.contains(key) else {
        throw ValidationError("unknown key \"\(key)\"; allowed: consciousness, oxygen, \(keys.joined(separator: ", ")).")
      }
      let number = DecimalMark.point(text)
      guard Quantity(decimal: number) != nil else {
        throw ValidationError("\(key) is \"\(text)\"; allowed: a decimal number such as 18, 36.6 or 36,6.")
      }
      return number
    }
  }
}

/// The decimal mark of those who enter: a comma in Norwegian.
enum DecimalMark {
  /// `37,1` as `37.1`; any other text as it is.
  static func point(_ text: String) -> String {
    guard !text.contains("."), text.count(where: { $0 == "," }) == 1, text.first != ",", text.last != "," else { return text }
    return text.replacing(",", with: ".")
  }
}
