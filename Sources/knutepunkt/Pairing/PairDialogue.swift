// The conversation of `knutepunkt pair` as a state machine without input or output: what the hub reports and what the
// person types come in, what is to be said and asked of the hub goes out. PairConversation carries it out; tests play
// whole conversations with it. Nothing is registered before the person has said whose the device is, so an interruption
// leaves at most a bond, and the bonded device is offered again next time. This file holds what the hub reports; what the person
// types is in PairDialogue+typed.swift.

import LocalAPI

struct PairDialogue {
  typealias Candidate = API.Pairing.Candidate

  enum State {
    case searching
    /// The hub connects to the device or pairs it.
    case busy(Candidate)
    /// The person must compare, read or type a number.
    case asked(Candidate, API.Pairing.Prompt)
    /// The device is paired; a measurement is waited for.
    case testing(Candidate)
    case loadingPersons(Candidate)
    case whose(Candidate, shown: [API.Patient])
    case label(Candidate, API.Patient?)
    /// The question how often the device is to be used: its silence can be told only where somebody knows what silence is.
    case often(Candidate, API.Patient?, label: String)
    case registering(Candidate, API.Patient?)
    /// One device is done: another one?
    case another
    /// The time is up: look once more?
    case again
    case ended
  }

  enum Input {
    case pairing(API.Pairing)
    case line(String)
    case persons([API.Patient])
    case registered(API.Device)
    /// The hub refused what was asked last.
    case refused([String])
  }

  enum Action: Equatable {
    case say([String])
    case choose(address: String)
    case answer(number: UInt64, accept: Bool, passkey: UInt32?)
    case loadPersons
    case register(label: String, profile: String, address: String, patient: String?, interval: UInt32?)
    /// Opens the hub's window anew.
    case open
    case end
  }

  let screen: PairScreen
  var state = State.searching
  /// Candidates in the order of their first appearance. A number, once shown, stays that device's.
  private(set) var listed: [Candidate] = []
  private(set) var secondsLeft: Int
  private var heard: Set<String> = []
  private var strangers = 0
  var persons: [API.Patient] = []
  /// The prompt that was answered. The hub may show it a moment longer.
  var answered: UInt64?
  var saidConnecting = false
  var saidPairing = false

  init(texts: InstallerTexts, seconds: Int) {
    screen = PairScreen(texts: texts)
    secondsLeft = seconds
  }

  var texts: InstallerTexts { screen.texts }

  var live: String { screen.live(state, secondsLeft: secondsLeft, hasFound: !listed.isEmpty, strangers: strangers) }

  /// Whether the hub's window should be kept open because the device or the person is at work.
  var needsWindow: Bool {
    switch state {
    case .busy, .asked, .testing: true
    default: false
    }
  }

  /// The device that stays paired when the conversation ends now.
  var unfinished: Candidate? {
    switch state {
    case .testing(let candidate), .loadingPersons(let candidate), .whose(let candidate, _), .label(let candidate, _),
      .often(let candidate, _, _), .registering(let candidate, _):
      candidate.device == nil ? candidate : nil
    default: nil
    }
  }

  mutating func handle(_ input: Input) -> [Action] {
    switch input {
    case .pairing(let pairing): return report(pairing)
    case .line(let text): return typed(TypedAnswer.trimmed(text))
    case .persons(let everybody):
      guard case .loadingPersons(let candidate) = state else { return [] }
      persons = everybody.filter { $0.ended == nil }
      guard !persons.isEmpty else {
        state = .label(candidate, nil)
        return [.say([texts("pair", "nobodyHere")])]
      }
      return listPersons(candidate, persons)
    case .registered(let device):
      guard case .registering(_, let person) = state else { return [] }
      state = .another
      return [.say(screen.done(device, person: person) + ["", texts("pair", "another")])]
    case .refused(let lines): return refused(lines)
    }
  }

  // MARK: What the hub reports

  private mutating func report(_ pairing: API.Pairing) -> [Action] {
    secondsLeft = max(0, pairing.secondsLeft)
    if let now = pairing.chosenCandidate { follow(now) }
    let news = note(pairing)
    switch state {
    case .searching:
      guard pairing.state != .known(.closed) else { return say(news) + timeUp() }
      return say(news)
    case .busy(let candidate): return progress(candidate, pairing)
    case .asked(let candidate, let prompt):
      if pairing.state == .known(.prompt), pairing.prompt?.number == prompt.number { return [] }
      // A number that is typed on the device stays in sight until the device has taken it.
      if prompt.kind == .known(.display), [.known(.connecting), .known(.pairing)].contains(pairing.state) { return [] }
      return progress(candidate, pairing)
    case .testing(let candidate):
      switch pairing.state {
      case .known(.ready): return [.say(screen.reading(pairing.readings))] + afterTest(candidate)
      case .known(.failed): return failed(candidate, pairing)
      case .known(.closed): return [.say([texts("pair", "skipped")])] + afterTest(candidate)
      // In a state of a newer hub, too, the test goes on: a reading, the person or the window's end ends it.
      case .known(.searching), .known(.connecting), .known(.pairing), .known(.prompt), .known(.testing), .unknown: return []
      }
    case .loadingPersons, .whose, .label, .often, .registering, .another, .again, .ended: return []
    }
  }

  /// Follows the chosen device, which may have another address since it is bonded. It keeps its number in the list.
  private mutating func follow(_ now: Candidate) {
    let old: Candidate
    switch state {
    case .busy(let candidate): (old, state) = (candidate, .busy(now))
    case .asked(let candidate, let prompt): (old, state) = (candidate, .asked(now, prompt))
    case .testing(let candidate): (old, state) = (candidate, .testing(now))
    default: return
    }
    if let index = listed.firstIndex(where: { $0.address == old.address }) { listed[index] = now }
  }

  /// Remembers what is in range. Gives the lines for what is new or has got a name.
  private mutating func note(_ pairing: API.Pairing) -> [String] {
    heard = Set(pairing.found.map(\.address))
    strangers = pairing.strangers
    var lines: [String] = []
    for candidate in pairing.found {
      if let index = listed.firstIndex(where: { $0.address == candidate.address }) {
        let hasChanged = listed[index].name != candidate.name || listed[index].profile != candidate.profile
        listed[index] = candidate
        if hasChanged { lines.append(screen.line(number: index + 1, candidate, isHeard: candidate.rssi != nil)) }
      } else {
        listed.append(candidate)
        lines.append(screen.line(number: listed.count, candidate, isHeard: candidate.rssi != nil))
      }
    }
    return lines
  }

  private mutating func progress(_ candidate: Candidate, _ pairing: API.Pairing) -> [Action] {
    let name = texts.name(candidate)
    switch pairing.state {
    case .known(.connecting):
      state = .busy(candidate)
      guard !saidConnecting else { return [] }
      saidConnecting = true
      return [.say([texts("pair", "connecting", ["name": name])])]
    case .known(.pairing):
      state = .busy(candidate)
      guard !saidPairing else { return [] }
      saidPairing = true
      return [.say([texts("pair", "pairing", ["name": name])])]
    case .known(.prompt):
      guard let prompt = pairing.prompt, prompt.number != answered else { return [] }
      state = .asked(candidate, prompt)
      let question = Action.say([screen.prompt(prompt)])
      guard prompt.kind == .known(.display) else { return [question] }
      // Nothing is asked of the person here: the answer tells the hub that the number is on a screen.
      answered = prompt.number
      return [question, .answer(number: prompt.number, accept: true, passkey: nil)]
    case .known(.testing):
      state = .testing(candidate)
      return [.say([texts("pair", "paired", ["name": name]), texts("pair", "measure")])]
    case .known(.ready):
      return [.say([texts("pair", "paired", ["name": name])] + screen.reading(pairing.readings))] + afterTest(candidate)
    case .known(.failed): return failed(candidate, pairing)
    case .known(.closed): return timeUp()
    // A state of a newer hub is waited through: it becomes one of these, or the window closes.
    case .known(.searching), .unknown: return []
    }
  }

  private mutating func failed(_ candidate: Candidate, _ pairing: API.Pairing) -> [Action] {
    state = .searching
    return [.say(screen.failed(texts.name(candidate), problem: pairing.problem) + list() + [texts("pair", "chooseAgain")])]
  }

  private mutating func timeUp() -> [Action] {
    state = .again
    let lines = listed.isEmpty ? [texts("pair", "nothingFound")] : []
    return [.say([texts("pair", "timeUp")] + lines + [texts("pair", "again")])]
  }

  /// What comes after the test. A device that was registered before keeps its person and its label; another one is given to
  /// somebody.
  mutating func afterTest(_ candidate: Candidate) -> [Action] {
    if let device = candidate.device {
      state = .another
      return [.say([texts("pair", "doneAgain", ["device": device]), "", texts("pair", "another")])]
    }
    state = .loadingPersons(candidate)
    return [.loadPersons]
  }

  private mutating func refused(_ lines: [String]) -> [Action] {
    switch state {
    case .registering(let candidate, _):
      // The conversation goes back to the choice of the person, because most refusals are about it.
      state = .loadingPersons(candidate)
      return [.say(lines), .loadPersons]
    case .busy, .asked, .testing:
      state = .searching
      return [.say(lines + list() + [texts("pair", "chooseAgain")])]
    default:
      state = .ended
      return [.say(lines), .end]
    }
  }

  // MARK: Both

  func list() -> [String] {
    guard !listed.isEmpty else { return [] }
    let lines = listed.enumerated().map { index, candidate in
      screen.line(number: index + 1, candidate, isHeard: heard.contains(candidate.address) && candidate.rssi != nil)
    }
    return [texts("pair", "found")] + lines + (screen.strangers(strangers).map { ["      " + $0] } ?? [])
  }

  mutating func listPersons(_ candidate: Candidate, _ fitting: [API.Patient]) -> [Action] {
    let shown = Array(fitting.prefix(PairScreen.personsMax))
    state = .whose(candidate, shown: shown)
    return [.say([""] + screen.persons(shown, all: fitting.count))]
  }

  mutating func quit() -> [Action] {
    let kept = unfinished.map { [texts("pair", "kept", ["name": texts.name($0)])] } ?? []
    state = .ended
    return say(kept) + [.end]
  }

  func say(_ lines: [String]) -> [Action] { lines.isEmpty ? [] : [.say(lines)] }
}

extension API.Pairing {
  /// Whether the window is to be held open for what happens now.
  var keepsWindow: Bool {
    switch state {
    case .known(.searching), .known(.connecting), .known(.pairing), .known(.prompt), .known(.testing), .known(.ready), .known(.failed): true
    // In a state of a newer hub nobody here knows what it would be held open for.
    case .known(.closed), .unknown: false
    }
  }
}
