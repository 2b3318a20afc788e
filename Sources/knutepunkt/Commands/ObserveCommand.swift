// `observe`: a person enters what no device measures, most often consciousness and oxygen. What may be entered stands in
// `EnteredValue`, which the core reads too. What nobody can understand is refused here, before the core is asked; a number that
// cannot be meant is refused by the core.

import ArgumentParser
import LocalAPI
import VitalSigns

struct Observe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "observe", abstract: "Enter observations that a person made.",
    discussion: """
      Example: knutepunkt observe P1 consciousness=A oxygen=2 respiration=18

      consciousness: \(Consciousness.allCases.map(\.explained).joined(separator: ", ")). oxygen: air, or litres a minute. \
      Others: \(EnteredValue.decimals.map { "\($0.key) (\($0.allowed))" }.joined(separator: ", ")).
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
        patient: patient, values: try ObserveText.values(values), origin: .known(isSelfReported ? .selfReported : .staff),
        actor: actor.actor))
    if output.json { return try Terminal.printJSON(entered) }
    let count = entered.sequences.count
    Terminal.print(
      "\(count == 1 ? "1 observation is" : "\(count) observations are") stored. \(entered.score.map(ScoreText.sentence) ?? "No score yet.")"
    )
  }
}

enum ObserveText {
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
    let value = DecimalMark.point(text)
    do throws(EnteredValue.Refusal) {
      // The origin is made up for this check: who made an observation changes nothing about what may be entered.
      _ = try EnteredValue.observation(key, value, origin: .staff)
    } catch {
      if !error.isNumber { throw ValidationError("\(error.text).") }
    }
    return value
  }
}

/// The decimal mark of those who enter values: a comma in Norwegian.
enum DecimalMark {
  /// `37,1` as `37.1`; any other text as it is.
  static func point(_ text: String) -> String {
    guard !text.contains("."), text.count(where: { $0 == "," }) == 1, text.first != ",", text.last != "," else { return text }
    return text.replacing(",", with: ".")
  }
}
