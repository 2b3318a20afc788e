// What `knutepunkt profile decode` prints: one JSON object a reading, with exact decimals, or why there is none. The
// numbers never pass through binary floating point, so "98.0" stays 98.0.

public import DeviceProfile
import VitalSigns

/// The report of one frame.
public struct ProfileDecodeReport: Sendable, Hashable {
  public enum Outcome: Sendable, Hashable {
    /// JSON objects, one a line. Empty when the frame is good and has nothing to report.
    case lines([String])
    /// Why nothing came of the frame, for people. The command exits with 65.
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
    // The hub adds this event itself: somebody may have called for help.
    if profile.isLoudAbout(result) {
      lines.append(Self.line(.event(DeviceEvent(kind: .notUnderstood), at: .none), declaration: 0, profile))
    }
    outcome = .lines(lines)
  }

  /// The bytes of `--hex`: pairs of digits, with or without `0x` in front and spaces, `:` or `-` between. Nil for
  /// anything else.
  public static func bytes(hex text: String) -> [UInt8]? {
    let digits = text.filter { !$0.isWhitespace && $0 != ":" && $0 != "-" }
    return Hexadecimal.bytes(digits.hasPrefix("0x") || digits.hasPrefix("0X") ? digits.utf8.dropFirst(2) : digits.utf8[...])
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
      return
        "{\"event\":\(JSONString.quoted(event.kind.key)),\"phase\":\(JSONString.quoted(event.phase.key))\(detail),\"quality\":[],\"time\":\(timeText(time))}"
    case .location(let fix, let time):
      let accuracy = fix.accuracyMetres == LocationFix.accuracyUnknown ? "null" : String(fix.accuracyMetres)
      let latitude = Quantity(mantissa: Int64(fix.latitudeE7), exponent: -7)
      let longitude = Quantity(mantissa: Int64(fix.longitudeE7), exponent: -7)
      return "{\"latitude\":\(latitude),\"longitude\":\(longitude),\"accuracy\":\(accuracy),\"quality\":[],\"time\":\(timeText(time))}"
    }
  }

  private static func observationLine(_ value: Observation, _ time: DeviceTime, _ declaration: ObservationDeclaration) -> String {
    let loinc = declaration.loinc.map(JSONString.quoted) ?? "null"
    return
      "{\"loinc\":\(loinc),\"mdc\":\(value.code.rawValue),\"value\":\(value.value),\"unit\":\(JSONString.quoted(value.unit.code)),\"quality\":\(array(value.quality)),\"time\":\(timeText(time))}"
  }

  private static func array(_ quality: ObservationQuality) -> String {
    "[" + quality.keys.map(JSONString.quoted).joined(separator: ",") + "]"
  }

  private static func timeText(_ time: DeviceTime) -> String { time == .none ? "null" : JSONString.quoted(time.description) }
}
