// The `decode:` section: which frames a profile reads, each with its options and steps, or `decodeAs` another
// profile's frame.

import VitalSigns

/// Compiles each frame of the section; the steps of one frame are `FrameCompiler`'s.
struct DecodeSectionCompiler {
  let fields: Fields
  let transport: TransportSettings
  let scope: DeclarationScope
  let resolver: DeclarationScope.Resolver

  static let frameKeys = [
    "steps", "decodeAs", "payload", "retained", "frameBytesMax", "byteOrder", "trailing", "repeats", "ignore", "shared", "users",
  ]

  init(_ fields: Fields, transport: TransportSettings, scope: DeclarationScope, resolver: DeclarationScope.Resolver) {
    self.fields = fields
    self.transport = transport
    self.scope = scope
    self.resolver = resolver
  }

  private var problems: ProblemList { fields.problems }

  func compile() -> [CompiledFrame] {
    guard let node = fields.required("decode", "a mapping from \(keyForm) to steps") else { return [] }
    guard let entries = node.entries, !entries.isEmpty else {
      fields.wrong(node, "decode", "a mapping from \(keyForm) to steps")
      return []
    }
    var frames: [CompiledFrame] = []
    for entry in entries {
      guard let key = key(entry.key) else { continue }
      if frames.contains(where: { $0.program.key == key }) {
        problems.note(entry.key.position, "the frame \(key) stands twice; allowed: once, short and long UUIDs are the same")
        continue
      }
      if let frame = frame(key, entry.value, at: entry.key.position) { frames.append(frame) }
    }
    checkCaptures(frames)
    return frames
  }

  private var keyForm: String {
    switch transport.kind {
    case .bleGatt: "a characteristic's UUID such as 2A5F"
    case .bleAdvertisement: "serviceData/<UUID> or manufacturerData/<company>, such as serviceData/FCD2"
    case .mqttJSON, .mqttBinary: "a topic such as `zigbee2mqtt/{device}`"
    }
  }

  private func key(_ node: ProfileNode) -> FrameKey? {
    let key = node.scalar.flatMap { Self.key($0, transport.kind) }
    if key == nil { problems.note(node.position, "\(node.kindName) is no frame of \(transport.kind.rawValue); allowed: \(keyForm)") }
    return key
  }

  static func key(_ text: String, _ kind: ProfileTransport) -> FrameKey? {
    switch kind {
    case .bleGatt: return BluetoothUUID(text).map(FrameKey.characteristic)
    case .mqttJSON, .mqttBinary: return TopicPattern(text).map(FrameKey.topic)
    case .bleAdvertisement:
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      if parts[0] == "serviceData" { return BluetoothUUID(parts[1]).map(FrameKey.serviceData) }
      guard parts[0] == "manufacturerData", parts[1].count == 4 else { return nil }
      return UInt16(parts[1], radix: 16).map(FrameKey.manufacturerData)
    }
  }

  /// All topics of a profile must name the same captures, so that one address fits them all.
  private func checkCaptures(_ frames: [CompiledFrame]) {
    var first: [String]?
    for frame in frames {
      guard case .topic(let pattern) = frame.program.key else { continue }
      if frame.program.isShared {
        if !pattern.captures.isEmpty || pattern.wildcardFilter.utf8.contains(where: { "+#".utf8.contains($0) }) {
          problems.note(frame.position, "the topic of a `shared` frame names a device; allowed: a topic without captures and wildcards")
        }
        continue
      }
      if pattern.captures.isEmpty {
        problems.note(
          frame.position, "the topic names no device; allowed: a topic with a capture such as {device}, or `shared: true`")
      } else if let first, first != pattern.captures {
        problems.note(
          frame.position,
          "the topic captures \(pattern.captures.joined(separator: ", ")); allowed: \(first.joined(separator: ", ")), as in the topics before"
        )
      }
      first = first ?? pattern.captures
    }
  }

  // MARK: One frame

  private func frame(_ key: FrameKey, _ node: ProfileNode, at position: SourcePosition) -> CompiledFrame? {
    var options = FrameOptions(key: key, transport: transport)
    if case .sequence(let steps) = node.content {
      return FrameCompiler(options: options, scope: scope, problems: problems).compile(steps, at: position)
    }
    guard let inner = Fields(node, allowed: Self.frameKeys, what: "the frame", problems) else { return nil }
    options.read(inner, transport)
    if let reference = inner.text("decodeAs") {
      for key in ["steps", "byteOrder", "trailing", "payload"] where inner.has(key) {
        problems.note(
          inner.keyPositions[key] ?? position,
          "`\(key)` stands beside `decodeAs`; allowed: retained, frameBytesMax, repeats, ignore, shared, users")
      }
      return borrowed(reference, options: options, at: inner.position("decodeAs"), key: position)
    }
    guard let list = inner.required("steps", "a list of steps, or decodeAs") else { return nil }
    guard case .sequence(let steps) = list.content else {
      inner.wrong(list, "steps", "a list of steps")
      return nil
    }
    return FrameCompiler(options: options, scope: scope, problems: problems).compile(steps, at: position)
  }

  /// `decodeAs: sig/pulse-oximeter#2A5F`: the other profile's steps and declarations, under this frame's key.
  private func borrowed(
    _ reference: String, options: FrameOptions, at position: SourcePosition, key: SourcePosition
  ) -> CompiledFrame? {
    let parts = reference.split(separator: "#", maxSplits: 1).map(String.init)
    guard parts.count == 2, let other = resolver.resolve(parts[0]) else {
      problems.note(
        position, "`decodeAs` names `\(reference)`; allowed: a profile of the catalogue and its frame, such as sig/pulse-oximeter#2A5F")
      return nil
    }
    // Problems inside the other file are told when that file is loaded. Here only its frame counts.
    let quiet = ProblemList()
    guard let root = Fields(other, allowed: ProfileCompiler.profileKeys, what: "the profile", quiet),
      let otherTransport = TransportSettings(root), let otherKey = Self.key(parts[1], otherTransport.kind),
      let entry = other.value(of: "decode")?.entries?.first(where: { entry in
        entry.key.scalar.flatMap { Self.key($0, otherTransport.kind) } == otherKey
      })
    else {
      problems.note(position, "`\(parts[0])` has no frame `\(parts[1])`; allowed: one of the keys of its decode section")
      return nil
    }
    var steps: [ProfileNode] = []
    var otherOptions = FrameOptions(key: otherKey, transport: otherTransport)
    if case .sequence(let items) = entry.value.content {
      steps = items
    } else if let inner = Fields(entry.value, allowed: Self.frameKeys, what: "the frame", quiet),
      case .sequence(let items)? = inner.node("steps")?.content
    {
      otherOptions.read(inner, otherTransport)
      steps = items
    } else {
      problems.note(position, "`\(reference)` has no steps of its own; allowed: a frame with steps")
      return nil
    }
    var merged = otherOptions
    merged.key = options.key
    merged.retained = options.retained
    merged.frameBytesMax = options.frameBytesMax
    merged.repeats = options.repeats
    merged.packet = options.packet
    merged.isShared = options.isShared
    merged.ignored = options.ignored ?? otherOptions.ignored
    merged.users = options.users ?? otherOptions.users
    scope.fallback = DeclarationScope(root)
    defer { scope.fallback = nil }
    guard var frame = FrameCompiler(options: merged, scope: scope, problems: quiet).compile(steps, at: key), quiet.problems.isEmpty else {
      problems.note(position, "`\(reference)` has problems of its own; allowed: a profile that loads")
      return nil
    }
    frame.emits = []
    return frame
  }
}
