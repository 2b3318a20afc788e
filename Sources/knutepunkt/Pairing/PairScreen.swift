// What an installer sees while pairing: pure text from what is known. When it is said, and what an answer means, is
// PairDialogue's; how it reaches the terminal is PairConversation's.

import LocalAPI

struct PairScreen {
  let texts: InstallerTexts

  /// Persons that one list shows. Others are found by a part of the name.
  static let personsMax = 15

  // MARK: The list

  func opening(seconds: Int) -> [String] {
    [texts("pair", "open", ["time": texts.span(Int64(seconds))]), texts("pair", "openHint"), texts("pair", "keys"), ""]
  }

  /// `  2  Nonin3230 · Nonin Medical 3230 · i rommet · …A1:B2`.
  func line(number: Int, _ candidate: API.Pairing.Candidate, isHeard: Bool) -> String {
    let name = texts.name(candidate)
    let kind = texts.kind(profile: candidate.profile, vendor: candidate.vendor, model: candidate.model)
    var parts = [name]
    if kind != name { parts.append(kind) }
    parts.append(isHeard ? texts.signal(candidate.rssi) : texts("pair", "silent"))
    parts.append("…\(candidate.address.suffix(5))")
    if let device = candidate.device {
      parts.append(texts("pair", "registered", ["device": device]))
    } else if candidate.bonded {
      parts.append(texts("pair", "bonded"))
    }
    return "  \(Self.padded(number))  \(parts.joined(separator: " · "))"
  }

  /// Devices that no profile fits: only ever a count.
  func strangers(_ count: Int) -> String? {
    switch count {
    case ..<1: nil
    case 1: texts("pair", "strangersOne")
    default: texts("pair", "strangersMany", ["n": "\(count)"])
    }
  }

  // MARK: Steps

  func prompt(_ prompt: API.Pairing.Prompt) -> String {
    let passkey = TypedAnswer.grouped(prompt.passkey ?? "")
    return switch prompt.kind {
    case .known(.display): texts("pair", "display", ["passkey": passkey])
    case .known(.confirm): texts("pair", "confirm", ["passkey": passkey])
    case .known(.enter), .unknown: texts("pair", "enter")
    }
  }

  func failed(_ name: String, problem: API.Word<API.Bluetooth.Problem>?) -> [String] {
    let problem = texts.problem(problem ?? .unknown("unknown"))
    return [texts("pair", "failed", ["name": name, "problem": problem.text]), "→ " + problem.next]
  }

  func reading(_ readings: [API.Pairing.Reading]) -> [String] {
    let text = texts.readings(readings)
    let line = text.isEmpty ? texts("pair", "readingEmpty") : texts("pair", "reading", ["reading": text])
    return [line, texts("pair", "readingNote")]
  }

  // MARK: Persons

  /// The numbered list of persons; 0 is nobody. `all`: how many there would be without a limit.
  func persons(_ shown: [API.Patient], all: Int) -> [String] {
    var lines = [texts("pair", "whose")]
    lines += shown.enumerated().map { "  \(Self.padded($0.offset + 1))  \(person($0.element))" }
    if all > shown.count { lines.append("      " + texts("pair", "morePersons", ["n": "\(all - shown.count)"])) }
    lines.append("  \(Self.padded(0))  \(texts("pair", "nobody"))")
    return lines
  }

  func person(_ patient: API.Patient) -> String { "\(InstallerTexts.printable(patient.name)) (\(patient.id))" }

  func done(_ device: API.Device, person: API.Patient?) -> [String] {
    let values = ["label": device.label, "device": device.id]
    guard let person else {
      return [
        texts("pair", "doneNobody", values), texts("pair", "next"), silence(device), texts("pair", "nextAssign", ["device": device.id]),
      ]
    }
    return [
      texts("pair", "doneFor", values.merging(["person": self.person(person)]) { first, _ in first }), texts("pair", "next"),
      silence(device),
    ]
  }

  func often() -> [String] { ["often", "oftenDaily", "oftenHourly", "oftenUnknown"].map { texts("pair", $0) } }

  /// What the device's silence will mean.
  func silence(_ device: API.Device) -> String {
    let seconds = Int64(device.expectedIntervalSeconds)
    return seconds == 0 ? texts("pair", "silenceNever") : texts("pair", "silenceTold", ["time": texts.span(seconds)])
  }

  // MARK: The live line

  /// The line that is rewritten: where we are and what can be typed.
  func live(_ state: PairDialogue.State, secondsLeft: Int, hasFound: Bool, strangers: Int) -> String {
    switch state {
    case .searching: searching(texts.span(Int64(secondsLeft)), hasFound, strangers)
    case .busy: texts("pair", "liveBusy")
    case .asked(_, let prompt):
      switch prompt.kind {
      case .known(.confirm): texts("pair", "liveYesNo")
      case .known(.display): texts("pair", "liveDisplay", ["passkey": TypedAnswer.grouped(prompt.passkey ?? "")])
      case .known(.enter), .unknown: texts("pair", "liveEnter")
      }
    case .testing: texts("pair", "liveTest")
    case .whose: texts("pair", "liveWhose")
    case .label(let finding, _): texts("pair", "liveLabel", ["label": defaultLabel(finding)])
    case .often: texts("pair", "liveOften")
    case .loadingPersons, .registering: texts("pair", "liveRegistering")
    case .another, .again: texts("pair", "liveYesNo")
    case .ended: ""
    }
  }

  private func searching(_ time: String, _ hasFound: Bool, _ strangers: Int) -> String {
    if hasFound { return texts("pair", "live", ["time": time]) }
    guard let strangers = self.strangers(strangers) else { return texts("pair", "liveNone", ["time": time]) }
    return texts("pair", "liveStrangers", ["time": time, "strangers": strangers])
  }

  /// The proposed label: the model, when it says something by itself. "3230" alone does not.
  func defaultLabel(_ candidate: API.Pairing.Candidate) -> String {
    if texts.has("kind", candidate.profile) { return texts("kind", candidate.profile) }
    if candidate.model.contains(where: \.isLetter) { return candidate.model }
    let kind = texts.kind(profile: candidate.profile, vendor: candidate.vendor, model: candidate.model)
    return kind.isEmpty ? texts.name(candidate) : kind
  }

  /// The number in two columns: nobody pairs a hundred devices at once.
  private static func padded(_ number: Int) -> String { number < 10 ? " \(number)" : "\(number)" }
}
