// While the way of a link's messages is blocked or crowded, alarms are heard over a second connection as well (AlarmEar.swift).
// Each press then arrives twice: as a copy without a promise, at once, and as the message that waits for its acknowledgement. This
// book joins the two, so that a press is told once, and at once.
//
// A copy is held for a moment: usually the message itself is here by then, and the copy is dropped. Otherwise the copy is told, and
// the message is known when it comes. Copies are counted, not compared by time: of two equal presses each takes one copy. Where the
// count may be wrong, a press is told twice rather than never.

import VitalSigns

/// Copies and messages of one link's alarms. Sans-I/O. Used by whoever holds its lock.
struct SecondEarBook: Sendable {
  /// A copy that waits for its message.
  struct Copy: Sendable, Equatable {
    var key: UInt64
    var device: DeviceID
    var readings: [Reading]
    var instant: MonotonicInstant
    var wall: WallTime
  }

  enum Answer: Equatable {
    /// Nobody was told of the press: take the message.
    case first
    /// The copy was told, in the entry with this sequence.
    case told(sequence: UInt64)
    /// A copy like it was told, and nobody heard whether another was sent since.
    case perhapsTold
  }

  private struct Told {
    var key: UInt64
    var sequence: UInt64
    var instant: MonotonicInstant
    /// When an earlier run of the hub told the copy; nil: this run did.
    var earlier: WallTime?
  }

  /// How long a copy waits for its message: well above the time that a link at ease needs, well below what a person notices.
  static let holdNanoseconds: Int64 = 300_000_000
  /// A message may be here before its copy by as much as this.
  static let aheadNanoseconds: Int64 = 2_000_000_000
  /// Copies of one device that wait at once. A device that sends more is heard all the same, through its messages.
  static let perDeviceMax = 8
  /// Copies that wait in all. Beyond this a copy is dropped, and its press waits for its message.
  static let copiesMax = 256
  /// Presses told ahead of their messages. Beyond this the oldest is forgotten, and its message is told again.
  static let toldMax = 4_096
  static let aheadMax = 1_024

  private var copies: [Copy] = []
  private var told: [Told] = []
  private var ahead: [(key: UInt64, instant: MonotonicInstant)] = []
  /// The second connection asks for its subscriptions: the broker may hear of them, and send copies, before we hear that it did.
  var isComing = false
  /// The second connection is there and has its subscriptions.
  var isListening = false
  /// Copies dropped for want of room.
  private(set) var dropped: UInt64 = 0

  /// - Parameter marks: of an earlier run in their order: of copies that were told, and of messages.
  init(marks: [(isCopy: Bool, key: UInt64, wall: WallTime)] = []) {
    for mark in marks {
      if mark.isCopy {
        remember(Told(key: mark.key, sequence: 0, instant: .zero, earlier: mark.wall))
      } else if !told.isEmpty, let index = told.firstIndex(where: { $0.key == mark.key }) {
        told.remove(at: index)
      }
    }
  }

  var nextDue: MonotonicInstant? { copies.first?.instant.adding(nanoseconds: Self.holdNanoseconds) }
  var waiting: Int { copies.count }

  /// Takes a copy. True when the copy now waits.
  mutating func heard(_ copy: Copy) -> Bool {
    ahead.removeAll { $0.instant.adding(nanoseconds: Self.aheadNanoseconds) < copy.instant }
    if let index = ahead.firstIndex(where: { $0.key == copy.key }) {
      ahead.remove(at: index)
      return false
    }
    guard copies.count < Self.copiesMax, copies.count(where: { $0.device == copy.device }) < Self.perDeviceMax else {
      dropped += 1
      return false
    }
    copies.append(copy)
    return true
  }

  /// The second connection was not read for this long. What it brings now may be a copy of any message since then, and from before.
  mutating func stoodStill(for nanoseconds: Int64, until instant: MonotonicInstant) {
    let before = instant.adding(nanoseconds: -nanoseconds)
    for index in ahead.indices where ahead[index].instant.adding(nanoseconds: -Self.aheadNanoseconds) <= before {
      ahead[index].instant = ahead[index].instant.adding(nanoseconds: nanoseconds)
    }
  }

  /// A message came that is a call for help and was not here before.
  mutating func message(_ key: UInt64, at instant: MonotonicInstant, _ wall: WallTime) -> Answer {
    // A copy that still waits is met first. So the record of a message that never came cannot hide a new press.
    if let index = copies.firstIndex(where: { $0.key == key }) {
      copies.remove(at: index)
      return .first
    }
    if let index = told.firstIndex(where: { $0.key == key }) {
      let found = told.remove(at: index)
      if let earlier = found.earlier {
        let age = wall.rawValue.subtractingReportingOverflow(earlier.rawValue)
        return !age.overflow && (0...RedeliveryBook.restartMilliseconds).contains(age.partialValue)
          ? .told(sequence: found.sequence) : .perhapsTold
      }
      return isListening ? .told(sequence: found.sequence) : .perhapsTold
    }
    if isListening || isComing {
      if ahead.count >= Self.aheadMax { ahead.removeFirst() }
      ahead.append((key, instant))
    }
    return .first
  }

  /// The message could not be taken after all and will be offered again.
  mutating func notTaken(_ key: UInt64, sequence: UInt64, at instant: MonotonicInstant) {
    told.insert(Told(key: key, sequence: sequence, instant: instant, earlier: nil), at: 0)
  }

  /// Takes out the copies that have waited long enough, oldest first. Each is to be told, and then `noteTold` or `waitsOn` called.
  mutating func due(at instant: MonotonicInstant) -> [Copy] {
    let due = copies.prefix { $0.instant.adding(nanoseconds: Self.holdNanoseconds) <= instant }
    copies.removeFirst(due.count)
    return Array(due)
  }

  mutating func noteTold(_ copy: Copy, sequence: UInt64) {
    remember(Told(key: copy.key, sequence: sequence, instant: copy.instant, earlier: nil))
  }

  /// The intake had no room for the copy.
  mutating func waitsOn(_ copy: Copy) { copies.insert(copy, at: 0) }

  private mutating func remember(_ one: Told) {
    if told.count >= Self.toldMax { told.removeFirst() }
    told.append(one)
  }
}
