// The realtime core: a deterministic state machine. Entries and the passing of time go in, outcomes come out; the same
// entries give the same outcomes, bit for bit, however the time between them was cut.
//
// This file takes each entry and each timer to its rule. A rule is a small struct over `CoreArena`; it names at its head the rules
// that it calls. Rooms, each using only those before it: AlertLifecycle, State, Memory, Time, Outcomes, Intake, Alerts, NEWS2,
// Limits, Judgement, Devices, Fence, Schedule, Registry, Timers, Events. A test holds that order.
//
// Every function on this path is marked `@_noLocks`, by which the compiler refuses locks, allocations, existentials and
// calls that it cannot see through. Not here: threads, clocks, the disk, texts. One thread at a time.

public import VitalSigns

/// The state of one hub's people, devices and open alerts, and the rules over them.
public struct RealtimeCore: ~Copyable {
  package let arena: CoreArena

  /// The most outcomes that one entry or one deadline gives: what must be free in the buffer before each. The worst is a frame
  /// that ends with all eight signals and the score beyond their limits, with neither room for alerts nor anybody on duty: a
  /// score, nine alerts and nine remarks, and the hub's two own alerts, each told anew: 23. Eight missed doses: 20.
  public static var outcomesPerStepMax: Int { @_noLocks get { 32 } }

  /// An empty core. Allocates all its memory, once.
  public init(_ configuration: CoreConfiguration) { arena = CoreArena(configuration) }

  /// A core in memory that the target `CoreState` has filled; the core owns it from now on.
  package init(taking arena: CoreArena) { self.arena = arena }

  deinit { arena.deallocate() }

  /// Takes one entry, in the order of its sequence. Realtime-safe.
  ///
  /// First handles every deadline up to the entry's instant. Writes back to the entry what the journal must store: the
  /// instant (never before an earlier one), the person the device belongs to (for a command, the alert's), and the
  /// quality flags that the core finds (`late`, `clockUnset`, `invalid`).
  ///
  /// - Returns: false when `outcomes` filled up before the entry itself was looked at: drain it and call again with the
  ///   same entry.
  @_noLocks public mutating func ingest(_ entry: inout IntakeEntry, into outcomes: inout OutcomeBuffer) -> Bool {
    let header = arena.header
    if entry.instant < header.pointee.now { entry.instant = header.pointee.now }
    guard passDeadlines(before: entry, &outcomes), outcomes.remaining >= Self.outcomesPerStepMax else { return false }
    header.pointee.now = entry.instant
    header.pointee.lastSequence = entry.sequence
    header.pointee.processed &+= 1
    // Until the first clock anchor arrives, the wall clock that stands in the entries is used.
    if header.pointee.isAnchored == 0 { arena.setClock(instant: entry.instant, wall: entry.wall, utcOffsetSeconds: 0) }
    switch entry.payload {
    case .observation(var observation):
      ObservationRule(arena: arena).takeObservation(&observation, &entry, &outcomes)
      entry.payload = .observation(observation)
    case .event(let event): EventRule(arena: arena).takeEvent(event, &entry, &outcomes)
    case .location(let fix): GeofenceRule(arena: arena).takeLocation(fix, &entry, &outcomes)
    case .registry(let change): RegistryRule(arena: arena).applyChange(change, entry, &outcomes)
    case .command(let command): AlertCommands(arena: arena).carryOut(command, &entry, &outcomes)
    case .clock(let anchor): ScheduleTimer(arena: arena).anchorClock(anchor, entry)
    case .hubCondition(let condition): HubRule(arena: arena).setHubCondition(condition, at: entry.instant, &outcomes)
    }
    if header.pointee.openFrames != 0, !entry.moreFollows { FrameRule(arena: arena).endFrame(entry, &outcomes) }
    return true
  }

  /// Handles every deadline up to and including `instant`, in the order of (deadline, timer); each outcome is stamped with
  /// exactly its deadline. Realtime-safe.
  ///
  /// - Returns: false when `outcomes` filled up: drain it and call again.
  @_noLocks public mutating func advance(to instant: MonotonicInstant, into outcomes: inout OutcomeBuffer) -> Bool {
    pass(to: instant, isMissed: false, &outcomes)
  }

  /// What is due before an entry. Before the first after an absence, that is all that fell due meanwhile.
  @_noLocks private func passDeadlines(before entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) -> Bool {
    guard case .clock(let anchor) = entry.payload, anchor.endsAbsence else { return pass(to: entry.instant, isMissed: false, &outcomes) }
    // What the run before decided by itself was told: it is decided as it was then, or the same change would be told in two ways.
    guard pass(to: min(anchor.decidedUntil, entry.instant), isMissed: false, &outcomes) else { return false }
    // Then the plans, by the clock as it stands now: of years of doses, yesterday's and today's are judged.
    ScheduleTimer(arena: arena).anchorClock(anchor, entry)
    return pass(to: entry.instant, isMissed: true, &outcomes)
  }

  /// - Parameter isMissed: the hub was away until `instant`: what repeats is told once and goes on from there.
  @_noLocks private func pass(to instant: MonotonicInstant, isMissed: Bool, _ outcomes: inout OutcomeBuffer) -> Bool {
    while let first = arena.heap.first, first.deadline <= instant {
      guard outcomes.remaining >= Self.outcomesPerStepMax else { return false }
      arena.header.pointee.now = max(arena.header.pointee.now, first.deadline)
      fire(first.timer, at: arena.header.pointee.now, missedUntil: isMissed ? instant : nil, &outcomes)
    }
    return true
  }

  /// One timer. Each handler disarms it or arms it anew; one that is armed for this same instant has changed the state.
  @_noLocks private func fire(
    _ timer: TimerID, at instant: MonotonicInstant, missedUntil: MonotonicInstant?, _ outcomes: inout OutcomeBuffer
  ) {
    switch arena.timers.owner(of: timer) {
    case .staleness(let patient): PersonTimer(arena: arena).runStalenessTimer(patient, at: instant, &outcomes)
    case .schedule(let patient): ScheduleTimer(arena: arena).runSchedule(patient, at: instant, &outcomes)
    case .device(let device): DeviceTimer(arena: arena).runDeviceTimer(device, at: instant, missedUntil: missedUntil, &outcomes)
    case .alert(let alert):
      let event =
        if let missedUntil { AlertLifecycle.Event.deadlineMissed(until: missedUntil) } else { AlertLifecycle.Event.deadlinePassed }
      Alerts(arena: arena).apply(event, to: alert, at: instant, &outcomes)
    case .person(let patient): PersonTimer(arena: arena).runPersonTimer(patient, at: instant, &outcomes)
    case .hub: HubRule(arena: arena).runHubTimer(at: instant, missedUntil: missedUntil, &outcomes)
    }
  }

  /// When the core next has something to do by itself; `.never` when nothing is pending. May be early, never late.
  /// Realtime-safe.
  public var nextDeadline: MonotonicInstant { @_noLocks get { arena.heap.first?.deadline ?? .never } }

  /// The latest instant that the core has reached: entries with an earlier one are taken at this instant. Realtime-safe.
  public var now: MonotonicInstant { @_noLocks get { arena.header.pointee.now } }
  /// Local time minus UTC as the last clock anchor said, seconds. Realtime-safe.
  public var utcOffsetSeconds: Int32 { @_noLocks get { arena.header.pointee.utcOffsetSeconds } }
  /// The last entry taken. Realtime-safe.
  public var lastSequence: UInt64 { @_noLocks get { arena.header.pointee.lastSequence } }
}

/// Numbers for status and metrics.
public struct CoreCounters: Sendable, Hashable {
  public var patients: Int
  public var devices: Int
  /// Suspicions included.
  public var openAlerts: Int
  /// Told without room to follow them, and not closed yet.
  public var untrackedAlerts: Int
  /// Entries taken since the journal began.
  public var processed: UInt64
  /// Entries that were late.
  public var late: UInt64
  /// Commands that were refused.
  public var refused: UInt64
}

extension RealtimeCore {
  /// Realtime-safe.
  public var counters: CoreCounters {
    @_noLocks get {
      let header = arena.header
      return CoreCounters(
        patients: Int(header.pointee.patients.count), devices: Int(header.pointee.devices.count),
        openAlerts: Int(header.pointee.alerts.count), untrackedAlerts: Int(header.pointee.untracked), processed: header.pointee.processed,
        late: header.pointee.late,
        refused: header.pointee.refused)
    }
  }

  /// When this device last gave a sign of life while it was whose it is now, by the clock on the wall as it was set last; nil: it has
  /// given none, or is not known. Realtime-safe.
  @_noLocks public func lastHeard(_ id: DeviceID) -> WallTime? {
    let slot = arena.slot(of: id)
    guard slot != .none, arena.device(slot).pointee.holding & DeviceState.wasHeard != 0 else { return nil }
    return arena.localClock.wall(at: MonotonicInstant(rawValue: arena.device(slot).pointee.lastSeen))
  }
}

// MARK: At start

extension RealtimeCore {
  /// Forgets every alert that the replay raised, and tells nobody: other alerts may already have their ids. Conditions that hold are
  /// treated as resolved now. Call `adopt` next for each alert that is open in the journal.
  ///
  /// - Parameter episodesFloor: where every counter of alert ids goes on: above every number ever given.
  public mutating func forgetAlerts(episodesFloor: UInt32) { AlertRebuild(arena: arena).forgetAlerts(episodesFloor: episodesFloor) }

  /// Goes on after the last number that the journal has given, which can be above its last entry: what is decided before the next entry is the
  /// journal's to keep. And ids begin a new epoch: what was told before, was never stored and comes again may be decided otherwise now, and must
  /// not bear another call's id.
  public mutating func goOn(after sequence: UInt64, idEpoch: UInt32) {
    arena.header.pointee.lastSequence = max(arena.header.pointee.lastSequence, sequence)
    arena.header.pointee.idEpoch = UInt64(idEpoch)
  }

  /// Takes over an open alert as the journal has it: it keeps its id, state, level and deadline. One that finds no room is counted, and
  /// `alertRoomFull` tells of it when the next alert rises.
  public mutating func adopt(_ transition: AlertTransition, patient: PatientID, device: DeviceID) {
    AlertRebuild(arena: arena).adopt(transition, patient: patient, device: device)
  }
}
