// Whether the hub's own wall clock is believed. Pure; `ClockStanding` is the shell around it. Alarms and deadlines run on the timeline and do
// not ask. Belief decides what is said about times: what is delivered as certain, what retention may forget, whose clock is blamed.
//
// Vocabulary: the *line* is wall clock minus timeline, constant unless somebody sets the clock; a *step* is a change of the line.
// docs/clocks.md has the table of cases.

package import HubRuntime
package import JournalValues
package import VitalSigns

/// A state machine, looked at once a pulse. One owner.
package struct ClockBelief: Sendable {
  /// A clock that was set and stays so for this long is taken as right: somebody mended it. Seconds.
  static let believedSeconds: UInt32 = 3_600
  /// Routine records wait for the right time no longer than this. Seconds.
  static let heldSeconds: UInt32 = 3_600
  /// What was believed is kept this often, so that a restart knows it. Seconds.
  static let keepSeconds: UInt32 = 3_600
  /// A clock that leaps further ahead is believed from the network alone: a hub may lie in a cupboard for weeks, and what a wrong year
  /// makes old would be forgotten. Milliseconds.
  static let leapMilliseconds: Int64 = 31 * 86_400_000
  /// A smaller change is drift, not somebody who sets the clock. Milliseconds.
  static let setMilliseconds: Int64 = 2_000

  /// What one look sees.
  package struct Look: Sendable {
    package var wall: WallTime
    package var instant: MonotonicInstant
    package var machine: MachineClock
    /// The next entry's sequence, or one before it.
    package var nextSequence: UInt64

    package init(wall: WallTime, instant: MonotonicInstant, machine: MachineClock, nextSequence: UInt64) {
      self.wall = wall
      self.instant = instant
      self.machine = machine
      self.nextSequence = nextSequence
    }

    var line: Int64 { wall.milliseconds(aheadOf: instant) }
  }

  /// What earlier runs left.
  package struct Known: Sendable {
    package var believed: BelievedTime?
    package var doubt: ClockDoubt?
    /// The wall clock at the newest entry: of a journal in which nothing was kept of the clock yet.
    package var lastWall: WallTime

    package init(believed: BelievedTime? = nil, doubt: ClockDoubt? = nil, lastWall: WallTime = .unknown) {
      self.believed = believed
      self.doubt = doubt
      self.lastWall = lastWall
    }
  }

  package enum State: Sendable, Hashable {
    case believed
    case doubtful(ClockDoubt)
  }

  package private(set) var state = State.believed
  /// By how much the clock was set when the doubt began; of a clock that leapt or fell back, by how much. Milliseconds.
  package private(set) var step: Int64 = 0
  private let bootID: String
  /// The line of the clock that was believed last.
  private var usual: Int64
  /// The newest time that was believed: the clock never stands before it.
  private var newest: WallTime
  private var keptAt: MonotonicInstant
  private var lastInstant: MonotonicInstant

  /// Judges the clock at the start. `notes`: what the journal must keep before the first entry.
  package init(_ known: Known, bootID: String, at look: Look, notes: inout [ClockNote]) {
    self.bootID = bootID
    usual = look.line
    newest = known.believed?.wall ?? known.lastWall
    keptAt = look.instant
    lastInstant = look.instant
    if let doubt = known.doubt {
      if doubt.bootID == bootID {
        state = .doubtful(doubt)
        if doubt.reason == .set, let believed = known.believed, believed.bootID == bootID {
          usual = believed.wall.milliseconds(aheadOf: believed.instant)
        }
        step = look.line &- usual
        notes += self.look(look)
        return
      }
      // The machine was switched off before anybody knew the time: what was written then stays where it is.
      notes.append(.ended(first: doubt.firstInstant, last: look.instant, difference: nil))
    }
    if let reason = doubts(known, look) { doubt(reason, look, &notes) } else { believe(look, &notes) }
  }

  package var isBelieved: Bool { state == .believed }

  /// Whether the hub knows the date at all. When its clock was set while it ran it knows both times, and can reckon with them.
  package var knowsDate: Bool {
    if case .doubtful(let doubt) = state { doubt.reason == .set } else { true }
  }

  /// One look while the hub runs. Gives what the journal is to keep.
  package mutating func look(_ look: Look) -> [ClockNote] {
    var notes: [ClockNote] = []
    defer { lastInstant = look.instant }
    switch state {
    case .believed: lookBelieved(look, &notes)
    case .doubtful(let doubt): lookDoubtful(doubt, look, &notes)
    }
    return notes
  }

  // MARK: At the start

  private mutating func doubts(_ known: Known, _ look: Look) -> ClockDoubtReason? {
    if look.machine.wasSynchronised { return nil }
    if let believed = known.believed, believed.bootID == bootID {
      usual = believed.wall.milliseconds(aheadOf: believed.instant)
      step = look.line &- usual
      return isTolerable(step) ? nil : .set
    }
    step = newest == .unknown ? 0 : look.wall.rawValue &- newest.rawValue
    if !DeviceClock.isPossible(look.wall) { return look.machine.keeper == .nobody ? .notSet : .behind }
    if newest != .unknown, step < -DeviceClock.toleranceMilliseconds { return .behind }
    if newest != .unknown, step > Self.leapMilliseconds { return .ahead }
    return look.machine.keeper == .nobody ? .notSet : nil
  }

  // MARK: Transitions

  private mutating func lookBelieved(_ look: Look, _ notes: inout [ClockNote]) {
    let moved = look.line &- usual
    if !isTolerable(moved), !look.machine.isSynchronised {
      step = moved
      return doubt(.set, look, &notes)
    }
    // Drift, and what the network says.
    usual = look.line
    newest = look.wall
    if look.instant >= keptAt.adding(seconds: Self.keepSeconds) { keep(look, &notes) }
  }

  private mutating func lookDoubtful(_ doubt: ClockDoubt, _ look: Look, _ notes: inout [ClockNote]) {
    if isOver(doubt, look) {
      let line = doubt.reason == .set && isTolerable(look.line &- usual) ? usual : look.line
      notes.append(.ended(first: doubt.firstInstant, last: look.instant, difference: line))
      return believe(look, &notes)
    }
    if doubt.reason == .set { step = look.line &- usual }
    if doubt.isHeld, look.instant >= doubt.firstInstant.adding(seconds: Self.heldSeconds) {
      var released = doubt
      released.isHeld = false
      state = .doubtful(released)
      notes.append(.released(first: doubt.firstInstant))
    }
  }

  private func isOver(_ doubt: ClockDoubt, _ look: Look) -> Bool {
    let isOld = look.instant >= doubt.firstInstant.adding(seconds: Self.believedSeconds)
    switch doubt.reason {
    case .set:
      return look.machine.isSynchronised || isTolerable(look.line &- usual)
        || isOld && DeviceClock.isPossible(look.wall) && look.line &- usual <= Self.leapMilliseconds
    case .notSet, .behind:
      if look.machine.wasSynchronised { return true }
      guard isPlausible(look.wall) else { return false }
      // Nobody sets a clock back to the right time that had not been set at all.
      return look.line &- doubt.recorded >= Self.setMilliseconds
    case .ahead:
      return look.machine.wasSynchronised || isPlausible(look.wall)
    }
  }

  private func isPlausible(_ wall: WallTime) -> Bool {
    guard DeviceClock.isPossible(wall) else { return false }
    let ahead = wall.rawValue &- newest.rawValue
    return newest == .unknown || (-DeviceClock.toleranceMilliseconds...Self.leapMilliseconds).contains(ahead)
  }

  private func isTolerable(_ step: Int64) -> Bool { step.magnitude <= UInt64(DeviceClock.toleranceMilliseconds) }

  private mutating func doubt(_ reason: ClockDoubtReason, _ look: Look, _ notes: inout [ClockNote]) {
    // What came in since the last look may bear the new time already. Placed by the line it is right in either case.
    let first = reason == .set ? min(lastInstant.adding(nanoseconds: 1), look.instant) : look.instant
    let doubt = ClockDoubt(
      firstSequence: look.nextSequence, firstInstant: first, bootID: bootID, reason: reason, recorded: look.line)
    state = .doubtful(doubt)
    if reason == .set { notes.append(.believed(BelievedTime(bootID: bootID, instant: lastInstant, wall: lastBelievedWall))) }
    notes.append(.doubted(doubt))
  }

  /// What the believed clock would have said at the last look.
  private var lastBelievedWall: WallTime { WallTime(rawValue: lastInstant.rawValue / 1_000_000 &+ usual) }

  private mutating func believe(_ look: Look, _ notes: inout [ClockNote]) {
    state = .believed
    step = 0
    usual = look.line
    newest = look.wall
    keep(look, &notes)
  }

  private mutating func keep(_ look: Look, _ notes: inout [ClockNote]) {
    keptAt = look.instant
    notes.append(.believed(BelievedTime(bootID: bootID, instant: look.instant, wall: look.wall)))
  }
}
