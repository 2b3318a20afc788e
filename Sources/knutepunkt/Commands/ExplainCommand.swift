// `explain`: why an alert was raised, or why a person's score is what it is: which observations, which rule, which times.

import ArgumentParser
import LocalAPI
import VitalSigns

struct Explain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain an alert or a person's score.",
    discussion: "Example: knutepunkt explain 3f9a2c1b; knutepunkt explain P7")
  @Argument(help: "An alert's id or its beginning, or a person such as P7.") var subject: String
  @OptionGroup var output: OutputOptions
  @OptionGroup var core: CoreOptions

  func run() async throws {
    let client = try core.client()
    let isPatient = subject.uppercased().hasPrefix("P") && PatientID(text: subject) != nil
    let name = isPatient ? try IdentifierArgument.patient(subject) : try await AlertText.identifier(subject, client, onlyOpen: false)
    let explanation: API.Explanation = try await client.get("/v1/explain/\(name)")
    if output.json { return try Terminal.printJSON(explanation) }
    ExplanationText.lines(explanation, interactive: Terminal.isInteractive).forEach(Terminal.print)
  }
}

enum ExplanationText {
  static func lines(_ explanation: API.Explanation, interactive: Bool) -> [String] {
    var lines = [TextStyle.heading.applied(to: explanation.subject) + (explanation.rule.map { ": rule \($0.key)" } ?? "")]
    lines.append("Why: \(explanation.reason)")
    for (key, heading) in [("address", "Where"), ("entry", "Way in"), ("critical", "Know first"), ("instruction", "Do")] {
      if let text = explanation.help?[key] { lines.append("\(heading): \(Terminal.field(text))") }
    }
    if let score = explanation.score {
      lines.append("Score: \(ScoreText.sentence(score)) (\(TimeDisplay.local(score.at) ?? score.at))")
    }
    lines += ["", TextStyle.heading.applied(to: "What it rests on")]
    lines += evidence(explanation.evidence).lines(interactive: true, indent: "  ")
    if !explanation.history.isEmpty {
      lines += ["", TextStyle.heading.applied(to: "What happened")]
      lines += explanation.history.map { "  " + step($0) }
    }
    return lines
  }

  private static func evidence(_ items: [API.Explanation.Evidence]) -> Table {
    var table = Table(
      ["Measured", "What", "Value", "Points", "From", "Quality", "Entry"], whenEmpty: "No observation: the rule rests on time alone.")
    for item in items {
      let measured = TimeDisplay.local(item.measuredAt) ?? "\(TimeDisplay.local(item.receivedAt) ?? "?") (received)"
      let value = [item.value, item.unit].compactMap { $0 }.joined(separator: " ")
      let points = item.points.map { "\($0)" }
      table.rows.append([
        Cell(measured), Cell(item.what), Cell(value), Cell(points, item.points == 3 ? .high : .plain), Cell(item.device ?? "a person"),
        Cell(item.quality.isEmpty ? "good" : item.quality.joined(separator: ", ")), Cell("\(item.sequence)"),
      ])
    }
    return table
  }

  private static func step(_ step: API.Explanation.Step) -> String {
    var text = "\(TimeDisplay.local(step.at) ?? step.at)  \(step.change.key)"
    switch step.change {
    case .known(.escalated): text += " to level \(step.level)"
    case .known(.raised), .known(.upgraded): text += " with \(step.priority.key) priority"
    // A change of a newer core is told by its word alone.
    case .known(.suspected), .known(.notified), .known(.acknowledged), .known(.responding), .known(.resolved), .known(.cleared),
      .known(.retriggered), .unknown:
      break
    }
    if let actor = step.actor { text += " by \(actor)" }
    if let comment = step.comment, !comment.isEmpty { text += ": \(comment)" }
    return text
  }
}
