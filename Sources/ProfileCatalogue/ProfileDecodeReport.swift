// What `knutepunkt profile decode` prints: one JSON object a reading, with exact decimals, or why there is none. The
// numbers never pass through binary floating point, so "98.0" stays 98.0.

public import DeviceProfile
import VitalSigns

/// The report of one frame.
public struct ProfileDecodeReport: Sendable, Hashable {
  public enum Outcome: Sendable, Hashable {
    /// JSON objects, one a line. Empty when the frame is good and has nothing to report.
    case lines([String])
    /// The reason why nothing came of the frame, for people: exit status 65.
    case rejected(String)
  }
  public var outcome: Outcome

  /// The frame as JSON lines. Nothing that was dropped (no-number patterns, demonstration data, impossible values)
  /// ever shows as a measurement; a frame of which nothing else remains is rejected with that reason.
  ///
  /// - Parameters:
  ///   - frameName: a characteristic's UUID in any form, a topic, or a frame's key as written in the profile. Nil is
  ///     enough for a profile with one frame; with several the report says which there are.
  public init(profile: DeviceProfile, frame: [UInt8], frameName: String?, retained: Bool = false) {
    guard let index = Self.frameIndex(profile, frameName) else {
      let known = profile.frames.map(\.key.description).joined(separator: ", ")
      outcome = .rejected(
        frameName.map { "unknownFrame: \(profile.id) has no frame \($0); it has \(known)" }
          ?? "unknownFrame: \(profile.id) has several frames, name one: \(known)")
      return
    }
    var result = DecodeResult()
    do throws(FrameRejection) {
      try profile.decode(frame.span, frameIndex: index, retained: retained, into: &result)
    } catch {
      outcome = .rejected(error.description)
      return
    }
    if result.hasNoValidReading, !profile.isLoudAbout(result) {
      var reasons: [DropReason] = []
      for drop in result.dropped where !reasons.contains(drop.reason) { reasons.append(drop.reason) }
      outcome = .rejected("noValidReading: " + reasons.map { "\($0.key) (\($0.explanation))" }.joined(separator: ", "))
      return
    }
    var lines = zip(result.readings, result.declarations).map { Self.line($0, declaration: Int($1), profile) }
    // What the hub makes of it itself: somebody may have called for help.
    if profile.isLoudAbout(result) {
      lines.append(Self.line(.event(DeviceEvent(kind: .notUnderstood), at: .none), declaration: 0, profile))
    }
    outcome = .lines(lines)
  }

  /// The bytes of `--hex`: pairs of digits, with or without `0x` in front and spaces, `:` or `-` between. Nil for
  /// anything else.
  public static func bytes(hex text: String) -> [UInt8]? {
    let body = text.hasPrefix("0x") || text.hasPrefix("0X") ? text.dropFirst(2) : text[...]
    let digits = body.filter { !$0.isWhitespace && $0 != ":" && $0 != "-" }
    guard digits.utf8.count % 2 == 0, digits.utf8.count == digits.count, digits.allSatisfy(\.isHexDigit) else { return nil }
    var bytes: [UInt8] = []
    var rest = digits[...]
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  private static func frameIndex(_ profile: DeviceProfile, _ name: String?) -> Int? {
    guard let name else { return profile.frames.count == 1 ? 0 : nil }
    if let index = profile.frames.firstIndex(where: { $0.key.description == name }) { return index }
    if profile.transport.isMQTT { return profile.frameIndex(topic: name) }
    return BluetoothUUID(name).flatMap { profile.frameIndex(characteristic: $0) }
  }

  private static func line(_ reading: Reading, declaration: Int, _ profile: DeviceProfile) -> String {
    switch reading {
    case .observation(let value, let time):
      return observationLine(value, time, profile.observations[declaration])
    case .event(let event, let time):
      let detail = event.detail == 0 ? "" : ",\"detail\":\(event.detail)"
      return "{\"event\":\(quoted(event.kind.key)),\"phase\":\(quoted(event.phase.key))\(detail),\"quality\":[],\"time\":\(timeText(time))}"
    case .location(let fix, let time):
      let accuracy = fix.accuracyMetres == LocationFix.accuracyUnknown ? "null" : String(fix.accuracyMetres)
      let latitude = Quantity(mantissa: Int64(fix.latitudeE7), exponent: -7)
      let longitude = Quantity(mantissa: Int64(fix.longitudeE7), exponent: -7)
      return "{\"latitude\":\(latitude),\"longitude\":\(longitude),\"accuracy\":\(accuracy),\"quality\":[],\"time\":\(timeText(time))}"
    }
  }

  private static func observationLine(_ value: Observation, _ time: DeviceTime, _ declaration: ObservationDeclaration) -> String {
    let loinc = declaration.loinc.map(quoted) ?? "null"
    return
      "{\"loinc\":\(loinc),\"mdc\":\(value.code.rawValue),\"value\":\(value.value),\"unit\":\(quoted(value.unit.code)),\"quality\":\(array(value.quality)),\"time\":\(timeText(time))}"
  }

  private static func array(_ quality: ObservationQuality) -> String { "[" + quality.keys.map(quoted).joined(separator: ",") + "]" }

  private static func timeText(_ time: DeviceTime) -> String { time == .none ? "null" : quoted(time.description) }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
