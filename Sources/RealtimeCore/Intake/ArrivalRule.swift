// How old a measurement was when it reached the hub, and whose it is. Late data reaches the record and never raises a live alarm
// (promise 6). Whether a device's clock can be trusted the links have decided before (`DeviceClock`). Here stays what needs no memory of
// the device: a time in the future, or before there was a hub, comes from a wrong clock, and the arrival counts instead.

import VitalSigns

/// Whether something counts now.
enum Timeliness {
  /// Counts; `measured` is its place on the hub's timeline. `clockIsWrong`: the device claimed the future.
  case live(measured: MonotonicInstant, clockIsWrong: Bool)
  case late
}

extension MonotonicInstant {
  /// Whether what was measured at this instant is older than what was measured at `other`, nanoseconds on the timeline. Both were
  /// reckoned from wall clocks, which count whole milliseconds: one and the same time of a device comes out up to a millisecond apart.
  @_noLocks func isOlder(than other: Int64) -> Bool { rawValue &+ 1_000_000 < other }
}

/// The person and the device that an entry is about. No device: a person entered it.
struct IntakeSubject {
  var patient: PatientSlot
  var device: DeviceSlot
}

/// Decides whether an entry counts now, and for whom. Realtime-safe.
struct ArrivalRule {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// Judges `measuredAt` by the entry's own wall clock, so that a replay judges alike.
  @_noLocks func timeliness(of entry: IntakeEntry) -> Timeliness {
    var isStored = false
    if case .observation(let observation) = entry.payload {
      // The link knows that it is an old one, though its time may say nothing.
      if observation.quality.contains(.late) { return .late }
      isStored = observation.quality.contains(.fromStorage) || observation.quality.contains(.retained)
    }
    guard entry.measuredAt != .unknown else { return .live(measured: entry.instant, clockIsWrong: false) }
    if entry.device != .none, !isStored, !DeviceClock.isPossible(entry.measuredAt), DeviceClock.isPossible(entry.wall) {
      return .live(measured: entry.instant, clockIsWrong: true)
    }
    let (age, overflow) = entry.wall.rawValue.subtractingReportingOverflow(entry.measuredAt.rawValue)
    if overflow { return entry.measuredAt < entry.wall ? .late : .live(measured: entry.instant, clockIsWrong: true) }
    if age > Int64(arena.configuration.liveWindowSeconds) * 1_000 { return .late }
    if age < -Int64(arena.configuration.futureToleranceSeconds) * 1_000 { return .live(measured: entry.instant, clockIsWrong: true) }
    return .live(measured: MonotonicInstant(rawValue: entry.instant.rawValue - max(0, age) * 1_000_000), clockIsWrong: false)
  }

  /// Finds whose entry this is, and writes the device's person into it. Nil, after a remark, when it concerns nobody.
  ///
  /// A late value that was measured before the device came to its present person belongs to somebody else: it gets no person here,
  /// and the journal, which knows who had the device then, may still attribute it. One of an unknown time is its present person's.
  @_noLocks func subject(of entry: inout IntakeEntry, isLate: Bool, _ outcomes: inout OutcomeBuffer) -> IntakeSubject? {
    guard entry.device != .none else {
      let patient = arena.slot(of: entry.patient)
      if patient != .none { return IntakeSubject(patient: patient, device: .none) }
      arena.remark(.unknownSubject, entry, &outcomes)
      return nil
    }
    entry.patient = .none
    let device = arena.slot(of: entry.device)
    guard device != .none else {
      arena.remark(.unknownSubject, entry, &outcomes)
      return nil
    }
    let state = arena.device(device)
    let isOlder = isLate && entry.measuredAt != .unknown && entry.measuredAt.rawValue < state.pointee.assignedWall
    guard state.pointee.patient != .none, !isOlder else {
      arena.remark(.unassigned, entry, &outcomes)
      return nil
    }
    entry.patient = PatientID(rawValue: arena.patient(state.pointee.patient).pointee.id)
    return IntakeSubject(patient: state.pointee.patient, device: device)
  }

  @_noLocks func recordLate(_ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    arena.header.pointee.late &+= 1
    arena.remark(.late, entry, &outcomes)
  }
}
