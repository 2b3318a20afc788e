// The types of configuration values: how each is named in the reference, which texts it allows, and how it is read. One
// value for each type, used by KnutepunktConfiguration+read.swift. A kind touches a file only when the reader says so.

import Foundation
import HubRuntime
import VitalSigns

/// What became of a value's text.
enum ConfigurationReading<Value> {
  case value(Value)
  /// The value is usable, and somebody should know why it is doubtful.
  case warned(Value, String)
  /// Why the text is refused. Nil when there is no more to say than that it is not among what is allowed.
  case refused(String?)
}

/// One type of value.
struct ConfigurationKind<Value> {
  /// The type's name in the reference.
  let type: String
  /// The end of an error message: "allowed: …".
  let allowed: String
  /// One value as people write it.
  let example: String
  let read: (String, ConfigurationSection) -> ConfigurationReading<Value>

  init(_ type: String, allowed: String, example: String, _ read: @escaping (String, ConfigurationSection) -> ConfigurationReading<Value>) {
    self.type = type
    self.allowed = allowed
    self.example = example
    self.read = read
  }

  /// A kind whose reading gives a value or nil, without words of its own.
  init(_ type: String, allowed: String, example: String, orNil: @escaping (String) -> Value?) {
    self.init(type, allowed: allowed, example: example) { text, _ in orNil(text).map { .value($0) } ?? .refused(nil) }
  }
}

extension ConfigurationKind where Value == String {
  /// Free text in one line.
  static func text(_ what: String, characters: ClosedRange<Int> = 1...200) -> Self {
    Self("text", allowed: "\(what), \(characters.lowerBound) to \(characters.upperBound) characters in one line", example: what) {
      characters.contains($0.count) && !$0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } ? $0 : nil
    }
  }

  /// One word.
  static func only(_ word: String, type: String, allowed: String) -> Self {
    Self(type, allowed: allowed, example: word) { $0 == word ? word : nil }
  }

  /// A name that other places refer to and that may stand in metrics and file names.
  static var name: Self {
    Self("name", allowed: "1 to 64 letters a–z, digits, - _ and .", example: "hub-01") { text in
      let isName =
        (1...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
          switch byte {
          case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
          default: false
          }
        }
      return isName && text.first != "." && text.first != "-" ? text : nil
    }
  }

  static var organisation: Self {
    Self("organisation number", allowed: "a Norwegian organisation number, for example \"974760673\"", example: "\"974760673\"") {
      text, _ in OrganisationNumber.complaint(about: text).map { .refused($0) } ?? .value(text)
    }
  }

  /// By its form alone; its checksum is looked at when a backup is taken.
  static var agePublicKey: Self {
    Self("public key", allowed: "a public key of age, age1 and 58 small letters and digits", example: "age1…") { text in
      let tail = text.dropFirst(4)
      return text.hasPrefix("age1") && tail.utf8.count == 58
        && tail.utf8.allSatisfy { "qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8.contains($0) } ? text : nil
    }
  }

  static var bluetoothAdapter: Self {
    Self("adapter", allowed: "an adapter's name such as hci0, or its address such as 00:1A:7D:DA:71:13", example: "hci0") { text in
      let isName =
        text.hasPrefix("hci") && (1...3).contains(text.utf8.dropFirst(3).count)
        && text.utf8.dropFirst(3).allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      if isName { return text }
      let groups = text.split(separator: ":", omittingEmptySubsequences: false)
      return groups.count == 6 && groups.allSatisfy { $0.utf8.count == 2 && UInt8($0, radix: 16) != nil } ? text.uppercased() : nil
    }
  }

  static var timeZone: Self {
    Self("time zone", allowed: "a name of the time-zone database, for example Europe/Oslo", example: "Europe/Oslo") {
      TimeZone(identifier: $0) != nil ? $0 : nil
    }
  }

  static var host: Self {
    Self("host", allowed: "a host name or an address, without scheme and port", example: "mqtt.example.org") { text in
      let isHost = (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/@#?[]".utf8.contains($0) }
      let isAddress6 = text.utf8.allSatisfy { "0123456789abcdefABCDEF:.".utf8.contains($0) }
      return isHost && (!text.contains(":") || isAddress6) ? text : nil
    }
  }

  /// A client id that MQTT brokers of every version accept and that fits an ACL line.
  static var clientID: Self {
    Self("text", allowed: "1 to 128 characters without spaces, #, + and /", example: "hub-01") { text in
      (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"#+/".utf8.contains($0) } ? text : nil
    }
  }

  /// An absolute path, or one below the configuration file's folder.
  static func path(_ what: String) -> Self {
    Self("path", allowed: "a path to \(what), absolute or relative to this file", example: "/etc/knutepunkt/file") { text, section in
      text.contains("\0") ? .refused(nil) : .value(resolved(text, section))
    }
  }

  /// A file that must be there and readable when files are checked.
  static func readableFile(_ what: String, isSecret: Bool = false) -> Self {
    Self("file", allowed: "a readable file with \(what), absolute or relative to this file", example: "/etc/knutepunkt/file") {
      text, section in
      let path = resolved(text, section)
      guard section.reader.checksFiles else { return .value(path) }
      if let complaint = BoundedFile.complaint(about: path) { return .refused(complaint) }
      if isSecret, BoundedFile.isReadableByAll(path) {
        return .warned(path, "\(path) can be read by every user of this machine; chmod 640 it")
      }
      return .value(path)
    }
  }

  static func readableFolder(_ what: String) -> Self {
    Self(
      "folder", allowed: "a readable folder with \(what), absolute or relative to this file",
      example: "/usr/share/knutepunkt/DeviceProfiles"
    ) {
      text, section in
      let path = resolved(text, section)
      guard section.reader.checksFiles, let complaint = BoundedFile.complaint(about: path, folder: true) else { return .value(path) }
      return .refused(complaint)
    }
  }

  /// An https address anywhere, or an http address on this machine: what is sent is health data.
  static var webAddress: Self {
    Self("URL", allowed: "an https URL, or http to this machine itself (localhost, 127.0.0.1, ::1)", example: "https://fhir.example.org/r4")
    {
      text, _ in
      guard let components = URLComponents(string: text), let scheme = components.scheme?.lowercased(), let host = components.host,
        !host.isEmpty
      else { return .refused("is no URL") }
      if components.user != nil || components.password != nil {
        return .refused("holds a user or password, which never stand in this file")
      }
      if components.fragment != nil { return .refused("has a fragment (#…)") }
      switch scheme {
      case "https": return .value(text)
      case "http":
        return LoopbackHost.contains(host) ? .value(text) : .refused("would send health data unencrypted to \(host): https is required")
      default: return .refused("has the scheme \(scheme)")
      }
    }
  }

  static func resolved(_ text: String, _ section: ConfigurationSection) -> String {
    if text.hasPrefix("/") { return text }
    let file = section.reader.file
    guard let slash = file.lastIndex(of: "/") else { return text }
    return file[...slash] + text
  }
}

extension ConfigurationKind where Value == Int {
  static func integer(_ range: ClosedRange<Int>, _ unit: String = "") -> Self {
    Self(
      "integer", allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)\(unit.isEmpty ? "" : " \(unit)")",
      example: "\(range.lowerBound)"
    ) { text in
      guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(text), range.contains(value) else { return nil }
      return value
    }
  }

  /// A size of a ring. It is a power of two, because a position in the ring is made with a mask.
  static func powerOfTwo(_ range: ClosedRange<Int>) -> Self {
    Self("integer", allowed: "a power of two from \(range.lowerBound) to \(range.upperBound)", example: "\(range.lowerBound)") { text in
      guard let value = Int(text), range.contains(value), value.nonzeroBitCount == 1 else { return nil }
      return value
    }
  }

  static func size(_ range: ClosedRange<Int>) -> Self {
    Self(
      "size",
      allowed: "a size from \(SizeText.text(range.lowerBound)) to \(SizeText.text(range.upperBound)) with its unit (B, KiB, MiB, GiB)",
      example: SizeText.text(range.lowerBound)
    ) {
      text, _ in
      guard let bytes = SizeText.bytes(text) else { return .refused(Int(text) != nil ? "has no unit" : nil) }
      return range.contains(bytes) ? .value(bytes) : .refused(nil)
    }
  }
}

extension ConfigurationKind where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> Self {
    let (least, most) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
    return Self("duration", allowed: "a duration from \(least) to \(most) with its unit (ms, s, m, h, d)", example: least) { text, _ in
      guard let duration = DurationText.duration(text) else {
        return .refused(Int(text) != nil ? "has no unit" : nil)
      }
      return range.contains(duration) ? .value(duration) : .refused(nil)
    }
  }
}

extension ConfigurationKind where Value == Bool {
  static var flag: Self {
    Self("true or false", allowed: "true or false", example: "true") { ["true": true, "false": false][$0] }
  }
}

extension ConfigurationKind where Value == ListenAddress? {
  /// An address, or `off` for none.
  static var listenAddressOrOff: Self {
    Self("address:port or off", allowed: "an address and port such as 127.0.0.1:8080 or [::1]:8080, or off", example: "127.0.0.1:8080") {
      text, _ in
      if text == "off" { return .value(nil) }
      return ListenAddress(text: text).map { .value($0) } ?? .refused(nil)
    }
  }
}

extension ConfigurationKind where Value == PatientID {
  static var patient: Self {
    Self("patient", allowed: "a patient's id such as P7", example: "P7") { text in
      text.hasPrefix("P") ? PatientID(text: text) : nil
    }
  }
}

extension ConfigurationKind where Value: RawRepresentable, Value: CaseIterable, Value.RawValue == String {
  /// One of the enum's own words.
  static var choice: Self {
    let words = Value.allCases.map(\.rawValue)
    return Self(words.joined(separator: ", "), allowed: words.joined(separator: ", "), example: words.first ?? "") { Value(rawValue: $0) }
  }
}
