// One frame, one judgement: the readings of a device's message (or the values that a person enters together) are taken in one by one
// and judged with the last of them. A frame whose last reading does not come is judged after `frameWaitNanoseconds`.

import VitalSigns

/// Decides when what was taken in for a person is judged. Realtime-safe.
struct FrameRule {
  let arena: CoreArena
  private var judgement: Judgement { @_noLocks get { Judgement(arena: arena) } }

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// How long the core waits for the rest of a frame, nanoseconds. The readings of one frame follow each other within microseconds,
  /// unless the intake is full.
  static var frameWaitNanoseconds: Int64 { @_noLocks get { 500_000_000 } }

  /// A reading of a frame was taken in: judges it, or waits for the rest of the frame.
  @_noLocks func noteReading(
    of subject: IntakeSubject, device: DeviceID, moreFollows: Bool, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer
  ) {
    let state = arena.patient(subject.patient)
    if !moreFollows, !state.pointee.isFrameOpen || state.pointee.frameDevice == subject.device {
      judgeFrame(subject.patient, device: device, at: instant, &outcomes)
    } else if !state.pointee.isFrameOpen {
      state.pointee.isFrameOpen = true
      state.pointee.frameDevice = subject.device
      arena.header.pointee.openFrames &+= 1
      let until = instant.adding(nanoseconds: Self.frameWaitNanoseconds)
      arena.plan(subject.patient).pointee.frameUntil = until.rawValue
      arena.heap.ensure(arena.timers.person(subject.patient), by: until)
    }
  }

  /// The last reading of a frame is in, whether or not a rule uses it: the readings that waited for it are judged.
  @_noLocks func endFrame(_ entry: IntakeEntry, _ outcomes: inout OutcomeBuffer) {
    var device = DeviceSlot.none
    let patient: PatientSlot
    if entry.device != .none {
      device = arena.slot(of: entry.device)
      guard device != .none else { return }
      patient = arena.device(device).pointee.patient
    } else {
      guard case .observation = entry.payload else { return }
      patient = arena.slot(of: entry.patient)
    }
    guard patient != .none, arena.patient(patient).pointee.isFrameOpen, arena.patient(patient).pointee.frameDevice == device else { return }
    judgeFrame(patient, device: entry.device, at: entry.instant, &outcomes)
  }

  @_noLocks func closeFrame(_ patient: PatientSlot) {
    let state = arena.patient(patient)
    guard state.pointee.isFrameOpen else { return }
    state.pointee.isFrameOpen = false
    state.pointee.frameDevice = .none
    arena.plan(patient).pointee.frameUntil = 0
    arena.header.pointee.openFrames &-= 1
  }

  /// Judges all that was taken in for a person.
  @_noLocks func judgeFrame(_ patient: PatientSlot, device: DeviceID, at instant: MonotonicInstant, _ outcomes: inout OutcomeBuffer) {
    let state = arena.patient(patient)
    closeFrame(patient)
    let signals = state.pointee.signalsDue
    let isScoreDue = state.pointee.isScoreDue
    state.pointee.signalsDue = 0
    state.pointee.isScoreDue = false
    judgement.judge(patient, score: isScoreDue ? .measured : nil, signals: signals, device: device, at: instant, &outcomes)
  }
}
