// What the session tests share: plans, a session brought to a state by the inputs that lead there, and a ledger that
// checks the promises about slots, operations and connections from the outside.

import DeviceProfile
import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

enum Fixture {
  static let measurement = BluetoothUUID(short: 0x2A35)
  static let battery = BluetoothUUID(short: 0x2A19)
  static let clock = BluetoothUUID(short: 0x2A2B)
  static let glucose = BluetoothUUID(short: 0x2A18)
  static let context = BluetoothUUID(short: 0x2A34)
  static let control = BluetoothUUID(short: 0x2A52)

  static func seconds(_ seconds: Double) -> MonotonicInstant { MonotonicInstant(rawValue: Int64(seconds * 1e9)) }

  /// A cuff: the clock is set when it has one, then it is listened to.
  static func cuff(
    security: BluetoothSessionPlan.Security = .bond, staleBond: BluetoothSessionPlan.StaleBond = .operator,
    stay: BluetoothSessionPlan.Stay = .session, priority: BluetoothSessionPlan.Priority = .routine, leavesAfterBonding: Bool = false
  ) -> BluetoothSessionPlan {
    BluetoothSessionPlan(
      security: security, staleBond: staleBond, stay: stay, priority: priority, leavesAfterBonding: leavesAfterBonding,
      steps: [
        BluetoothSessionStep(.setClock(.currentTime), characteristic: clock, isOptional: true),
        BluetoothSessionStep(.subscribe(mode: nil), characteristic: measurement),
      ])
  }

  static func meter(
    _ deletion: BluetoothSessionStep.RecordFetch.Deletion = .all, security: BluetoothSessionPlan.Security = .bond,
    staleBond: BluetoothSessionPlan.StaleBond = .operator, priority: BluetoothSessionPlan.Priority = .routine,
    leavesAfterBonding: Bool = false, isOptional: Bool = false, quietSeconds: UInt32 = 2
  ) -> BluetoothSessionPlan {
    let fetch = BluetoothSessionStep.RecordFetch(
      records: glucose, context: context, deletion: deletion, sequenceOffset: deletion == .upToSequence ? 1 : nil)
    return BluetoothSessionPlan(
      security: security, staleBond: staleBond, priority: priority, leavesAfterBonding: leavesAfterBonding, quietSeconds: quietSeconds,
      steps: [
        BluetoothSessionStep(.read, characteristic: battery, isOptional: true),
        BluetoothSessionStep(.fetchRecords(fetch), characteristic: control, isOptional: isOptional),
      ])
  }

  static let all: Set<BluetoothUUID> = [measurement, battery, clock, glucose, context, control]

  static func facts(
    connected: Bool = false, paired: Bool = true, trusted: Bool = true, resolved: Bool = false, exists: Bool = true,
    characteristics: Set<BluetoothUUID> = []
  ) -> SessionFacts {
    SessionFacts(
      exists: exists, isConnected: connected, isPaired: paired, isTrusted: trusted, servicesResolved: resolved,
      characteristics: characteristics)
  }

  static var resolved: SessionFacts { facts(connected: true, resolved: true, characteristics: all) }

  static func subscribe(_ uuid: BluetoothUUID, _ mode: BluetoothSessionPlan.Notifications = .acquire) -> SessionOperation {
    .subscribe(uuid, service: nil, mode)
  }

  static func write(_ bytes: [UInt8]) -> SessionOperation { .write(control, service: nil, bytes: bytes, awaitsResponse: true) }
}

/// A session with a clock: inputs go in at its time, and the ledger looks on.
struct Bench {
  var session: BluetoothSession
  var ledger = SessionLedger()
  var now = Fixture.seconds(1000)

  init(_ plan: BluetoothSessionPlan = Fixture.cuff(), isRegistered: Bool = true) {
    session = BluetoothSession(plan: plan, isRegistered: isRegistered)
  }

  @discardableResult mutating func give(_ input: SessionInput, after seconds: Double = 0) -> [SessionAction] {
    now = now.adding(nanoseconds: Int64(seconds * 1e9))
    let actions = session.handle(input, at: now)
    ledger.note(input, actions, session)
    return actions
  }

  @discardableResult mutating func reply(_ operation: SessionOperation, _ failure: BluezFailure? = nil, after seconds: Double = 0)
    -> [SessionAction]
  { give(.replied(operation, failure), after: seconds) }

  /// Lets the session's own deadline come; where there is none, an hour passes.
  @discardableResult mutating func expire() -> [SessionAction] {
    now = session.deadline == .never ? now.adding(seconds: 3600) : max(now, session.deadline)
    return give(.deadline)
  }

  /// Heard, given a slot, and asked to connect.
  mutating func connecting(_ facts: SessionFacts = Fixture.facts()) {
    give(.facts(facts))
    give(.heard)
    give(.slotGranted)
  }

  mutating func connected(_ facts: SessionFacts = Fixture.facts()) {
    connecting(facts)
    reply(.connect)
  }

  /// All of the cuff's steps are done.
  mutating func completed() {
    connected()
    give(.facts(Fixture.resolved))
    reply(.setClock(Fixture.clock, service: nil, .currentTime))
    reply(Fixture.subscribe(Fixture.measurement))
  }

  /// The meter was asked for its records.
  mutating func reporting() {
    connected()
    give(.facts(Fixture.resolved))
    give(.value(Fixture.battery, bytes: [90]))
    for uuid in [Fixture.glucose, Fixture.context, Fixture.control] { reply(Fixture.subscribe(uuid)) }
    reply(Fixture.write([1, 1]))
  }

  mutating func record(_ number: UInt16, _ outcome: BluetoothFrameOutcome?) {
    give(.notification(Fixture.glucose, bytes: [0, UInt8(number & 0xFF), UInt8(number >> 8)], outcome))
  }

  @discardableResult mutating func answer(_ bytes: [UInt8]) -> [SessionAction] {
    give(.notification(Fixture.control, bytes: bytes, nil))
  }

  /// Ends a connection whose Disconnect was asked for.
  @discardableResult mutating func disconnected() -> [SessionAction] {
    var actions = reply(.disconnect)
    var facts = session.facts
    facts.isConnected = false
    facts.servicesResolved = false
    actions += give(.facts(facts))
    return actions
  }
}

/// The promises that the loop relies on, kept by counting what comes out.
struct SessionLedger {
  enum Slot { case none, requested, granted }
  private(set) var violations: [String] = []
  private(set) var requests = 0
  private(set) var releases = 0
  private(set) var connections = 0
  private(set) var closings = 0
  private(set) var isConnected = false
  private(set) var slot = Slot.none
  private(set) var inFlight: SessionOperation?
  private(set) var reportedProblem: BluetoothProblem?
  private var generation: UInt32 = 0

  mutating func note(_ input: SessionInput, _ actions: [SessionAction], _ session: BluetoothSession) {
    switch input {
    case .slotGranted: if slot == .requested { slot = .granted }
    case .replied(let operation, _): if operation == inFlight || operation == .disconnect { inFlight = nil }
    case .value(let uuid, _): if case .read(uuid, _)? = inFlight { inFlight = nil }
    case .stackGone: inFlight = nil
    default: break
    }
    // Replies to an older generation are dropped by the loop.
    if session.generation != generation { inFlight = nil }
    for action in actions { note(action) }
    if session.generation < generation { violations.append("the generation fell") }
    generation = session.generation
    if let broken = session.invariants() { violations.append("\(broken) after \(input)") }
    if isConnected != session.isConnected { violations.append("reported \(isConnected), is \(session.isConnected)") }
    if reportedProblem != session.problem { violations.append("problem \(String(describing: session.problem)) was not reported") }
    // A grant that the session does not take is given back at once.
    if (slot == .none) != (session.slot == .none) { violations.append("slot \(slot) leaked in \(session.state.name)") }
  }

  private mutating func note(_ action: SessionAction) {
    switch action {
    case .requestSlot:
      if slot != .none { violations.append("a second slot was requested") }
      slot = .requested
      requests += 1
    case .releaseSlot:
      if slot == .none { violations.append("a slot was released twice") }
      slot = .none
      releases += 1
      inFlight = nil
    case .established: if slot != .granted { violations.append("established without a slot") }
    case .perform(let operation):
      if operation == .disconnect || operation == .cancelPairing { return }
      if let inFlight { violations.append("\(operation) beside \(inFlight)") }
      inFlight = operation
      if operation == .connect, slot != .granted { violations.append("connect without a slot") }
    case .closeNotifications:
      closings += 1
      inFlight = nil
      if closings != connections { violations.append("closed \(closings) times for \(connections) connections") }
    case .report(.connected):
      if isConnected { violations.append("connected twice") }
      isConnected = true
      connections += 1
    case .report(.disconnected):
      if !isConnected || closings != connections { violations.append("disconnected without closing") }
      isConnected = false
    // The bond shows in the facts; a reply to Pair may never come.
    case .report(.paired): inFlight = nil
    case .report(.problem(let problem)): reportedProblem = problem
    case .report, .recordsBegan, .recordsEnded, .recordsDeleted, .resetAdapter: break
    }
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): one seed derives every fault.
struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func milliseconds(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }
}
