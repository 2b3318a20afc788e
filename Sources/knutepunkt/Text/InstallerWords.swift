// How the installers' commands say what the hub reports: spans, ages, signal strength, devices, readings, and problems
// with what to do about them. And the other way round: what a typed yes, no, number or passkey means.

import HubRuntime
import LocalAPI
import VitalSigns

extension InstallerTexts {
  // MARK: Time

  /// `42 s`, `2 min 5 s`, `3 t 20 min`, `2 døgn`.
  func span(_ seconds: Int64) -> String {
    let words = TimeSpan(seconds: seconds).words { has("span", $0) }
    return self("span", words.name, words.values)
  }

  /// `for 3 min siden`; the text itself when it is no time.
  func age(_ text: String?, now: WallTime = SystemClock.wall()) -> String {
    guard let text else { return self("age", "never") }
    guard let time = WallTime(text: text) else { return text }
    let seconds = now.seconds(since: time)
    return seconds < 5 ? self("age", "now") : self("age", "ago", ["span": span(seconds)])
  }

  // MARK: Signal

  /// Which word an RSSI has. The limits are rules of thumb for a flat: −60 dBm is an arm's length, −80 dBm a room.
  static func signalName(_ rssi: Int?) -> String {
    switch rssi {
    case nil: "unknown"
    case .some((-60)...): "near"
    case .some((-80)...): "room"
    default: "weak"
    }
  }

  func signal(_ rssi: Int?) -> String { self("signal", Self.signalName(rssi)) }

  /// `−61 dBm (i rommet)`.
  func signalInFull(_ rssi: Int?) -> String { rssi.map { "\(Self.decibels($0)) (\(signal($0)))" } ?? signal(nil) }

  /// With a true minus sign, so that it is not taken for a dash.
  static func decibels(_ rssi: Int) -> String { "\(rssi < 0 ? "−" : "")\(rssi.magnitude) dBm" }

  /// Ten marks between −100 dBm (nothing) and −40 dBm (beside it).
  static func bars(_ rssi: Int?) -> String {
    let clamped = min(max(rssi ?? -100, -100), -40)
    let count = (clamped + 100) / 6
    return String(repeating: "█", count: count) + String(repeating: "░", count: 10 - count)
  }

  // MARK: Devices

  /// What kind of device a candidate is: our own word for the SIG's profiles, else vendor and model.
  func kind(profile: String, vendor: String, model: String) -> String {
    if has("kind", profile) { return self("kind", profile) }
    return vendor.isEmpty || model.hasPrefix(vendor) ? model : "\(vendor) \(model)"
  }

  /// What a candidate is called: its own name, else its kind. What a device calls itself comes through the air, so
  /// control characters, which could move the cursor, are left out.
  func name(_ candidate: API.Pairing.Candidate) -> String {
    let own = Self.printable(candidate.name)
    return own.isEmpty ? kind(profile: candidate.profile, vendor: candidate.vendor, model: candidate.model) : own
  }

  /// At most 40 characters, none of them a control or format character.
  static func printable(_ text: String) -> String {
    let scalars = text.unicodeScalars.filter {
      switch $0.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
      default: true
      }
    }
    let plain = String(String.UnicodeScalarView(scalars)).split(separator: " ").joined(separator: " ")
    return String(plain.prefix(40))
  }

  // MARK: Readings

  /// `Oksygenmetning 97 %, Puls 61 /min (usikker måling)`.
  func readings(_ readings: [API.Pairing.Reading]) -> String {
    readings.map { reading in
      let name = has("reading", reading.name) ? self("reading", reading.name) : reading.name
      // An event has no value beside its name.
      let text = reading.text.isEmpty || reading.text == reading.name ? name : "\(name) \(reading.text)"
      return reading.quality.isEmpty ? text : "\(text) (\(self("reading", "uncertain")))"
    }.joined(separator: ", ")
  }

  // MARK: Problems

  /// What a Bluetooth device does now; one of a newer hub by its own word.
  func state(_ state: API.Word<API.Bluetooth.Device.State>) -> String { has("state", state.key) ? self("state", state.key) : state.key }

  /// What is wrong with a device, and what to do. What only a newer hub knows is told by its word, with a step that always helps.
  func problem(_ problem: API.Word<API.Bluetooth.Problem>) -> (text: String, next: String) {
    let name = problem.key
    guard has("problem", name) else { return (self("problem", "other", ["name": name]), self("next", "other")) }
    return (self("problem", name), self("next", name))
  }

  /// Why there is no Bluetooth, and what to do; likewise.
  func adapterProblem(_ absence: API.Word<API.Bluetooth.Absence>) -> (text: String, next: String) {
    let name = absence.key
    guard has("adapter", name) else { return (self("adapter", "other", ["name": name]), self("adapterNext", "other")) }
    return (self("adapter", name), self("adapterNext", name))
  }

  /// Ends a command that needs Bluetooth where there is none.
  func requireBluetooth(_ bluetooth: API.Bluetooth) throws {
    guard !bluetooth.available else { return }
    let problem = adapterProblem(bluetooth.reason ?? .known(bluetooth.adapter == nil ? .noAdapter : .cannotPowerOn))
    let code = bluetooth.reason == .known(.notConfigured) ? ExitCodes.configuration : ExitCodes.temporary
    throw CommandFailure(code: code, problem.text, hint: problem.next)
  }
}

/// What an installer typed.
enum TypedAnswer {
  /// Yes or no in any of the three languages: who has learnt one answer keeps it.
  static func yesOrNo(_ text: String) -> Bool? {
    switch trimmed(text).lowercased() {
    case "j", "ja", "y", "yes": true
    case "n", "nei", "no": false
    default: nil
    }
  }

  static func isQuit(_ text: String) -> Bool { ["q", "quit", "slutt"].contains(trimmed(text).lowercased()) }

  /// A number of a list that begins at `range.lowerBound`; nil for anything else.
  static func number(_ text: String, in range: ClosedRange<Int>) -> Int? {
    let digits = trimmed(text)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(digits), range.contains(number) else {
      return nil
    }
    return number
  }

  /// Up to six digits, with spaces as devices group them.
  static func passkey(_ text: String) -> UInt32? {
    let digits = text.filter { !$0.isWhitespace }
    guard (1...6).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return UInt32(digits)
  }

  /// `123 456`: two groups of three are what people can carry from one screen to another.
  static func grouped(_ passkey: String) -> String {
    passkey.count == 6 ? "\(passkey.prefix(3)) \(passkey.suffix(3))" : passkey
  }

  static func trimmed(_ text: String) -> String { text.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
