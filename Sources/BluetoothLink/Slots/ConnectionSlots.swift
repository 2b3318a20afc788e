// Who may hold one of the adapter's few connections. Controllers run out of them silently, or drop another device for a new
// one, so the hub never asks for more than there are, and for one at a time.
//
// Order: priority, then the longest wait. It knows neither sessions nor BlueZ: keys in, decisions out.

import DeviceProfile
import VitalSigns

struct ConnectionSlots: Sendable {
  typealias Priority = BluetoothSessionPlan.Priority

  /// The kernel makes one LE connection at a time. An alarm does not wait longer than this for somebody else's attempt.
  static let attemptPatience = Duration.seconds(2)
  /// A held connection that others of its priority wait for yields after this, so that all get their turn.
  static let rotation = Duration.seconds(60)

  enum Decision: Sendable, Hashable {
    case grant(String)
    /// The holder is asked to leave; its slot is free when it is released.
    case withdraw(String)
  }

  struct Waiting: Sendable, Hashable {
    var key: String
    var priority: Priority
    var isHeld: Bool
    var since: MonotonicInstant
  }

  struct Holder: Sendable, Hashable {
    var key: String
    var priority: Priority
    /// It keeps its connection for as long as the device does.
    var isHeld: Bool
    var since: MonotonicInstant
    var isConnecting = true
    var isWithdrawn = false

    /// A withdrawn attempt has no connection, and gets none.
    var occupies: Bool { !(isConnecting && isWithdrawn) }
  }

  /// Connections that the adapter can hold, as configured. At least 1.
  let max: Int
  /// Connections of other programs.
  var foreign = 0
  /// In the order of asking.
  private(set) var waiting: [Waiting] = []
  /// In the order of granting.
  private(set) var holders: [Holder] = []
  /// When `decide` may decide something new without any other call.
  private(set) var deadline = MonotonicInstant.never

  init(max: Int) { self.max = Swift.max(1, max) }

  /// What is left for us. Others may have more than there seems to be: one is tried all the same.
  var capacity: Int { Swift.max(1, max - Swift.max(0, foreign)) }

  /// Joins the queue. Asking again changes the priority and keeps the place.
  mutating func request(key: String, priority: Priority, isHeld: Bool, at now: MonotonicInstant) {
    if holders.contains(where: { $0.key == key }) { return }
    if let index = waiting.firstIndex(where: { $0.key == key }) {
      waiting[index].priority = priority
      waiting[index].isHeld = isHeld
    } else {
      waiting.append(Waiting(key: key, priority: priority, isHeld: isHeld, since: now))
    }
  }

  /// The connection stands: the next attempt may begin.
  mutating func established(key: String) {
    guard let index = holders.firstIndex(where: { $0.key == key }) else { return }
    holders[index].isConnecting = false
  }

  /// Leaves the queue, or gives the slot back.
  mutating func release(key: String) {
    waiting.removeAll { $0.key == key }
    holders.removeAll { $0.key == key }
  }

  /// Decides what can be decided now. Call it after every other call and at `deadline`.
  mutating func decide(at now: MonotonicInstant) -> [Decision] {
    var decisions: [Decision] = []
    deadline = .never
    while let index = orderedWaiting.first {
      let candidate = waiting[index]
      guard makeWay(for: candidate, at: now, &decisions) else { break }
      guard holders.count(where: \.occupies) < capacity else {
        makeRoom(at: now, &decisions)
        break
      }
      waiting.remove(at: index)
      holders.append(Holder(key: candidate.key, priority: candidate.priority, isHeld: candidate.isHeld, since: now))
      decisions.append(.grant(candidate.key))
    }
    return decisions
  }

  /// Withdraws what stands in the candidate's way, if it may: an alarm takes the radio from a lesser attempt that is slow. True
  /// when the candidate may begin to connect now; else `deadline` says when to ask again.
  private mutating func makeWay(for candidate: Waiting, at now: MonotonicInstant, _ decisions: inout [Decision]) -> Bool {
    let attempts = holders.indices.filter { holders[$0].isConnecting && !holders[$0].isWithdrawn }
    for index in attempts {
      guard candidate.priority == .alarm, holders[index].priority != .alarm else { return false }
      let patience = holders[index].since.adding(Self.attemptPatience)
      guard now >= patience else {
        deadline = min(deadline, patience)
        return false
      }
      holders[index].isWithdrawn = true
      decisions.append(.withdraw(holders[index].key))
    }
    // Beside an attempt that is being withdrawn nobody but an alarm begins.
    return candidate.priority == .alarm || !holders.contains { $0.isConnecting }
  }

  /// All connections are taken: asks holders to leave, one for each that waits and may demand it.
  private mutating func makeRoom(at now: MonotonicInstant, _ decisions: inout [Decision]) {
    var leaving = holders.count { $0.isWithdrawn && $0.occupies }
    for index in orderedWaiting {
      let candidate = waiting[index]
      if leaving > 0 {
        leaving -= 1
        continue
      }
      if let index = chooseToLeave(for: candidate, at: now) {
        holders[index].isWithdrawn = true
        decisions.append(.withdraw(holders[index].key))
      }
    }
  }

  /// Indices in the order of their turn: priority, then the longest wait. `waiting` is in the order of asking, and sorting keeps
  /// it among equals.
  private var orderedWaiting: [Int] {
    waiting.indices.sorted { waiting[$0].comes(before: waiting[$1]) }
  }

  /// The holder that leaves for the candidate; nil when nobody has to, and `deadline` says when that may change.
  private mutating func chooseToLeave(for candidate: Waiting, at now: MonotonicInstant) -> Int? {
    let staying = holders.indices.filter { !holders[$0].isWithdrawn }
    if candidate.priority == .alarm {
      let lesser = staying.filter { holders[$0].priority != .alarm }
      if let index = firstToYield(lesser) { return index }
    }
    let held = staying.filter { holders[$0].isHeld && holders[$0].priority >= candidate.priority && !holders[$0].isConnecting }
    let due = held.filter { now >= holders[$0].since.adding(Self.rotation) }
    if let index = firstToYield(due) { return index }
    for index in held { deadline = min(deadline, holders[index].since.adding(Self.rotation)) }
    return nil
  }

  /// Of holders with the same claim the first is taken, which was granted first.
  private func firstToYield(_ indices: [Int]) -> Int? {
    indices.min { holders[$0].yields(before: holders[$1]) }
  }
}

extension ConnectionSlots.Waiting {
  func comes(before other: Self) -> Bool {
    if priority != other.priority { return priority.rank < other.priority.rank }
    return since < other.since
  }
}

extension ConnectionSlots.Holder {
  /// The lowest priority; held ones before sessions, which end by themselves; the longest holder.
  func yields(before other: Self) -> Bool {
    if priority != other.priority { return priority.rank > other.priority.rank }
    if isHeld != other.isHeld { return isHeld }
    return since < other.since
  }
}
