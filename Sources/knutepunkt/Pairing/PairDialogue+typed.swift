// What the person types in the conversation of `knutepunkt pair`: which state an answer leads to, and what the hub is asked. An
// answer that fits no question is called so, and the question is asked again.

import LocalAPI
import VitalSigns

extension PairDialogue {
  mutating func typed(_ text: String) -> [Action] {
    switch state {
    case .searching: return choose(text)
    case .busy: return TypedAnswer.isQuit(text) ? quit() : []
    case .asked(let candidate, let prompt): return answer(text, candidate, prompt)
    case .testing(let candidate):
      if TypedAnswer.isQuit(text) { return quit() }
      return text.isEmpty ? [.say([texts("pair", "skipped")])] + afterTest(candidate) : []
    case .whose(let candidate, let shown): return choosePerson(text, candidate, shown)
    case .label(let candidate, let person): return label(text, candidate, person)
    case .often(let candidate, let person, let label): return often(text, candidate, person, label)
    case .another, .again:
      if TypedAnswer.isQuit(text) || TypedAnswer.yesOrNo(text) == false { return quit() }
      guard TypedAnswer.yesOrNo(text) == true else { return [.say([texts("pair", "yesOrNo")])] }
      state = .searching
      return [.open] + say(list())
    case .loadingPersons, .registering, .ended: return []
    }
  }

  private mutating func choose(_ text: String) -> [Action] {
    if TypedAnswer.isQuit(text) { return quit() }
    guard !listed.isEmpty else { return [.say([texts("pair", "nothingYet")])] }
    if text.isEmpty { return say(list()) }
    guard let number = TypedAnswer.number(text, in: 1...listed.count) else {
      return [.say([texts("pair", "notANumber", ["text": InstallerTexts.printable(text), "max": "\(listed.count)"])])]
    }
    let candidate = listed[number - 1]
    state = .busy(candidate)
    answered = nil
    saidConnecting = false
    saidPairing = false
    return [.choose(address: candidate.address)]
  }

  private mutating func answer(_ text: String, _ candidate: Candidate, _ prompt: API.Pairing.Prompt) -> [Action] {
    if TypedAnswer.isQuit(text) { return quit() }
    var accept = true
    var passkey: UInt32?
    switch prompt.kind {
    case .known(.confirm):
      guard let yes = TypedAnswer.yesOrNo(text) else { return [.say([texts("pair", "yesOrNo")])] }
      accept = yes
    case .known(.display): return []
    // Of a question that only a newer hub knows, too, what the device shows can be typed; an empty line refuses it.
    case .known(.enter), .unknown:
      accept = !text.isEmpty
      passkey = TypedAnswer.passkey(text)
      guard !accept || passkey != nil else { return [.say([texts("pair", "notAPasskey")])] }
    }
    state = .busy(candidate)
    answered = prompt.number
    return [.answer(number: prompt.number, accept: accept, passkey: passkey)]
  }

  private mutating func choosePerson(_ text: String, _ candidate: Candidate, _ shown: [API.Patient]) -> [Action] {
    if TypedAnswer.isQuit(text) { return quit() }
    if text.isEmpty { return listPersons(candidate, persons) }
    if let number = TypedAnswer.number(text, in: 0...shown.count) {
      state = .label(candidate, number == 0 ? nil : shown[number - 1])
      return []
    }
    if let person = persons.first(where: { $0.id.lowercased() == text.lowercased() }) {
      state = .label(candidate, person)
      return []
    }
    let fitting = persons.filter { $0.name.lowercased().contains(text.lowercased()) }
    guard !fitting.isEmpty else { return [.say([texts("pair", "noSuchPerson", ["text": InstallerTexts.printable(text)])])] }
    return listPersons(candidate, fitting)
  }

  private mutating func label(_ text: String, _ candidate: Candidate, _ person: API.Patient?) -> [Action] {
    let most = EntryLimits.labelCharacters.upperBound
    guard text.count <= most else { return [.say([texts("pair", "labelTooLong", ["n": "\(most)"])])] }
    state = .often(candidate, person, label: text.isEmpty ? screen.defaultLabel(candidate) : text)
    return [.say(screen.often())]
  }

  /// The intervals are longer than the rhythm itself: a measurement that is a little late is no silence.
  static let dailySeconds: UInt32 = 30 * 3_600
  static let hourlySeconds: UInt32 = 2 * 3_600

  private mutating func often(_ text: String, _ candidate: Candidate, _ person: API.Patient?, _ label: String) -> [Action] {
    if TypedAnswer.isQuit(text) { return quit() }
    guard let answer = TypedAnswer.number(text, in: 0...2) else { return [.say([texts("pair", "oftenAgain")])] }
    // An installer who does not know leaves the interval to the profile: a safety button has an interval of its own.
    let interval: UInt32? = answer == 0 ? nil : answer == 1 ? Self.dailySeconds : Self.hourlySeconds
    state = .registering(candidate, person)
    return [.register(label: label, profile: candidate.profile, address: candidate.address, patient: person?.id, interval: interval)]
  }
}
