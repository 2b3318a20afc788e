// An adapter session for tests: inputs go in at its time, and the promises about calls and reports are checked.

import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

/// An adapter session with a clock, and a ledger of what was said.
struct AdapterBench {
  var adapter = AdapterSession()
  var now = Fixture.seconds(1000)
  private(set) var violations: [String] = []
  private var isReady = false
  private var problem: AdapterProblem?

  static func facts(powered: Bool = true, discovering: Bool = false, path: String = "/org/bluez/hci0") -> AdapterFacts {
    AdapterFacts(path: path, name: "hci0", address: "00:11:22:33:44:55", isPowered: powered, isDiscovering: discovering)
  }

  @discardableResult mutating func give(_ input: AdapterInput, after seconds: Double = 0) -> [AdapterAction] {
    now = now.adding(nanoseconds: Int64(seconds * 1e9))
    let inFlight = adapter.pending?.operation
    let actions = adapter.handle(input, at: now)
    var operations = 0
    for action in actions {
      switch action {
      case .perform(let operation):
        operations += 1
        if adapter.pending?.operation != operation { violations.append("\(operation) is not awaited") }
      case .ready(let value):
        if value == isReady { violations.append("ready \(value) twice") }
        isReady = value
      case .report(let value): problem = value
      }
    }
    if operations > 1 { violations.append("\(operations) calls at once") }
    switch input {
    case .heard, .need, .connecting: if operations > 0, let inFlight { violations.append("a call beside \(inFlight)") }
    default: break  // These may void what is under way.
    }
    if isReady != adapter.isReady { violations.append("ready was not said in \(adapter.state.name)") }
    if problem != adapter.problem { violations.append("the problem was not reported") }
    return actions
  }

  @discardableResult mutating func reply(_ operation: AdapterOperation, _ failure: BluezFailure? = nil) -> [AdapterAction] {
    give(.replied(operation, failure))
  }

  @discardableResult mutating func expire() -> [AdapterAction] {
    now = adapter.deadline == .never ? now.adding(seconds: 3600) : max(now, adapter.deadline)
    return give(.deadline)
  }

  mutating func loaded() {
    give(.service(isPresent: true))
    reply(.loadObjects)
    give(.facts(Self.facts()))
    reply(.registerAgent)
  }

  mutating func scanning(_ need: DiscoveryNeed = .continuous) {
    loaded()
    give(.need(need, uuids: ["a"]))
    reply(.setFilter(uuids: ["a"]))
    reply(.startDiscovery)
    give(.facts(Self.facts(discovering: true)))
  }

  /// Answers what is asked for until `until`, as a bluetoothd without faults would.
  mutating func obey(until: MonotonicInstant) -> [AdapterOperation] {
    var performed: [AdapterOperation] = []
    while now < until {
      if let pending = adapter.pending?.operation {
        performed.append(pending)
        now = now.adding(nanoseconds: 1_000_000)
        reply(pending)
        if case .setPowered(let isOn) = pending { give(.facts(Self.facts(powered: isOn))) }
      } else {
        now = min(max(adapter.deadline, now.adding(nanoseconds: 1_000_000)), until)
        give(.deadline)
      }
    }
    return performed
  }
}
