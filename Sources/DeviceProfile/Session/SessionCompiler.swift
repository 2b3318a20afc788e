// The `bluetooth:` section: how the hub treats the device once it is found. SessionCompiler+Steps.swift reads its steps. A profile
// without the section gets the plan that suits most devices.

import VitalSigns

struct SessionCompiler {
  let fields: Fields
  let transport: TransportSettings
  let liveness: DeviceLiveness
  /// The characteristics that `decode` has a program for, in its order. Those whose program has a mistake are among them.
  let decoded: [DecodedCharacteristic]

  struct DecodedCharacteristic {
    var uuid: BluetoothUUID
    var position: SourcePosition
  }

  static let planKeys = [
    "security", "staleBond", "notifications", "stay", "priority", "leavesAfterBonding", "quiet", "session",
  ]
  /// The longest wait of a session, seconds. A device that waits longer keeps others from its connection for nothing.
  static let secondsMax: UInt32 = 600

  init(_ fields: Fields, transport: TransportSettings, liveness: DeviceLiveness?) {
    self.fields = fields
    self.transport = transport
    self.liveness = liveness ?? DeviceLiveness(expectedIntervalSeconds: 0)
    decoded = (fields.node("decode")?.entries ?? []).compactMap { entry in
      guard case .characteristic(let uuid)? = entry.key.scalar.flatMap({ DecodeSectionCompiler.key($0, transport.kind) }) else {
        return nil
      }
      return DecodedCharacteristic(uuid: uuid, position: entry.key.position)
    }
  }

  var problems: ProblemList { fields.problems }

  /// Nil for MQTT.
  func compile() -> BluetoothSessionPlan? {
    switch transport.kind {
    case .mqttJSON, .mqttBinary:
      if let position = fields.keyPositions["bluetooth"] {
        problems.note(position, "`bluetooth` with \(transport.kind.rawValue); allowed: with bleGatt and bleAdvertisement")
      }
      return nil
    case .bleAdvertisement: return advertisement()
    case .bleGatt: return connection()
    }
  }

  private var priority: BluetoothSessionPlan.Priority { liveness.isSafetyAlarm ? .alarm : .routine }

  /// The plan of a device that is never connected: only the priority of its advertisements counts.
  private func advertisement() -> BluetoothSessionPlan {
    var plan = BluetoothSessionPlan(security: .none, priority: priority)
    guard let node = fields.node("bluetooth"),
      let inner = Fields(node, allowed: ["priority"], what: "bluetooth with bleAdvertisement", problems)
    else { return plan }
    plan.priority = inner.choice("priority", BluetoothSessionPlan.Priority.self) ?? plan.priority
    return plan
  }

  private func connection() -> BluetoothSessionPlan {
    var plan = BluetoothSessionPlan(stay: liveness.isContinuous ? .held : .session, priority: priority, steps: subscriptions)
    guard let node = fields.node("bluetooth"), let inner = Fields(node, allowed: Self.planKeys, what: "bluetooth", problems) else {
      return plan
    }
    plan.security = inner.choice("security", BluetoothSessionPlan.Security.self) ?? plan.security
    plan.staleBond = inner.choice("staleBond", BluetoothSessionPlan.StaleBond.self) ?? plan.staleBond
    plan.notifications = inner.choice("notifications", BluetoothSessionPlan.Notifications.self) ?? plan.notifications
    plan.stay = inner.choice("stay", BluetoothSessionPlan.Stay.self) ?? plan.stay
    plan.priority = inner.choice("priority", BluetoothSessionPlan.Priority.self) ?? plan.priority
    plan.leavesAfterBonding = inner.flag("leavesAfterBonding") ?? plan.leavesAfterBonding
    plan.quietSeconds = Self.wait("quiet", inner) ?? plan.quietSeconds
    if plan.security == .none {
      for key in ["staleBond", "leavesAfterBonding"] where inner.has(key) {
        problems.note(inner.keyPositions[key] ?? inner.position, "`\(key)` with security none; allowed: with security bond or passkey")
      }
    }
    if let session = inner.node("session") { plan.steps = steps(session, inner, stay: plan.stay) }
    return plan
  }

  private var subscriptions: [BluetoothSessionStep] {
    decoded.map { BluetoothSessionStep(.subscribe(mode: nil), characteristic: $0.uuid) }
  }

  private func steps(_ node: ProfileNode, _ inner: Fields, stay: BluetoothSessionPlan.Stay) -> [BluetoothSessionStep] {
    guard case .sequence(let items) = node.content, !items.isEmpty else {
      inner.wrong(node, "session", "a list of steps; left out, each characteristic of decode is subscribed to")
      return []
    }
    if items.count > BluetoothSessionPlan.stepsMax {
      problems.note(node.position, "`session` has \(items.count) steps; allowed: at most \(BluetoothSessionPlan.stepsMax)")
      return []
    }
    let before = problems.problems.count
    let steps = items.compactMap { step($0) }
    for (index, item) in items.enumerated() where Self.isDisconnect(item) {
      if index < items.count - 1 {
        problems.note(item.position, "`disconnect` is not the last step; allowed: as the last one")
      } else if stay == .held {
        problems.note(item.position, "`disconnect` with stay held; allowed: with stay session")
      }
    }
    // A wrong step names no characteristic. What follows from that is not told as a second mistake.
    if problems.problems.count == before { checkReached(by: steps) }
    return steps
  }

  private static func isDisconnect(_ item: ProfileNode) -> Bool {
    item.scalar == "disconnect" || item.value(of: "disconnect") != nil
  }

  /// Every program's characteristic must be read by some step. A program that no step feeds would never run, and nobody would
  /// notice: its values would just not come.
  private func checkReached(by steps: [BluetoothSessionStep]) {
    var reached: [BluetoothUUID] = []
    for step in steps {
      switch step.action {
      case .read, .subscribe: reached += [step.characteristic].compactMap { $0 }
      case .fetchRecords(let fetch): reached += [fetch.records, fetch.context].compactMap { $0 }
      case .write, .setClock, .wait, .disconnect: break
      }
    }
    for frame in decoded where !reached.contains(frame.uuid) {
      problems.note(frame.position, "no step of `session` brings \(frame.uuid); allowed: subscribe, read or fetchRecords for each frame")
    }
  }

  /// `10 s`, at most 10 minutes.
  static func wait(_ key: String, _ inner: Fields) -> UInt32? {
    guard let seconds = inner.seconds(key) else { return nil }
    if seconds <= secondsMax { return seconds }
    inner.wrong(inner.node(key) ?? ProfileNode(.sequence([]), at: inner.position), key, "from 1 s to 10 min")
    return nil
  }
}
