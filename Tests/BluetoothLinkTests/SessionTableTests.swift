// Every state of a session meets every input, and every pair of inputs: nothing traps, and the promises hold. What must come
// next is written down for the inputs that end or turn a session.

import DeviceProfile
import Testing
import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

@Suite struct SessionTableTests {
  enum Start: CaseIterable {
    case idle, waitingForSlot, connecting, connectingElsewhere, pairing, pairingLinkLost, trusting, resolving, waitingForObjects
    case running, waiting, subscribingRecords, reporting, draining, settling, counting, deleting, quiet, held, disconnecting
    case disconnectingReplied, removing, backingOff, awaitingLinkDown, coolingDown, notPaired, bondLost, ended, owingRemoval
  }

  static func bench(_ start: Start) -> Bench {
    var bench = Bench()
    switch start {
    case .idle: bench.give(.facts(Fixture.facts()))
    case .waitingForSlot:
      bench.give(.facts(Fixture.facts()))
      bench.give(.heard)
    case .connecting: bench.connecting()
    case .connectingElsewhere:
      bench.connecting()
      bench.reply(.connect, .inProgress)
    case .pairing, .pairingLinkLost:
      bench.connecting(Fixture.facts(paired: false, trusted: false))
      bench.give(.connectNow(mayPair: true))
      bench.reply(.connect)
      if start == .pairingLinkLost {
        bench.give(.facts(Fixture.facts(connected: true, paired: false, trusted: false)))
        bench.give(.facts(Fixture.facts(paired: false, trusted: false)))
      }
    case .trusting: bench.connected(Fixture.facts(trusted: false))
    case .resolving: bench.connected()
    case .waitingForObjects:
      bench.connected()
      bench.give(.facts(Fixture.facts(connected: true, resolved: true)))
    case .running:
      bench.connected()
      bench.give(.facts(Fixture.resolved))
    case .waiting:
      var plan = Fixture.cuff()
      plan.steps = [BluetoothSessionStep(.wait(quietSeconds: 3, limitSeconds: 9))]
      bench = Bench(plan)
      bench.connected()
      bench.give(.facts(Fixture.resolved))
    case .subscribingRecords, .reporting, .draining, .settling, .counting, .deleting: bench = fetching(start)
    case .quiet: bench.completed()
    case .held:
      bench = Bench(Fixture.cuff(stay: .held))
      bench.completed()
    case .disconnecting, .disconnectingReplied:
      bench.completed()
      bench.expire()
      if start == .disconnectingReplied { bench.reply(.disconnect) }
    case .removing:
      bench = Bench(Fixture.cuff(security: .none))
      bench.connected(Fixture.facts(paired: false))
      bench.give(.facts(Fixture.facts(connected: true, paired: false)))
      bench.give(.facts(Fixture.facts(paired: false)))
    case .backingOff, .awaitingLinkDown, .coolingDown, .notPaired, .bondLost: bench = failing(start)
    case .ended: bench.give(.stop)
    case .owingRemoval:
      bench.give(.stackGone)
      bench.give(.forget)
    }
    return bench
  }

  /// Stored records are fetched.
  private static func fetching(_ start: Start) -> Bench {
    var bench = Bench(Fixture.meter())
    if start == .subscribingRecords {
      bench.connected()
      bench.give(.facts(Fixture.resolved))
      bench.give(.value(Fixture.battery, bytes: [90]))
      return bench
    }
    bench.reporting()
    bench.record(1, .accepted(sequence: 50))
    if start == .reporting { return bench }
    bench.answer([6, 0, 1, 1])
    if start == .draining { return bench }
    bench.expire()
    if start == .settling { return bench }
    bench.give(.durable(50))
    if start == .counting { return bench }
    bench.reply(Fixture.write([4, 1]))
    bench.answer([5, 0, 1, 0])
    return bench
  }

  /// An attempt or a link has failed.
  private static func failing(_ start: Start) -> Bench {
    var bench = Bench()
    switch start {
    case .backingOff:
      bench.connecting()
      bench.reply(.connect, .other(name: "org.bluez.Error.Failed", message: ""))
    case .awaitingLinkDown:
      bench.connecting()
      bench.give(.facts(Fixture.facts(connected: true)))
      bench.reply(.connect, .connectionAborted)
    case .coolingDown:
      bench.connected()
      bench.give(.facts(Fixture.resolved))
      bench.reply(.setClock(Fixture.clock, service: nil, .currentTime))
      bench.reply(Fixture.subscribe(Fixture.measurement, .acquire), .authenticationRejected)
      bench.disconnected()
    case .notPaired:
      bench.connected(Fixture.facts(paired: false))
      bench.disconnected()
    case .bondLost:
      bench.connecting()
      bench.reply(.connect, .authenticationFailed)
    default: preconditionFailure("\(start) is no failure")
    }
    return bench
  }

  /// The state's name, and the next states after: heard, facts say disconnected, slotGranted, slotWithdrawn, stackGone,
  /// connectNow, forget, stop, the session's own deadline.
  static let table: [(Start, String, [String])] = [
    (.idle, "idle", ["waitingForSlot", "idle", "idle", "idle", "idle", "waitingForSlot", "removing", "ended", "idle"]),
    (
      .waitingForSlot, "waitingForSlot",
      ["waitingForSlot", "waitingForSlot", "connecting", "waitingForSlot", "idle", "waitingForSlot", "removing", "ended", "waitingForSlot"]
    ),
    (
      .connecting, "connecting",
      ["connecting", "connecting", "connecting", "disconnecting", "idle", "connecting", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .connectingElsewhere, "connecting",
      ["connecting", "connecting", "connecting", "disconnecting", "idle", "connecting", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .pairing, "pairing",
      ["pairing", "pairing", "pairing", "pairing", "idle", "pairing", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .pairingLinkLost, "pairing",
      ["pairing", "pairing", "pairing", "pairing", "idle", "pairing", "disconnecting", "disconnecting", "backingOff"]
    ),
    (
      .trusting, "trusting",
      ["trusting", "trusting", "trusting", "trusting", "idle", "trusting", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .resolving, "resolving",
      ["resolving", "resolving", "resolving", "disconnecting", "idle", "resolving", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .waitingForObjects, "resolving",
      ["resolving", "backingOff", "resolving", "disconnecting", "idle", "resolving", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .running, "running",
      ["running", "backingOff", "running", "disconnecting", "idle", "running", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .waiting, "running",
      ["running", "backingOff", "running", "disconnecting", "idle", "running", "disconnecting", "disconnecting", "quiet"]
    ),
    (
      .subscribingRecords, "running",
      ["running", "backingOff", "running", "disconnecting", "idle", "running", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .reporting, "running",
      ["running", "backingOff", "running", "disconnecting", "idle", "running", "disconnecting", "disconnecting", "running"]
    ),
    (
      .draining, "running",
      ["running", "backingOff", "running", "disconnecting", "idle", "running", "disconnecting", "disconnecting", "settling"]
    ),
    (
      .settling, "settling",
      ["settling", "backingOff", "settling", "settling", "idle", "settling", "disconnecting", "disconnecting", "quiet"]
    ),
    (
      .counting, "settling",
      ["settling", "backingOff", "settling", "settling", "idle", "settling", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (
      .deleting, "settling",
      ["settling", "backingOff", "settling", "settling", "idle", "settling", "disconnecting", "disconnecting", "disconnecting"]
    ),
    (.quiet, "quiet", ["quiet", "idle", "quiet", "disconnecting", "idle", "quiet", "disconnecting", "disconnecting", "disconnecting"]),
    (.held, "quiet", ["quiet", "idle", "quiet", "disconnecting", "idle", "quiet", "disconnecting", "disconnecting", "quiet"]),
    (
      .disconnecting, "disconnecting",
      [
        "disconnecting", "idle", "disconnecting", "disconnecting", "idle", "disconnecting", "disconnecting", "disconnecting", "idle",
      ]
    ),
    (
      .disconnectingReplied, "disconnecting",
      [
        "disconnecting", "idle", "disconnecting", "disconnecting", "idle", "disconnecting", "disconnecting", "disconnecting", "idle",
      ]
    ),
    (.removing, "removing", ["removing", "removing", "removing", "removing", "idle", "removing", "removing", "removing", "backingOff"]),
    (
      .backingOff, "backingOff",
      ["backingOff", "backingOff", "backingOff", "backingOff", "idle", "waitingForSlot", "removing", "ended", "waitingForSlot"]
    ),
    (
      .awaitingLinkDown, "backingOff",
      ["backingOff", "backingOff", "backingOff", "backingOff", "idle", "waitingForSlot", "removing", "ended", "waitingForSlot"]
    ),
    (
      .coolingDown, "coolingDown",
      ["coolingDown", "coolingDown", "coolingDown", "coolingDown", "coolingDown", "waitingForSlot", "removing", "ended", "idle"]
    ),
    (
      .notPaired, "needsOperator",
      [
        "needsOperator", "idle", "needsOperator", "needsOperator", "needsOperator", "waitingForSlot", "removing", "ended", "needsOperator",
      ]
    ),
    (
      .bondLost, "needsOperator",
      [
        "needsOperator", "needsOperator", "needsOperator", "needsOperator", "needsOperator", "waitingForSlot", "removing", "ended",
        "needsOperator",
      ]
    ),
    (.ended, "ended", Array(repeating: "ended", count: 9)),
    (.owingRemoval, "ended", Array(repeating: "ended", count: 9)),
  ]

  @Test("What comes next, by state and input")
  func table() {
    #expect(Self.table.map(\.0) == Start.allCases)
    let inputs: [SessionInput] = [
      .heard, .facts(Fixture.facts()), .slotGranted, .slotWithdrawn, .stackGone, .connectNow(mayPair: false), .forget, .stop, .deadline,
    ]
    for (start, name, expected) in Self.table {
      #expect(Self.bench(start).session.state.name == name, "\(start)")
      for (input, next) in zip(inputs, expected) {
        var bench = Self.bench(start)
        if input == .deadline { bench.expire() } else { bench.give(input) }
        #expect(bench.session.state.name == next, "\(start) × \(input)")
      }
    }
  }

  static let failures: [BluezFailure] = [
    .inProgress, .alreadyConnected, .alreadyPaired, .connectionAborted, .notConnected, .notReady, .authenticationFailed,
    .authenticationRejected, .authenticationCanceled, .authenticationTimeout, .insufficientSecurity, .doesNotExist, .notSupported,
    .notPermitted, .noReply, .stackGone, .other(name: "org.bluez.Error.Failed", message: "x"),
  ]

  static func inputs(for session: BluetoothSession) -> [SessionInput] {
    var inputs: [SessionInput] = [
      .heard, .slotGranted, .slotWithdrawn, .stackGone, .stackReady, .connectNow(mayPair: true), .connectNow(mayPair: false), .forget,
      .stop, .deadline, .durable(0), .durable(.max), .replied(.disconnect, nil), .replied(.disconnect, .notConnected),
      .replied(.cancelPairing, nil), .replied(.pair, nil), .replied(.remove, .doesNotExist), .value(Fixture.battery, bytes: []),
      .notificationsEnded(Fixture.measurement), .notificationsEnded(Fixture.control), .facts(SessionFacts()), .facts(Fixture.resolved),
      .facts(Fixture.facts()), .facts(Fixture.facts(connected: true)), .facts(Fixture.facts(paired: false)),
      .facts(Fixture.facts(connected: true, paired: false, trusted: false, resolved: true, characteristics: Fixture.all)),
      .notification(Fixture.measurement, bytes: [], .refused), .notification(Fixture.glucose, bytes: [0, 1, 0], .accepted(sequence: .max)),
      .notification(Fixture.control, bytes: [], nil), .notification(Fixture.control, bytes: [6, 0, 1, 1], nil),
      .notification(Fixture.control, bytes: [5, 0, 1, 0], nil), .notification(Fixture.control, bytes: [6, 0, 2, 1], nil),
    ]
    if let pending = session.awaited {
      inputs.append(.replied(pending, nil))
      for failure in failures { inputs.append(.replied(pending, failure)) }
    }
    return inputs
  }

  @Test("Every pair of inputs in every state keeps the promises", arguments: Start.allCases)
  func everyPair(start: Start) {
    let origin = Self.bench(start)
    #expect(origin.ledger.violations == [])
    for first in Self.inputs(for: origin.session) {
      var once = origin
      if first == .deadline { once.expire() } else { once.give(first) }
      for second in Self.inputs(for: once.session) {
        var twice = once
        if second == .deadline { twice.expire() } else { twice.give(second, after: 0.5) }
        #expect(twice.ledger.violations.isEmpty, "\(start) × \(first) × \(second): \(twice.ledger.violations)")
      }
    }
  }

  @Test("A deadline that comes early does nothing", arguments: Start.allCases)
  func earlyDeadline(start: Start) {
    var bench = Self.bench(start)
    let state = bench.session.state
    guard bench.session.deadline > bench.now else {
      #expect(bench.session.deadline == .never)
      return
    }
    #expect(bench.give(.deadline).isEmpty)
    #expect(bench.session.state == state)
  }
}
