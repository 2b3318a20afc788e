// The test vectors inside a profile: bytes in, readings out, exactly. The vectors run at every load, so a profile that decodes
// wrongly never meets a device.

public import VitalSigns

/// One vector.
public struct SelfTestVector: Sendable {
  public enum Content: Sendable {
    /// A frame and what must come of it.
    case frame(index: Int, bytes: [UInt8], retained: Bool, expected: SelfTestExpectation)
    /// A command and what must be sent.
    case command(CommandDeclaration, arguments: [String: CommandArgument], address: String, expected: EncodedCommand)
  }
  public var name: String
  public var position: SourcePosition
  public var content: Content
}

public enum SelfTestExpectation: Sendable, Hashable {
  case rejected(FrameRejection.Reason)
  /// Readings as `SelfTestText` writes them, and the reasons of what was dropped, in order.
  case readings([String], dropped: [DropReason])
}

/// Readings as one line each. What a vector expects and what a decoder gave are compared as these lines, so that a value's
/// precision, unit, quality and time all count.
enum SelfTestText {
  static func observation(key: String, value: Quantity, unit: UCUMUnit, quality: ObservationQuality, time: String) -> String {
    "\(key) \(value) \(unit.code)" + suffix(quality, time)
  }

  static func event(key: String, phase: DeviceEventPhase, detail: UInt32, time: String) -> String {
    "event \(key) \(phase.key) detail \(detail)" + suffix([], time)
  }

  static func location(_ fix: LocationFix, time: String) -> String {
    let accuracy = fix.accuracyMetres == LocationFix.accuracyUnknown ? "unknown" : String(fix.accuracyMetres)
    return
      "location \(Quantity(mantissa: Int64(fix.latitudeE7), exponent: -7)) \(Quantity(mantissa: Int64(fix.longitudeE7), exponent: -7)) accuracy \(accuracy)"
      + suffix([], time)
  }

  private static func suffix(_ quality: ObservationQuality, _ time: String) -> String {
    (quality.isEmpty ? "" : " quality \(quality.keys.joined(separator: "+"))") + (time == "none" ? "" : " time \(time)")
  }

  /// A result's readings, in order.
  static func lines(of result: DecodeResult, _ profile: DeviceProfile) -> [String] {
    zip(result.readings, result.declarations).map { reading, declaration in
      switch reading {
      case .observation(let value, let time):
        observation(
          key: profile.observations[Int(declaration)].key, value: value.value, unit: value.unit, quality: value.quality,
          time: time.description)
      case .event(let value, let time):
        event(
          key: value.kind == .heartbeat ? value.kind.key : profile.events[Int(declaration)].key, phase: value.phase,
          detail: value.detail, time: time.description)
      case .location(let fix, let time): location(fix, time: time.description)
      }
    }
  }
}

extension DeviceEventPhase {
  /// `moment`, `raised`, `cleared`.
  public var key: String {
    switch self {
    case .moment: "moment"
    case .raised: "raised"
    case .cleared: "cleared"
    }
  }
}

/// Runs a compiled profile's vectors and checks that they are enough.
struct SelfTestRunner {
  let profile: DeviceProfile
  let frames: [CompiledFrame]
  let problems: ProblemList
  let position: SourcePosition

  func run() {
    var covered = [UInt64](repeating: 0, count: frames.count)
    var hasRejection = false
    var hasSentinel = false
    var hasQuality = false
    var commands: Set<String> = []
    for vector in profile.selfTests {
      switch vector.content {
      case .command(let command, let arguments, let address, let expected):
        commands.insert(command.key)
        check(vector, command, arguments, address, expected)
      case .frame(let index, let bytes, let retained, let expected):
        let outcome = decode(bytes, index, retained)
        compare(vector, outcome, expected)
        switch outcome {
        case .failure: hasRejection = true
        case .success(let result):
          covered[index] |= result.emitted
          hasSentinel = hasSentinel || result.dropped.contains { $0.reason == .sentinel }
          hasQuality =
            hasQuality || result.dropped.contains { $0.reason == .demoOrTestData }
            || result.readings.contains { if case .observation(let value, _) = $0 { !value.quality.isEmpty } else { false } }
        }
      }
    }
    demand(
      frames.contains { !$0.emits.isEmpty && $0.hasSentinels } && !hasSentinel,
      "no vector has a sentinel; allowed: at least one with `dropped: [sentinel]`")
    demand(
      frames.contains { !$0.emits.isEmpty && $0.hasQualities } && !hasQuality,
      "no vector has a status bit; allowed: at least one whose readings have a quality")
    demand(!hasRejection, "no vector is rejected; allowed: at least one, such as a truncated frame with `rejected: endOfFrame`")
    for command in profile.commands where !commands.contains(command.key) {
      problems.note(position, "no vector for the command `\(command.key)`; allowed: at least one for each command")
    }
    checkCoverage(covered)
  }

  private func demand(_ isMissing: Bool, _ message: String) {
    if isMissing { problems.note(position, message) }
  }

  private func checkCoverage(_ covered: [UInt64]) {
    for (index, frame) in frames.enumerated() {
      let hasVector = profile.selfTests.contains { if case .frame(index, _, _, _) = $0.content { true } else { false } }
      if !hasVector { problems.note(frame.position, "no vector for the frame \(frame.program.key); allowed: at least one for each frame") }
      for (number, emit) in frame.emits.enumerated() where hasVector && covered[index] >> UInt64(number) & 1 == 0 {
        problems.note(emit.position, "no vector reaches `\(emit.label)`; allowed: at least one for each report")
      }
    }
  }

  private func decode(_ bytes: [UInt8], _ index: Int, _ retained: Bool) -> Result<DecodeResult, FrameRejection> {
    var result = DecodeResult()
    do throws(FrameRejection) {
      try profile.decode(bytes.span, frameIndex: index, retained: retained, into: &result)
      return .success(result)
    } catch {
      return .failure(error)
    }
  }

  private func compare(_ vector: SelfTestVector, _ outcome: Result<DecodeResult, FrameRejection>, _ expected: SelfTestExpectation) {
    switch (outcome, expected) {
    case (.failure(let rejection), .rejected(let reason)):
      if rejection.reason != reason { fail(vector, "rejected: \(reason.key)", "rejected: \(rejection)") }
    case (.failure(let rejection), .readings(let lines, _)):
      fail(vector, lines.isEmpty ? "no reading" : lines.joined(separator: "; "), "rejected: \(rejection)")
    case (.success(let result), .rejected(let reason)):
      let lines = SelfTestText.lines(of: result, profile)
      fail(vector, "rejected: \(reason.key)", lines.isEmpty ? "no reading" : lines.joined(separator: "; "))
    case (.success(let result), .readings(let lines, let dropped)):
      let actual = SelfTestText.lines(of: result, profile)
      if actual != lines {
        fail(
          vector, lines.isEmpty ? "no reading" : lines.joined(separator: "; "),
          actual.isEmpty ? "no reading" : actual.joined(separator: "; "))
      }
      let reasons = result.dropped.map(\.reason)
      if reasons != dropped {
        fail(vector, "dropped: [\(dropped.map(\.key).joined(separator: ", "))]", "dropped: [\(reasons.map(\.key).joined(separator: ", "))]")
      }
    }
  }

  private func check(
    _ vector: SelfTestVector, _ command: CommandDeclaration, _ arguments: [String: CommandArgument], _ address: String,
    _ expected: EncodedCommand
  ) {
    do throws(CommandError) {
      let actual = try command.encode(arguments, address: address)
      if actual != expected { fail(vector, Self.text(expected), Self.text(actual)) }
    } catch {
      fail(vector, Self.text(expected), "\(error)")
    }
  }

  private static func text(_ command: EncodedCommand) -> String {
    let destination =
      switch command.destination {
      case .topic(let topic, let qos): "\(topic) (QoS \(qos))"
      case .characteristic(let uuid): "\(uuid)"
      }
    let isText = command.payload.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    let payload =
      isText
      ? String(decoding: command.payload, as: UTF8.self) : command.payload.map { Hexadecimal.text($0, digits: 2) }.joined(separator: " ")
    return "\(destination) \(payload)"
  }

  private func fail(_ vector: SelfTestVector, _ expected: String, _ actual: String) {
    problems.note(vector.position, "self-test `\(vector.name)` expects \(expected), but the profile gives \(actual)")
  }
}
