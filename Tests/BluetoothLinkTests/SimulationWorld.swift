// A seeded world for the simulation: devices with records, a bluetoothd that fails in every way, a gateway that knows
// frames by their content, a disk that lags behind, and the connection slots of the product.
//
// It checks while it runs: nothing is deleted on a device before it is durable, no record is counted twice.

import DeviceProfile
import VitalSigns

@testable import BlueZ
@testable import BluetoothLink

struct World {
  struct Record: Hashable {
    var id: Int
    var bytes: [UInt8]
    /// The gateway puts it into the quarantine.
    var isRefused: Bool
  }

  struct Device {
    var session: BluetoothSession
    var ledger = SessionLedger()
    // The device itself.
    var records: [Record] = []
    var sequence: UInt16 = 65_500
    var key = 0
    var isAnswering = false
    // bluetoothd's side.
    var facts = SessionFacts()
    var hubKey: Int?
    var isLinked = false
    /// Connected=true is never signalled on this link.
    var isUnsignalled = false
    /// Rises with each end of a link: what was under way on it is void.
    var epoch = 0
    var attempt = 0
    var factsAt = MonotonicInstant.zero
    var recordsAt = MonotonicInstant.zero
    // The gateway's side.
    var known: [[UInt8]: UInt64] = [:]
    var completed = 0
    var lastCompleted = MonotonicInstant.zero
  }

  enum Happening {
    case input(Int, SessionInput)
    case reply(Int, generation: UInt32, SessionOperation, BluezFailure?)
    case value(Int, generation: UInt32, SessionOperation, BluetoothUUID)
    case connects(Int, attempt: Int, generation: UInt32)
    case resolves(Int, epoch: Int, withObjects: Bool)
    case drops(Int, epoch: Int)
    case arrives(Int, epoch: Int, Record)
    case indicates(Int, epoch: Int, [UInt8])
    case frame(Int, epoch: Int)
    case advertises(Int)
    case measures(Int)
    case durable(UInt64)
    case fault
    case stackReturns
    case nurse
  }

  var devices: [Device] = []
  /// The sessions' deadlines, by device.
  var deadlines: [MonotonicInstant] = []
  var slots = ConnectionSlots(max: 2)
  private var areSlotsStirred = false
  var dice: Dice
  var now = MonotonicInstant.zero
  var isFaulty = true
  var isStackUp = true
  var violations: [String] = []
  var steps = 0
  /// Times that each record was counted as new, by id.
  var counted: [Int: Int] = [:]
  var journal: UInt64 = 0
  var durable: UInt64 = 0
  var durableAt = MonotonicInstant.zero
  var produced = 0
  var refusedRecords: Set<Int> = []
  private var schedule: [(at: MonotonicInstant, order: Int, Happening)] = []
  private var order = 0

  init(seed: UInt64) {
    dice = Dice(state: seed)
    let plans = [
      Fixture.meter(.all), Fixture.meter(.upToSequence, security: .none), Fixture.cuff(stay: .held, priority: .alarm),
      Fixture.meter(.all, staleBond: .renew, priority: .high, leavesAfterBonding: true),
      Fixture.cuff(security: .none, stay: .held),
    ]
    var timings = SessionTimings()
    timings.holdOffMax = .seconds(20)
    for plan in plans { devices.append(Device(session: BluetoothSession(plan: plan, isRegistered: true, timings: timings))) }
    deadlines = Array(repeating: .never, count: devices.count)
    for number in devices.indices {
      plan(.advertises(number), 10...3000)
      if devices[number].hasRecords { plan(.measures(number), 10...5000) }
    }
    plan(.fault, 5000...20_000)
    plan(.nurse, 60_000...120_000)
  }

  // MARK: Time

  mutating func plan(_ happening: Happening, _ range: ClosedRange<Int64>) {
    plan(happening, at: now.adding(nanoseconds: dice.milliseconds(range) * 1_000_000))
  }

  mutating func plan(_ happening: Happening, at instant: MonotonicInstant) {
    order += 1
    var (low, high) = (0, schedule.count)
    while low < high {
      let middle = (low + high) / 2
      if (schedule[middle].at, schedule[middle].order) < (instant, order) { high = middle } else { low = middle + 1 }
    }
    schedule.insert((instant, order, happening), at: low)  // Latest first: the next is the last.
  }

  mutating func run(for seconds: Double) {
    let end = now.adding(nanoseconds: Int64(seconds * 1e9))
    while violations.isEmpty {
      let (due, sessionAt) = earliestDeadline
      let next = min(schedule.last?.at ?? .never, sessionAt, slots.deadline)
      if next > end { break }
      steps += 1
      now = max(now, next)
      if sessionAt <= now {
        give(due, .deadline)
        if deadlines[due] == sessionAt {
          violations.append("the deadline of \(devices[due].session.state.name) changes nothing")
        }
      } else if let last = schedule.last, last.at <= now {
        schedule.removeLast()
        happen(last.2)
      }
      if areSlotsStirred || slots.deadline <= now { decideSlots() }
    }
    now = end
  }

  /// Written out: the generic way is half of an unoptimised run.
  private var earliestDeadline: (device: Int, MonotonicInstant) {
    var (first, earliest) = (0, MonotonicInstant.never)
    var number = 0
    while number < deadlines.count {
      if deadlines[number] < earliest { (first, earliest) = (number, deadlines[number]) }
      number += 1
    }
    return (first, earliest)
  }

  // MARK: The loop

  mutating func give(_ number: Int, _ input: SessionInput) {
    let actions = devices[number].session.handle(input, at: now)
    devices[number].ledger.note(input, actions, devices[number].session)
    if let first = devices[number].ledger.violations.first {
      violations.append("device \(number) at \(Double(now.rawValue) / 1e9): \(first)")
    }
    deadlines[number] = devices[number].session.deadline
    for action in actions { perform(number, action) }
  }

  private mutating func decideSlots() {
    areSlotsStirred = false
    for decision in slots.decide(at: now) {
      switch decision {
      case .grant(let key): if let number = Int(key) { give(number, .slotGranted) }
      case .withdraw(let key): if let number = Int(key) { give(number, .slotWithdrawn) }
      }
    }
    if slots.holders.count > slots.max + slots.holders.count(where: { !$0.occupies }) { violations.append("too many connections") }
  }

  private mutating func perform(_ number: Int, _ action: SessionAction) {
    let key = String(number)
    switch action {
    case .requestSlot, .established, .releaseSlot: areSlotsStirred = true
    default: break
    }
    switch action {
    case .requestSlot:
      let plan = devices[number].session.plan
      slots.request(key: key, priority: plan.priority, isHeld: plan.stay == .held, at: now)
    case .established: slots.established(key: key)
    case .releaseSlot: slots.release(key: key)
    case .perform(let operation): call(number, operation)
    case .recordsDeleted: devices[number].known = [:]
    case .resetAdapter: if isStackUp { stackGoes() }
    case .report(.completed):
      devices[number].completed += 1
      devices[number].lastCompleted = now
    case .closeNotifications, .recordsBegan, .recordsEnded, .report: break
    }
  }

  mutating func stackGoes() {
    isStackUp = false
    for number in devices.indices {
      linkEnds(number, signal: false)
      devices[number].attempt += 1
      devices[number].facts = SessionFacts()
      devices[number].factsAt = now
    }
    for number in devices.indices { give(number, .stackGone) }
    plan(.stackReturns, 500...15_000)
  }

  // MARK: What happens

  private mutating func happen(_ happening: Happening) {
    switch happening {
    case .input(let number, let input):
      if case .facts = input, !isStackUp { return }
      give(number, input)
    case .reply(let number, let generation, let operation, let failure):
      if generation == devices[number].session.generation { give(number, .replied(operation, failure)) }
    case .value(let number, let generation, let operation, let uuid):
      guard generation == devices[number].session.generation else { return }
      give(number, .value(uuid, bytes: [80]))
      give(number, .replied(operation, nil))
    case .connects(let number, let attempt, let generation): linkBegins(number, attempt, generation)
    case .resolves(let number, let epoch, let withObjects): resolves(number, epoch, withObjects)
    case .drops(let number, let epoch):
      if devices[number].epoch == epoch { linkEnds(number, signal: true) }
    case .arrives(let number, let epoch, let record): arrives(number, epoch, record)
    case .indicates(let number, let epoch, let bytes):
      if devices[number].epoch == epoch {
        devices[number].isAnswering = false
        give(number, .notification(Fixture.control, bytes: bytes, nil))
      }
    case .frame(let number, let epoch):
      guard devices[number].epoch == epoch, devices[number].isLinked else { return }
      accept(1)
      give(number, .notification(Fixture.measurement, bytes: [0], .accepted(sequence: journal)))
      plan(.frame(number, epoch: epoch), 2000...8000)
    case .advertises(let number):
      plan(.advertises(number), 500...6000)
      guard isStackUp, !devices[number].isLinked else { return }
      if !devices[number].facts.exists {
        devices[number].facts.exists = true
        devices[number].facts.isPaired = devices[number].hubKey != nil
        signal(number)
      }
      plan(.input(number, .heard), 0...50)
    case .measures(let number): measures(number)
    case .durable(let sequence):
      durable = max(durable, sequence)
      for number in devices.indices { give(number, .durable(durable)) }
    case .fault: if isFaulty { fault() }
    case .stackReturns:
      isStackUp = true
      for number in devices.indices {
        give(number, .stackReady)
        devices[number].facts.exists = devices[number].hubKey != nil
        devices[number].facts.isPaired = devices[number].hubKey != nil
        signal(number)
      }
    case .nurse:
      plan(.nurse, 60_000...180_000)
      for number in devices.indices {
        switch devices[number].session.problem {
        case .notPaired, .bondLost, .pairingRefused: give(number, .connectNow(mayPair: true))
        default: break
        }
      }
    }
  }

  private mutating func measures(_ number: Int) {
    if !isFaulty { return }
    plan(.measures(number), 1000...30_000)
    // Between counting and deleting a new record would be lost by the protocol's own doing; a device at rest measures.
    if devices[number].isLinked { return }
    let sequence = devices[number].sequence
    devices[number].sequence = sequence &+ 1
    let content = UInt8(produced & 0xFF)
    let bytes: [UInt8] = [0, UInt8(sequence & 0xFF), UInt8(sequence >> 8), content, UInt8(produced >> 8 & 0xFF), UInt8(number)]
    let record = Record(id: produced, bytes: bytes, isRefused: dice.chance(5))
    if record.isRefused { refusedRecords.insert(produced) }
    devices[number].records.append(record)
    produced += 1
  }

  mutating func accept(_ count: UInt64) {
    journal += count
    // Transactions are committed in order, now and then very late.
    let delay = isFaulty && dice.chance(3) ? dice.milliseconds(1000...90_000) : dice.milliseconds(5...400)
    durableAt = max(durableAt, now.adding(nanoseconds: delay * 1_000_000))
    plan(.durable(journal), at: durableAt)
  }

  private mutating func arrives(_ number: Int, _ epoch: Int, _ record: Record) {
    guard devices[number].epoch == epoch else { return }
    let outcome: BluetoothFrameOutcome
    if record.isRefused {
      outcome = .refused
    } else if let sequence = devices[number].known[record.bytes] {
      outcome = .duplicate(sequence: sequence)
    } else {
      accept(1)
      devices[number].known[record.bytes] = journal
      counted[record.id, default: 0] += 1
      if counted[record.id] != 1 { violations.append("record \(record.id) was counted twice") }
      outcome = .accepted(sequence: journal)
    }
    give(number, .notification(Fixture.glucose, bytes: record.bytes, outcome))
  }
}

extension World {
  func isWell(since healed: MonotonicInstant) -> Bool { ills(since: healed).isEmpty }

  /// What is not yet as it should be, by device.
  func ills(since healed: MonotonicInstant) -> [String] {
    var ills: [String] = []
    for (number, device) in devices.enumerated() {
      let place = "device \(number) in \(device.session.state.name)"
      let isHeld = device.session.plan.stay == .held && device.session.isConnected
      if !isHeld, device.lastCompleted <= healed { ills.append("\(place) does not come back") }
      // A device that holds mostly frames that were refused keeps them, and says so.
      let isOdd = device.records.count { $0.isRefused } * 2 > device.records.count
      if !isOdd, !device.records.isEmpty { ills.append("\(place) has \(device.records.count) records") }
      if let problem = device.session.problem, !(isOdd && problem == .recordAccess) { ills.append("\(place) has \(problem)") }
    }
    return ills
  }
}

extension World.Device {
  var hasRecords: Bool {
    session.plan.steps.contains { if case .fetchRecords = $0.action { true } else { false } }
  }
}
