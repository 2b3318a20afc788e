// What is going on in the installer's window, as a value.

import VitalSigns

enum PairingDesk {
  case closed
  /// Every device in range is looked at.
  case searching(until: MonotonicInstant)
  case chosen(PairingChoice, until: MonotonicInstant)

  /// Nil: closed.
  var until: MonotonicInstant? {
    switch self {
    case .closed: nil
    case .searching(let until), .chosen(_, let until): until
    }
  }

  var isOpen: Bool { until != nil }

  var choice: PairingChoice? { if case .chosen(let choice, _) = self { choice } else { nil } }

  /// The chosen device's entry.
  var entry: Int? { choice?.entry }

  /// Opens the window, or leaves an open one open for longer.
  mutating func open(until new: MonotonicInstant) {
    switch self {
    case .closed: self = .searching(until: new)
    case .searching(let until): self = .searching(until: max(until, new))
    case .chosen(let choice, let until): self = .chosen(choice, until: max(until, new))
    }
  }

  /// Changes what is known of the choice, where there is one.
  mutating func change(_ body: (inout PairingChoice) -> Void) {
    guard case .chosen(var choice, let until) = self else { return }
    body(&choice)
    self = .chosen(choice, until: until)
  }
}

/// The device that the installer chose, and how far it has come.
struct PairingChoice {
  enum Question {
    case none
    /// Waits for the installer.
    case open(BluetoothPrompt)
    /// A number was shown, compared or typed.
    case answered
  }

  /// Nil when it is in the registry by now: what it does is no longer the window's.
  var entry: Int?
  var question = Question.none
  /// Bonded in this window, or its steps went through.
  var isUsable = false
  /// Objects that bluetoothd had twice were removed once.
  var hasClearedTwins = false
  var problem: BluetoothProblem?

  init(entry: Int) { self.entry = entry }

  var prompt: BluetoothPrompt? { if case .open(let prompt) = question { prompt } else { nil } }

  /// bluetoothd asked for a number in this window.
  var wasAsked: Bool { if case .none = question { false } else { true } }

  /// Nothing is asked any more.
  mutating func closeQuestion() { if prompt != nil { question = .answered } }
}
