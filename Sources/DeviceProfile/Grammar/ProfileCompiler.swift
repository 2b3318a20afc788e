// From a profile's tree to a checked `DeviceProfile`: declarations first, then frames, commands and self-tests, then
// the checks that need all of them. All problems of the file are collected. A profile that compiles has passed its own
// self-tests, each of its observations can be emitted, and each emit is covered by a vector.

import VitalSigns

public enum ProfileCompiler {
  static let profileKeys = [
    "profile", "version", "vendor", "model", "summary", "gtin", "firmware", "deviceType", "licence", "owner", "tier",
    "match", "transport", "liveness", "bluetooth", "observations", "events", "status", "decode", "commands", "selfTest",
  ]

  /// Compiles one profile and runs its self-tests.
  ///
  /// - Parameter resolve: gives the tree of another profile for `decodeAs`, or nil when there is none.
  /// - Throws: every problem found, in the order of the file.
  public static func compile(
    _ root: ProfileNode, resolve: (String) -> ProfileNode? = { _ in nil }
  ) throws(ProfileProblems) -> DeviceProfile {
    let (draft, problems, unproved) = attempt(root, resolve)
    if let draft, problems.isEmpty, unproved.isEmpty { return draft }
    throw ProfileProblems(problems: (problems + unproved).sorted { $0.position < $1.position })
  }

  /// Compiles a profile that somebody is still writing: a profile that decodes, whatever its self-tests lack. Never for a device.
  ///
  /// - Returns: the profile, and what its self-tests lack or do not pass.
  /// - Throws: every other problem.
  public static func compileDraft(
    _ root: ProfileNode, resolve: (String) -> ProfileNode? = { _ in nil }
  ) throws(ProfileProblems) -> (profile: DeviceProfile, unproved: [ProfileProblem]) {
    let (draft, problems, unproved) = attempt(root, resolve)
    if let draft, problems.isEmpty { return (draft, unproved.sorted { $0.position < $1.position }) }
    throw ProfileProblems(problems: problems.sorted { $0.position < $1.position })
  }

  private static func attempt(
    _ root: ProfileNode, _ resolve: (String) -> ProfileNode?
  ) -> (DeviceProfile?, problems: [ProfileProblem], unproved: [ProfileProblem]) {
    let problems = ProblemList()
    let unproved = ProblemList()
    let profile = withoutActuallyEscaping(resolve) { resolve in
      compile(root, problems, unproved: unproved, DeclarationScope.Resolver(resolve: resolve))
    }
    return (profile, problems.problems, unproved.problems)
  }

  private static func compile(
    _ root: ProfileNode, _ problems: ProblemList, unproved: ProblemList, _ resolver: DeclarationScope.Resolver
  ) -> DeviceProfile? {
    guard let fields = Fields(root, allowed: profileKeys, what: "the profile", problems) else { return nil }
    guard let transport = TransportSettings(fields), let id = profileID(fields) else { return nil }
    let scope = DeclarationScope(fields)
    let frames = DecodeSectionCompiler(fields, transport: transport, scope: scope, resolver: resolver).compile()
    let identity = identity(fields)
    let match = match(fields, transport: transport)
    let liveness = liveness(fields)
    let bluetooth = SessionCompiler(fields, transport: transport, liveness: liveness).compile()
    let version = version(fields)
    let commands = commands(fields, transport: transport, frames: frames.map(\.program))
    let vectors = SelfTestCompiler(fields.reporting(to: unproved), frames: frames.map(\.program), scope: scope, commands: commands)
      .compile()
    // A step that did not compile emits nothing. What follows from that is not told as a second mistake.
    if problems.problems.isEmpty, unproved.problems.isEmpty { checkCoverage(of: scope, by: frames, unproved) }
    guard problems.problems.isEmpty, let identity, let match, let liveness, let version else { return nil }
    let profile = DeviceProfile(
      id: id, version: version, identity: identity, transport: transport.kind, match: match, liveness: liveness,
      typicalIntervalSeconds: typicalInterval(fields), bluetooth: bluetooth,
      subscriptionQoS: transport.qos, observations: scope.observations, events: scope.events,
      frames: frames.map(\.program), commands: commands, selfTests: vectors)
    // A draft whose vectors could not all be read does not run them: each missing one would be told as not covered once more.
    guard unproved.problems.isEmpty else { return profile }
    SelfTestRunner(profile: profile, frames: frames, problems: unproved, position: fields.position("selfTest")).run()
    return profile
  }

  private static func typicalInterval(_ fields: Fields) -> UInt32? {
    guard let node = fields.node("liveness"), let inner = Fields(node, allowed: livenessKeys, what: "liveness", ProblemList()) else {
      return nil
    }
    return inner.seconds("typicalInterval")
  }

  private static let livenessKeys = ["expectedInterval", "typicalInterval", "continuous", "safetyAlarm"]

  private static func profileID(_ fields: Fields) -> String? {
    let allowed = "vendor/model in small letters, digits and -, such as sig/pulse-oximeter"
    guard let text = fields.requiredText("profile", allowed) else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { isNameByte($0) && !(0x41...0x5A).contains($0) }
    }
    if parts.count == 2, isPlain { return text }
    fields.problems.note(fields.position("profile"), "`profile` is `\(text)`; allowed: \(allowed)")
    return nil
  }

  private static func version(_ fields: Fields) -> SemanticVersion? {
    let allowed = "three numbers such as 1.0.0"
    guard let text = fields.requiredText("version", allowed) else { return nil }
    if let version = SemanticVersion(text) { return version }
    fields.problems.note(fields.position("version"), "`version` is `\(text)`; allowed: \(allowed)")
    return nil
  }

  private static func identity(_ fields: Fields) -> ProfileIdentity? {
    guard let vendor = fields.requiredText("vendor", "the maker's name"), let model = fields.requiredText("model", "the device's name")
    else { return nil }
    return ProfileIdentity(
      vendor: vendor, model: model, summary: fields.text("summary"), gtin: fields.text("gtin"), firmware: fields.text("firmware"),
      deviceType: fields.integer("deviceType", in: 1...Int64(UInt32.max)).map { UInt32($0) }, licence: fields.text("licence"),
      owner: fields.text("owner"), tier: fields.choice("tier", ProfileTier.self) ?? .bronze)
  }

  private static func liveness(_ fields: Fields) -> DeviceLiveness? {
    guard let node = fields.required("liveness", "a mapping with \(livenessKeys.joined(separator: ", "))"),
      let inner = Fields(node, allowed: livenessKeys, what: "liveness", fields.problems),
      inner.required("expectedInterval", "the longest silence such as `10 min`, or never") != nil,
      let interval = inner.seconds("expectedInterval", never: true)
    else { return nil }
    if inner.seconds("typicalInterval") != nil, interval != 0 {
      inner.problems.note(
        inner.keyPositions["typicalInterval"] ?? inner.position,
        "`typicalInterval` stands beside an expectedInterval; allowed: with `expectedInterval: never`, which a person then may change")
    }
    return DeviceLiveness(
      expectedIntervalSeconds: interval, isContinuous: inner.flag("continuous") ?? false,
      isSafetyAlarm: inner.flag("safetyAlarm") ?? false)
  }

  private static func match(_ fields: Fields, transport: TransportSettings) -> ProfileMatch? {
    var match = ProfileMatch()
    guard let node = fields.node("match") else { return match }
    let bluetooth = ["services", "company", "namePrefix", "manufacturer", "modelNumber", "bytes"]
    let keys = (transport.kind.isMQTT ? [] : bluetooth) + ["priority", "byNameOnly"]
    guard let inner = Fields(node, allowed: keys, what: "match", fields.problems) else { return nil }
    for item in inner.list("services") {
      if let uuid = item.scalar.flatMap({ BluetoothUUID($0) }) {
        match.services.append(uuid)
      } else {
        inner.wrong(item, "services", "UUIDs such as 1822 or the form of 36 characters")
      }
    }
    match.company = inner.integer("company", in: 0...0xFFFF).map { UInt16($0) }
    match.namePrefix = inner.text("namePrefix")
    match.manufacturer = inner.text("manufacturer")
    match.modelNumber = inner.text("modelNumber")
    match.priority = inner.integer("priority", in: -100...100).map { Int($0) } ?? 0
    match.byNameOnly = inner.flag("byNameOnly") ?? false
    for pair in (inner.text("bytes") ?? "").split(separator: " ") {
      if pair == "??" {
        match.bytes.append(nil)
      } else if let bytes = Scalars.hexBytes(String(pair)), bytes.count == 1 {
        match.bytes.append(bytes[0])
      } else {
        inner.problems.note(
          inner.position("bytes"), "`bytes` holds `\(pair)`; allowed: pairs of hexadecimal digits or ??, such as `40 ?? 01`")
      }
    }
    return match
  }

  /// Every own declaration must be emitted somewhere. A declaration that no frame emits misleads whoever reads the profile.
  private static func checkCoverage(of scope: DeclarationScope, by frames: [CompiledFrame], _ problems: ProblemList) {
    let observed = Set(frames.flatMap(\.observed))
    let happened = Set(frames.flatMap(\.happened))
    for (index, declaration) in scope.observations.enumerated() where !observed.contains(index) {
      guard let position = scope.positions[declaration.key] else { continue }
      problems.note(position, "no step has `observe: \(declaration.key)`; allowed: declare what a frame reports")
    }
    for (index, declaration) in scope.events.enumerated() where !happened.contains(index) {
      guard let position = scope.positions[declaration.key] else { continue }
      problems.note(position, "no step reports the event `\(declaration.key)`; allowed: declare what a frame reports")
    }
  }
}

/// `transport:` as a word or a mapping.
struct TransportSettings {
  var kind: ProfileTransport
  var retained: RetainedPolicy = .ignore
  var qos: UInt8 = 1
  var frameBytesMax = DecodeLimits.frameBytesDefault
  var bigEndian = false

  init?(_ fields: Fields) {
    let kinds = ProfileTransport.allCases.map(\.rawValue).joined(separator: ", ")
    guard let node = fields.required("transport", kinds) else { return nil }
    if node.scalar != nil {
      guard let kind = fields.choice("transport", ProfileTransport.self) else { return nil }
      self.kind = kind
      return
    }
    let keys = ["kind", "retained", "qos", "frameBytesMax", "byteOrder"]
    guard let inner = Fields(node, allowed: keys, what: "transport", fields.problems), inner.required("kind", kinds) != nil,
      let kind = inner.choice("kind", ProfileTransport.self)
    else { return nil }
    self.kind = kind
    retained = inner.choice("retained", RetainedPolicy.self) ?? .ignore
    qos = inner.integer("qos", in: 0...2).map { UInt8($0) } ?? 1
    frameBytesMax = inner.integer("frameBytesMax", in: 1...Int64(DecodeLimits.frameBytesCeiling)).map { Int($0) } ?? frameBytesMax
    bigEndian = inner.choice("byteOrder", ByteOrder.self) == .big
    if !kind.isMQTT {
      for key in ["retained", "qos"] where inner.has(key) {
        inner.problems.note(
          inner.keyPositions[key] ?? inner.position, "`\(key)` is for MQTT; allowed with \(kind.rawValue): kind, frameBytesMax, byteOrder")
      }
    }
  }
}

enum ByteOrder: String, CaseIterable {
  case little, big
}
