// What the world knows that the hub must keep: each message that was taken and acknowledged, each alert that was told, each alarm that
// the response centre is owed. Written as things happen; looked at by the checkers in Ledger+checks.swift and Ledger+journal.swift.

import Forwarding
import HubCore
import VitalSigns

/// The world's own books. A value with one owner.
struct Ledger {
  /// From a press that the hub has taken to somebody's hearing of it. Nanoseconds.
  static let tellWithin = 10 * World.second
  /// From an alert's change to its arrival at a destination that is well: some requests that take 80 ms each. Nanoseconds.
  static let deliverWithin = 20 * World.second
  /// From the end of a device's interval to the alert. Nanoseconds.
  static let silenceGrace = 60 * World.second
  /// `realtime.liveWindow`, milliseconds, and a second for the way.
  static let liveMilliseconds: Int64 = 900_000 + 1_000

  /// A message that the hub has taken, perhaps more than once.
  struct Taken {
    var message: SimulatedMessage
    /// The last sequence of its entries, for each time that it was taken.
    var sequences: [UInt64]
    /// When it was taken last, by the hub's wall clock.
    var wall = WallTime.unknown
  }

  /// A press that somebody must hear of.
  struct Press {
    var message: UInt64
    var due: Int64
  }

  /// An alert as it was told first.
  struct Known: Equatable {
    var rule: AlertRule
    var patient: PatientID
    var device: DeviceID
    var subject: UInt32
  }

  let mutant: Mutant?
  let ignoring: Set<Checker>
  private(set) var violation: Violation?
  var taken: [UInt64: Taken] = [:]
  /// The highest number of an entry that was taken, or stored when a run began.
  var newest: UInt64 = 0
  /// When the last entry of a frame came in.
  var cameAt: [UInt64: Int64] = [:]
  /// Acknowledged, in order. Verified up to `verified`.
  var promised: [UInt64] = []
  var verified = 0
  var presses: [Press] = []
  /// Presses of which somebody has heard. They come again when their acknowledgement was lost, and need not be told again.
  var heardOf: Set<UInt64> = []
  var known: [AlertID: Known] = [:]
  /// As the journal had them at the last look: raised at which instant.
  var durableAlerts: [AlertID: MonotonicInstant] = [:]
  /// Entries that were measured long before they came, and when they came on the hub's timeline.
  var old: [UInt64: MonotonicInstant] = [:]
  /// Devices whose silence was told and is not over.
  var lost: Set<DeviceID> = []
  /// When the hub last took something of each device, or was told to watch it.
  var heard: [DeviceID: Int64] = [:]
  /// When the centre should have each of these.
  var owed: [DeliveryKey: Int64] = [:]
  /// By destination and alert: the last change that came for the first time.
  var lastChange: [String: (instant: MonotonicInstant, revision: UInt16)] = [:]
  /// By destination and what it says: the name that something came under.
  var names: [String: DeliveryKey] = [:]
  /// The highest change of each alert that was told.
  var toldThrough: [AlertID: UInt16] = [:]
  /// Changes that were told and were not in the journal when the next run began.
  var unstored: Set<Change> = []
  /// When each change was decided that was told last, and those of them that were lost with the run: the next decides it anew, perhaps otherwise, and
  /// by a timeline that a wrong clock may have put back.
  var decidedAt: [Change: MonotonicInstant] = [:]
  var lostDecisions: [Change: Set<MonotonicInstant>] = [:]

  /// One change of an alert.
  struct Change: Hashable {
    var alert: AlertID
    var revision: UInt16
  }

  /// By destination and person: the last record that came for the first time.
  var lastRecord: [String: UInt64] = [:]
  var accessRows: UInt64 = 0
  var roomWasTold = false
  /// The power went while a lie of the disk stood: what it said that it kept it need not have kept.
  var diskHasLied = false
  var wasResized = false
  /// Retention has had reason to remove something.
  var mayForget = false
  /// Looks in a row at which the journal had more open alerts than the core follows.
  var looksWithoutRoom = 0
  /// The last entry that the core had decided at the last look.
  var decidedBefore: UInt64 = 0
  /// A start was not exact, by its own word: then a replay need not be.
  var wasInexact = false
  var copies = Copies()
  var pressIDs = PressIDs()
  var owners = Owners()

  init(mutant: Mutant?, ignoring: Set<Checker>) {
    self.mutant = mutant
    self.ignoring = ignoring
  }

  mutating func report(_ checker: Checker, _ detail: String, at now: Int64) {
    if violation == nil, !ignoring.contains(checker) { violation = Violation(checker: checker, detail: detail, at: now) }
  }

  // MARK: As it happens

  mutating func registers(_ devices: [SimulatedDevice], at now: Int64) {
    for device in devices { heard[device.id] = max(heard[device.id] ?? now, now) }
  }

  /// - Parameter arrival: by the hub's clocks.
  mutating func took(_ message: SimulatedMessage, sequence: UInt64, _ arrival: Intake.Stamp, isClockRight: Bool, at now: Int64) {
    if sequence == 0 { return }
    taken[message.number, default: Taken(message: message, sequences: [])].sequences.append(sequence)
    // What is known again was stored when it came first, and grows old from there.
    if sequence > newest { taken[message.number]?.wall = arrival.wall }
    newest = max(newest, sequence)
    cameAt[sequence] = now
    notePress(message, sequence: sequence)
    switch message.meaning {
    case .press:
      presses.removeAll { $0.message == message.number }
      if !heardOf.contains(message.number) { presses.append(Press(message: message.number, due: now + Self.tellWithin)) }
    case .values(let measured):
      if isClockRight, arrival.wall.rawValue - measured.rawValue > Self.liveMilliseconds {
        old[sequence] = arrival.instant
        // A frame of two values has two entries; before one of a single value stands another frame's last.
        if cameAt[sequence &- 1] == nil { old[sequence &- 1] = arrival.instant }
      }
    case .fall, .life, .rubbish: break
    }
  }

  /// Everything that the hub takes of a device is a sign of its life.
  mutating func heard(_ device: DeviceID, at now: Int64) { heard[device] = now }

  mutating func acknowledged(_ message: SimulatedMessage) {
    if taken[message.number] != nil { promised.append(message.number) }
  }

  /// The broker has lost them: nobody can expect them of the hub.
  mutating func forget(_ messages: [SimulatedMessage]) {
    let numbers = Set(messages.map(\.number))
    presses.removeAll { numbers.contains($0.message) }
  }

  mutating func told(_ transition: AlertTransition, _ outcome: Outcome, at now: Int64) {
    let alert = Known(rule: transition.rule, patient: outcome.patient, device: outcome.device, subject: transition.subject)
    if let before = known[transition.id],
      before.rule != alert.rule && !before.rule.isUpgrade(of: alert.rule)
        || before.patient != alert.patient || before.device != alert.device && !isDecidedAnew(transition)
    {
      report(.identityIsUnique, "\(transition.id) was \(before), and is \(alert)", at: now)
    }
    known[transition.id] = alert
    checkCopies(transition, at: now)
    checkPress(transition, cause: outcome.cause, at: now)
    checkOwner(outcome, transition, at: now)
    toldThrough[transition.id] = max(toldThrough[transition.id] ?? 0, transition.revision)
    let change = Change(alert: transition.id, revision: transition.revision)
    decidedAt[change] = outcome.instant
    // Decided again the same, it is not lost.
    lostDecisions[change]?.remove(outcome.instant)
    if transition.kind == .raised, let raised = durableAlerts[transition.id], raised != transition.raisedAt {
      report(.identityIsUnique, "\(transition.id) is in the journal as raised at \(raised), and rises at \(transition.raisedAt)", at: now)
    }
    if transition.rule == .signalLoss { if transition.state.isOpen { lost.insert(outcome.device) } else { lost.remove(outcome.device) } }
    if transition.rule == .alertRoomFull { roomWasTold = true }
    // What a deadline decides has the entry before it as its cause, and another instant.
    if old[outcome.cause] == outcome.instant, !transition.rule.isTechnical, transition.kind == .raised {
      report(.oldRaisesNothing, "\(transition.rule) was raised by entry \(outcome.cause), which was measured long before", at: now)
    }
    for press in presses where taken[press.message]?.sequences.contains(outcome.cause) ?? false { heardOf.insert(press.message) }
    presses.removeAll { heardOf.contains($0.message) }
  }

  /// What was told of a person's values and never stored may have another of their devices as its cause the second time: one may have gone to somebody
  /// else before its values came again. It says the same of the same person.
  private func isDecidedAnew(_ transition: AlertTransition) -> Bool {
    transition.rule.isOfValues && unstored.contains(Change(alert: transition.id, revision: 0)) && durableAlerts[transition.id] == nil
  }

  /// A request holds one change of an alert at most, and there is one request at a time: each that waits may need a request of its own.
  mutating func owes(_ key: DeliveryKey, at now: Int64) {
    if owed[key] == nil { owed[key] = now + Self.deliverWithin + Int64(owed.count) * SimulatedDestination.answersWithin }
  }

  mutating func died(at now: Int64) {
    pressIDs.runEnded()
    // Who was not told yet hears it after the next start.
    for index in presses.indices { presses[index].due = .max }
    // The next run counts on from what is stored.
    decidedBefore = 0
  }

  /// What only its memory had is found in the outbox by the next one.
  mutating func forwarderDied(until: Int64) {
    for key in owed.keys { owed[key] = max(owed[key] ?? 0, until + 2 * Self.deliverWithin) }
  }

  /// - Parameter clockIsRight: only the wall clock says for how long the machine was off.
  mutating func powerWasCut(clockIsRight: Bool) {
    // What only the forward role's memory had is found in the outbox, or comes again with its message.
    owed = [:]
    // The timeline goes on by a clock that was wrong: how long a device has been silent is known again once it is heard.
    if !clockIsRight { heard = [:] }
  }

  /// The first start after the machine was off: somebody may have set its clock meanwhile.
  mutating func cameBack(clockIsRight: Bool) { if !clockIsRight { heard = [:] } }
}

extension AlertRule {
  /// Raised by what a person's devices measured.
  fileprivate var isOfValues: Bool { [.news2High, .planRed, .news2Medium, .news2SingleThree, .planYellow].contains(self) }

  /// One alert may go on under a more urgent rule: a measurement that breaks two is one alert with two reasons.
  fileprivate func isUpgrade(of other: AlertRule) -> Bool { isOfValues && other.isOfValues }
}
