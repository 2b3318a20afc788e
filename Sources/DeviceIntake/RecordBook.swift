// Knows a device's measurement again. A device that was cut off in the middle sends everything anew, and one that may not
// delete its store sends it at every session; each measurement must still be in the record once.
//
// What tells two apart:
// - its own time, if it can be true: the same values at the same moment are the same measurement, whether it came at once or from the store;
// - without a time, in a fetch of stored records: its place among equal ones. A store that was not deleted gives the same
//   ones again, and perhaps more; the second of two equal records is a second measurement.
// - without a time, outside a fetch: nothing. Each counts.
//
// The marks are in the journal, in the measurement's own transaction, so that a crash changes nothing.

import DeviceProfile
import Journal
import JournalValues
import VitalSigns

/// The known measurements of one device. Owned by the link's thread. Bound: `marksMax` newest.
struct RecordBook {
  /// The marks that are kept. That is more than the store of any cuff, oximeter or glucose meter (some hundred), and as many as the
  /// journal keeps.
  static let marksMax = 4_096
  /// The `message` of the mark that carries the number of confirmed deletions in its `hash`.
  static let epochMessage = UInt32.max

  struct Mark: Hashable {
    /// The place among equal frames, from 0.
    var place: UInt32
    var hash: UInt64
  }

  private var known: [Mark: UInt64] = [:]
  private var order: [Mark] = []
  /// Deletions that the device confirmed. After each of them, measurements without a time are counted anew.
  private(set) var epoch: UInt64 = 0
  /// A fetch that is going on: where its records come from, and how often each record was there so far.
  private struct Fetch {
    var sources: Set<UInt64>
    var counted: [UInt64: UInt32] = [:]
  }
  private var fetch: Fetch?

  init() {}

  /// From the journal, oldest first. All are durable.
  init(marks: [DeliveryMark]) {
    for mark in marks {
      if mark.message == Self.epochMessage { epoch = max(epoch, mark.hash) } else { took(Mark(place: mark.message, hash: mark.hash), 0) }
    }
  }

  /// Frames of other sources are live, also while the fetch goes on.
  mutating func fetchBegan(from sources: Set<UInt64>) { fetch = Fetch(sources: sources) }
  mutating func fetchEnded() { fetch = nil }

  mutating func deleted() {
    epoch += 1
    fetch?.counted = [:]
  }

  /// The mark by which this frame is known again, or nil when nothing tells it from the next one. Call this once for each frame, in
  /// order.
  mutating func mark(readings: [Reading], source: UInt64, bytes: [UInt8]) -> Mark? {
    if readings.allSatisfy({ $0.hasOwnTime }) { return Mark(place: 0, hash: Self.hash(of: readings)) }
    guard isFetching(source) else { return nil }
    var hash = StableHash()
    hash.add(epoch)
    hash.add(source)
    hash.add(bytes)
    let place = fetch?.counted[hash.value] ?? 0
    fetch?.counted[hash.value] = place &+ 1
    return Mark(place: place, hash: hash.value)
  }

  /// Whether equal frames of this source are being counted, because they come from the device's store.
  func isFetching(_ source: UInt64) -> Bool { fetch?.sources.contains(source) == true }

  /// Forgets what was taken after this sequence. It may not have been recorded, so it is taken anew when it comes again.
  mutating func forget(after sequence: UInt64) {
    for (mark, taken) in known where taken > sequence { known[mark] = nil }
    order.removeAll { known[$0] == nil }
  }

  /// The mark of one reading of a frame other than the last, which carries the frame's own mark. So a crash between two readings of
  /// a frame repeats none of them.
  static func part(_ index: Int, of mark: Mark) -> Mark {
    var hash = StableHash()
    hash.add(mark.hash)
    hash.add(UInt64(truncatingIfNeeded: index) &+ 1)
    return Mark(place: mark.place, hash: hash.value)
  }

  /// How many of the frame's first readings are in the record already, though the frame is not.
  func partsTaken(of mark: Mark, count: Int) -> Int {
    var taken = 0
    while taken < count - 1, known[Self.part(taken, of: mark)] != nil { taken += 1 }
    return taken
  }

  /// What an advertisement says that is repeated for some seconds. It is known again by what its repeat rule compares, and by when
  /// it was taken. Only for the first word of a device after a start: within a run the link's filter knows better.
  struct Statement {
    /// Seconds that share a mark.
    static let slotSeconds: Int64 = 10
    private let hash: UInt64
    private let window: Int64

    init(_ bytes: [UInt8], repeatMark: UInt64?, source: UInt64, rule: RepeatRule) {
      var hash = StableHash()
      hash.add(source)
      switch (rule, repeatMark) {
      case (.packet(let within), let number?):
        hash.add(number)
        window = Int64(within)
      case (.identical(let seconds), _):
        hash.add(bytes)
        window = Int64(seconds)
      case (.packet, nil):
        hash.add(bytes)
        window = Int64(RepeatRule.identicalSecondsDefault)
      }
      self.hash = hash.value
    }

    private func slot(_ wall: WallTime) -> Int64 { wall.rawValue / (1_000 * Self.slotSeconds) }

    func mark(at wall: WallTime) -> Mark { Mark(place: UInt32(truncatingIfNeeded: slot(wall)), hash: hash) }

    /// The marks under which the statement stands when it was taken so shortly before `wall` that this one repeats it.
    fileprivate func marks(before wall: WallTime) -> [Mark] {
      let last = slot(wall)
      return ((last - window / Self.slotSeconds)...last).map { Mark(place: UInt32(truncatingIfNeeded: $0), hash: hash) }
    }
  }

  func wasSaid(_ statement: Statement?, at wall: WallTime) -> Bool {
    statement.map { $0.marks(before: wall).contains { known[$0] != nil } } ?? false
  }

  /// The sequence of the measurement that this one repeats; 0 when that was durable before this run. Nil: this one is new.
  func sequence(of mark: Mark) -> UInt64? { known[mark] }

  mutating func took(_ mark: Mark, _ sequence: UInt64) {
    if known.updateValue(sequence, forKey: mark) == nil { order.append(mark) }
    guard order.count >= 2 * Self.marksMax else { return }
    // The book is trimmed in large steps, so that an ordinary frame costs nothing.
    for old in order.prefix(order.count - Self.marksMax) { known[old] = nil }
    order.removeFirst(order.count - Self.marksMax)
  }

  /// A hash of what was measured and when. What the device says about the measurement is left out, because it differs between "now"
  /// and "from the store".
  private static func hash(of readings: [Reading]) -> UInt64 {
    var hash = StableHash()
    for reading in readings {
      switch reading {
      case .observation(let observation, at: let time):
        hash.add(UInt64(observation.code.rawValue))
        hash.add(UInt64(bitPattern: observation.value.mantissa))
        hash.add(UInt64(truncatingIfNeeded: observation.value.exponent))
        hash.add(UInt64(observation.unit.rawValue))
        hash.add(time)
      case .event(let event, at: let time):
        hash.add(UInt64(event.kind.rawValue) << 32 | UInt64(event.phase.rawValue) << 16 | UInt64(event.detail))
        hash.add(time)
      case .location(let fix, at: let time):
        hash.add(UInt64(truncatingIfNeeded: fix.latitudeE7))
        hash.add(UInt64(truncatingIfNeeded: fix.longitudeE7))
        hash.add(time)
      }
    }
    return hash.value
  }
}

extension Reading {
  /// Whether every reading has a time of its own. A clock that is not set gives many measurements one time, whether the device says
  /// so or not. A clock that starts at the year 2000 after each change of batteries is as bad.
  fileprivate var hasOwnTime: Bool {
    if case .observation(let observation, at: _) = self, observation.quality.contains(.clockUnset) { return false }
    return switch time {
    case .none: false
    case .epoch(let wall): DeviceClock.isPossible(wall)
    case .local(let civil): DeviceClock.isPossible(WallTime(rawValue: civil.millisecondsAsUTC))
    }
  }
}

extension StableHash {
  /// The marks are stored in the journal, so what is added for a time never changes.
  fileprivate mutating func add(_ time: DeviceTime) {
    switch time {
    case .none: add(UInt8(0))
    case .epoch(let wall): add(UInt64(bitPattern: wall.rawValue))
    case .local(let civil): add(UInt64(bitPattern: civil.millisecondsAsUTC))
    }
  }
}
