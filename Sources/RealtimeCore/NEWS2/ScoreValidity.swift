// How long an input of the score counts. From its measurement: the person's own window, or 5 min for the pulse and SpO₂ of a
// continuous device and 12 h for everything else. For spot checks the RCP's interval of the present band shortens that:
// 12 h at 0, 6 h at 1–4, 1 h for a single 3 and from 5.
//
// The shorter interval counts from the moment the band changed, at the earliest. A temperature that was measured three hours before
// the score rose counts for one more hour; then it is missing. A window never gets longer than the configured one. A stale input
// stays stale until it is measured anew, and an input that goes stale makes no interval longer.

import VitalSigns

extension NEWS2Band {
  /// The RCP's longest interval between measurements, seconds. Seven or more asks for continuous observation; hourly is
  /// the shortest that a spot check can mean.
  var intervalSeconds: UInt32 {
    @_noLocks get {
      switch self {
      case .none: 43_200
      case .low: 21_600
      case .lowMedium, .medium, .high: 3_600
      }
    }
  }
}

/// Decides until when inputs of the score count. Realtime-safe.
struct ScoreValidity {
  let arena: CoreArena

  @_noLocks init(arena: CoreArena) { self.arena = arena }

  /// The instant at which an input measured at `measured` goes stale.
  @_noLocks func expiry(_ parameter: NEWS2Parameter, measured: Int64, isContinuous: Bool, _ patient: PatientSlot) -> MonotonicInstant {
    let own = arena.plan(patient).pointee.validitySeconds[Int(parameter.rawValue)]
    let usual = isContinuous ? arena.configuration.validity.continuousSeconds : arena.configuration.validity.spotCheckSeconds
    let configured = MonotonicInstant(rawValue: measured).adding(seconds: own != 0 ? own : usual)
    if isContinuous { return configured }
    let state = arena.patient(patient)
    let from = MonotonicInstant(rawValue: max(measured, state.pointee.intervalSince))
    return min(configured, from.adding(seconds: state.pointee.intervalBand.intervalSeconds))
  }

  @_noLocks func expiry(
    _ parameter: NEWS2Parameter, in state: UnsafeMutablePointer<PatientState>, _ patient: PatientSlot
  ) -> MonotonicInstant {
    expiry(
      parameter, measured: state.pointee.measured[Int(parameter.rawValue)],
      isContinuous: state.pointee.continuous & 1 << parameter.rawValue != 0, patient)
  }

  /// A fresh score is in another band: spot checks live by another interval from now on.
  @_noLocks func setIntervalBand(to band: NEWS2Band, _ patient: PatientSlot, at instant: MonotonicInstant) {
    let state = arena.patient(patient)
    let isSame = state.pointee.intervalBand.intervalSeconds == band.intervalSeconds
    state.pointee.intervalBand = band
    if isSame { return }
    state.pointee.intervalSince = instant.rawValue
    armStaleness(patient, at: instant)
  }

  /// Arms the timer for the earliest expiry, and not before `instant`.
  @_noLocks func armStaleness(_ patient: PatientSlot, at instant: MonotonicInstant) {
    let state = arena.patient(patient)
    var earliest = MonotonicInstant.never
    var index: UInt8 = 0
    while index < UInt8(NEWS2Parameter.count) {
      if let parameter = NEWS2Parameter(rawValue: index), state.pointee.present & 1 << index != 0 {
        earliest = min(earliest, expiry(parameter, in: state, patient))
      }
      index += 1
    }
    arena.heap.set(arena.timers.staleness(patient), earliest == .never ? .never : max(instant, earliest))
  }

  /// Takes out what has expired. True when an input went missing: then the score is to be computed anew.
  @_noLocks func dropStaleInputs(_ patient: PatientSlot, at instant: MonotonicInstant) -> Bool {
    let state = arena.patient(patient)
    let before = state.pointee.present
    var index: UInt8 = 0
    while index < UInt8(NEWS2Parameter.count) {
      if let parameter = NEWS2Parameter(rawValue: index), before & 1 << index != 0,
        expiry(parameter, in: state, patient) <= instant
      {
        state.pointee.present &= ~(1 << index)
      }
      index += 1
    }
    armStaleness(patient, at: instant)
    return state.pointee.present != before
  }
}
