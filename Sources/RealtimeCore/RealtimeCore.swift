// The realtime core: a deterministic state machine. Entries and the passing of time go in, outcomes come out; the same
// entries give the same outcomes, bit for bit, however the time between them was cut.
//
// Every function on this path is marked `@_noLocks`, by which the compiler refuses locks, allocations, existentials and
// calls that it cannot see through. Not here: threads, clocks, the disk, texts. One thread at a time.

public import VitalSigns

/// The state of one hub's people, devices and open alerts, and the rules over them.
public struct RealtimeCore: ~Copyable {
  let arena: CoreArena
  let configuration: CoreConfiguration

  /// The most outcomes that one entry or one deadline gives: what must be free in the buffer before each. The worst is a frame
  /// that ends with all eight signals and the score beyond their limits, with neither room for alerts nor anybody on duty: a
  /// score, nine alerts and nine remarks, and the hub's two own alerts, each told anew: 23. Eight missed doses: 20.
  public static var outcomesPerStepMax: Int { @_noLocks get { 32 } }

  /// An empty core. Allocates all its memory, once.
  public init(_ configuration: CoreConfiguration) {
    arena = CoreArena(configuration)
    self.configuration = configuration
    setCounters(to: configuration.episodesFloor)
  }

  /// A core as it was when `snapshot` was written. Replay the journal's entries after `lastSequence` into it.
  public init(_ configuration: CoreConfiguration, snapshot: borrowing Span<UInt8>) throws(SnapshotError) {
    arena = CoreArena(configuration)
    self.configuration = configuration
    try restore(snapshot)
  }

  deinit { arena.block.deallocate() }

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
    guard advance(to: entry.instant, into: &outcomes), outcomes.remaining >= Self.outcomesPerStepMax else { return false }
    header.pointee.now = entry.instant
    header.pointee.lastSequence = entry.sequence
    header.pointee.processed &+= 1
    // Until the first anchor of a run arrives, the entries' own wall clock has to do.
    if header.pointee.isAnchored == 0 { setClock(instant: entry.instant, wall: entry.wall, utcOffsetSeconds: 0) }
    switch entry.payload {
    case .observation(var observation):
      observe(&observation, &entry, &outcomes)
      entry.payload = .observation(observation)
    case .event(let event): happen(event, &entry, &outcomes)
    case .location(let fix): locate(fix, &entry, &outcomes)
    case .registry(let change): register(change, entry, &outcomes)
    case .command(let command): obey(command, &entry, &outcomes)
    case .clock(let anchor): anchorClock(anchor, entry)
    case .hubCondition(let condition): hubReports(condition, at: entry.instant, &outcomes)
    }
    if header.pointee.openFrames != 0, !entry.moreFollows { frameEnded(entry, &outcomes) }
    return true
  }

  /// Handles every deadline up to and including `instant`, in the order of (deadline, timer); each outcome is stamped with
  /// exactly its deadline. Realtime-safe.
  ///
  /// - Returns: false when `outcomes` filled up: drain it and call again.
  @_noLocks public mutating func advance(to instant: MonotonicInstant, into outcomes: inout OutcomeBuffer) -> Bool {
    while let first = arena.heap.first, first.deadline <= instant {
      guard outcomes.remaining >= Self.outcomesPerStepMax else { return false }
      arena.header.pointee.now = max(arena.header.pointee.now, first.deadline)
      fire(first.timer, at: arena.header.pointee.now, &outcomes)
    }
    return true
  }

  /// One timer. Each handler disarms it or arms it anew; one that is armed for this same instant has changed the state.
  @_noLocks private func fire(_ timer: UInt32, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let timers = arena.timers
    if timer < timers.patientsMax {
      inputsMayBeStale(timer + 1, at: instant, &outcomes)
    } else if timer < 2 * timers.patientsMax {
      scheduleIsDue(timer - timers.patientsMax + 1, at: instant, &outcomes)
    } else if timer < timers.alert(1) {
      deviceIsDue(timer - 2 * timers.patientsMax + 1, at: instant, &outcomes)
    } else if timer < timers.again(1) {
      apply(.deadlinePassed, to: timer - timers.alert(1) + 1, at: instant, &outcomes)
    } else if timer < timers.hub {
      personIsDue(timer - timers.again(1) + 1, at: instant, &outcomes)
    } else {
      hubIsDue(at: instant, &outcomes)
    }
  }

  /// When the core next has something to do by itself; `.never` when nothing is pending. May be early, never late.
  /// Realtime-safe.
  public var nextDeadline: MonotonicInstant { @_noLocks get { arena.heap.first?.deadline ?? .never } }

  /// The instant before which nothing happens any more. Realtime-safe.
  public var now: MonotonicInstant { @_noLocks get { arena.header.pointee.now } }
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

  @_noLocks func emit(
    _ payload: OutcomePayload, patient: PatientID, device: DeviceID, at instant: MonotonicInstant,
    _ outcomes: inout OutcomeBuffer
  ) {
    outcomes.append(
      Outcome(
        cause: arena.header.pointee.lastSequence, instant: instant, wall: localClock.wall(at: instant), patient: patient,
        device: device, payload: payload))
  }

  @_noLocks func remark(_ remark: IntakeRemark, _ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    emit(.remark(remark), patient: entry.patient, device: entry.device, at: entry.instant, &outcomes)
  }
}
